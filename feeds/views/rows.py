"""Rows of a feed without a page around them: what a page that is open asks for."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from feeds.filters import FeedFilter, FilterError
from feeds.models import Activity
from feeds.news import arrived, still_shown, watermark
from feeds.pages import page
from feeds.repeats import Order
from feeds.views.access import part
from feeds.views.reading import last_visit, without

OF_THIS_VIEW = ("after", "below", "ids", "collapse")  # parameters that are no filters
MOST_IDS = 50  # of one question


@part
def rows(request: HttpRequest) -> HttpResponse:
    """Answer with rows, newest first: new ones, named ones, or both; else those of the first page.

    X-Feed-Seq says after what to ask next, and X-Feed-More, if one answer cannot hold all that is
    new, below what to ask for the rest. A named row that is missing passes no more.
    """
    seq = watermark()
    found, more = _found(request.GET, FeedFilter.read(request.GET), without(request))
    query = request.GET.copy()
    for name in OF_THIS_VIEW:
        query.pop(name, None)
    order = Order(since=last_visit(request))
    context = {"activities": found, "feed_query": query.urlencode(), "order": order}
    response = render(request, "_rows.html", context)
    response["X-Feed-Seq"] = str(seq)
    if more:
        response["X-Feed-More"] = str(more)
    return response


def _found(
    query: QueryDict, filter: FeedFilter, without: tuple[str, ...]
) -> tuple[list[Activity], int]:
    """Return the rows that QUERY asks for, and the id below which it should go on, 0 at the end."""
    after, named = query.get("after", ""), _uuids(query.get("ids", ""))
    if not after and not named:
        return page(filter, QueryDict(), without=without).rows, 0
    shown = still_shown(filter, named, without=without) if named else []
    if not after:
        return shown, 0
    below = _id("below", query.get("below", "") or "0")
    new, more = arrived(filter, after=_id("after", after), below=below, without=without)
    rows = {row.pk: row for row in (*shown, *new)}.values()
    return sorted(rows, key=lambda row: (row.occurred_at, row.pk), reverse=True), more


def _id(name: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text[:20]) >= 2**63:
        raise FilterError(name, "is not an id that this feed gave")
    return int(text)


def _uuids(text: str) -> list[uuid.UUID]:
    texts = [part for part in text.split(",") if part]
    if len(texts) > MOST_IDS:
        raise FilterError("ids", f"must not name more than {MOST_IDS} rows")
    try:
        return [uuid.UUID(part) for part in texts]
    except ValueError:
        raise FilterError("ids", "must be ids of activities with commas between them") from None
