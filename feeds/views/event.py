"""One event: its page, and the same in the drawer beside a feed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from feeds.filters import FilterError
from feeds.models import PLACES, Activity
from feeds.neighbours import neighbours_of
from feeds.rawbody import body_of
from feeds.revisions import updates_of
from feeds.views.access import readers
from feeds.views.composed import fate_of
from feeds.views.story import story_context

WHOLE = Activity.objects.select_related("source", "author", "composition")
WHOLE = WHOLE.prefetch_related(PLACES)


@readers
def activity(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show what we read in an event and what the vendor sent: a page, or a part for a drawer."""
    context = about(get_object_or_404(WHOLE.all(), uuid=identity), request)
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    fragment = bool(htmx and not htmx.history_restore_request)
    template = "_event.html" if fragment else "activity.html"
    context |= {"drawer": fragment, "feed_query": _beside(htmx)}
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    if fragment:
        response["Cache-Control"] = "no-store"
    return response


def _beside(htmx: HtmxDetails | None) -> str:
    """Return the query of the feed that stands beside the drawer, whose links keep its filters."""
    path, _, text = ((htmx and htmx.current_url_abs_path) or "").partition("?")
    query = QueryDict(text if path == reverse("feed") else "", mutable=True)
    for name in ("event", "collapse"):
        query.pop(name, None)
    return query.urlencode()


def about(activity: Activity, request: HttpRequest) -> dict[str, Any]:
    """Return what _event.html shows of ACTIVITY to who sent REQUEST."""
    return {
        "activity": activity,
        "body": body_of(activity),
        "updates": updates_of(activity),
        "neighbours": neighbours_of(activity),
        **fate_of(activity, request.user),
        **story_context(activity, request.GET),
    }


def take_event(request: HttpRequest) -> str:
    """Take `event`, which the drawer shows and no filter reads, out of the query of REQUEST."""
    query = request.GET.copy()
    named = [text for text in query.pop("event", []) if text]
    request.GET = query  # type: ignore[assignment]
    return str(named[-1]) if named else ""


def drawer(request: HttpRequest, event: str) -> dict[str, Any]:
    """Return what _drawer.html shows of EVENT, open without a script; raises FilterError."""
    try:
        identity = UUID(event)
    except ValueError:
        raise FilterError("event", "must be the id of an activity") from None
    rest = f"?{request.GET.urlencode()}" if request.GET else ""
    shown = {"drawer": True, "opened": identity, "shut": f"{request.path}{rest}"}
    found = WHOLE.filter(uuid=identity).first()
    return {**shown, **about(found, request)} if found else shown
