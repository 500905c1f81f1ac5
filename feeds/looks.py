"""Looks at the feed that cost no more however long it is, and say where they ended.

One way is to walk along the index of one parameter, or of all rows, from the newest on, and to skip
what the other parameters leave out: only so many rows, for a combination that hardly ever occurs
would else be looked for in the whole history. The other way, for words, is to take all rows that
hold them from their index, if these are few. Between them hardly anything is left open: words that
many rows hold, but few of the newest that pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from feeds.dialects.mapping import EPOCH, microseconds
from feeds.filters import COLUMNS, MOST_BRANCHES, Choice, Cursor, FeedFilter, any_of
from feeds.models import Activity
from feeds.moments import from_database
from feeds.search import expected, held_by, matching, on_the_way, terms_of, with_signs

NEWEST = ("-occurred_at", "-id")
OLDEST = ("occurred_at", "id")
#: Which parameter to walk by, if it is given: the one whose values are likely the rarest first.
LEADS = (
    "issue",
    "target",
    "environment",
    "actor",
    "source",
    "component",
    "project",
    "level",
    "ref",
    "generator",
    "state",
    "type",
)
TABLE = Activity._meta.db_table
#: What a walk takes along, to be compared on the way: everything but what may be long.
_TAKEN = tuple(
    field.attname
    for field in Activity._meta.concrete_fields
    if field.name not in {"raw", "details"}
)


@dataclass(frozen=True)
class Limits:
    """How many rows a look takes at most; benchmarks/README.md says what they cost."""

    counted: int = 1000  # rows that pass
    looked_at: int = 3000  # rows of which those that pass are counted
    found: int = 200  # rows with the words of a search, each of which is read to be sure
    held: int = 10_000  # rows with the words of a search that are taken from their index


LIMITS = Limits()
#: Words that this many times more rows than are taken should hold, as far as the database knows how
#: frequent each is: it would take long to find out that they meet so much more seldom.
UNLIKELY = 10
SQL = tuple[str, tuple[Any, ...]]


class Row(NamedTuple):
    """What is counted of one activity."""

    moment: int  # microseconds since 1970
    kind: str
    state: str
    generator: str
    actor_key: str
    actor_name: str
    target_key: str
    source_id: int

    @property
    def occurred_at(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.moment)


#: The columns that a Row is read from.
COUNTED = ("occurred_at", *Row._fields[1:])
#: What a walk takes along where no words are looked for: what parameters compare.
_COMPARED = tuple(dict.fromkeys((*COUNTED, "id", *COLUMNS.values())))


@dataclass(frozen=True)
class Look:
    """The first rows that pass, each with its id, and how far it was looked for them."""

    rows: Sequence[tuple[Row, int]] = ()
    ended: Cursor | None = None  # where to look further; None: nothing was left out
    looked_at: int = 0  # rows; 0: nothing was left out


def first(
    filter: FeedFilter,
    count: int,
    *,
    order: tuple[str, str] = NEWEST,
    edge: Cursor | None = None,
    limits: Limits = LIMITS,
) -> Look:
    """Return the first COUNT rows in ORDER beyond EDGE that pass FILTER, as far as a walk goes."""
    lead, rest = led(filter)
    if not lead:
        return Look()
    taken = _TAKEN if rest.q or rest.also else _COMPARED
    steps = walk(filter, lead, limits.looked_at + 1, order, edge, taken=taken)
    found = fetch(skip(steps, rest, limits.looked_at, count, order), "place", order=order)
    if not found or found[-1][-1] <= limits.looked_at:  # enough, or the walk came to its end
        return Look(_rows(found))
    *kept, (row, pk) = _rows(found)
    ended = Cursor(row.occurred_at, pk + 1 if order == NEWEST else pk - 1)
    return Look(kept, ended, limits.looked_at)


def search(
    filter: FeedFilter,
    count: int,
    *,
    order: tuple[str, str] = NEWEST,
    edge: Cursor | None = None,
    limits: Limits = LIMITS,
) -> Look:
    """Return what first() does for FILTER, which has words; where the walk was too short, by them.

    For words that are common the walk is enough.
    """
    if not terms_of(filter.q):
        return Look()
    look = first(filter, count, order=order, edge=edge, limits=limits)
    held = _held(filter, count, order, edge, limits.held) if look.ended else None
    return look if held is None else Look(held)


def _rows(found: Sequence[tuple[Any, ...]]) -> list[tuple[Row, int]]:
    width = len(Row._fields)
    return [(Row(*row[:width]), row[width]) for row in found]


# ---- the walk


def led(filter: FeedFilter) -> tuple[list[Q], FeedFilter]:
    """Return by what to walk, a branch each, and what of FILTER is to be checked on the way."""
    rest = replace(filter, since=None, until=None)  # every index has the time
    for name in LEADS:
        if not filter.choices.get(name, Choice()).included:
            continue
        if name == "issue":  # which has an index in another table
            named = any_of(name, filter.choices[name].included)
            return [named], replace(rest, choices=_without(rest.choices, (name,)))
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


def walk(
    filter: FeedFilter,
    lead: Sequence[Q],
    count: int,
    order: tuple[str, str] = NEWEST,
    edge: Cursor | None = None,
    *,
    taken: Sequence[str] = _TAKEN,
) -> SQL:
    """Return the SQL of the first COUNT rows of all branches of LEAD, each along its own index,
    with the columns TAKEN."""
    rows = beyond(replace(filter, choices={}, q="", also=Q()).rows(), order, edge)
    rows = rows.order_by(*order)
    if len(lead) == 1:
        return rows.filter(lead[0]).values_list(*taken)[:count].query.sql_with_params()
    pairs = [branch.children[0] for branch in lead]  # of one column, each with a value of its own
    values = [value for _, value in pairs]  # type: ignore[misc]
    union, parameters = first_of_each(rows.values_list(*taken), pairs[0][0], values, count)  # type: ignore[index]
    return f"{union} ORDER BY {_by(order)} LIMIT {count}", parameters


def first_of_each(
    rows: QuerySet[Activity, Any], column: str, values: Sequence[Any], count: int
) -> SQL:
    """Return the SQL of the first COUNT of ROWS for each of VALUES of COLUMN.

    Each branch walks the index of one value and stops after COUNT rows; with `IN (...)` SQLite
    sorts everything that has any of the values, and PostgreSQL may. The ORM writes one branch for
    all: to write each takes longer than the query.
    """
    sql, parameters = rows.filter(Q((column, values[0])))[:count].query.sql_with_params()
    *shared, value = parameters  # the last condition has the last parameter
    assert value == values[0]
    union = " UNION ALL ".join([f"SELECT * FROM ({sql}) AS branch"] * len(values))
    return (
        f"SELECT * FROM ({union}) AS branches",
        tuple(one for value in values for one in (*shared, value)),
    )


def beyond(
    rows: QuerySet[Activity], order: tuple[str, str], edge: Cursor | None
) -> QuerySet[Activity]:
    """Return those of ROWS that come behind EDGE in ORDER."""
    if edge is None:
        return rows
    sign = ("lt", "lte") if order == NEWEST else ("gt", "gte")
    near = Q((f"occurred_at__{sign[0]}", edge.occurred_at)) | Q((f"id__{sign[0]}", edge.id))
    return rows.filter(near, Q((f"occurred_at__{sign[1]}", edge.occurred_at)))


def _by(order: tuple[str, str]) -> str:
    direction = "DESC" if order == NEWEST else "ASC"
    return f"occurred_at {direction}, id {direction}"


def skip(
    steps: SQL, rest: FeedFilter, looked_at: int, count: int, order: tuple[str, str] = NEWEST
) -> SQL:
    """Return the SQL of the first COUNT of STEPS, a walk, that pass REST; and in any case of the
    one behind the first LOOKED_AT, which says that there are more."""
    numbered = (
        f"SELECT *, ROW_NUMBER() OVER (ORDER BY {_by(order)}) AS place FROM ({steps[0]}) AS steps"
    )
    rows = replace(rest, q="").rows()
    passing = on_the_way(rows, rest.q) if rest.q else rows
    return _kept((numbered, steps[1]), passing, f"place > {looked_at}", count, order)


def _kept(
    numbered: SQL, passing: QuerySet[Activity], anyway: str, count: int, order: tuple[str, str]
) -> SQL:
    """Return the SQL of the first COUNT rows of NUMBERED that are PASSING or are kept ANYWAY."""
    wanted = passing | Activity.objects.filter(RawSQL(anyway, [], BooleanField())).order_by()
    columns = wanted.annotate(place=RawSQL("place", [])).values_list(*COUNTED, "id", "place")
    columns = columns.order_by(*order)
    outer, values = columns[:count].query.sql_with_params()
    table = f'FROM "{TABLE}"'
    assert outer.count(table) == 1
    outer = outer.replace(table, f'FROM walked AS "{TABLE}"')
    return f"WITH walked AS ({numbered[0]}) {outer}", (*numbered[1], *values)


# ---- what holds the words


def _held(
    filter: FeedFilter, count: int, order: tuple[str, str], edge: Cursor | None, most: int
) -> list[tuple[Row, int]] | None:
    """Return the first COUNT rows that pass FILTER, taken from those that hold its words; None if
    more than MOST do, or it is not likely that no more do."""
    if expected(filter.q) > UNLIKELY * most:
        return None
    held, parameters, exact = held_by(filter.q, _TAKEN, most + 1)
    numbered = (
        f"SELECT *, ROW_NUMBER() OVER (ORDER BY {_by(order)}) AS row, COUNT(*) OVER () AS place "
        f"FROM ({held}) AS held"
    )
    rows = beyond(replace(filter, q="").rows(), order, edge)
    passing = with_signs(rows, filter.q) if exact else matching(rows, filter.q)
    statement = _kept((numbered, parameters), passing, f"place > {most}", count, order)
    found = fetch(statement, "place", order=order, roomy=True)
    return None if found and found[0][-1] > most else _rows(found)


#: For one statement of PostgreSQL: room for which rows hold a word that a tenth of them do, else it
#: remembers only pages, and reads each row of theirs again; and no other processes, which take
#: longer to start.
_ROOMY = (
    "SET LOCAL work_mem = '64MB'; SET LOCAL max_parallel_workers_per_gather = 0; "
    "SET LOCAL jit = off; "
)


def fetch(
    statement: SQL, *more: str, order: tuple[str, str] = NEWEST, roomy: bool = False
) -> list[tuple[Any, ...]]:
    """Return what a Row holds, the id, and MORE, of the rows of STATEMENT, in ORDER."""
    sql, parameters = statement
    postgresql = connection.vendor == "postgresql"
    # numbers are read in a tenth of the time of moments
    moment = "CAST(EXTRACT(EPOCH FROM occurred_at) * 1000000 AS bigint)" if postgresql else ""
    columns = ", ".join([moment or "occurred_at", *COUNTED[1:], "id", *more])
    with connection.cursor() as cursor:
        before = _ROOMY if roomy and postgresql else ""
        cursor.execute(f"{before}SELECT {columns} FROM ({sql}) AS counted", parameters)
        while cursor.description is None and cursor.nextset():
            pass  # the answers of SET
        found: list[tuple[Any, ...]] = cursor.fetchall()
    if not postgresql:
        found = [(microseconds(from_database(row[0])), *row[1:]) for row in found]
    # they are in order, but no database promises it
    found.sort(key=itemgetter(0, len(Row._fields)), reverse=order == NEWEST)
    return found
