"""Read accepted letters back: an upstream that says yes may still not show the event."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from feeds import vault
from feeds.dialects.letters import Answer, Fate, Letter
from feeds.dialects.outward import UPSTREAMS
from feeds.models import Attempt, Delivery
from feeds.outbox import slots
from feeds.outbox.claims import lease
from feeds.outbox.post import Errand, Trace, errand_for, exchange, verdict_on

#: How long to wait before another look, each time that the event is not there yet.
AGAIN_AFTER = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 600, 3600))
NOT_SHOWN = "accepted, but reading it back did not show it"


@dataclass(frozen=True)
class Reading:
    """An accepted letter that this worker reads back."""

    delivery: Delivery
    errand: Errand
    letter: Letter


@dataclass(frozen=True)
class Found:
    """What reading back brought."""

    shown: bool
    trace: Trace
    throttled: float | None = None  # seconds to wait, after a 429


def claim_readings(limit: int, *, now: datetime) -> list[Reading]:
    """Take up to LIMIT letters that are due to be read back."""
    due = Delivery.objects.filter(
        confirm_at__lte=now,
        connection__paused_at=None,
        connection__budget__next_slot_at__lte=now,
    ).order_by("confirm_at")
    taken = []
    for delivery in due.select_related("connection__budget")[:limit]:
        mine = Delivery.objects.filter(pk=delivery.pk, confirm_at=delivery.confirm_at)
        try:
            errand = errand_for(delivery)
        except vault.SealBroken as error:
            mine.update(confirm_at=None, reason=f"not read back: {error}")
            continue
        letter = UPSTREAMS[errand.dialect].read_back(errand.sent, errand.account)
        if letter is None:
            mine.update(confirm_at=None)
        elif slots.take(delivery.connection.budget, now=now) and mine.update(
            confirm_at=now + lease()
        ):
            taken.append(Reading(delivery, errand, letter))
    return taken


def read(reading: Reading) -> Found:
    """Ask the upstream for the event; needs no database."""
    answer, trace = exchange(reading.errand, reading.letter, sort=Attempt.Sort.CONFIRM)
    verdict = verdict_on(reading.errand, answer, trace)
    throttled = (verdict.retry_after or slots.HELD) if verdict.fate is Fate.THROTTLED else None
    return Found(_shows(reading, answer), trace, throttled)


def _shows(reading: Reading, answer: Answer | None) -> bool:
    upstream = UPSTREAMS[reading.errand.dialect]
    return answer is not None and upstream.confirms(reading.errand.sent, answer)


def settle_reading(reading: Reading, found: Found, *, now: datetime) -> None:
    """Write down whether the event is there."""
    delivery = reading.delivery
    with suppress(IntegrityError), transaction.atomic():  # its connection was deleted meanwhile
        Attempt.objects.create(
            delivery=delivery, claim=delivery.confirm_tries, **found.trace.columns()
        )
    mine = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.ACCEPTED)
    if found.shown:
        mine.update(state=Delivery.State.CONFIRMED, confirm_at=None, reason="")
        return
    if found.throttled is not None:
        until = slots.hold(delivery.connection.budget, found.throttled, now=now)
        mine.update(confirm_at=until)
        return
    tries = delivery.confirm_tries
    last = tries >= len(AGAIN_AFTER)
    mine.update(
        confirm_at=None if last else now + AGAIN_AFTER[tries],
        confirm_tries=F("confirm_tries") + 1,
        reason=NOT_SHOWN,
    )
