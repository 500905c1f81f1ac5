"""The rate limit: an exact count of a user's requests in a minute, whatever the process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone

from feeds.models import RateWindow, User

WINDOW = timedelta(minutes=1)  # "100 requests per user per minute"; it opens with a request
_TABLE = RateWindow._meta.db_table
# One statement both counts and reads, so two requests can never be given the same place.
_COUNT = f"""
    INSERT INTO {_TABLE} (user_id, started_at, count) VALUES (%s, %s, 1)
    ON CONFLICT (user_id) DO UPDATE SET
        count = CASE WHEN {_TABLE}.started_at > %s THEN {_TABLE}.count + 1 ELSE 1 END,
        started_at = CASE WHEN {_TABLE}.started_at > %s
            THEN {_TABLE}.started_at ELSE excluded.started_at END
    RETURNING count, started_at
"""  # noqa: S608 - the table's name is ours


@dataclass(frozen=True)
class Allowance:
    """What is left of a user's minute after a request."""

    limit: int
    count: int
    resets_at: datetime
    asked_at: datetime

    @property
    def exceeded(self) -> bool:
        return self.count > self.limit

    def mark(self, response: HttpResponse) -> HttpResponse:
        """Tell the sender of RESPONSE where it stands; reset is in Unix seconds."""
        response["X-RateLimit-Limit"] = str(self.limit)
        response["X-RateLimit-Remaining"] = str(max(0, self.limit - self.count))
        response["X-RateLimit-Reset"] = str(int(self.resets_at.timestamp()) + 1)
        if self.exceeded:
            wait = (self.resets_at - self.asked_at).total_seconds()
            response["Retry-After"] = str(max(1, int(wait) + 1))
        return response


def count_request(user: User) -> Allowance | None:
    """Count a request of USER; None where no limit is set."""
    limit = settings.RATE_LIMIT
    if not limit:
        return None
    now = timezone.now()
    moment = connection.ops.adapt_datetimefield_value
    since = moment(now - WINDOW)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [user.pk, moment(now), since, since])
        count, started_at = cursor.fetchone()
    if isinstance(started_at, str):  # SQLite keeps text
        started_at = datetime.fromisoformat(started_at).replace(tzinfo=now.tzinfo)
    return Allowance(limit, count, started_at + WINDOW, now)
