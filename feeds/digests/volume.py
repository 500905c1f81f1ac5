"""How many events a day: of a source, of an actor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection

from feeds.digests.walks import walk

DAYS = 30
MOST = 20_000  # newest events that are counted; an index holds all that is asked of them


@dataclass(frozen=True)
class Day:
    """One day, in UTC; None was not counted."""

    day: date
    count: int | None


@dataclass(frozen=True)
class Volume:
    """The last DAYS days, the oldest first."""

    days: Sequence[Day]
    total: int
    cut: bool = False  # there are more than MOST: older ones are not counted

    @property
    def most(self) -> int:
        """The count of the fullest day."""
        return max((day.count or 0 for day in self.days), default=0)


def volume_of(facet: str, value: int | str, *, now: datetime) -> Volume:
    """Count the activities whose column FACET is VALUE, day by day, in one statement."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    since = datetime.combine(first, time(), UTC)
    sql, between = walk(facet, "occurred_at", since=since, until=since + timedelta(days=DAYS))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_day()}, count(*) FROM ({sql}) AS newest GROUP BY 1", [value, *between, MOST]
        )
        counts = {_date(day): int(count) for day, count in cursor.fetchall()}
    total = sum(counts.values())
    cut = total >= MOST
    oldest = min(counts, default=first) if cut else first
    days = [first + timedelta(days=number) for number in range(DAYS)]
    found = [Day(day, counts.get(day, 0) if day >= oldest else None) for day in days]
    return Volume(found, total, cut)


def _day() -> str:
    if connection.vendor == "postgresql":
        return "(occurred_at AT TIME ZONE 'UTC')::date"
    return "date(occurred_at)"  # SQLite keeps UTC


def _date(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value
