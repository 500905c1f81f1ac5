"""What somebody did of late, user or not: on which components, and who else there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from feeds.digests.walks import TABLE, walk
from feeds.models import Activity, Attachment, Component
from feeds.moments import from_database

LOOKED_AT = 500  # newest events of an actor, and of all actors
SHOWN = 12  # components


@dataclass(frozen=True)
class Touched:
    """On which components the newest events of an actor were, the most first."""

    components: Sequence[tuple[Component, int]]
    elsewhere: int  # events about no component
    counted: int  # events
    last: datetime | None

    @property
    def cut(self) -> bool:
        """Tell whether there are more events than were counted."""
        return self.counted >= LOOKED_AT


def touched_by(actor: str) -> Touched:
    """Look at the newest LOOKED_AT events of ACTOR: two statements."""
    sql, _ = walk("actor_key", "source_id, occurred_at")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT source_id, count(*), max(occurred_at) FROM ({sql}) AS newest GROUP BY 1",
            [actor, LOOKED_AT],
        )
        rows = cursor.fetchall()
    counts = {source: int(count) for source, count, _ in rows}
    found: Counter[Component] = Counter()
    attached = set()
    for one in Attachment.objects.filter(source__in=counts).select_related("component"):
        found[one.component] += counts[one.source_id]
        attached.add(one.source_id)
    elsewhere = sum(count for source, count in counts.items() if source not in attached)
    last = max((from_database(moment) for _, _, moment in rows), default=None)
    return Touched(found.most_common(SHOWN), elsewhere, sum(counts.values()), last)


def name_of(actor: str) -> str | None:
    """Return what ACTOR was last called, None if no event names it."""
    newest = Activity.objects.filter(actor_key=actor).order_by("-occurred_at", "-id")
    return newest.values_list("actor_name", flat=True).first()


def seen_lately() -> Sequence[tuple[str, str, datetime]]:
    """Return key, name and last moment of who acted in the newest LOOKED_AT events of all."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT actor_key, max(actor_name), max(occurred_at) FROM (SELECT actor_key, "
            f"actor_name, occurred_at FROM {TABLE} ORDER BY occurred_at DESC, id DESC LIMIT %s) "
            "AS newest WHERE actor_key <> '' GROUP BY 1 ORDER BY 3 DESC",
            [LOOKED_AT],
        )
        return [(key, name, from_database(moment)) for key, name, moment in cursor.fetchall()]
