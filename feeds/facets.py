"""What a feed holds, counted: which values its events have.

Counting all of a million rows takes a second. So a window of the newest is counted, by one query of
bounded cost, and it says what it counted; the histogram is drawn from the very same rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from feeds.dialects.mapping import microseconds
from feeds.filters import FeedFilter
from feeds.looks import COUNTED, LIMITS, Limits, Look, Row, fetch, first, led, search, walk
from feeds.models import Activity, Attachment, EventKind
from feeds.pages import Page, these

FACETS = ("type", "state", "component", "actor", "generator", "environment", "target")


@dataclass(frozen=True)
class Window:
    """The rows that are counted, newest first, and how they relate to all that pass."""

    rows: Sequence[Row] = ()
    complete: bool = True  # these are all
    looked_at: int = 0  # they are those that pass of so many; 0: nothing else was looked at


class Value(NamedTuple):
    """One value of a facet."""

    value: str  # as the parameter takes it
    label: str
    number: int


@dataclass(frozen=True)
class Counts:
    """A window, and its values by facet, the most frequent first."""

    window: Window = field(default_factory=Window)
    facets: Mapping[str, Sequence[Value]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return len(self.window.rows)


def counts(filter: FeedFilter, page: Page | None = None, *, limits: Limits = LIMITS) -> Counts:
    """Count what passes FILTER; a PAGE that holds all of it needs no query for the rows."""
    if page and page.older is None and page.newer is None:
        window = Window([_row(activity) for activity in page.rows])
    elif page and page.look:
        window = _of_look(page.look, limits.found if filter.q else limits.counted)
    else:
        window = _window(filter, limits)
    return Counts(window, _facets(window.rows))


def _row(activity: Activity) -> Row:
    moment, *values = (getattr(activity, name) for name in COUNTED)
    return Row(microseconds(moment), *values)


def _facets(rows: Sequence[Row]) -> dict[str, list[Value]]:
    """Count the values of ROWS; what has none is in no facet but that of types."""
    _, kinds, states, generators, actors, names, targets, sources = (
        zip(*rows, strict=True) if rows else [()] * len(Row._fields)
    )
    name_of = dict(zip(reversed(actors), reversed(names), strict=True))  # the newest name stays
    deployed = (row.target_key for row in rows if row.kind == EventKind.DEPLOYMENT)
    return {
        "type": _values(kinds),
        "state": _values(states),
        "component": _components(sources),
        "actor": _values(actors, name_of),
        "generator": _values(generators),
        "environment": _values(deployed),
        "target": _values(targets),
    }


def _values(found: Iterable[str], labels: Mapping[str, str] | None = None) -> list[Value]:
    labels = labels or {}
    counted = Counter(found).items()
    return _sorted((value, labels.get(value) or value, count) for value, count in counted if value)


def _sorted(values: Iterable[tuple[str, str, int]]) -> list[Value]:
    """Return VALUES, the most frequent first."""
    # of tuples, which are compared without a call for each
    ranked = sorted((-count, label, value) for value, label, count in values)
    return [Value(value, label, -count) for count, label, value in ranked]


def _components(sources: Iterable[int]) -> list[Value]:
    """Count by component: an event counts for each that its source is attached to."""
    of_source = Counter(sources)
    found: dict[tuple[str, str], int] = defaultdict(int)
    attached = Attachment.objects.filter(source__in=these(of_source))
    for source, slug, name in attached.values_list(
        "source_id", "component__slug", "component__name"
    ):
        found[slug, name] += of_source[source]
    return _sorted((slug, name, count) for (slug, name), count in found.items())


# ---- the window


def _window(filter: FeedFilter, limits: Limits) -> Window:
    """Return the newest rows that pass FILTER, by one query, or by two if it has words."""
    if filter.q:
        return _of_look(search(filter, limits.found + 1, limits=limits), limits.found)
    lead, rest = led(filter)
    if rest or not lead:
        return _of_look(first(filter, limits.counted + 1, limits=limits), limits.counted)
    found = fetch(walk(filter, lead, limits.counted + 1, taken=(*COUNTED, "id")))
    rows = [Row(*row[: len(Row._fields)]) for row in found[: limits.counted]]
    return Window(rows, complete=len(found) <= limits.counted)


def _of_look(look: Look, most: int) -> Window:
    rows = [row for row, _ in look.rows[:most]]
    return Window(rows, look.ended is None and len(look.rows) <= most, look.looked_at)
