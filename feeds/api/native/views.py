"""Saved views: names for what a feed is asked for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import caller_of
from feeds.api.native import paging, shapes
from feeds.api.native.fields import Flag, Strict, Text, read
from feeds.api.once import once
from feeds.api.resource import EVERYBODY, Resource
from feeds.filters import FilterError, view_query
from feeds.models import SavedView


class ViewFields(Strict):
    """A saved view."""

    name = Text(max_length=100)
    query = Text(
        required=False,
        allow_blank=True,
        max_length=4000,
        help_text="The parameters of the feed: `type=build&state=failed`.",
    )
    shared = Flag(required=False, help_text="Everybody sees it; only its owner changes it.")
    starred = Flag(required=False, help_text="It stands first, for the caller alone.")
    default = Flag(
        required=False, help_text="The feed opens with it, for the caller alone; one view does."
    )

    def validate_query(self, query: str) -> str:
        """Want what the feed can read."""
        try:
            return view_query(query)
        except FilterError as error:
            raise serializers.ValidationError(str(error)) from None


class ViewShape(serializers.Serializer[Any]):
    """A name for the parameters of a feed."""

    uuid = serializers.UUIDField()
    name = serializers.CharField()
    query = serializers.CharField()
    shared = serializers.BooleanField()
    starred = serializers.BooleanField(help_text="By the caller.")
    default = serializers.BooleanField(help_text="Whether the caller's feed opens with it.")
    user = serializers.CharField(help_text="The user name of its owner.")
    created_at = serializers.DateTimeField()


EXAMPLE = OpenApiExample(
    "Failed builds",
    request_only=True,
    value={"name": "Failed builds", "query": "type=build&state=failed", "shared": True},
)


def view_json(view: SavedView) -> dict[str, Any]:
    """Write a saved view for programs."""
    names = ("uuid", "name", "query", "shared", "starred", "created_at")
    shown = {name: getattr(view, name) for name in names}
    return {**shown, "default": view.is_default, "user": view.user.username}


def seen_by(request: Request) -> QuerySet[SavedView]:
    """Return the views that the caller may see."""
    return SavedView.objects.seen_by(caller_of(request).user)


def _marks(fields: dict[str, Any]) -> dict[str, bool]:
    """Take out of FIELDS what is the caller's own, whoever owns the view."""
    return {name: fields.pop(name) for name in ("starred", "default") if name in fields}


class Views(Resource):
    """One's own views, and the shared ones."""

    members_only = True
    write_roles = EVERYBODY
    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List saved views",
        description="One's own, and the shared ones of others, by name.",
        parameters=shapes.PAGING,
        responses=shapes.page_of(ViewShape),
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the views."""
        return paging.listing(request, seen_by(request), view_json, by="name")

    @extend_schema(
        summary="Save a view",
        request=ViewFields,
        responses={201: ViewShape},
        examples=[EXAMPLE],
    )
    @once
    def post(self, request: Request) -> Response:
        """Save a view."""
        fields = read(ViewFields, request.data)
        marks = _marks(fields)
        user = caller_of(request).user
        with transaction.atomic():
            view = actions.save_view(user, **fields)
            actions.mark_view(view, by=user, **marks)
        return Response(view_json(seen_by(request).get(pk=view.pk)), status=201)


class OneView(Resource):
    """One saved view."""

    members_only = True
    write_roles = EVERYBODY

    @extend_schema(summary="Read a saved view", responses=ViewShape)
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer one view."""
        return Response(view_json(get_object_or_404(seen_by(request), uuid=identity)))

    @extend_schema(
        summary="Change a saved view",
        description="Only its owner may change it; `starred` and `default` are everybody's own.",
        request=ViewFields,
        responses=ViewShape,
    )
    def patch(self, request: Request, identity: UUID) -> Response:
        """Change a view."""
        user = caller_of(request).user
        view = get_object_or_404(seen_by(request), uuid=identity)
        fields = read(ViewFields, request.data, partial=True)
        marks = _marks(fields)
        with transaction.atomic():
            if fields or not marks:
                actions.change_view(view, fields, by=user)
            actions.mark_view(view, by=user, **marks)
        return Response(view_json(get_object_or_404(seen_by(request), uuid=identity)))

    @extend_schema(
        summary="Delete a saved view", description="Only its owner may.", responses={204: None}
    )
    def delete(self, request: Request, identity: UUID) -> Response:
        """Delete a view."""
        caller = caller_of(request)
        view = get_object_or_404(seen_by(request), uuid=identity)
        actions.delete_view(view, by=caller.user)
        return Response(status=204)
