"""The query page of the Compass GraphQL API: GraphiQL, for who is signed in."""

from __future__ import annotations

from csp.constants import NONCE
from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from feeds import actions
from feeds.views.access import members

#: GraphiQL's dialogs bring a <style> element that stops the page behind them from scrolling, and
#: its style sheet underlines faults with small images of its own.
RELAXED = {"style-src": [NONCE], "img-src": ["data:"]}


def wanted(request: HttpRequest) -> bool:
    """Tell whether REQUEST comes from a browser that opens an address."""
    types = ["application/json", "text/html"]  # the first wins where a program takes anything
    return request.method == "GET" and request.get_preferred_type(types) == "text/html"


@csp_update(RELAXED)
@members
def page(request: HttpRequest) -> HttpResponse:
    """Show GraphiQL; it posts to the address at which it is shown."""
    context = {"cloud_id": actions.cloud_id(), "site_url": settings.SITE_URL}
    return render(request, "graphiql.html", context)
