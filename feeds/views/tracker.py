"""The issues and projects of a tracker, as far as activities name them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from feeds.dialects import correlation
from feeds.digests.touched import touched
from feeds.digests.tracker import issues_of, way_of
from feeds.digests.volume import volume_of
from feeds.digests.walks import ISSUE
from feeds.mentions import tracker_url
from feeds.views.access import readers
from feeds.views.feed import answer, feed_of, is_fragment


@readers
def issue(request: HttpRequest, key: str) -> HttpResponse:
    """Show what happened to an issue, who and what it touched, and where its changes are."""
    context: dict[str, Any] = {
        "project": key.partition("-")[0],
        "nothing_yet": f"They show here as soon as an event is about {key}, or names it.",
        **feed_of(request, ISSUE, key),
    }
    if not is_fragment(request):
        context |= _digest(ISSUE, correlation.issue(key)) | {"way": way_of(key)}
    return _page(request, "tracker/issue.html", key, context)


@readers
def project(request: HttpRequest, key: str) -> HttpResponse:
    """Show what happened to a project and to its issues, and which were named last."""
    context: dict[str, Any] = {
        "nothing_yet": "They show here as soon as an event is about this project or its issues.",
        **feed_of(request, "project", key),
    }
    if not is_fragment(request):
        context |= _digest("project_key", key) | {"issues": issues_of(key)}
    return _page(request, "tracker/project.html", key, context)


def _digest(column: str, value: str) -> dict[str, Any]:
    return {
        "touched": touched(column, value),
        "volume": volume_of(column, value, now=timezone.now()),
    }


def _page(request: HttpRequest, template: str, key: str, context: dict[str, Any]) -> HttpResponse:
    status = 400 if "error" in context else 200
    context |= {"key": key, "tracker": tracker_url(key)}
    return answer(request, template, context, status=status)
