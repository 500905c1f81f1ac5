"""All that the page of a component says before its feed, in two statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Case, F, JSONField, When

from feeds.digests.deployments import Deployed, deployed, places_of, statement_of
from feeds.digests.rhythm import LOOKED_AT, Rhythm, rhythms_of
from feeds.digests.spans import with_clocks
from feeds.digests.timeline import MARKS, WINDOWS, Timeline, timeline_of
from feeds.digests.walks import walks
from feeds.models import Activity, EventSource
from feeds.moments import from_database

WALKED = max(MARKS + 1, LOOKED_AT)  # newest events of each source
#: Columns that no mark and no line shows; of the details two texts are read out.
LEFT_OUT = (
    "content", "raw", "details", "icon", "actor_image", "target_url", "verb", "generator",
    "object_key", "project_key", "sequence",
)  # fmt: skip


@dataclass(frozen=True)
class Digest:
    """A component, at one look."""

    deployments: Sequence[Deployed]
    more_environments: bool
    timeline: Timeline
    rhythms: Mapping[int, Rhythm]  # by the ids of the sources


def digest_of(sources: Sequence[EventSource], window: str, *, now: datetime) -> Digest:
    """Look at the newest events of SOURCES, those of one component."""
    since = now - WINDOWS[window]
    moments: dict[int, list[datetime]] = defaultdict(list)
    newest: list[tuple[datetime, int]] = []
    found, walked = _look(sources)
    places, more = places_of(found)
    for source, pk, text in walked:
        moment = from_database(text)
        moments[source].append(moment)
        if since <= moment <= now:
            newest.append((moment, pk))
    shown = {pk for _, pk in sorted(newest, reverse=True)[:MARKS]}
    loaded = _load(shown, {pk for place in places for pk in (place.newest, place.stands) if pk})
    return Digest(
        deployments=deployed(places, loaded),
        more_environments=more,
        timeline=timeline_of(
            [row for pk, row in loaded.items() if pk in shown],
            window, now=now, cut=len(newest) > MARKS,
        ),
        rhythms=rhythms_of(moments, asked=WALKED, now=now),
    )  # fmt: skip


def deployments_of(sources: Sequence[EventSource]) -> tuple[Sequence[Deployed], bool]:
    """Return what stands in each environment of SOURCES, and whether there are more."""
    sql, parameters = statement_of(sources)
    if not sql:
        return [], False
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        places, more = places_of(cursor.fetchall())
    wanted = {pk for place in places for pk in (place.newest, place.stands) if pk}
    return deployed(places, _load(set(), wanted)), more


def _look(sources: Sequence[EventSource]) -> tuple[list[Any], list[Any]]:
    """Return the places of SOURCES, and the newest events of each, by one statement."""
    if not sources:
        return [], []
    columns = "CAST(NULL AS text) AS name, source_id, id, occurred_at"
    sql, parameters = walks([source.pk for source in sources], columns, WALKED)
    places, of_places = statement_of(sources)
    if places:
        sql, parameters = (
            f"SELECT * FROM ({places}) AS places UNION ALL {sql}",
            of_places + parameters,
        )
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    return [row for row in rows if row[0] is not None], [row[1:] for row in rows if row[0] is None]


def _load(shown: set[int], standing: set[int]) -> dict[int, Activity]:
    """Load the activities; of the details, which may be long, only those of what is STANDING."""
    rows = with_clocks(Activity.objects.filter(pk__in=shown | standing)).defer(*LEFT_OUT)
    kept = Case(When(pk__in=standing, then=F("details")), output_field=JSONField())
    found: dict[int, Activity] = {}
    for row in rows.annotate(kept=kept):
        row.details = row.kept or {}
        found[row.pk] = row
    return found
