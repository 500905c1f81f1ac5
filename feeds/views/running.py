"""The strip above the feed: what is in progress."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from feeds.addresses import feed_address, narrowed
from feeds.filters import FeedFilter
from feeds.models import Activity
from feeds.running import strip
from feeds.views.access import part


@part
def running(request: HttpRequest) -> HttpResponse:
    """Answer with the strip for the filters of the address, and nothing around it."""
    filter = FeedFilter.read(request.GET)
    return render(request, "_running.html", strip_of(filter, request.GET))


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
