"""The rate budget of an upstream's user: one column says when the next request may go.

Requests go evenly, never in bursts: however the upstream draws its minutes, none holds more than
the limit.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Value
from django.db.models.functions import Greatest

from feeds.models import Budget

SHARE = 0.97  # of the limit that is used: a request may arrive sooner or later than it left
CATCH_UP = timedelta(seconds=0.5)  # by which a slot that was taken late does not delay the next
HELD = 60.0  # seconds after a 429 that names none
LONGEST_HOLD = 24 * 3600.0  # seconds; an upstream that asks for more is mistaken


def step(per_minute: int) -> timedelta:
    """Return the time between two requests."""
    return timedelta(seconds=60 / (per_minute * SHARE))


def take(budget: Budget, *, now: datetime) -> bool:
    """Take the next slot of BUDGET; return whether it was free, and nobody was faster."""
    if not budget.per_minute:
        return budget.next_slot_at <= now
    behind = max(budget.next_slot_at, now - CATCH_UP)
    return bool(
        Budget.objects.filter(pk=budget.pk, next_slot_at=budget.next_slot_at)
        .filter(next_slot_at__lte=now)
        .update(next_slot_at=behind + step(budget.per_minute), taken_at=now)
    )


def hold(budget: Budget, seconds: float | None, *, now: datetime) -> datetime:
    """Let nothing go for SECONDS, as the upstream asks; return when it may go on."""
    until = now + timedelta(seconds=min(HELD if seconds is None else seconds, LONGEST_HOLD))
    Budget.objects.filter(pk=budget.pk).update(
        next_slot_at=Greatest(F("next_slot_at"), Value(until)), taken_at=now
    )
    return until
