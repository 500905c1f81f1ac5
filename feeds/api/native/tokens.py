"""Tokens: one's own, and to admins all."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import Caller, caller_of
from feeds.api.native import paging, shapes
from feeds.api.native.fields import Strict, Text, read
from feeds.api.native.sources import RefusalShape, refusal_json
from feeds.api.once import once
from feeds.api.resource import EVERYBODY, Resource
from feeds.models import ApiToken, Role

MINE_OR_ALL = "One's own, and to admins all."


class TokenFields(Strict):
    """A new token."""

    name = Text(max_length=100, help_text="What will use it.")
    role = serializers.ChoiceField(Role.choices, help_text="At most that of the caller.")


class TokenShape(serializers.Serializer[Any]):
    """A token, without its secret."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    user = serializers.CharField(help_text="The user name of its owner.")
    role = serializers.ChoiceField(Role.choices)
    prefix = serializers.CharField(help_text="How its secret begins.")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewTokenShape(TokenShape):
    """A token with its secret, this once."""

    secret = serializers.CharField(help_text="Never shown again.")


def token_json(token: ApiToken) -> dict[str, Any]:
    """Write a token for programs."""
    names = ("id", "name", "role", "prefix", "created_at", "last_used_at", "revoked_at")
    return {**{name: getattr(token, name) for name in names}, "user": token.user.username}


def seen_by(caller: Caller) -> QuerySet[ApiToken]:
    """Return the tokens that CALLER may see."""
    rows = ApiToken.objects.select_related("user")
    return rows if caller.role == Role.ADMIN else rows.filter(user_id=caller.user.pk)


class Tokens(Resource):
    """The tokens that one may see."""

    members_only = True
    write_roles = EVERYBODY
    shows_secret = True
    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List tokens",
        description=f"{MINE_OR_ALL} Newest first.",
        parameters=shapes.PAGING,
        responses=shapes.page_of(TokenShape),
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the tokens."""
        return paging.listing(request, seen_by(caller_of(request)), token_json)

    @extend_schema(
        summary="Create a token",
        description="The secret is shown this once and kept nowhere: with an Idempotency-Key, a "
        "second request is answered 409, and makes no second token.",
        request=TokenFields,
        responses={201: NewTokenShape},
    )
    @once
    def post(self, request: Request) -> Response:
        """Make a token."""
        caller = caller_of(request)
        fields = read(TokenFields, request.data)
        role = Role(fields["role"])
        if role not in caller.role.up_to:
            raise PermissionDenied(f"role: a {caller.role} makes no token of a {role}")
        token, secret = actions.issue_token(caller.user, role=role, name=fields["name"])
        return Response({**token_json(token), "secret": secret}, status=201)


class OneToken(Resource):
    """One token."""

    members_only = True
    write_roles = EVERYBODY

    @extend_schema(summary="Read a token", description=MINE_OR_ALL, responses=TokenShape)
    def get(self, request: Request, pk: int) -> Response:
        """Answer one token."""
        return Response(token_json(get_object_or_404(seen_by(caller_of(request)), pk=pk)))

    @extend_schema(
        summary="Revoke a token",
        description="It lets nobody in from now on, and stays in the list. A token revokes none "
        "that may do more than itself.",
        responses={204: None},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """End a token."""
        caller = caller_of(request)
        token = get_object_or_404(seen_by(caller), pk=pk)
        if Role(token.role) not in caller.role.up_to:
            raise PermissionDenied(f"a {caller.role} revokes no token of a {token.role}")
        actions.revoke_token(token)
        return Response(status=204)


class TokenRefusals(Resource):
    """Bodies that came with a token and changed nothing."""

    members_only = True
    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List what was refused of a token",
        description="The last 100 bodies that were refused.",
        parameters=shapes.PAGING,
        responses=shapes.page_of(RefusalShape),
    )
    def get(self, request: Request, pk: int) -> Response:
        """Answer the log of a token."""
        token = get_object_or_404(seen_by(caller_of(request)), pk=pk)
        return paging.listing(request, token.refusals.all(), refusal_json)
