"""What the query box suggests while somebody types."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from feeds.suggestions import suggest

LONGEST = 2000  # characters; who writes more needs no help


@require_GET
def suggestions(request: HttpRequest) -> HttpResponse:
    """Answer with the options for the term of `text` in which the caret stands `at`."""
    if not (settings.ANONYMOUS_READ or request.user.is_authenticated):
        return HttpResponse("Sign in first.\n", status=401, content_type="text/plain")
    text = request.GET.get("text", "").replace("\x00", " ")[:LONGEST]
    at = request.GET.get("at", "")
    place = min(int(at[:5]), len(text)) if at.isascii() and at.isdecimal() else len(text)
    response = render(request, "_suggestions.html", {"suggestions": suggest(text, place)})
    response["Cache-Control"] = "no-store"
    return response
