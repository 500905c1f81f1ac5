"""Claim letters, and settle what became of them.

A claim moves the lane's `ready_at` to the end of a lease and counts up its `claims`, in one short
transaction; none is open while a request is on its way. A worker that dies leaves a lease that
ends. One that wakes up late finds that the lane was claimed again, and changes nothing.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Subquery

from feeds import vault
from feeds.dialects.letters import RECEIPT, Fate, Verdict, address
from feeds.models import Attempt, Connection, Delivery, Lane
from feeds.outbox import slots
from feeds.outbox.lanes import wake
from feeds.outbox.post import Errand, Trip, errand_for

#: How long a letter waits after each failure, 46 hours in all; after the last one it is dead.
BACKOFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
)
JITTER = 0.2  # of a wait, up or down: lanes that failed together do not come back together
#: How often one letter goes before its time to an upstream that fails: it tells when that is back.
PROBE = timedelta(minutes=10)
READ_BACK_AFTER = timedelta(seconds=2)  # upstreams take a moment to show what they accepted
LOST = "the worker was lost, so whether it arrived is not known"
NEVER_CREATED = "the event was never accepted there, so there is nothing to change"

log = logging.getLogger(__name__)


def lease() -> timedelta:
    """Return how long a worker may keep a lane: longer than a look-up and a request can take."""
    return timedelta(seconds=4 * settings.UPSTREAM_TIMEOUT)


@dataclass(frozen=True)
class Claim:
    """A letter that this worker may send, and no other; without an errand it cannot be sent."""

    delivery: Delivery  # with its connection
    number: int  # of the lane's claims
    errand: Errand | None
    fault: Verdict | None = None  # why there is no errand


def claim(limit: int, *, now: datetime, busy: Collection[int] = ()) -> list[Claim]:
    """Take up to LIMIT letters that may go, one a connection, and none of those in BUSY."""
    found = _ready_lanes(limit, now, busy)
    if not found:
        return []
    with transaction.atomic():
        lanes = _locked(found, now)
        letters = _first_letters(lanes)
        wake([lane.pk for lane in lanes if lane.pk not in letters], now=now)
        lanes = [lane for lane in lanes if lane.pk in letters]
        lanes = [lane for lane in lanes if slots.take(lane.connection.budget, now=now)]
        Lane.objects.filter(pk__in=[lane.pk for lane in lanes]).update(
            ready_at=now + lease(), touched_at=now, claims=F("claims") + 1
        )
        return _open([(lane, letters[lane.pk]) for lane in lanes], now)


def _ready_lanes(limit: int, now: datetime, busy: Collection[int]) -> list[int]:
    """Return the lane that has waited longest, of each of LIMIT connections that may send."""
    ready = Lane.objects.filter(connection=OuterRef("pk"), ready_at__lte=now).order_by("ready_at")
    rows = (
        Connection.objects.filter(paused_at=None, budget__next_slot_at__lte=now)
        .exclude(pk__in=busy)
        .annotate(first=Subquery(ready.values("pk")[:1]))
        .annotate(since=Subquery(ready.values("ready_at")[:1]))
        .order_by(F("since").asc(nulls_last=True))
    )  # no condition on the subqueries: each would be run once more for it
    return [lane for lane in rows.values_list("first", flat=True)[:limit] if lane is not None]


def _locked(found: Sequence[int], now: datetime) -> list[Lane]:
    """Lock those of the lanes that nobody else has; budgets are taken in their order."""
    rows = Lane.objects.filter(pk__in=found, ready_at__lte=now)
    rows = rows.select_related("connection__budget").order_by("connection__budget_id", "pk")
    return list(rows.select_for_update(skip_locked=True, of=("self",)))


def _first_letters(lanes: Sequence[Lane]) -> dict[int, Delivery]:
    """Return the first letter of each lane."""
    waiting = Delivery.objects.filter(lane=OuterRef("pk"), state__in=Delivery.WAITING)
    heads = Lane.objects.filter(pk__in=[lane.pk for lane in lanes]).annotate(
        head=Subquery(waiting.order_by("id").values("pk")[:1])
    )
    letters = Delivery.objects.filter(pk__in=heads.values("head"))
    return {letter.lane_id: letter for letter in letters}


def _open(heads: Sequence[tuple[Lane, Delivery]], now: datetime) -> list[Claim]:
    """Mark the letters as on their way."""
    lost = [(lane, letter) for lane, letter in heads if letter.state == Delivery.State.SENDING]
    for lane, letter in lost:
        letter.uncertain, letter.tries = True, letter.tries + 1
        letter.save(update_fields=["uncertain", "tries"])
        Attempt.objects.create(
            delivery=letter, claim=lane.claims, started_at=lane.touched_at, method=letter.method,
            url=address(lane.connection.base_url, letter.path), error=LOST,
        )  # fmt: skip
    Delivery.objects.filter(pk__in=[letter.pk for _, letter in heads]).update(
        state=Delivery.State.SENDING, next_try_at=None
    )
    return [_prepared(lane, letter) for lane, letter in heads]


def _prepared(lane: Lane, letter: Delivery) -> Claim:
    letter.connection = lane.connection
    number = lane.claims + 1
    if RECEIPT in letter.path and not letter.receipt:
        letter.receipt = _receipt_for(letter)
        if not letter.receipt:
            return Claim(letter, number, None, Verdict(Fate.REFUSED, NEVER_CREATED))
    try:
        return Claim(letter, number, errand_for(letter))
    except vault.SealBroken as error:
        return Claim(letter, number, None, Verdict(Fate.UNAUTHORIZED, str(error)))


def _receipt_for(letter: Delivery) -> str:
    """Return what the upstream called the event that LETTER changes."""
    earlier = Delivery.objects.filter(
        connection=letter.connection_id, link=letter.link, verb=Delivery.Verb.CREATE
    ).exclude(receipt="")
    return earlier.order_by("-id").values_list("receipt", flat=True).first() or ""


# ---- settle


def settle(ended: Sequence[tuple[Claim, Trip]], *, now: datetime) -> int:
    """Write down how letters' trips ended; return how many claims still held.

    Many at once cost little more than one: what is the same for several is one statement.
    """
    with transaction.atomic():
        lanes = Lane.objects.filter(pk__in=[claim.delivery.lane_id for claim, _ in ended])
        claims = dict(lanes.order_by("pk").select_for_update().values_list("pk", "claims"))
        # a connection that was deleted meanwhile has taken its letters with it
        ended = [each for each in ended if each[0].delivery.lane_id in claims]
        held = [each for each in ended if claims.get(each[0].delivery.lane_id) == each[0].number]
        Attempt.objects.bulk_create(_attempts(ended))
        changes: dict[tuple[object, ...], list[int]] = {}
        for claim, trip in held:
            changed = _settled(claim.delivery, trip, now)
            changes.setdefault(tuple(changed.items()), []).append(claim.delivery.pk)
        for columns, letters in changes.items():
            Delivery.objects.filter(pk__in=letters).update(**dict(columns))  # type: ignore[arg-type]
        wake([claim.delivery.lane_id for claim, _ in held], now=now)
    for claim, trip in ended:
        _log(claim, late=(claim, trip) not in held)
    for claim, trip in held:
        _tell_connection(claim.delivery, trip.verdict, now)
    return len(held)


def _settled(letter: Delivery, trip: Trip, now: datetime) -> dict[str, object]:
    """Return the columns of LETTER after TRIP."""
    verdict = trip.verdict
    letter.uncertain = trip.uncertain
    letter.receipt = verdict.receipt or letter.receipt
    letter.status = trip.traces[-1].status if trip.traces else None
    letter.reason = verdict.reason
    letter.settled_at = None
    _ENDS[verdict.fate](letter, verdict, now)
    if letter.settled_at:
        letter.next_try_at = None
    return {name: getattr(letter, name) for name in _SETTLED}


_SETTLED = (
    "state", "tries", "uncertain", "receipt", "status", "reason", "next_try_at", "settled_at",
    "confirm_at",
)  # fmt: skip


def _attempts(ended: Sequence[tuple[Claim, Trip]]) -> list[Attempt]:
    """Return a row for each request that was made."""
    return [
        Attempt(delivery=claim.delivery, claim=claim.number, **trace.columns())
        for claim, trip in ended
        for trace in trip.traces
    ]


def _log(claim: Claim, *, late: bool) -> None:
    letter = claim.delivery
    log.info(
        "delivery=%s lane=%s claim=%s status=%s state=%s next=%s%s",
        letter.pk, letter.lane_id, claim.number, letter.status, letter.state, letter.next_try_at,
        ", too late: it was claimed again" if late else "",
    )  # fmt: skip


def _accepted(letter: Delivery, verdict: Verdict, now: datetime) -> None:
    letter.state, letter.settled_at = Delivery.State.ACCEPTED, now
    letter.confirm_at = now + READ_BACK_AFTER


def _refused(letter: Delivery, verdict: Verdict, now: datetime) -> None:
    letter.state, letter.settled_at = Delivery.State.DEAD, now


def _again(letter: Delivery, verdict: Verdict, now: datetime) -> None:
    planned = letter.next_try_at
    if planned and planned > now:  # it went before its time, and that spends no try
        letter.state, letter.next_try_at = Delivery.State.RETRYING, planned
        return
    letter.tries += 1
    if letter.tries > len(BACKOFF):
        letter.reason = f"given up after {letter.tries} tries; the last: {verdict.reason}"
        _refused(letter, verdict, now)
        return
    wait = BACKOFF[letter.tries - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    asked = timedelta(seconds=min(verdict.retry_after or 0, slots.LONGEST_HOLD))
    letter.state, letter.next_try_at = Delivery.State.RETRYING, now + max(wait, asked)


def _kept(letter: Delivery, verdict: Verdict, now: datetime) -> None:
    """Neither a 401 nor a 429 is the letter's fault: it spends no try."""
    letter.state, letter.next_try_at = Delivery.State.QUEUED, now


_ENDS = {
    Fate.ACCEPTED: _accepted,
    Fate.REFUSED: _refused,
    Fate.RETRY: _again,
    Fate.UNAUTHORIZED: _kept,
    Fate.THROTTLED: _kept,
}


# ---- what a letter's end says about its connection


def _tell_connection(letter: Delivery, verdict: Verdict, now: datetime) -> None:
    connection = Connection.objects.filter(pk=letter.connection_id)
    if verdict.fate is Fate.THROTTLED:
        slots.hold(letter.connection.budget, verdict.retry_after, now=now)
    elif verdict.fate is Fate.UNAUTHORIZED:
        connection.filter(paused_at=None).update(paused_at=now, pause_reason=verdict.reason)
    elif verdict.fate is Fate.RETRY and letter.connection.failing_since is None:
        connection.filter(failing_since=None).update(failing_since=now, probe_at=now + PROBE)
    elif (
        verdict.fate is Fate.ACCEPTED
        and letter.connection.failing_since is not None
        and connection.exclude(failing_since=None).update(failing_since=None, probe_at=None)
    ):
        wake_early(letter.connection_id, now=now)


def probe_failing(*, now: datetime) -> None:
    """Let one letter go before its time to each upstream that has failed for a while."""
    failing = Connection.objects.filter(probe_at__lte=now, paused_at=None)
    for pk in failing.values_list("pk", flat=True):
        if failing.filter(pk=pk).update(probe_at=now + PROBE):
            wake_early(pk, now=now, most=1)


def wake_early(connection_id: int, *, now: datetime, most: int | None = None) -> None:
    """Let letters that wait for a retry go now, those first that are due first."""
    waiting = Delivery.objects.filter(lane=OuterRef("pk"), state=Delivery.State.RETRYING)
    with transaction.atomic():
        lanes = Lane.objects.filter(Exists(waiting), connection=connection_id, ready_at__gt=now)
        lanes = lanes.order_by("ready_at").select_for_update(skip_locked=True)
        found = list(lanes.values_list("pk", flat=True)[:most])
        Lane.objects.filter(pk__in=found).update(ready_at=now, touched_at=now)
