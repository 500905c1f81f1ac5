"""What the feed holds, counted: the numbers of the page's facets and of its histogram."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from feeds.api.native import paging, shapes
from feeds.api.resource import Resource
from feeds.facets import FACETS, Counts, Value, Window, counts
from feeds.filters import PARAMETERS, FeedFilter
from feeds.histogram import STACKS, Histogram, histogram, stack_of
from feeds.looks import LIMITS

STACK = OpenApiParameter(
    "stack",
    {"type": "string", "enum": ["", *STACKS], "default": STACKS[0]},
    description="What the bars of the histogram are divided by.",
)


class Facet(serializers.Serializer[Any]):
    """The values of a parameter, the most frequent first."""

    distinct = serializers.IntegerField(help_text="How many there are; `values` has `limit`.")
    values: Any = inline_serializer(
        "FacetValue",
        {
            "value": serializers.CharField(help_text="As the parameter takes it."),
            "label": serializers.CharField(help_text="The name of a component or an actor."),
            "count": serializers.IntegerField(),
        },
        many=True,
    )


class CountedWindow(serializers.Serializer[Any]):
    """What was counted."""

    counted = serializers.IntegerField(help_text=f"Activities, {LIMITS.counted} at most.")
    complete = serializers.BooleanField(help_text="Whether they are all that pass the filters.")
    looked_at = serializers.IntegerField(
        allow_null=True,
        help_text="They are those that pass of so many newest ones; null: nothing was left out.",
    )
    oldest = serializers.DateTimeField(allow_null=True)
    newest = serializers.DateTimeField(allow_null=True)


class HistogramBar(serializers.Serializer[Any]):
    """A time, and what happened in it."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField(help_text="Not included.")
    total = serializers.IntegerField()
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="By series; those with nothing are left out."
    )


class FacetsOfActivities(serializers.Serializer[Any]):
    """The counts of the feed under a filter."""

    window = CountedWindow()
    facets = serializers.DictField(child=Facet(), help_text=f"By parameter: {', '.join(FACETS)}.")
    histogram: Any = inline_serializer(
        "Histogram",
        {
            "seconds": serializers.IntegerField(help_text="That a bar is wide."),
            "stack": serializers.ChoiceField(STACKS),
            "series": serializers.ListField(child=serializers.CharField()),
            "bars": HistogramBar(many=True),
        },
    )


class ActivityFacets(Resource):
    """How many activities have which values, and when they happened."""

    parameters = (*PARAMETERS, "stack", "limit")

    @extend_schema(
        summary="Count activities",
        description="The facets and the histogram of the feed page, with its filters. The newest "
        f"{LIMITS.counted} activities that pass are counted, and `window` tells what that means: "
        "the sum of the types, and that of the bars, is `counted`.",
        parameters=[*shapes.FEED, STACK, shapes.LIMIT],
        responses=FacetsOfActivities,
    )
    def get(self, request: Request) -> Response:
        """Answer counts and bars."""
        query = request._request.GET
        filter = FeedFilter.read(query)
        stack = stack_of(query.get("stack", ""))
        limit = paging.limit_of(request)
        found = counts(filter)
        return Response(
            {
                "window": _window(found.window),
                "facets": _facets(found, limit),
                "histogram": _histogram(histogram(found.window, filter, stack=stack)),
            }
        )


def _window(window: Window) -> dict[str, Any]:
    rows = window.rows
    return {
        "counted": len(rows),
        "complete": window.complete,
        "looked_at": window.looked_at or None,
        "oldest": rows[-1].occurred_at if rows else None,
        "newest": rows[0].occurred_at if rows else None,
    }


def _facets(found: Counts, limit: int) -> dict[str, Any]:
    return {
        name: {"distinct": len(values), "values": [_value(value) for value in values[:limit]]}
        for name, values in found.facets.items()
    }


def _value(value: Value) -> dict[str, Any]:
    return {"value": value.value, "label": value.label, "count": value.number}


def _histogram(found: Histogram) -> dict[str, Any]:
    bars = [
        {"since": bar.since, "until": bar.until, "total": bar.total, "counts": dict(bar.counts)}
        for bar in found.bars
    ]
    return {"seconds": found.seconds, "stack": found.stack, "series": found.series, "bars": bars}
