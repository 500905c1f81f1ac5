"""Pages of the feed, for the page and the API alike: newest first, by cursors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.http import QueryDict

from feeds.filters import MOST_BRANCHES, Cursor, FeedFilter
from feeds.looks import LIMITS, NEWEST, OLDEST, Look, beyond, first, first_of_each, led, search
from feeds.models import PLACES, Activity

PAGE_SIZE = 50  # rows
STRIDE = 20_000  # rows of a query of walk(): their keys, which take little, and no more


@dataclass(frozen=True)
class Page:
    """Some rows of a feed, newest first, and where its neighbours begin."""

    rows: list[Activity]
    older: Cursor | None
    newer: Cursor | None
    looked_at: int = 0  # rows, and then it was looked no further; 0: nothing was left out
    look: Look | None = None  # at the newest rows that pass, as many as are counted


def page(
    filter: FeedFilter,
    query: QueryDict,
    *,
    size: int = PAGE_SIZE,
    without: tuple[str, ...] = ("content", "raw"),
    counted: bool = False,
) -> Page:
    """Return the page that QUERY's `before` or `after` names, else the newest.

    Each row comes WITHOUT the columns that its reader does not show; without nothing, its sender
    comes too. Where the page shows counts, it is COUNTED what they need, if that is at hand.
    """
    name = "after" if query.get("after", "") else "before"
    text = query.get(name, "")
    edge = Cursor.read(name, text) if text else None
    order = OLDEST if name == "after" else NEWEST
    look = None
    if filter.q:
        count = max(size, LIMITS.found if counted and not edge else 0) + 1
        look = search(filter, count, order=order, edge=edge)
    elif counted and not edge and led(filter)[1]:  # the planner cannot tell what meets how often
        look = first(filter, LIMITS.counted + 1)
    if look and (filter.q or look.ended is None or len(look.rows) > size):
        rows = Activity.objects.filter(id__in=these(pk for _, pk in look.rows[:size]))
        kept = list(_whole(rows, without).order_by(*order))
        more = len(look.rows) > size
    else:
        rows = _first(filter, beyond(filter.rows(), order, edge), order, size + 1)
        found = list(_whole(rows, without).order_by(*order)[: size + 1])
        kept, more = found[:size], len(found) > size
    short = look if look and filter.q and not more else Look()
    behind = Cursor.of(kept[-1]) if more and kept else short.ended
    if order == OLDEST:
        older = Cursor.of(kept[0]) if kept else edge
        return Page(kept[::-1], older, behind, short.looked_at)
    newer = Cursor.of(kept[0]) if edge and kept else edge
    return Page(kept, behind, newer, short.looked_at, look if counted and not edge else None)


def walk(filter: FeedFilter) -> Iterator[list[int]]:
    """Yield the ids of all rows, newest first, STRIDE at a time.

    Nothing stays open in between, so it may take as long as it likes. Rows that come meanwhile
    neither shift nor double any: each step goes on behind the last row of the one before.
    """
    edge: Cursor | None = None
    while True:
        rows = beyond(filter.rows(), NEWEST, edge).order_by(*NEWEST)
        keys = list(rows.values_list("occurred_at", "id")[:STRIDE])
        yield [pk for _, pk in keys]
        if len(keys) < STRIDE:
            return
        edge = Cursor(*keys[-1])


def _whole(rows: QuerySet[Activity], without: tuple[str, ...]) -> QuerySet[Activity]:
    """Load ROWS with their sources and components, in a fixed number of queries."""
    rows = rows.select_related("source").prefetch_related(PLACES)
    return rows.defer(*without) if without else rows.select_related("source", "author")


def _first(
    filter: FeedFilter, rows: QuerySet[Activity], order: tuple[str, str], count: int
) -> QuerySet[Activity]:
    """Return ROWS, or of some sources those that may be among the first COUNT."""
    # A second condition may leave a branch nothing to stop at; then one walk for all is better.
    alone = filter.choices.keys() <= {"component", "source"} and not filter.also
    if alone and 0 < len(filter.sources) <= MOST_BRANCHES:
        return Activity.objects.filter(id__in=among(filter.sources, rows, order, count))
    return rows


def among(
    sources: Sequence[int], rows: QuerySet[Activity], order: tuple[str, str], count: int
) -> RawSQL:
    """Return the ids of the first COUNT of ROWS, looked up source by source."""
    keys = rows.order_by(*order).values_list("occurred_at", "id")
    union, parameters = first_of_each(keys, "source_id", sources, count)
    direction = "DESC" if order == NEWEST else "ASC"
    first = f"{union} ORDER BY 1 {direction}, 2 {direction} LIMIT %s"
    return RawSQL(f"SELECT id FROM ({first}) AS first", [*parameters, count])


def together(parts: Iterable[RawSQL]) -> RawSQL:
    """Return the ids that any of PARTS selects, in one statement."""
    known = list(parts)
    return RawSQL(
        " UNION ALL ".join(part.sql for part in known),
        [value for part in known for value in part.params],
    )


def these(ids: Iterable[int]) -> RawSQL:
    """Return IDS, to be selected from: as digits, for the driver looks for each placeholder, and
    for hundreds that takes longer than the query."""
    return RawSQL(", ".join(str(int(pk)) for pk in ids) or "NULL", [])


def ids_of(rows: QuerySet[Activity]) -> RawSQL:
    """Return the ids of ROWS, to be selected from."""
    sql, values = rows.values("id").query.sql_with_params()
    return RawSQL(f"SELECT id FROM ({sql}) AS part", values)
