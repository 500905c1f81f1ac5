"""The whole feed in one answer, for programs."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from feeds.api.export import FORMS, NDJSON, export
from feeds.api.native import shapes
from feeds.api.resource import Resource
from feeds.filters import PARAMETERS, FilterError
from feeds.models import User


class AsCsv(JSONRenderer):
    """Lets in who accepts only CSV; problems are JSON all the same."""

    media_type = "text/csv"


class AsNdjson(AsCsv):
    """Lets in who accepts only NDJSON."""

    media_type = "application/x-ndjson"


class Export(Resource):
    """Every activity of a feed."""

    parameters = (*PARAMETERS, "query", "format")
    renderer_classes = [JSONRenderer, AsCsv, AsNdjson]

    @extend_schema(
        summary="Export activities",
        description="All that pass the filters, newest first, however many there are, written as "
        "they are read. NDJSON has an activity as this API writes it on each line; CSV has a row "
        "for each, without `details` and `raw`, and an apostrophe in front of text that a "
        "spreadsheet would take for a formula. An answer that broke off ends in a line that "
        "says so. A process writes two exports at once; a third is a 503 with `Retry-After`.",
        parameters=[
            OpenApiParameter("format", str, enum=[*FORMS], default=NDJSON.name),
            *shapes.FILTERED,
        ],
        responses={
            (200, NDJSON.content_type): OpenApiResponse(str, "An activity a line."),
            (200, "text/csv"): OpenApiResponse(str, "A header, and a row for each activity."),
            (503, "application/problem+json"): OpenApiResponse(
                shapes.Problem, "Two exports run already."
            ),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Answer the feed whole."""
        name = request.query_params.get("format", "") or NDJSON.name
        if name not in FORMS:
            raise FilterError("format", f"must be one of {', '.join(FORMS)}")
        reader = request.user if isinstance(request.user, User) else None
        return export(request._request, reader, FORMS[name])
