"""Who the caller is, and what it needs to know of this site."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import caller_of
from feeds.api.native.paging import PAGE_LIMIT
from feeds.api.native.tokens import TokenShape, token_json
from feeds.api.resource import Resource
from feeds.models import ApiToken, Role


class MeShape(serializers.Serializer[Any]):
    """The caller."""

    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    role = serializers.ChoiceField(Role.choices, help_text="What this request may do.")
    token = TokenShape(allow_null=True, help_text="The token that came, if one did.")


class SiteShape(serializers.Serializer[Any]):
    """What senders need to know."""

    url = serializers.CharField()
    cloud_id = serializers.CharField(help_text="For the wires of Compass.")
    workspace_id = serializers.UUIDField()
    company_key = serializers.CharField(help_text="For the wires of TeamHub.")
    limits = inline_serializer(
        "Limits",
        {
            "requests_a_minute": serializers.IntegerField(help_text="Writing ones; 0 is no limit."),
            "event_bytes": serializers.IntegerField(),
            "bulk_bytes": serializers.IntegerField(),
            "bulk_events": serializers.IntegerField(),
            "page_rows": serializers.IntegerField(),
            "sources_a_component": serializers.IntegerField(),
            "retention_days": serializers.IntegerField(),
        },
    )


class Me(Resource):
    """The caller."""

    members_only = True

    @extend_schema(summary="Who am I", responses=MeShape)
    def get(self, request: Request) -> Response:
        """Answer who the caller is."""
        caller = caller_of(request)
        user = caller.user
        tokens = ApiToken.objects.select_related("user")
        token = tokens.filter(pk=caller.token_id).first() if caller.token_id else None
        return Response(
            {
                "username": user.username,
                "name": user.name,
                "email": user.email,
                "role": caller.role.value,
                "token": token and token_json(token),
            }
        )


class Site(Resource):
    """This installation."""

    members_only = True

    @extend_schema(summary="What is this site", responses=SiteShape)
    def get(self, request: Request) -> Response:
        """Answer the ids and the limits of this site."""
        site = actions.site()
        return Response(
            {
                "url": settings.SITE_URL,
                "cloud_id": actions.cloud_id(),
                "workspace_id": site.workspace_id,
                "company_key": site.company_key,
                "limits": {
                    "requests_a_minute": settings.RATE_LIMIT,
                    "event_bytes": settings.EVENT_BODY_LIMIT,
                    "bulk_bytes": settings.BULK_BODY_LIMIT,
                    "bulk_events": settings.BULK_EVENT_LIMIT,
                    "page_rows": PAGE_LIMIT,
                    "sources_a_component": settings.SOURCES_PER_COMPONENT,
                    "retention_days": settings.RETENTION.days,
                },
            }
        )
