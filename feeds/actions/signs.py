"""Workers and beat leave signs of life in the database, where the web processes find them.

A web process takes events in without them, so nothing else would tell that letters stay and
heartbeats are not watched.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.utils import timezone

from feeds.models import Sign

SIGN_EVERY = 15.0  # seconds: one row written now and then, however much a process does
#: Longer than beat's step, a sign's and what the clocks of two machines may differ by.
LATE = timedelta(seconds=90)

_next_at: dict[str, float] = {}  # of this process, by the monotonic clock


def leave_sign(process: Sign.Process) -> None:
    """Write down that PROCESS works, unless that was done moments ago."""
    now = time.monotonic()
    if now < _next_at.get(process, 0.0):
        return
    _next_at[process] = now + SIGN_EVERY
    Sign.objects.bulk_create(
        [Sign(process=process, at=timezone.now())],
        update_conflicts=True,
        unique_fields=["process"],
        update_fields=["at"],
    )


def last_signs() -> dict[str, datetime | None]:
    """Return when each sort of process last left a sign, None where it never did."""
    found = dict(Sign.objects.values_list("process", "at"))
    return {process: found.get(process) for process in Sign.Process.values}


def silent(*, now: datetime) -> dict[str, datetime | None]:
    """Return the sorts of process that seem not to run, and when each last left a sign."""
    signs = last_signs()
    return {process: at for process, at in signs.items() if at is None or now - at > LATE}
