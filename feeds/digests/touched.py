"""What the newest events of an actor, an issue or a project are about: on which components, from
which sources, by whom, and since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from feeds.digests.walks import walk
from feeds.models import Component, EventSource
from feeds.moments import from_database

LOOKED_AT = 500  # newest events
SHOWN = 12  # components, sources, people


@dataclass(frozen=True)
class Person:
    """Who did some of what was counted, user or not."""

    key: str
    name: str  # by one of the events; "" if none says it
    count: int
    last: datetime


@dataclass(frozen=True)
class Touched:
    """What the newest events have in common with others, the most first; of people, the last."""

    components: Sequence[tuple[Component, int]]
    sources: Sequence[tuple[EventSource, int]]
    people: Sequence[Person]
    more_people: int
    elsewhere: int  # events about no component
    counted: int  # events
    first: datetime | None  # of all, not only of those that are counted
    last: datetime | None

    @property
    def cut(self) -> bool:
        """Tell whether there are more events than were counted."""
        return self.counted >= LOOKED_AT


def touched(facet: str, value: str) -> Touched:
    """Look at the newest LOOKED_AT events whose FACET is VALUE: three or four statements."""
    rows = _grouped(facet, value)
    counts: Counter[int] = Counter()
    for row in rows:
        counts[row[0]] += row[3]
    sources = {
        one.pk: one
        for one in EventSource.objects.filter(pk__in=counts).prefetch_related("components")
    }
    components: Counter[Component] = Counter()
    elsewhere = 0
    for pk, source in sources.items():
        attached = source.places
        elsewhere += 0 if attached else counts[pk]
        for component in attached:
            components[component] += counts[pk]
    people = _people(rows)
    counted = sum(counts.values())
    first = min((row[4] for row in rows), default=None)
    return Touched(
        components.most_common(SHOWN),
        [(sources[pk], count) for pk, count in counts.most_common(SHOWN) if pk in sources],
        people[:SHOWN],
        len(people[SHOWN:]),
        elsewhere,
        counted,
        first if counted < LOOKED_AT else _first(facet, value),
        max((row[5] for row in rows), default=None),
    )


Group = tuple[int, str, str, int, datetime, datetime]


def _grouped(facet: str, value: str) -> list[Group]:
    """Return source, actor, name, count, first and last of the newest events, in groups."""
    sql, _ = walk(facet, "source_id, actor_key, actor_name, occurred_at")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source_id, actor_key, max(actor_name), count(*), min(occurred_at), "
            f"max(occurred_at) FROM ({sql}) AS newest GROUP BY 1, 2",
            [value, LOOKED_AT],
        )
        return [
            (source, actor, name, int(count), from_database(first), from_database(last))
            for source, actor, name, count, first, last in cursor.fetchall()
        ]


def _people(groups: Sequence[Group]) -> list[Person]:
    found: dict[str, Person] = {}
    for _, key, name, count, _, last in groups:
        if not key:
            continue
        known = found.get(key)
        if known is not None:
            name, count, last = known.name or name, known.count + count, max(known.last, last)
        found[key] = Person(key, name, count, last)
    return sorted(found.values(), key=lambda one: one.last, reverse=True)


def _first(facet: str, value: str) -> datetime | None:
    """Return when the oldest of all was: the other end of the walk."""
    sql, _ = walk(facet, "occurred_at")
    oldest = sql.replace("DESC", "ASC")
    with connection.cursor() as cursor:
        cursor.execute(oldest, [value, 1])
        row = cursor.fetchone()
    return from_database(row[0]) if row else None
