"""One run: the newest page, then the gaps below it, then what still runs.

No transaction is open while a request is on its way: each page is one, with the mark that has it.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from feeds import actions, http, vault
from feeds.dialects.letters import Account, Answer, Fate, Letter, Sent, Verdict
from feeds.dialects.mapping import Document
from feeds.dialects.outward import teamhub_pull
from feeds.dialects.outward.teamhub_pull import Mark, Page
from feeds.models import Attempt, Budget
from feeds.outbox import account_of, slots
from feeds.outbox.post import Errand, exchange
from feeds.pulling import claims, recording

TASK = 30.0  # seconds after which a task takes no further connection
TASKS = threading.Semaphore(2)  # of a process: slow upstreams leave threads for letters
PAGES = 10  # of one run
PATIENCE = timedelta(seconds=2)  # for a slot of the rate limit; a thread has more to do than wait
SOON = timedelta(seconds=4)  # where something runs or is yet to be read: at the next step of beat
OUR_FAULT = "Pulseboard failed on what was read; its log says why"

log = logging.getLogger(__name__)


class Failed(Exception):
    """The upstream gave no good answer."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(verdict.reason)


def pull(*, now: datetime | None = None) -> int:
    """Read the connections that are due; return how many that were.

    NOW is the moment at which it begins, on whatever clock that is.
    """
    began, clock = now or timezone.now(), time.monotonic()
    if not TASKS.acquire(blocking=False):
        return 0
    try:
        # made here, and remembered: in a page's transaction it might be rolled back
        actions.site()
        claims.heal(now=began)
        read = 0
        while (elapsed := time.monotonic() - clock) < TASK:
            claim = claims.claim(now=began + timedelta(seconds=elapsed))
            if claim is None:
                break
            _Run(claim, began + timedelta(seconds=elapsed)).run()
            read += 1
        return read
    finally:
        TASKS.release()


@dataclass
class _Run:
    """What one worker does with one connection."""

    claim: claims.Claim
    began: datetime
    clock: float = field(default_factory=time.monotonic)
    seen: set[str] = field(default_factory=set)  # ids of this run
    limit: int = teamhub_pull.PAGE
    listed: bool = False  # the newest page was read
    halted_until: datetime | None = None  # the rate limit has nothing left for this run

    def now(self) -> datetime:
        """Return the moment, on the clock that the run began with."""
        return self.began + timedelta(seconds=time.monotonic() - self.clock)

    def run(self) -> None:
        """Read what is due, and write down how that ended."""
        connection = self.claim.connection
        try:
            self._end(self._read(account_of(connection)))
        except Failed as failure:
            self._fail(failure.verdict)
        except vault.SealBroken as error:
            self._fail(Verdict(Fate.UNAUTHORIZED, str(error)))
        except IntegrityError:
            self._fail(Verdict(Fate.RETRY, recording.SOURCE_GONE))
        except claims.Lost:
            log.info("pull connection=%s lost", connection.pk)
        except Exception:  # whatever is wrong with this one, the others are read
            log.exception("pull connection=%s failed", connection.pk)
            self._fail(Verdict(Fate.RETRY, OUR_FAULT))

    def _read(self, account: Account) -> Mark:
        connection = self.claim.connection
        place = teamhub_pull.place_of(connection.base_url, connection.company_key)
        mark = Mark.read(connection.pull_mark, place)
        if mark.is_due(self.now()):
            page = self._page(0, account)
            if page is not None:
                with transaction.atomic():
                    ids = self._take_in(page.events, mark)
                    mark.top(ids, more=page.more, now=self.now())
                    self.claim.keep(pull_mark=mark.write())
                self.listed = True
        for _ in range(PAGES - 1):
            page = self._page(mark.gaps[0].offset, account) if mark.gaps else None
            if page is None:
                break
            with transaction.atomic():
                ids = self._take_in(page.events, mark)
                mark.advance(ids, more=page.more)
                self.claim.keep(pull_mark=mark.write())
        self._follow(mark, account)
        return mark

    def _follow(self, mark: Mark, account: Account) -> None:
        """Read again what runs; what has been quiet for long, not as often."""
        running = recording.running(
            self.claim.connection, mark, quiet_too=self.listed, now=self.now()
        )
        for identity in running:
            if identity in self.seen or identity in mark.passed:
                continue
            answer = self._ask(teamhub_pull.single(identity), account)
            if answer is None:
                return
            event = teamhub_pull.read_single(answer, identity)
            with transaction.atomic():
                if event is not None:
                    self._take_in([event], mark)
                elif teamhub_pull.is_gone(answer):
                    mark.pass_over(identity)
                self.claim.keep(pull_mark=mark.write())

    def _take_in(self, events: list[Document], mark: Mark) -> list[str]:
        ids = recording.take_in(self.claim.connection, events, mark=mark, now=self.now())
        self.seen.update(ids)
        return ids

    def _page(self, offset: int, account: Account) -> Page | None:
        """Ask for a page, and for a smaller one where that is too large to be read.

        None: no time is left.
        """
        while True:
            answer = self._ask(teamhub_pull.listing(offset, self.limit), account)
            if answer is None:
                return None
            page = teamhub_pull.read_page(answer)
            if isinstance(page, Page):
                return page
            cut = len(answer.text.encode()) >= http.BODY_READ
            if not cut or self.limit <= teamhub_pull.SMALLEST_PAGE:
                raise Failed(page)
            self.limit = max(self.limit // 4, teamhub_pull.SMALLEST_PAGE)

    def _ask(self, letter: Letter, account: Account) -> Answer | None:
        """Make one request, within the rate limit; None where no time is left for it."""
        if not self._may_ask():
            return None
        connection = self.claim.connection
        errand = Errand(
            connection.dialect, connection.base_url, account, "create", letter, Sent("", {}, "")
        )
        answer, trace = exchange(errand, letter, sort=Attempt.Sort.CONFIRM)
        if answer is None:
            raise Failed(Verdict(Fate.RETRY, trace.error))
        verdict = teamhub_pull.judged(answer)
        if verdict.fate in (Fate.UNAUTHORIZED, Fate.THROTTLED):
            raise Failed(verdict)
        return answer

    def _may_ask(self) -> bool:
        """Take a slot of the rate limit, which letters share; wait for one that comes soon."""
        end = self.began + claims.RUN
        while (now := self.now()) < end:
            budget = Budget.objects.get(pk=self.claim.connection.budget_id)
            if slots.take(budget, now=now):
                return True
            if budget.next_slot_at > now + PATIENCE:
                self.halted_until = budget.next_slot_at
                return False
            time.sleep(max(0.0, (budget.next_slot_at - now).total_seconds()))
        return False

    # ---- how it ended

    def _end(self, mark: Mark) -> None:
        now = self.now()
        busy = mark.gaps or recording.running(self.claim.connection, mark, now=now)
        again_at = max(now + SOON, self.halted_until or now, now if busy else mark.due_at(now))
        claims.end(self.claim, read=self.listed, again_at=again_at, now=now)

    def _fail(self, verdict: Verdict) -> None:
        """Write down why the run failed; wrong credentials do not mend themselves."""
        now, connection = self.now(), self.claim.connection
        log.warning("pull connection=%s %s", connection.pk, verdict.reason)
        try:
            if verdict.fate is Fate.UNAUTHORIZED:
                claims.stop(self.claim, verdict.reason)
                return
            not_before = now + timedelta(seconds=verdict.retry_after or 0)
            if verdict.fate is Fate.THROTTLED:
                not_before = slots.hold(connection.budget, verdict.retry_after, now=now)
            claims.fail(self.claim, verdict.reason, not_before=not_before, now=now)
        except claims.Lost:
            log.info("pull connection=%s lost", connection.pk)
