"""The order of a page of the feed beyond its rows: adjacent repeats under one head, and the line
between what came since the last visit and what was there before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from feeds import vocabulary
from feeds.models import Activity, EventKind
from feeds.reader import local

WITHIN = timedelta(minutes=10)  # any three neighbours of a group
FEWEST = 3  # rows of a group
CELLS = 12  # of the strip of states

OPEN = (Activity.State.RUNNING, Activity.State.PENDING)

#: What many of a kind are called.
MANY = {
    EventKind.DEPLOYMENT: "deployments",
    EventKind.BUILD: "builds",
    EventKind.PUSH: "pushes",
    EventKind.PULL_REQUEST: "changes of pull requests",
    EventKind.INCIDENT: "incidents",
    EventKind.ALERT: "alerts",
    EventKind.FLAG: "changes of flags",
    EventKind.LIFECYCLE: "lifecycle events",
    EventKind.VULNERABILITY: "vulnerabilities",
    EventKind.CUSTOM: "events",
    EventKind.ACTIVITY: "activities",
}
#: The tones of states, what matters most first.
TONES = ("danger", "warning", "progress", "maint", "done", "success", "neutral")


@dataclass(frozen=True)
class Repeat:
    """A head over rows that repeat each other, the newest first."""

    number: int  # of the group on its page, from 1
    rows: Sequence[Activity]

    @property
    def words(self) -> str:
        """What they are: "12 alerts from cache-eu, 13:40 to 13:58"."""
        first, last = self.rows[-1], self.rows[0]
        where = ", ".join(sorted(one.name for one in first.source.places))
        where = where or vocabulary.short(first.source.name or first.source.external_id)
        by = first.actor_name or first.actor_key
        since, until = (f"{local(row.occurred_at):%H:%M}" for row in (first, last))
        when = f"at {since}" if since == until else f"{since} to {until}"
        many = MANY[EventKind(first.kind)]
        return f"{len(self.rows)} {many} from {where}{f' by {by}' if by else ''}, {when}"

    @property
    def states(self) -> str:
        """In which states they are: "9 failed, 3 succeeded"; "" where the kind has none."""
        marks = [vocabulary.mark(row.state) for row in self.rows]
        counted = Counter(mark for mark in marks if mark)
        worst = sorted(counted.items(), key=lambda found: TONES.index(found[0].tone))
        return ", ".join(f"{count} {mark.word.lower()}" for mark, count in worst)

    @property
    def cells(self) -> list[str]:
        """The tones of at most CELLS parts of them, the oldest first; of each part the worst."""
        marks = [vocabulary.mark(row.state) for row in reversed(self.rows)]
        tones = [mark.tone if mark else TONES[-1] for mark in marks]
        count = min(len(tones), CELLS)
        edges = [len(tones) * at // count for at in range(count + 1)]
        return [min(tones[start:end], key=TONES.index) for start, end in pairwise(edges)]


@dataclass(frozen=True)
class Order:
    """What stands between the rows of a page."""

    heads: dict[UUID, Repeat] = field(default_factory=dict)  # by the row that they stand above
    members: dict[UUID, int] = field(default_factory=dict)  # the number of each row's group
    since: datetime | None = None  # the end of the last visit
    line: UUID | None = None  # the row that the line stands above
    line_at_end: bool = False
    goes_on: bool = False  # whether older pages follow

    def is_new(self, row: Activity) -> bool:
        """Tell whether ROW came since the last visit, whenever it happened."""
        return self.since is not None and row.received_at > self.since


def ordered(
    rows: Sequence[Activity],
    *,
    collapse: bool,
    since: datetime | None,
    first: bool,
    last: bool,
) -> Order:
    """Return what stands between ROWS of a page; whether it is the FIRST and the LAST one.

    The line stands above the newest row that was there at the end of the last visit, SINCE. So all
    above it came later; what came later and happened earlier stands below, and is marked by itself.
    No group reaches over the line, and what has not ended is in none.
    """
    new = 0
    while since is not None and new < len(rows) and rows[new].received_at > since:
        new += 1
    heads: dict[UUID, Repeat] = {}
    members: dict[UUID, int] = {}
    if collapse:
        parts = (rows[:new], rows[new:])
        found = [group for part in parts for group in _groups(part)]
        for number, group in enumerate(found, 1):
            heads[group[0].uuid] = Repeat(number, group)
            members |= {row.uuid: number for row in group}
    drawn = since is not None and bool(rows) and (new > 0 or first)
    return Order(
        heads,
        members,
        since,
        line=rows[new].uuid if drawn and new < len(rows) else None,
        line_at_end=drawn and new == len(rows),
        goes_on=not last,
    )


def _groups(rows: Sequence[Activity]) -> Iterator[list[Activity]]:
    """Yield the runs of FEWEST rows or more that are alike and close to each other."""
    group: list[Activity] = []
    for row in rows:
        if row.state in OPEN or row.abandoned_at is not None:
            yield from _long_enough(group)
            group = []
            continue
        if group and not _alike(group[-1], row):
            yield from _long_enough(group)
            group = []
        elif group and group[-2:][0].occurred_at - row.occurred_at > WITHIN:
            yield from _long_enough(group)
            near = len(group) < FEWEST and group[-1].occurred_at - row.occurred_at <= WITHIN
            group = group[-1:] if near else []
        group.append(row)
    yield from _long_enough(group)


def _long_enough(group: list[Activity]) -> Iterator[list[Activity]]:
    if len(group) >= FEWEST:
        yield group


def _alike(one: Activity, other: Activity) -> bool:
    return _sameness(one) == _sameness(other)


def _sameness(row: Activity) -> tuple[object, ...]:
    components = frozenset(component.pk for component in row.source.places)
    return row.kind, row.actor_key or row.actor_name, components or row.source_id
