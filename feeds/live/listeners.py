"""Who listens, and what it has not been sent yet."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from feeds.filters import FeedFilter
from feeds.live.window import Mark

BEHIND = 10_000  # activities that wait for a slow program, before it is told to come again


@dataclass(eq=False)
class News:
    """What one look found for all listeners of one filter, who share it."""

    before: int  # where they stood
    seq: int  # where they stand
    new: int = 0
    changed: Sequence[uuid.UUID] = ()  # deleted ones too
    rows: Sequence[bytes] = ()  # JSON of each activity that is new or changed, for programs
    gone: Sequence[uuid.UUID] = ()
    written: dict[str, bytes] = field(default_factory=dict)  # the whole, by the form it is sent in

    @property
    def size(self) -> int:
        return len(self.rows) + len(self.gone)


@dataclass(eq=False)
class Listener:
    """One open stream: of hints for a page, or of WHOLE activities for a program."""

    filter: FeedFilter
    user: int | None = None
    after: int | None = None  # where it resumes
    whole: bool = False
    start: Mark | None = None  # where the look stood at which it joined; None: none has taken place
    box: deque[News] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    behind: int = 0  # activities in the box

    @cached_property
    def key(self) -> Hashable:
        """What listeners with the same filter share."""
        chosen = self.filter
        return frozenset(chosen.choices.items()), chosen.since, chosen.until, chosen.q

    @property
    def interest(self) -> Hashable:
        """What listeners share whom one look tells the same."""
        return self.key, self.whole, self.start is None, None if self.start else self.after

    def tell(self, news: News) -> None:
        """Put NEWS into the box, and wake the stream."""
        self.box.append(news)
        self.behind += news.size
        self.news.set()

    def take(self) -> list[News]:
        """Empty the box."""
        taken = list(self.box)
        self.box.clear()
        self.behind = 0
        return taken
