"""Who the caller is, and what it needs to know of this site."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiExample, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import caller_of
from feeds.api.native.fields import Flag, Strict, Text, read
from feeds.api.native.paging import PAGE_LIMIT
from feeds.api.native.tokens import TokenShape, token_json
from feeds.api.resource import EVERYBODY, Resource
from feeds.models import (
    PREFERENCES,
    ZONE_LENGTH,
    ApiToken,
    Density,
    Role,
    Theme,
    Times,
    User,
    check_zone,
)


class PreferenceFields(Strict):
    """How the caller wants to read the pages."""

    theme = serializers.ChoiceField(Theme.choices, required=False)
    density = serializers.ChoiceField(Density.choices, required=False)
    time_zone = Text(
        required=False,
        max_length=ZONE_LENGTH,
        help_text="A name of the tz database: Europe/Berlin.",
    )
    times = serializers.ChoiceField(Times.choices, required=False)
    collapse = Flag(required=False, help_text="Adjacent repeats become one row.")
    shortcuts = Flag(required=False, help_text="Shortcuts of a single letter.")

    def validate_time_zone(self, name: str) -> str:
        """Want a zone that is known here."""
        try:
            check_zone(name)
        except ValidationError as error:
            raise serializers.ValidationError(error.message) from None
        return name


class PreferencesShape(serializers.Serializer[Any]):
    """How the caller reads the pages; the API itself stays with UTC."""

    theme = serializers.ChoiceField(Theme.choices)
    density = serializers.ChoiceField(Density.choices)
    time_zone = serializers.CharField()
    times = serializers.ChoiceField(Times.choices)
    collapse = serializers.BooleanField()
    shortcuts = serializers.BooleanField()


class MeFields(Strict):
    """What callers may change of themselves."""

    preferences = PreferenceFields()


class MeShape(serializers.Serializer[Any]):
    """The caller."""

    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    role = serializers.ChoiceField(Role.choices, help_text="What this request may do.")
    preferences = PreferencesShape()
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


EXAMPLE = OpenApiExample(
    "Dark, in Berlin",
    request_only=True,
    value={"preferences": {"theme": "dark", "time_zone": "Europe/Berlin"}},
)


class Me(Resource):
    """The caller."""

    members_only = True
    write_roles = EVERYBODY

    @extend_schema(summary="Who am I", responses=MeShape)
    def get(self, request: Request) -> Response:
        """Answer who the caller is."""
        return Response(_me(request))

    @extend_schema(
        summary="Change how the pages look to me",
        description="What is not named stays as it is.",
        request=MeFields,
        responses=MeShape,
        examples=[EXAMPLE],
    )
    def patch(self, request: Request) -> Response:
        """Keep preferences."""
        wishes = read(MeFields, request.data)["preferences"]
        actions.prefer(caller_of(request).user, wishes)
        return Response(_me(request))


def _me(request: Request) -> dict[str, Any]:
    caller = caller_of(request)
    tokens = ApiToken.objects.select_related("user")
    token = tokens.filter(pk=caller.token_id).first() if caller.token_id else None
    user = User.objects.get(pk=caller.user.pk)  # a token brings no preferences
    return {
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "role": caller.role.value,
        "preferences": {name: getattr(user, name) for name in PREFERENCES},
        "token": token and token_json(token),
    }


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
                    "requests_a_minute": actions.rate_limit(),
                    "event_bytes": settings.EVENT_BODY_LIMIT,
                    "bulk_bytes": settings.BULK_BODY_LIMIT,
                    "bulk_events": settings.BULK_EVENT_LIMIT,
                    "page_rows": PAGE_LIMIT,
                    "sources_a_component": settings.SOURCES_PER_COMPONENT,
                    "retention_days": actions.retention().days,
                },
            }
        )
