"""The audit log, for admins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from feeds.api.auth import caller_of
from feeds.api.native import paging, shapes
from feeds.api.resource import Resource
from feeds.filters import FilterError
from feeds.models import AuditEntry, Role


class AuditShape(serializers.Serializer[Any]):
    """A change."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    user = serializers.CharField(
        allow_null=True, help_text="Its user name; null of one who is gone, and of commands."
    )
    who = serializers.CharField(help_text="As the user was called then.")
    via = serializers.CharField(help_text="`pages`, `password`, or the token that came.")
    address = serializers.CharField(help_text="IP; empty for what happened on the server.")
    kind = serializers.ChoiceField(AuditEntry.Kind.choices)
    verb = serializers.ChoiceField(AuditEntry.Verb.choices)
    subject = serializers.CharField(help_text="As it was called then.")
    key = serializers.CharField(help_text="Its slug, uuid or number.")
    changes: Any = inline_serializer(
        "AuditChange",
        {
            "field": serializers.CharField(),
            "old": serializers.CharField(help_text="In words, without secrets."),
            "new": serializers.CharField(),
        },
        many=True,
    )


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """Write an entry for programs."""
    names = ("id", "at", "who", "via", "address", "kind", "verb", "subject", "key")
    changes = [{"field": name, "old": old, "new": new} for name, old, new in entry.changes]
    user = entry.user.username if entry.user else None
    return {**{name: getattr(entry, name) for name in names}, "user": user, "changes": changes}


class Audit(Resource):
    """Who changed what."""

    members_only = True
    parameters = (*paging.PARAMETERS, "q", "kind", "verb", "since", "until")

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if caller_of(request).role != Role.ADMIN:
            raise PermissionDenied("only admins see the audit log")

    @extend_schema(
        summary="List changes",
        description="Newest first. Only admins see it, and nobody changes it. `q` finds a part of "
        "what was changed or of who changed it.",
        parameters=[
            shapes.SEARCH,
            OpenApiParameter("kind", enum=AuditEntry.Kind.values),
            OpenApiParameter("verb", enum=AuditEntry.Verb.values),
            OpenApiParameter("since", OpenApiTypes.DATETIME, description="From this moment on."),
            OpenApiParameter("until", OpenApiTypes.DATETIME, description="Before this moment."),
            *shapes.PAGING,
        ],
        responses=shapes.page_of(AuditShape),
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the log."""
        rows = AuditEntry.objects.select_related("user").about(paging.words(request))
        for name, known in (("kind", AuditEntry.Kind.values), ("verb", AuditEntry.Verb.values)):
            if value := request.query_params.get(name, ""):
                if value not in known:
                    raise FilterError(name, f"must be one of {', '.join(known)}")
                rows = rows.filter(**{name: value})
        for name, comparison in (("since", "at__gte"), ("until", "at__lt")):
            if text := request.query_params.get(name, ""):
                rows = rows.filter(**{comparison: _moment(name, text)})
        return paging.listing(request, rows, entry_json)


def _moment(name: str, text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1 < found.year < 9999:
        raise FilterError(name, "must be a date and time with a time zone, as RFC 3339 writes it")
    return found
