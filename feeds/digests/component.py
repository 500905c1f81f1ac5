"""All that the page of a component says before its feed, in three statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, F, JSONField, When

from feeds.digests.deployments import Deployed, deployed, places_of
from feeds.digests.rhythm import LOOKED_AT, Rhythm, rhythms_of
from feeds.digests.spans import with_clocks
from feeds.digests.timeline import MARKS, WINDOWS, Timeline, timeline_of
from feeds.digests.walks import newest_of_each
from feeds.models import Activity, EventSource
from feeds.moments import from_database

#: Columns that no mark and no line shows; of the details two texts are read out.
LEFT_OUT = ("content", "raw", "details")


@dataclass(frozen=True)
class Digest:
    """A component, at one look."""

    deployments: Sequence[Deployed]
    more_environments: bool
    timeline: Timeline
    rhythms: Mapping[int, Rhythm]  # by the ids of the sources


def digest_of(sources: Sequence[EventSource], window: str, *, now: datetime) -> Digest:
    """Look at the newest events of SOURCES, those of one component."""
    places, more = places_of(sources)
    since = now - WINDOWS[window]
    moments: dict[int, list[datetime]] = defaultdict(list)
    newest: list[tuple[datetime, int]] = []
    ids = [source.pk for source in sources]
    walked = newest_of_each(ids, "source_id, id, occurred_at", max(MARKS + 1, LOOKED_AT))
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
        rhythms=rhythms_of(moments, now=now),
    )  # fmt: skip


def _load(shown: set[int], standing: set[int]) -> dict[int, Activity]:
    """Load the activities; of the details, which may be long, only those of what is STANDING."""
    rows = with_clocks(Activity.objects.filter(pk__in=shown | standing)).defer(*LEFT_OUT)
    kept = Case(When(pk__in=standing, then=F("details")), output_field=JSONField())
    found: dict[int, Activity] = {}
    for row in rows.annotate(kept=kept):
        row.details = row.kept or {}
        found[row.pk] = row
    return found
