"""The facets and the bars without a page around them: how an open page keeps its numbers true."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from feeds.filters import FeedFilter
from feeds.views.access import part
from feeds.views.facets import Explorer
from feeds.views.feed import filters_of


@part
def counts(request: HttpRequest) -> HttpResponse:
    """Answer with both, of one moment, for the filters of the address."""
    query = filters_of(request)
    explorer = Explorer.of(query, FeedFilter.read(query))
    return render(request, "_counts.html", {"explorer": explorer})
