"""The list of heartbeats."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from feeds import actions
from feeds.filters import FilterError
from feeds.views.access import members
from feeds.views.feed import is_fragment
from feeds.vocabulary import Mark
from heartbeats.models import Heartbeat
from heartbeats.views import filters
from heartbeats.views.access import writes
from heartbeats.views.filters import ListFilter
from heartbeats.views.rows import read
from heartbeats.views.strips import SHORT, WORDS
from heartbeats.views.words import STATES

PER_PAGE = 50  # rows


@members
def index(request: HttpRequest) -> HttpResponse:
    """List the heartbeats, those that are down first: the page, or for htmx its rows alone."""
    fragment = is_fragment(request)
    context: dict[str, Any] = {"writes": writes(request)}
    status = 200
    try:
        wanted = ListFilter.read(request.GET)
        context |= _listing(request, wanted, now=timezone.now())
    except FilterError as error:
        status, context["error"] = 400, error
    if not fragment:
        context |= filters.form(request.GET)
    template = "heartbeats/_rows.html" if fragment else "heartbeats/index.html"
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    if fragment:
        response["Cache-Control"] = "no-store"
    return response


def _listing(request: HttpRequest, wanted: ListFilter, *, now: datetime) -> dict[str, Any]:
    """Return what _rows.html shows, by a number of queries that does not grow with the rows."""
    page = Paginator(_in_order(wanted), PER_PAGE).get_page(request.GET.get("page"))
    found = wanted.rows(without="state").values("state").annotate(count=Count("pk"))
    counts = {row["state"]: row["count"] for row in found}
    return {
        "now": now,
        "asleep": list(actions.silent(now=now).items()) if page.paginator.count else [],
        "page": page,
        "rows": read(request, list(page.object_list), wanted.window, now=now),
        "chips": filters.chips(request.GET, wanted),
        "filtered": bool(wanted),
        "tabs": _tabs(request.GET, counts),
        "down": counts.get(Heartbeat.State.UNRESPONSIVE, 0),
        "window": wanted.window,
        "windows": [
            (name, short, WORDS[name], filters.address(request.GET, window=[name]))
            for name, short in SHORT.items()
        ],
        "pages": _beside(request.GET, page),
        "address": filters.address(request.GET),
    }


def _in_order(wanted: ListFilter) -> QuerySet[Heartbeat]:
    down = When(state=Heartbeat.State.UNRESPONSIVE, then=Value(0))
    rank = Case(down, default=Value(1), output_field=IntegerField())
    return wanted.rows().select_related("team", "component").order_by(rank, "name", "id")


def _tabs(query: QueryDict, counts: dict[str, int]) -> list[tuple[Mark, int, str, bool]]:
    """Return each state with how many are in it, its address, and whether it alone is shown."""
    shown = [value for value in query.getlist("state") if value]
    return [
        (mark, counts.get(state, 0), filters.address(query, state=[state]), shown == [state])
        for state, mark in STATES.items()
    ]


def _beside(query: QueryDict, page: Page[Heartbeat]) -> dict[str, str]:
    """Return the addresses of the pages before and after PAGE."""
    found = {}
    if page.has_previous():
        found["before"] = filters.address(query) + f"&page={page.previous_page_number()}"
    if page.has_next():
        found["after"] = filters.address(query) + f"&page={page.next_page_number()}"
    return {name: text.replace("?&", "?") for name, text in found.items()}
