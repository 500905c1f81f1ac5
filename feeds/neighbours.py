"""What happened before and after an event on the same components."""

from __future__ import annotations

from dataclasses import dataclass

from feeds.filters import MOST_BRANCHES, Cursor
from feeds.looks import NEWEST, OLDEST, beyond
from feeds.models import Activity, EventSource
from feeds.pages import among, together

AROUND = 4  # events on either side


@dataclass(frozen=True)
class Neighbours:
    """The events next to one, the newest first; `alone` where they are of its source only."""

    after: list[Activity]
    before: list[Activity]
    alone: bool


def neighbours_of(activity: Activity) -> Neighbours:
    """Return the events beside ACTIVITY from all sources of its components, or from its own.

    Each side walks the index of each source, of MOST_BRANCHES at most, and stops after AROUND rows.
    """
    place, components = Cursor.of(activity), activity.source.places
    others = EventSource.objects.filter(attachments__component__in=list(components))
    others = others.exclude(pk=activity.source_id).distinct().order_by("pk")
    sources = [activity.source_id, *others.values_list("pk", flat=True)[: MOST_BRANCHES - 1]]
    beside = [
        among(sources, beyond(Activity.objects.all(), order, place), order, AROUND)
        for order in (OLDEST, NEWEST)
    ]
    rows = Activity.objects.filter(id__in=together(beside)).select_related("source")
    found = list(rows.defer("content", "raw").order_by(*NEWEST))
    here = activity.occurred_at, activity.pk
    after = [row for row in found if (row.occurred_at, row.pk) > here]
    return Neighbours(after, found[len(after) :], alone=not components)
