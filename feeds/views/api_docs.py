"""The documentation of our own API: what its OpenAPI document says, to read and to try."""

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from feeds.views.access import members

#: Swagger UI needs nothing else: its style sheet draws arrows and a clipboard as small images of
#: its own. It sets styles by script, which the policy lets it do, and brings no inline code.
RELAXED = {"img-src": ["data:"]}


@csp_update(RELAXED)
@members
def page(request: HttpRequest) -> HttpResponse:
    """Show every operation."""
    return render(request, "api-docs.html")
