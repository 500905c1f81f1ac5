"""What happened before and after an event on the same components."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict

from feeds.filters import MOST_BRANCHES, Choice, Cursor, FeedFilter
from feeds.models import Activity, Attachment, EventSource
from feeds.pages import page

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
    attached = Attachment.objects.filter(source_id=activity.source_id).values("component_id")
    others = EventSource.objects.filter(attachments__component_id__in=attached)
    others = others.exclude(pk=activity.source_id).distinct().order_by("pk")
    uuids = [str(activity.source.uuid), *map(str, others.values_list("uuid", flat=True))]
    filter = FeedFilter({"source": Choice(tuple(uuids[:MOST_BRANCHES]))})
    place = str(Cursor.of(activity))
    after, before = (
        page(filter, QueryDict(f"{side}={place}"), size=AROUND).rows for side in ("after", "before")
    )
    return Neighbours(after, before, alone=not activity.source.components.all())
