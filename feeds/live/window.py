"""Which activities are new: none twice, and none missed, in whatever order they are committed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Set
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from feeds.filters import FeedFilter
from feeds.models import Activity

LATE = timedelta(seconds=60)  # that a transaction may take from its first write to its commit
WINDOW = 10_000  # activities remembered, and the most that a hint to who resumes can count
BURST = 5_000  # activities noticed in one look; the rest waits for the next


@dataclass(frozen=True)
class Mark:
    """What had been noticed at one moment."""

    floor: int  # all up to this id
    seen: Set[int]  # these ids above it
    seq: int

    def __contains__(self, pk: int) -> bool:
        return pk <= self.floor or pk in self.seen


class Window:
    """What has been noticed lately, so that a late commit is noticed too, and nothing twice.

    Ids are handed out in order, but a transaction may commit after one with higher ids. So each
    look asks again for all ids above `floor`, the highest that was known LATE ago: a row is noticed
    if it commits within LATE of taking its id, and if no more than WINDOW activities with higher
    ids were noticed meanwhile. What is later than that shows up in the feed without a hint.

    `seq` is the highest id below which nothing can be missing: all ids up to it were noticed or are
    not above `floor`. Whoever resumes after it misses nothing within those limits, but where a
    hole (an update or a rollback also uses up an id) holds `seq` back, for LATE at most, it hears
    again of what was noticed above the hole.
    """

    def __init__(self) -> None:
        # SQLite has one writer at a time, and hands out ids under its lock
        self.late = timedelta() if connection.vendor == "sqlite" else LATE
        recent = list(Activity.objects.order_by("-id").values_list("id", "received_at")[:WINDOW])
        settled = timezone.now() - self.late
        self.seen: Set[int] = {pk for pk, _ in recent}
        newest = max(self.seen, default=0)
        lowest = min(self.seen) - 1 if len(recent) == WINDOW else 0
        self.floor = max((pk for pk, received in recent if received < settled), default=lowest)
        self.marks = deque([(time.monotonic(), newest)])  # the highest id known at a moment
        self.seq = 0
        self._settle()

    @property
    def mark(self) -> Mark:
        return Mark(self.floor, self.seen, self.seq)

    def notice(self) -> set[int]:
        """Return the ids that are new; a look that fails before accept() is made again."""
        ids = Activity.objects.filter(id__gt=self.floor).order_by("id").values_list("id", flat=True)
        return set(ids[: len(self.seen) + BURST]) - self.seen

    def accept(self, new: Set[int]) -> None:
        """Remember that NEW is noticed."""
        self.seen = self.seen | new
        self._settle()

    def missed(self, filter: FeedFilter, after: int, new: Set[int]) -> int:
        """Count what passes FILTER of all after AFTER, but not what the next look will notice."""
        rows = filter.rows().filter(id__gt=after).order_by("-id")
        ids = rows.values_list("id", flat=True)[:WINDOW]
        mark = self.mark
        return sum(pk in mark or pk in new for pk in ids)

    def _settle(self) -> None:
        """Raise the floor to what is old enough, and seq to the first hole above it."""
        now = time.monotonic()
        self.marks.append((now, max(self.seen, default=0)))
        while self.marks and self.marks[0][0] <= now - self.late.total_seconds():
            self.floor = max(self.floor, self.marks.popleft()[1])
        if len(self.seen) > WINDOW:
            self.floor = max(self.floor, sorted(self.seen)[-WINDOW - 1])
        self.seen = {pk for pk in self.seen if pk > self.floor}
        self.seq = max(self.seq, self.floor)
        while self.seq + 1 in self.seen:
            self.seq += 1
