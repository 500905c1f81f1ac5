"""The story of an event, and what changed before it: parts of its page and of the drawer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.http import QueryDict

from feeds.addresses import feed_address
from feeds.before import USUAL, WINDOWS, Before, changes_before
from feeds.models import Activity, Component
from feeds.story import ALARMS, ORDER, began, story_of

PARAMETER = "window"  # how long to look back


def story_context(activity: Activity, query: QueryDict) -> dict[str, Any]:
    """Return what _story.html and _before.html show of ACTIVITY; QUERY may name the window."""
    context: dict[str, Any] = {}
    if activity.kind in ORDER:
        context["story"] = story_of(activity)
    if activity.kind in ALARMS:
        components = activity.source.places
        page = activity.get_absolute_url()
        context |= before_context(
            components, began(activity), query, page=page, without=[activity.pk]
        )
    return context


def before_context(
    components: Iterable[Component],
    moment: datetime,
    query: QueryDict,
    *,
    page: str,
    without: Collection[int] = (),
) -> dict[str, Any]:
    """Return what _before.html shows of the time before MOMENT on the PAGE of what happened."""
    given = query.get(PARAMETER, "")
    window = given if given in WINDOWS else USUAL
    before = changes_before(components, moment, window=window, without=without)
    windows = [
        (words, f"{page}?{PARAMETER}={name}#before", name == window)
        for name, (_, words) in WINDOWS.items()
    ]
    return {"before": before, "look_back": windows, "before_in_feed": _in_feed(before)}


def _in_feed(before: Before) -> str:
    """Return the address of the feed that shows all that BEFORE counts."""
    query = QueryDict(mutable=True)
    query.setlist("component", [one.slug for one in (*before.own, *before.needed)][:50])
    query["since"], query["until"] = before.since.isoformat(), before.moment.isoformat()
    return feed_address(query)
