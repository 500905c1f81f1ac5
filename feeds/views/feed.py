"""The feed and its filters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from feeds import actions, querybox
from feeds.addresses import feed_address
from feeds.facets import Counts
from feeds.filters import FeedFilter, FilterError, chosen, escaped
from feeds.news import watermark
from feeds.pages import Page, page
from feeds.querybox import Fault
from feeds.reader import SECOND, stamp
from feeds.views.access import readers
from feeds.views.event import drawer, take_event
from feeds.views.facets import Explorer
from feeds.views.filterform import ASKS, INPUTS, box, chips, form
from feeds.views.reading import arranged, last_visit, without
from feeds.views.running import strip_of
from feeds.views.viewbar import Bar, bar_of, elsewhere, everything_for, opened


@readers
def feed(request: HttpRequest) -> HttpResponse:
    """Show what happened, newest first: the page, or for htmx its list alone.

    Without a query string it is the reader's default view, if they have one, and with the id of a
    view alone it is that view as it is now.
    """
    if not is_fragment(request) and (view := opened(request)):
        return redirect(view)  # whose address has a query string
    event, text = take_event(request), request.GET.get("query")
    faults: list[Fault] = []
    if text is not None:
        asked, faults = querybox.opened(request.GET)
        if not faults:
            return HttpResponse(status=303, headers={"Location": feed_address(asked)})
        request.GET = asked  # type: ignore[assignment]  # what could be read is in force
    query, fragment = filters_of(request), is_fragment(request)
    context: dict[str, Any] = {"chips": [], "filtered": True, "explorer": None}
    context |= {"bar": bar_of(request), "everything": everything_for(request)}
    context |= {"refreshed": fragment, **box(query, text, faults)}
    status = 400 if faults else 200
    try:
        filter = FeedFilter.read(query)
        context |= {"filtered": bool(filter), "chips": chips(query, filter)}
        context |= found_by(request, query, filter, bar=context["bar"])
        if event and not fragment:
            context |= drawer(request, event)
    except FilterError as error:
        status, context["error"] = 400, error
        context["open"] = error.field in (*INPUTS, "since", "until")
    if not fragment or request.headers.get("HX-Source") == ASKS:
        explorer: Explorer | None = context["explorer"]
        context |= form(query, explorer.counts if explorer else Counts())
    if status == 200 and not context["page"].rows and not context["filtered"]:
        context |= {"site_url": settings.SITE_URL, "cloud_id": actions.cloud_id()}
    return answer(request, "feed.html", context, status=status)


def found_by(
    request: HttpRequest, query: QueryDict, filter: FeedFilter, *, bar: Bar | None
) -> dict[str, Any]:
    """Return what FILTER finds: a page of rows, the counts beside them, and what goes on."""
    seq = watermark()  # before the rows: what comes between the two is above it
    found = page(filter, query, without=without(request), counted=True)
    return {
        **listing(request, found, query, seq=seq, since=last_visit(request)),
        **strip_of(filter, query),
        "explorer": Explorer.of(query, filter, found),
        "elsewhere": elsewhere(request, query, bar),
    }


def filters_of(request: HttpRequest) -> QueryDict:
    """Return the parameters of REQUEST without what is said of this page alone."""
    query = request.GET.copy()
    query.pop("collapse", None)
    return query


def is_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for the list alone; going back in the history wants the page."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return bool(htmx and not htmx.boosted and not htmx.history_restore_request)


def answer(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render TEMPLATE, or for htmx only the list that it holds."""
    fragment = is_fragment(request)
    response = render(request, "_feed.html" if fragment else template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    if fragment:
        response["Cache-Control"] = "no-store"
    return response


def listing(
    request: HttpRequest, page: Page, query: QueryDict, *, seq: int, since: datetime | None = None
) -> dict[str, Any]:
    """Return what _feed.html shows: the rows of PAGE with what stands between them, links to its
    neighbours, and after which SEQ to ask for more."""

    def beside(name: str, cursor: object) -> str:
        wanted = request.GET.copy()
        wanted.pop("before", None)
        wanted.pop("after", None)
        if cursor:
            wanted[name] = str(cursor)
        return f"{request.path}?{wanted.urlencode()}" if wanted else request.path

    paged = bool(request.GET.get("before") or request.GET.get("after"))
    return {
        **arranged(request, page, since=since),
        "page": page,
        "seq": seq,
        "rows_address": feed_address(chosen(query), "feed-rows"),
        "feed_query": query.urlencode(),
        "subscribe": feed_address(chosen(query), "feed-atom"),
        "elsewhere": elsewhere(request, query),
        "older": beside("before", page.older) if page.older else "",
        "newer": beside("after", page.newer) if page.newer else "",
        "newest": beside("", None) if paged else "",
        **_looked(page, back=not request.GET.get("after")),
    }


def _looked(page: Page, *, back: bool) -> dict[str, str]:
    """Say how far it was looked for the rows of PAGE, and what its links to others are called."""
    end = page.older if back else page.newer
    if not page.looked_at or end is None:
        return {"older_word": "Older", "newer_word": "Newer"}
    number, way = f"{page.looked_at:,}", "back" if back else "on"
    return {
        "looked": f"Looked through {number} events, {way} to {stamp(end.occurred_at, SECOND)}. "
        "What lies beyond may match too.",
        "older_word": "Look further" if back else "Older",
        "newer_word": "Newer" if back else "Look further",
    }


def feed_of(
    request: HttpRequest, facet: str, *values: str, known: Iterable[int] | None = None
) -> dict[str, Any]:
    """Return what place.html shows below what it says of a component, a source, ...: the feed of
    FACET, and beside it the event that the address names.

    KNOWN are the ids of the sources that VALUES stand for, where the page has looked them up.
    """
    event, query = take_event(request), QueryDict(mutable=True)
    query.setlist(facet, [escaped(value) for value in values])
    try:
        filter = FeedFilter.read(query)
        if known is not None:
            filter = replace(filter, known=tuple(known))
        seq = watermark()
        found = page(filter, request.GET, without=without(request))
        beside = drawer(request, event) if event and not is_fragment(request) else {}
    except FilterError as error:
        return {"error": error, "filtered": False}
    shown = listing(request, found, query, seq=seq)
    return {**beside, **shown, "filtered": False, "whole": feed_address(query)}
