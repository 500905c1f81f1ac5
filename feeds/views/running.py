"""The strip above the feed: what is in progress."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from feeds.filters import FeedFilter, FilterError
from feeds.models import Activity
from feeds.running import strip
from feeds.templatetags.pulseboard import feed_address, narrowed


@require_GET
def running(request: HttpRequest) -> HttpResponse:
    """Answer with the strip for the filters of the address, and nothing around it."""
    if not (settings.ANONYMOUS_READ or request.user.is_authenticated):
        return _plain("Sign in first.", status=401)  # a redirect would end in the page that asks
    try:
        filter = FeedFilter.read(request.GET)
    except FilterError as error:
        return _plain(str(error), status=400)
    response = render(request, "_running.html", strip_of(filter, request.GET))
    response["Cache-Control"] = "no-store"
    return response


def strip_of(filter: FeedFilter, query: QueryDict) -> dict[str, Any]:
    """Return what _running.html shows above the feed that QUERY asks for; on its first page only.

    The pages of what is older have none: what runs does not stand between them.
    """
    if query.get("before") or query.get("after"):
        return {}
    address = feed_address(query, "feed-running")
    found = strip(filter)
    cut = found.count != str(len(found.rows))
    everything = narrowed(query.urlencode(), "state", Activity.State.RUNNING) if cut else ""
    shown = {"strip": found, "address": address, "all": everything}
    return {"running": shown, "feed_query": query.urlencode()}


def _plain(text: str, *, status: int) -> HttpResponse:
    response = HttpResponse(f"{text}\n", status=status, content_type="text/plain")
    response["Cache-Control"] = "no-store"
    return response
