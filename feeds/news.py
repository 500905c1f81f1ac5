"""What is new in a feed since somebody looked, and what became of the rows that they look at.

A page and the stream agree on one number, the watermark: the highest id up to which nothing more
can come. Whoever reads it first and the rows after it, and then asks for the rows above it, misses
nothing; what committed in between may come twice, and carries its uuid to be told apart by.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta

from django.db import connection
from django.db.models import Max, QuerySet
from django.utils import timezone

from feeds.filters import FeedFilter
from feeds.models import PLACES, Activity

NEWS_AT_ONCE = 50  # rows of one answer; with more, the reader loads the first page anew
UNSEEN = ("content", "raw")  # columns that rows do not show, but for comfort
LATE = timedelta(seconds=60)  # that a transaction may take from its id to its commit

#: The highest id that is committed, and then, for locks are no part of what a statement sees of the
#: table, whether a transaction of somebody else may still commit an id that it has already taken:
#: it holds this lock from before it takes the first until its end.
_NEWEST = f"""
    SELECT (SELECT MAX(id) FROM {Activity._meta.db_table}), EXISTS (
        SELECT 1 FROM pg_locks
        WHERE relation = '{Activity._meta.db_table}'::regclass AND mode = 'RowExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND pid <> pg_backend_pid()
    )
"""


def watermark() -> int:
    """Return the highest id up to which every row is committed; ask before reading rows.

    SQLite has one writer at a time, so its ids commit in order. On PostgreSQL they do while nobody
    writes; else only what came LATE ago is settled.
    """
    if connection.vendor != "postgresql":
        return Activity.objects.aggregate(newest=Max("id"))["newest"] or 0
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST)
        newest, busy = cursor.fetchone()
    if not busy:
        return newest or 0
    settled = Activity.objects.filter(received_at__lt=timezone.now() - LATE).order_by("-id")
    return settled.values_list("id", flat=True).first() or 0


def arrived(
    filter: FeedFilter, *, after: int, below: int = 0, without: Sequence[str] = UNSEEN
) -> tuple[list[Activity], int]:
    """Return the newest rows above the id AFTER, and the id below which the rest is, 0 for none.

    With BELOW, only ids below it.
    """
    rows = filter.rows().filter(id__gt=after)
    if below:
        rows = rows.filter(id__lt=below)
    ids = list(rows.order_by("-id").values_list("id", flat=True)[: NEWS_AT_ONCE + 1])
    kept = ids[:NEWS_AT_ONCE]
    found = _drawable(Activity.objects.filter(id__in=kept), without) if kept else []
    return found, kept[-1] if len(ids) > NEWS_AT_ONCE else 0


def still_shown(
    filter: FeedFilter, identities: Collection[uuid.UUID], *, without: Sequence[str] = UNSEEN
) -> list[Activity]:
    """Return those of IDENTITIES that pass."""
    return _drawable(filter.rows().filter(uuid__in=identities), without)


def _drawable(rows: QuerySet[Activity], without: Sequence[str]) -> list[Activity]:
    """Load ROWS as the feed draws them, newest first."""
    rows = rows.select_related("source").prefetch_related(PLACES)
    return list(rows.defer(*without).order_by("-occurred_at", "-id"))
