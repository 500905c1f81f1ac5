"""Whose turn it is to read a connection, and how its run ended.

A claim moves `pull_at` to the end of a lease, if it is what was read; whoever holds the lease knows
it by that moment. A worker that wakes up late finds another one there, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from feeds.models import Connection

RUN = timedelta(seconds=20)  # of one run; what is left then is for the next
STEPPED_BACK = timedelta(minutes=1)  # what was set so far ahead was set by a clock that ran ahead
FIRST_WAIT = timedelta(seconds=5)  # after a failure; each further one doubles it
LONGEST_WAIT = timedelta(minutes=10)
LONGEST_DOUBLED = 10  # failures; the wait has long been the longest


class Lost(Exception):
    """Somebody else has the connection, or it is not to be read any more."""


@dataclass(frozen=True)
class Claim:
    """A connection that this worker reads, and no other until LEASE."""

    connection: Connection
    lease: datetime

    def keep(self, **changed: Any) -> None:
        """Write what CHANGED, as long as the connection is ours; else raises Lost."""
        mine = Connection.objects.filter(pk=self.connection.pk, pull_at=self.lease)
        if not mine.update(**changed):
            raise Lost


def claim(*, now: datetime) -> Claim | None:
    """Take the connection that is due for longest; None if none is."""
    due = Connection.objects.filter(
        dialect=Connection.Dialect.TEAMHUB, pull_at__lte=now, paused_at=None
    )
    # what a paused connection would ask, it does not ask: nothing goes there
    for connection in due.select_related("user", "budget").order_by("pull_at", "pk"):
        lease = now + RUN + timedelta(seconds=2 * settings.UPSTREAM_TIMEOUT)
        mine = Connection.objects.filter(pk=connection.pk, pull_at=connection.pull_at)
        if mine.update(pull_at=lease):
            return Claim(connection, lease)
    return None


def heal(*, now: datetime) -> None:
    """Mend moments that were set while the clock ran ahead; they would not come for long."""
    ahead = now + STEPPED_BACK
    late = Connection.objects.filter(pull_at__gt=ahead, pulled_at__gt=ahead)
    if late.exists():  # on SQLite even an UPDATE of nothing takes the lock
        late.update(pull_at=now, pulled_at=now)


def end(claim: Claim, *, read: bool, again_at: datetime, now: datetime) -> None:
    """End a run that went well; READ tells whether it saw the newest events."""
    seen = {"pulled_at": now} if read else {}
    claim.keep(pull_at=again_at, pull_failures=0, pull_error="", **seen)


def fail(claim: Claim, reason: str, *, not_before: datetime, now: datetime) -> None:
    """End a run that failed; the wait grows with each failure, and lasts to NOT_BEFORE at least."""
    failures = claim.connection.pull_failures + 1
    doubled = FIRST_WAIT * 2 ** min(failures - 1, LONGEST_DOUBLED)
    again_at = max(not_before, now + min(doubled, LONGEST_WAIT))
    claim.keep(pull_at=again_at, pull_failures=failures, pull_error=reason)


def stop(claim: Claim, reason: str) -> None:
    """Do not read the connection any more, until an admin has mended it."""
    failures = claim.connection.pull_failures + 1
    claim.keep(pull_at=None, pull_failures=failures, pull_error=reason)
