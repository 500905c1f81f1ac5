"""Date-times in SQL of our own: what the ORM does for its queries."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection


def to_database(moment: datetime) -> Any:
    """Return MOMENT as a parameter: as it is for PostgreSQL, text for SQLite."""
    return connection.ops.adapt_datetimefield_value(moment)


def from_database(value: datetime | str) -> datetime:
    """Return a selected date-time as aware UTC; SQLite gives text, or no time zone."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
