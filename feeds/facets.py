"""What a feed holds, counted: which values its events have.

Counting all of a million rows takes a second. So a window of the newest is counted, by one query of
bounded cost, and it says what it counted; the histogram is drawn from the very same rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from feeds.dialects.mapping import EPOCH
from feeds.filters import COLUMNS, MOST_BRANCHES, Choice, FeedFilter, Page
from feeds.models import Activity, Attachment, EventKind
from feeds.moments import from_database

FACETS = ("type", "state", "component", "actor", "generator", "environment", "target")
#: Which parameter to walk by, if it is given: the one whose values are likely the rarest first.
LEADS = (
    "target",
    "environment",
    "actor",
    "source",
    "component",
    "project",
    "generator",
    "state",
    "type",
)
_NEWEST = ("-occurred_at", "-id")


@dataclass(frozen=True)
class Limits:
    """How many rows a window has at most; benchmarks/README.md says what they cost."""

    counted: int = 1000  # rows that pass
    looked_at: int = 3000  # rows of which those that pass are counted
    found: int = 200  # rows that hold the words of a search: many are read to find one


LIMITS = Limits()


class Row(NamedTuple):
    """What is counted of one activity."""

    occurred_at: datetime
    kind: str
    state: str
    generator: str
    actor_key: str
    actor_name: str
    target_key: str
    source_id: int


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
        window = Window([Row(*(getattr(row, name) for name in Row._fields)) for row in page.rows])
    else:
        window = _window(filter, limits)
    return Counts(window, _facets(window.rows))


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
    values = [
        Value(value, labels.get(value) or value, count)
        for value, count in Counter(found).items()
        if value
    ]
    return sorted(values, key=lambda value: (-value.number, value.label, value.value))


def _components(sources: Iterable[int]) -> list[Value]:
    """Count by component: an event counts for each that its source is attached to."""
    of_source = Counter(sources)
    found: dict[tuple[str, str], int] = defaultdict(int)
    attached = Attachment.objects.filter(source__in=of_source)
    for source, slug, name in attached.values_list(
        "source_id", "component__slug", "component__name"
    ):
        found[slug, name] += of_source[source]
    values = [Value(slug, name, count) for (slug, name), count in found.items()]
    return sorted(values, key=lambda value: (-value.number, value.label, value.value))


# ---- the window

SQL = tuple[str, tuple[Any, ...]]


def _window(filter: FeedFilter, limits: Limits) -> Window:
    """Return the newest rows that pass FILTER, by one query.

    It walks the index of one parameter, or of all rows, from the newest on, and skips what the
    other parameters leave out: only so many rows, for a combination that hardly ever occurs would
    else be looked for in the whole history. Words, and issues that are named, are left to the
    database, which knows how rare each is.
    """
    named = filter.choices.get("issue", Choice()).included
    if filter.q or filter.also or named:
        most = limits.counted if named and not filter.q else limits.found
        rows = filter.rows().order_by(*_NEWEST).values_list(*Row._fields)
        return _cut(list(rows[: most + 1]), most)
    lead, rest = _led(filter)
    if not lead:
        return Window([])
    if not rest:
        return _cut(_fetch(_walk(filter, lead, limits.counted + 1)), limits.counted)
    walk = _walk(filter, lead, limits.looked_at + 1)
    found = _fetch(_skip(walk, rest, limits), "place")
    ended = bool(found) and found[-1][-1] > limits.looked_at  # the row that says: there are more
    window = _cut(found[:-1] if ended else found, limits.counted)
    return replace(window, complete=False, looked_at=limits.looked_at) if ended else window


def _cut(found: Sequence[Sequence[Any]], most: int) -> Window:
    width = len(Row._fields)
    return Window([Row(*row[:width]) for row in found[:most]], complete=len(found) <= most)


def _led(filter: FeedFilter) -> tuple[list[Q], FeedFilter]:
    """Return by what to walk, a branch each, and what of FILTER is to be checked on the way."""
    rest = replace(filter, since=None, until=None)  # every index has the time
    for name in LEADS:
        if not filter.choices.get(name, Choice()).included:
            continue
        of_sources = name in ("component", "source")
        values = filter.sources if of_sources else filter.choices[name].included
        if len(values) > MOST_BRANCHES:
            continue
        column = {"environment": "target_key", **COLUMNS}.get(name, "source_id")
        done = ("component", "source") if of_sources else (name,)
        if name != "environment":  # which is of a kind, too
            rest = replace(rest, choices=_without(rest.choices, done))
        return [Q((column, value)) for value in dict.fromkeys(values)], rest
    return [Q()], rest


def _without(choices: Mapping[str, Choice], names: Sequence[str]) -> dict[str, Choice]:
    """Return CHOICES without what those of NAMES include."""
    left = {
        name: replace(choice, included=()) if name in names else choice
        for name, choice in choices.items()
    }
    return {name: choice for name, choice in left.items() if choice}


def _walk(filter: FeedFilter, lead: Sequence[Q], count: int) -> SQL:
    """Return the SQL of the newest COUNT rows of all branches of LEAD, each along its own index."""
    branches: list[str] = []
    parameters: list[Any] = []
    rows = replace(filter, choices={}).rows().order_by(*_NEWEST)
    for branch in lead:
        columns = rows.filter(branch).values_list(*Row._fields, "id", "project_key")
        sql, values = columns[:count].query.sql_with_params()
        branches.append(f"SELECT * FROM ({sql}) AS branch")
        parameters += values
    if len(branches) == 1:
        return sql, tuple(parameters)
    union = " UNION ALL ".join(branches)
    newest = f"SELECT * FROM ({union}) AS branches ORDER BY occurred_at DESC, id DESC LIMIT {count}"
    return newest, tuple(parameters)


def _skip(walk: SQL, rest: FeedFilter, limits: Limits) -> SQL:
    """Return the SQL of those rows of WALK that pass REST, and of its last row in any case."""
    sql, parameters = walk
    numbered = (
        "SELECT *, ROW_NUMBER() OVER (ORDER BY occurred_at DESC, id DESC) AS place "
        f"FROM ({sql}) AS walked"
    )
    last = Activity.objects.filter(
        RawSQL("place > %s", [limits.looked_at], BooleanField())
    ).order_by()
    passing = (rest.rows() | last).order_by(*_NEWEST)
    columns = passing.annotate(place=RawSQL("place", [])).values_list(*Row._fields, "place")
    outer, values = columns[: limits.counted + 1].query.sql_with_params()
    table = f'FROM "{Activity._meta.db_table}"'
    assert outer.count(table) == 1
    return outer.replace(table, f'FROM ({numbered}) AS "{Activity._meta.db_table}"'), (
        *parameters,
        *values,
    )


def _fetch(statement: SQL, *more: str) -> list[tuple[Any, ...]]:
    """Return what a Row holds, and MORE, of the rows of STATEMENT, the newest first."""
    sql, parameters = statement
    postgresql = connection.vendor == "postgresql"
    # PostgreSQL's numbers are read in a tenth of the time of its moments
    moment = "CAST(EXTRACT(EPOCH FROM occurred_at) * 1000000 AS bigint)" if postgresql else ""
    columns = ", ".join([moment or "occurred_at", *Row._fields[1:], *more])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM ({sql}) AS counted", parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    found.sort(key=itemgetter(0), reverse=True)  # they are, but no database promises it
    if postgresql:
        return [(EPOCH + timedelta(microseconds=row[0]), *row[1:]) for row in found]
    return [(from_database(row[0]), *row[1:]) for row in found]
