"""The rate limit: an exact count of a user's requests in a minute, whatever the process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection
from django.http.response import HttpResponseBase
from django.utils import timezone

from feeds.actions import Sender, rate_limit
from feeds.models import RateWindow
from feeds.moments import from_database, to_database

WINDOW = timedelta(minutes=1)  # "100 requests per user per minute"; it opens with a request
_TABLE = RateWindow._meta.db_table
# One statement checks the caller, counts and reads: two requests can never be given the same
# place, and a token that was revoked a moment ago gets none.
_VALID = """
    FROM feeds_user owner
    WHERE owner.id = %(user)s AND owner.is_active AND (%(token)s = 0 OR EXISTS (
        SELECT 1 FROM feeds_apitoken WHERE id = %(token)s AND revoked_at IS NULL))
"""
COUNT = f"""
    INSERT INTO {_TABLE} (user_id, started_at, count)
    SELECT owner.id, %(now)s, 1 {_VALID}
    ON CONFLICT (user_id) DO UPDATE SET
        count = CASE WHEN {_TABLE}.started_at > %(since)s THEN {_TABLE}.count + 1 ELSE 1 END,
        started_at = CASE WHEN {_TABLE}.started_at > %(since)s
            THEN {_TABLE}.started_at ELSE excluded.started_at END
    RETURNING count, started_at
"""
#: The same for the wires that limit nobody: only Compass has a limit, and those who send to it
#: must not pay with their allowance for what they send elsewhere.
CHECK = f"SELECT 0 AS count, owner.created_at AS started_at {_VALID}"


R = TypeVar("R", bound=HttpResponseBase)


@dataclass(frozen=True)
class Allowance:
    """What is left of a user's minute after a request; a limit of 0 is none."""

    limit: int
    count: int
    resets_at: datetime
    asked_at: datetime

    @property
    def exceeded(self) -> bool:
        """Tell whether this request is one too many."""
        return 0 < self.limit < self.count

    def mark(self, response: R) -> R:
        """Tell the sender of RESPONSE where it stands; reset is in Unix seconds."""
        if not self.limit:
            return response
        response["X-RateLimit-Limit"] = str(self.limit)
        response["X-RateLimit-Remaining"] = str(max(0, self.limit - self.count))
        response["X-RateLimit-Reset"] = str(int(self.resets_at.timestamp()) + 1)
        if self.exceeded:
            wait = (self.resets_at - self.asked_at).total_seconds()
            response["Retry-After"] = str(max(1, int(wait) + 1))
        return response


def parameters(sender: Sender, now: datetime) -> dict[str, Any]:
    """Return the parameters of COUNT."""
    return {
        "user": sender.user.pk,
        "token": sender.token_id or 0,
        "now": to_database(now),
        "since": to_database(now - WINDOW),
    }


def count(sender: Sender, *, limited: bool = True) -> Allowance | None:
    """Count a request of SENDER if its wire is LIMITED; None if it may no longer come in."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(COUNT if limited else CHECK, parameters(sender, now))
        counted = cursor.fetchone()
    return allowance(counted, now, limited=limited) if counted else None


def allowance(counted: tuple[Any, ...], now: datetime, *, limited: bool) -> Allowance:
    """Read what COUNT or CHECK returned."""
    number, started_at = counted
    limit = rate_limit() if limited else 0
    return Allowance(limit, number, from_database(started_at) + WINDOW, now)
