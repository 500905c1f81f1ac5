"""The issues and projects of a tracker, as far as activities name them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from feeds.mentions import tracker_url
from feeds.views.access import readers
from feeds.views.feed import answer, feed_of


@readers
def issue(request: HttpRequest, key: str) -> HttpResponse:
    """Show what happened to an issue."""
    project = key.partition("-")[0]
    return _page(request, "target", key, {"project": project, "what": "this issue"})


@readers
def project(request: HttpRequest, key: str) -> HttpResponse:
    """Show what happened to a project and to its issues."""
    return _page(request, "project", key, {"what": "this project or one of its issues"})


def _page(request: HttpRequest, facet: str, key: str, more: dict[str, Any]) -> HttpResponse:
    context = {
        "key": key,
        "tracker": tracker_url(key),
        "nothing_yet": f"They show here as soon as an activity names {more['what']} as its target.",
        **more,
        **feed_of(request, facet, key),
    }
    status = 400 if "error" in context else 200
    return answer(request, "tracker/show.html", context, status=status)
