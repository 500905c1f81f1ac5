"""Send what is ready: one coordinator with the database, and threads that only speak HTTP."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Min
from django.db.models.functions import Greatest
from django.utils import timezone

from feeds.dialects.letters import Fate, Verdict
from feeds.models import Budget, Lane
from feeds.outbox import slots
from feeds.outbox.claims import Claim, claim, lease, probe_failing, settle
from feeds.outbox.post import Trip, carry
from feeds.outbox.reading import Found, Reading, claim_readings, read, settle_reading

SENDERS = 32  # requests at once
SENDERS_PER_CONNECTION = 4  # a slow upstream leaves senders for the others
RUN = 30.0  # seconds of one drain; then another task goes on
LINGER = 6.0  # seconds to stay awake for what comes next: longer than beat's step
GATHER = 0.005  # seconds to wait for one more to come back: many cost little more than one
LOOK = 0.25  # seconds between two looks at what nobody told us of
PATIENCE = 0.5  # seconds before another try to write down what became of a letter
STEPPED_BACK = timedelta(minutes=1)  # what was set so far ahead was set by a clock that ran ahead
OUR_FAULT = "Pulseboard failed on this letter; its log says why"

Work = Claim | Reading
End = Trip | Found

log = logging.getLogger(__name__)
_draining = threading.Lock()  # one drain a process
_stopping = threading.Event()


def stop() -> None:
    """End the drain of this process as soon as the requests on their way have ended."""
    _stopping.set()


def drain(*, linger: float = LINGER) -> bool:
    """Send what is ready, and what gets ready meanwhile; return whether there is more to do.

    It stays for LINGER seconds after the last letter. Returns at once where a drain of this
    process is at it.
    """
    if not _draining.acquire(blocking=False):
        return False
    try:
        now = timezone.now()
        heal(now=now)
        probe_failing(now=now)
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="sender") as pool:
            return _Round(pool, linger).run()
    finally:
        _draining.release()


def heal(*, now: datetime) -> None:
    """Mend moments that were set while the clock ran ahead; nothing else would ever reach them.

    A letter may be on its way: a lane waits for one lease more. What a rate limit has counted is
    not known: it waits for a minute.
    """
    ahead = now + STEPPED_BACK
    lanes = Lane.objects.filter(touched_at__gt=ahead, ready_at__isnull=False)
    budgets = Budget.objects.filter(taken_at__gt=ahead)
    if lanes.exists():  # on SQLite even an UPDATE of nothing takes the lock
        lanes.update(ready_at=now + lease(), touched_at=now)
    if budgets.exists():
        held = now + timedelta(seconds=slots.HELD)
        budgets.filter(per_minute__gt=0).update(next_slot_at=held, taken_at=now)
        budgets.filter(per_minute=0).update(next_slot_at=now, taken_at=now)


def next_ready() -> datetime | None:
    """Return when the next letter may go, or None if none waits."""
    waiting = Lane.objects.filter(ready_at__isnull=False, connection__paused_at=None)
    moment = Greatest("ready_at", "connection__budget__next_slot_at")
    found: datetime | None = waiting.aggregate(at=Min(moment))["at"]
    return found


@dataclass
class _Round:
    """One drain: what is on its way, and what has come back."""

    pool: ThreadPoolExecutor
    linger: float
    flying: dict[Future[End], Work] = field(default_factory=dict)
    landed: SimpleQueue[Future[End]] = field(default_factory=SimpleQueue)

    def run(self) -> bool:
        end = time.monotonic() + RUN
        awake_until = 0.0
        while True:
            now = time.monotonic()
            going = now < end and not _stopping.is_set()
            if going and self._start():
                awake_until = now + self.linger
            if not self.flying:
                if not going:
                    return not _stopping.is_set()
                if now > awake_until and not self._comes_soon():
                    return False
            self._settle()

    def _comes_soon(self) -> bool:
        at = next_ready()
        return at is not None and at - timezone.now() < timedelta(seconds=self.linger)

    def _start(self) -> int:
        """Let what is ready go; while requests are on their way, a lost database ends nothing."""
        try:
            return self._claim() if len(self.flying) < SENDERS else 0
        except (OperationalError, InterfaceError):
            if not self.flying:
                raise  # beat looks again in a few seconds
            log.exception("cannot look for letters")
            connection.close()
            return 0

    def _claim(self) -> int:
        """Take letters, and then readings; return how many went."""
        free = SENDERS - len(self.flying)
        now = timezone.now()
        claims = claim(free, now=now, busy=self._busy())
        for each in claims:
            self._fly(_carry, each)
        free = (SENDERS - len(self.flying)) // 2  # letters come first
        readings = claim_readings(free, now=now) if free else []
        for reading in readings:
            self._fly(read, reading)
        return len(claims) + len(readings)

    def _busy(self) -> list[int]:
        count = Counter(work.delivery.connection_id for work in self.flying.values())
        return [pk for pk, flying in count.items() if flying >= SENDERS_PER_CONNECTION]

    def _fly(self, errand: Callable[..., End], work: Work) -> None:
        future = self.pool.submit(errand, work)
        self.flying[future] = work
        future.add_done_callback(self.landed.put)

    def _settle(self) -> None:
        """Write down what has come back; wait for a moment where nothing has."""
        landed: list[Future[End]] = []
        wait = LOOK
        with suppress(Empty):
            while len(landed) < max(len(self.flying), 1):
                landed.append(self.landed.get(timeout=wait))
                wait = GATHER
        if landed:
            _write_down([(self.flying.pop(future), future) for future in landed])


def _carry(claim: Claim) -> Trip:
    if claim.errand is None:
        return Trip(claim.fault or Verdict(Fate.RETRY, OUR_FAULT))
    return carry(claim.errand)


def _write_down(landed: Sequence[tuple[Work, Future[End]]]) -> None:
    """Settle what has come back; a database that is gone for a moment makes nothing go twice."""
    now = timezone.now()
    trips = [(work, _trip_of(work, end)) for work, end in landed if isinstance(work, Claim)]
    readings = [(work, end.result()) for work, end in landed if isinstance(work, Reading)]
    give_up = time.monotonic() + lease().total_seconds()
    while True:
        try:
            if trips:
                settle(trips, now=now)
                trips = []
            while readings:
                reading, found = readings[-1]
                assert isinstance(found, Found)
                settle_reading(reading, found, now=now)
                readings.pop()
            return
        except (OperationalError, InterfaceError):
            if time.monotonic() > give_up:
                raise
            connection.close()
            time.sleep(PATIENCE)


def _trip_of(claim: Claim, end: Future[End]) -> Trip:
    """Return how the trip ended; a fault of ours is worth another try, and a line in the log."""
    if error := end.exception():
        log.error("delivery=%s failed", claim.delivery.pk, exc_info=error)
        return Trip(Verdict(Fate.RETRY, OUR_FAULT), uncertain=True)
    trip = end.result()
    assert isinstance(trip, Trip)
    return trip
