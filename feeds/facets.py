"""What a feed holds, counted: which values its events have.

Counting all of a million rows takes a second. So a window of the newest is counted, by one query of
bounded cost, and it says what it counted; the histogram is drawn from the very same rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from feeds.filters import COLUMNS, MOST_BRANCHES, Choice, FeedFilter, Page
from feeds.models import Activity, Attachment, EventKind

COUNTED = 2000  # rows that pass, at most
LOOKED_AT = 5000  # rows, at most, of which those that pass are counted
FOUND = 200  # rows that hold the words of a search, at most: each is read to find the next
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
NEWEST = ("-occurred_at", "-id")


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


@dataclass(frozen=True)
class Value:
    """One value of a facet."""

    value: str  # as the parameter takes it
    label: str
    count: int


@dataclass(frozen=True)
class Counts:
    """A window, and its values by facet, the most frequent first."""

    window: Window = field(default_factory=Window)
    facets: Mapping[str, Sequence[Value]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return len(self.window.rows)


def counts(filter: FeedFilter, page: Page | None = None) -> Counts:
    """Count what passes FILTER; a PAGE that holds all of it needs no query for the rows."""
    if page and page.older is None and page.newer is None:
        window = Window([Row(*(getattr(row, name) for name in Row._fields)) for row in page.rows])
    else:
        window = _window(filter)
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
    return sorted(values, key=lambda value: (-value.count, value.label, value.value))


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
    return sorted(values, key=lambda value: (-value.count, value.label, value.value))


# ---- the window

SQL = tuple[str, tuple[Any, ...]]


def _window(filter: FeedFilter) -> Window:
    """Return the newest rows that pass FILTER, by one query.

    It walks the index of one parameter, or of all rows, from the newest on, and skips what the
    other parameters leave out: LOOKED_AT rows at most, for a combination that hardly ever occurs
    would else be looked for in the whole history. Words are left to the database, which knows how
    rare each is.
    """
    if filter.q or filter.also:
        rows = filter.rows().order_by(*NEWEST).values_list(*Row._fields)
        return _cut(_fetch(rows[: FOUND + 1].query.sql_with_params()), FOUND)
    lead, rest = _led(filter)
    if not lead:
        return Window()
    if not rest:
        return _cut(_fetch(_walk(filter, lead, COUNTED + 1)), COUNTED)
    found = _fetch(_skip(_walk(filter, lead, LOOKED_AT + 1), rest))
    ended = bool(found) and found[-1][-1] > LOOKED_AT  # the row that says that there are more
    window = _cut(found[:-1] if ended else found, COUNTED)
    return replace(window, complete=False, looked_at=LOOKED_AT) if ended else window


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
    rows = replace(filter, choices={}).rows().order_by(*NEWEST)
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


def _skip(walk: SQL, rest: FeedFilter) -> SQL:
    """Return the SQL of those rows of WALK that pass REST, and of its last row in any case."""
    sql, parameters = walk
    numbered = (
        "SELECT *, ROW_NUMBER() OVER (ORDER BY occurred_at DESC, id DESC) AS place "
        f"FROM ({sql}) AS walked"
    )
    last = Activity.objects.filter(RawSQL("place > %s", [LOOKED_AT], BooleanField())).order_by()
    passing = (rest.rows() | last).order_by(*NEWEST)
    columns = passing.annotate(place=RawSQL("place", [])).values_list(*Row._fields, "place")
    outer, values = columns[: COUNTED + 1].query.sql_with_params()
    table = f'FROM "{Activity._meta.db_table}"'
    assert outer.count(table) == 1
    return outer.replace(table, f'FROM ({numbered}) AS "{Activity._meta.db_table}"'), (
        *parameters,
        *values,
    )


def _fetch(statement: SQL) -> list[tuple[Any, ...]]:
    """Run STATEMENT, whose first column is a moment."""
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    if connection.vendor != "sqlite":
        return found
    return [(_moment(row[0]), *row[1:]) for row in found]


def _moment(kept: str | datetime) -> datetime:
    """Read what SQLite keeps: UTC, as text where it does not see through a subquery."""
    moment = datetime.fromisoformat(kept) if isinstance(kept, str) else kept
    return moment.replace(tzinfo=UTC)
