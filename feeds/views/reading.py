"""How the reader wants the list: as densely, with repeats collapsed or not, and since when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from feeds import actions
from feeds.models import Density, User
from feeds.pages import Page
from feeds.reader import collapses, density_of
from feeds.repeats import ordered
from feeds.views.access import posts

COOKIE_AGE = 365 * 24 * 3600  # seconds that a stranger's browser keeps the density
COLLAPSE = {"on": True, "off": False}


def without(request: HttpRequest) -> tuple[str, ...]:
    """Return which columns the rows of REQUEST do not need: the content shows in comfort alone."""
    return ("raw",) if density_of(request) == Density.COMFORT else ("content", "raw")


def last_visit(request: HttpRequest) -> datetime | None:
    """Note that somebody looks at the feed, and return when they had at last, before this visit."""
    if not isinstance(request.user, User):
        return None
    actions.look(request.user)
    return request.user.seen_before


def arranged(request: HttpRequest, page: Page, *, since: datetime | None = None) -> dict[str, Any]:
    """Return what _feed.html shows between the rows of PAGE, and as what its switches stand."""
    collapse = collapses(request)
    first = not (request.GET.get("before") or request.GET.get("after"))
    other = request.GET.copy()
    other["collapse"] = "off" if collapse else "on"
    return {
        "order": ordered(
            page.rows, collapse=collapse, since=since, first=first, last=page.older is None
        ),
        "collapse": collapse,
        "densities": [(one.value, one.label.partition(":")[0]) for one in Density],
        "density": density_of(request),
        "here": request.get_full_path(),
        "other": f"{request.path}?{other.urlencode()}",
    }


def without_collapse(address: str) -> str:
    """Return ADDRESS of a feed as it is when it says nothing of collapsing."""
    path, _, query = address.partition("?")
    kept = QueryDict(query, mutable=True)
    kept.pop("collapse", None)
    return f"{path}?{kept.urlencode()}" if kept else path


@posts
def switch(request: HttpRequest) -> HttpResponse:
    """Keep the density or the collapsing that a switch above the list chose, and go back there."""
    wishes: dict[str, Any] = {}
    back = request.POST.get("next", "")
    if (density := request.POST.get("density", "")) in Density.values:
        wishes["density"] = density
    if (collapse := request.POST.get("collapse", "")) in COLLAPSE:
        wishes["collapse"] = COLLAPSE[collapse]
        back = without_collapse(back)  # what the address says would hide the choice
    answer = redirect(back if url_has_allowed_host_and_scheme(back, None) else "feed")
    if isinstance(request.user, User):
        actions.prefer(request.user, wishes)
    elif settings.ANONYMOUS_READ and "density" in wishes:
        answer.set_cookie("density", density, max_age=COOKIE_AGE, samesite="Lax", httponly=True)
    return answer
