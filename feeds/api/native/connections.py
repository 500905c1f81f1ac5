"""Connections to upstreams, for admins; their secret goes in and never comes out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import caller_of
from feeds.api.native import paging, shapes
from feeds.api.native.fields import Flag, Strict, Text, read
from feeds.api.once import once
from feeds.api.resource import Resource
from feeds.connectionforms import ADDRESS_LENGTH, FASTEST, FORMS, SECRET_LENGTH, ConnectionForm
from feeds.models import KEY_LENGTH, Connection, Role


class Whole(serializers.IntegerField):
    """A whole number; "5" and true are none."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            raise serializers.ValidationError("must be a whole number")
        return super().to_internal_value(data)


class ConnectionChange(Strict):
    """What may change of a connection; what is left out stays."""

    name = Text(max_length=100, help_text="For people.")
    base_url = Text(
        max_length=ADDRESS_LENGTH,
        help_text="Begins with https://; to another host only with the secret.",
    )
    account = Text(
        required=False, allow_blank=True, max_length=KEY_LENGTH, help_text="An e-mail or user name."
    )
    cloud_id = Text(
        required=False, allow_blank=True, max_length=64, help_text="Found by a test if left out."
    )
    company_key = Text(required=False, allow_blank=True, max_length=64, help_text="Of TeamHub.")
    secret = Text(
        required=False,
        max_length=SECRET_LENGTH,
        trim_whitespace=False,
        write_only=True,
        help_text="A token, a password, an account key. Never shown again.",
    )
    per_minute = Whole(
        required=False,
        min_value=0,
        max_value=FASTEST,
        help_text="Requests a minute; 0 is no limit. Left out, what the vendor documents.",
    )
    pulls = Flag(required=False, help_text="Whether events are read from it: TeamHub only.")


class NewConnection(ConnectionChange):
    """A new connection. Each dialect wants some of the fields and has no use for others."""

    dialect = serializers.ChoiceField(Connection.Dialect.choices, help_text="What it speaks.")
    secret = Text(
        max_length=SECRET_LENGTH,
        trim_whitespace=False,
        write_only=True,
        help_text="A token, a password, an account key. Never shown again.",
    )


class ConnectionShape(serializers.Serializer[Any]):
    """An upstream, and who we are there."""

    uuid = serializers.UUIDField()
    name = serializers.CharField()
    dialect = serializers.ChoiceField(Connection.Dialect.choices)
    base_url = serializers.CharField()
    account = serializers.CharField()
    cloud_id = serializers.CharField()
    company_key = serializers.CharField()
    per_minute = serializers.IntegerField(help_text="Requests; 0 is no limit.")
    pulls = serializers.BooleanField(help_text="Whether events are read from it.")
    pulled_at = serializers.DateTimeField(allow_null=True, help_text="When that last went well.")
    pull_failures = serializers.IntegerField(help_text="In a row.")
    pull_error = serializers.CharField()
    paused_at = serializers.DateTimeField(allow_null=True, help_text="Since when letters wait.")
    pause_reason = serializers.CharField()
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="No letter has got through since."
    )
    created_at = serializers.DateTimeField()


class Finding(serializers.Serializer[Any]):
    """What a test of a connection found."""

    ok = serializers.BooleanField()
    fault = serializers.CharField(help_text="What exactly is wrong; empty if nothing is.")
    cloud_id = serializers.CharField(help_text="The connection's, if it was found.")


EXAMPLE = OpenApiExample(
    "A site of Compass",
    request_only=True,
    value={
        "name": "Prod site",
        "dialect": "compass",
        "base_url": "https://your-team.atlassian.net",
        "account": "ci@example.com",
        "secret": "your-api-token",
    },
)


def connection_json(connection: Connection) -> dict[str, Any]:
    """Write a connection, one of rows(), for programs; the secret is not in it."""
    names = (
        "uuid", "name", "dialect", "base_url", "account", "cloud_id", "company_key", "pulled_at",
        "pull_failures", "pull_error", "paused_at", "pause_reason", "failing_since", "created_at",
    )  # fmt: skip
    return {
        **{name: getattr(connection, name) for name in names},
        "per_minute": connection.budget.per_minute,
        "pulls": connection.pull_at is not None,
    }


def rows() -> QuerySet[Connection]:
    """Return the connections, with what connection_json() needs."""
    return Connection.objects.select_related("budget")


def checked(form: ConnectionForm, given: dict[str, Any]) -> dict[str, Any]:
    """Return what FORM makes of its data; raises ValidationError with every fault.

    GIVEN is what was sent: a field that this dialect has no use for is refused, and not dropped.
    """
    faults = {
        name: [f"a connection of the dialect {form.dialect} has no such field"]
        for name, value in given.items()
        if value and name not in form.fields
    }
    form.is_valid()
    faults |= {name: [str(each) for each in found] for name, found in form.errors.items()}
    if faults:
        raise serializers.ValidationError(faults)
    return form.values


class ForAdmins(Resource):
    """What only admins may even see."""

    members_only = True

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if caller_of(request).role != Role.ADMIN:
            raise PermissionDenied("only admins see connections")


class Connections(ForAdmins):
    """All connections."""

    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List connections",
        description="By name. Only admins see them; nobody sees their secrets.",
        parameters=shapes.PAGING,
        responses=shapes.page_of(ConnectionShape),
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the connections."""
        return paging.listing(request, rows(), connection_json, by="name")

    @extend_schema(
        summary="Create a connection",
        description="Test it next: a test finds the cloudId of a Compass site.",
        request=NewConnection,
        responses={201: ConnectionShape},
        examples=[EXAMPLE],
    )
    @once
    def post(self, request: Request) -> Response:
        """Make a connection."""
        fields = read(NewConnection, request.data)
        dialect = fields.pop("dialect")
        values = checked(FORMS[dialect](fields), fields)
        made = actions.create_connection(dialect=dialect, user=caller_of(request).user, **values)
        return Response(connection_json(rows().get(pk=made.pk)), status=201)


class OneConnection(ForAdmins):
    """One connection."""

    @extend_schema(summary="Read a connection", responses=ConnectionShape)
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer one connection."""
        return Response(connection_json(get_object_or_404(rows(), uuid=identity)))

    @extend_schema(
        summary="Change a connection",
        description="A secret takes the place of the one it has. Letters that wait go to the new "
        "address, as the new account.",
        request=ConnectionChange,
        responses=ConnectionShape,
    )
    def patch(self, request: Request, identity: UUID) -> Response:
        """Change a connection."""
        connection = get_object_or_404(rows(), uuid=identity)
        given = read(ConnectionChange, request.data, partial=True)
        form = FORMS[connection.dialect]
        initial = form(connection=connection).initial
        values = checked(form({**initial, **given}, connection=connection), given)
        actions.change_connection(connection, **values)
        return Response(connection_json(get_object_or_404(rows(), uuid=identity)))

    @extend_schema(
        summary="Delete a connection",
        description="Its letters go with it, those too that wait; what was sent stays there.",
        responses={204: None},
    )
    def delete(self, request: Request, identity: UUID) -> Response:
        """Delete a connection."""
        actions.delete_connection(get_object_or_404(rows(), uuid=identity))
        return Response(status=204)


class ConnectionTest(ForAdmins):
    """A test of a connection."""

    @extend_schema(
        summary="Test a connection",
        description="Asks the upstream who we are there, and changes nothing there. Ids that it "
        "tells, such as the cloudId, are kept.",
        request=None,
        responses=Finding,
    )
    def post(self, request: Request, identity: UUID) -> Response:
        """Test a connection."""
        connection = get_object_or_404(rows(), uuid=identity)
        fault = actions.test_connection(connection).fault
        found = {"ok": not fault, "fault": fault, "cloud_id": connection.cloud_id}
        return Response(found)


class ConnectionPause(ForAdmins):
    """The pause of a connection."""

    @extend_schema(
        summary="Pause a connection",
        description="Its letters wait until it is resumed. Twice is as good as once.",
        request=None,
        responses=ConnectionShape,
    )
    def post(self, request: Request, identity: UUID) -> Response:
        """Pause a connection."""
        actions.pause(get_object_or_404(rows(), uuid=identity), by=caller_of(request).user)
        return Response(connection_json(get_object_or_404(rows(), uuid=identity)))


class ConnectionResume(ForAdmins):
    """The end of a pause."""

    @extend_schema(
        summary="Resume a connection",
        description="Its letters go again. Twice is as good as once.",
        request=None,
        responses=ConnectionShape,
    )
    def post(self, request: Request, identity: UUID) -> Response:
        """Resume a connection."""
        actions.resume(get_object_or_404(rows(), uuid=identity))
        return Response(connection_json(get_object_or_404(rows(), uuid=identity)))
