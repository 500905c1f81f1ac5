"""Letters of the outbox, and what became of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import caller_of
from feeds.api.native import paging, shapes
from feeds.api.resource import WRITERS, Resource
from feeds.envelopes import envelope_of
from feeds.filters import FilterError
from feeds.models import Attempt, Connection, Delivery

ATTEMPTS_SHOWN = 100
FILTERS = [
    OpenApiParameter("state", str, enum=Delivery.State.values, description="How far they came."),
    OpenApiParameter(
        "connection", {"type": "string", "format": "uuid"}, description="Where they go."
    ),
]


class LetterShape(serializers.Serializer[Any]):
    """One letter to one connection."""

    uuid = serializers.UUIDField()
    state = serializers.ChoiceField(Delivery.State.choices)
    verb = serializers.ChoiceField(Delivery.Verb.choices)
    title = serializers.CharField(help_text="What it is about.")
    connection = inline_serializer(
        "DeliveryConnection", {"uuid": serializers.UUIDField(), "name": serializers.CharField()}
    )
    activity = serializers.UUIDField(allow_null=True, help_text="Null once that is deleted here.")
    author = serializers.CharField(allow_null=True, help_text="Who sent it.")
    wire = serializers.CharField(help_text="The dialect of the document.")
    tries = serializers.IntegerField(help_text="Spent of the retry budget.")
    uncertain = serializers.BooleanField(
        help_text="Whether an attempt had no end that we know of: it may have arrived."
    )
    next_try_at = serializers.DateTimeField(allow_null=True)
    status = serializers.IntegerField(allow_null=True, help_text="Of the last answer.")
    reason = serializers.CharField(help_text="Of the last failure.")
    receipt = serializers.CharField(help_text="What the upstream called the event.")
    confirm_at = serializers.DateTimeField(allow_null=True, help_text="When it is read back.")
    created_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


class AttemptShape(serializers.Serializer[Any]):
    """One request for a letter."""

    sort = serializers.ChoiceField(Attempt.Sort.choices)
    started_at = serializers.DateTimeField()
    seconds = serializers.FloatField(allow_null=True, help_text="Null while it is on its way.")
    method = serializers.CharField()
    url = serializers.CharField()
    status = serializers.IntegerField(allow_null=True, help_text="Null: there was no answer.")
    error = serializers.CharField()
    response = serializers.CharField(help_text="Cut at 20,000 characters.")


class WholeLetter(LetterShape):
    """A letter with its request and its attempts."""

    request: Any = inline_serializer(
        "SealedRequest",
        {
            "method": serializers.CharField(),
            "url": serializers.CharField(),
            "headers": serializers.DictField(child=serializers.CharField()),
            "body": serializers.JSONField(allow_null=True),
        },
        help_text="As it goes, with the credentials masked.",
    )
    attempts = AttemptShape(many=True, help_text="The newest 100, the newest first.")


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """Write a letter, one of rows(), for programs."""
    names = (
        "uuid", "state", "verb", "title", "wire", "tries", "uncertain", "next_try_at", "status",
        "reason", "receipt", "confirm_at", "created_at", "settled_at",
    )  # fmt: skip
    connection = delivery.connection
    return {
        **{name: getattr(delivery, name) for name in names},
        "connection": {"uuid": connection.uuid, "name": connection.name},
        "activity": getattr(delivery, "about", None),
        "author": delivery.author and delivery.author.username,
    }


def whole_json(delivery: Delivery) -> dict[str, Any]:
    """Write a letter with its request and its attempts."""
    attempts = delivery.attempts.all()[:ATTEMPTS_SHOWN]
    request = vars(envelope_of(delivery))
    return {
        **delivery_json(delivery),
        "request": request,
        "attempts": [attempt_json(each) for each in attempts],
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """Write an attempt for programs."""
    names = ("sort", "started_at", "seconds", "method", "url", "status", "error", "response")
    return {name: getattr(attempt, name) for name in names}


def rows() -> QuerySet[Delivery]:
    """Return the letters, with what delivery_json() needs."""
    return Delivery.objects.select_related("connection", "author").annotate(
        about=F("activity__uuid")
    )


class Deliveries(Resource):
    """All letters."""

    members_only = True
    parameters = ("state", "connection", *paging.PARAMETERS)

    @extend_schema(
        summary="List deliveries",
        description="Newest first.",
        parameters=[*FILTERS, *shapes.PAGING],
        responses=shapes.page_of(LetterShape),
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the letters."""
        found = rows().defer("body", "headers")
        if state := request.query_params.get("state"):
            if state not in Delivery.State.values:
                raise FilterError("state", f"is not one of {', '.join(Delivery.State.values)}")
            found = found.filter(state=state)
        if asked := request.query_params.get("connection"):
            found = found.filter(connection=_connection(asked))
        return paging.listing(request, found, delivery_json)


def _connection(text: str) -> Connection:
    try:
        return Connection.objects.get(uuid=UUID(text))
    except (ValueError, Connection.DoesNotExist):
        raise FilterError("connection", "is not the uuid of a connection") from None


class OneDelivery(Resource):
    """One letter."""

    members_only = True

    @extend_schema(
        summary="Read a delivery",
        description="With its request, the credentials masked, and its attempts.",
        responses=WholeLetter,
    )
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer one letter."""
        return Response(whole_json(get_object_or_404(rows(), uuid=identity)))


class DeliveryRetry(Resource):
    """Another try of a letter."""

    members_only = True
    write_roles = WRITERS

    @extend_schema(
        summary="Retry a delivery",
        description="Sends a letter that ended, or retries, now and with a fresh retry budget. "
        "Only who sent it, and admins.",
        request=None,
        responses=LetterShape,
    )
    def post(self, request: Request, identity: UUID) -> Response:
        """Send a letter again."""
        caller, found = caller_of(request), get_object_or_404(rows(), uuid=identity)
        actions.retry_delivery(found, by=caller.user, role=caller.role)
        return Response(delivery_json(get_object_or_404(rows(), uuid=identity)))


class DeliveryCancel(Resource):
    """The end of a letter that waits."""

    members_only = True
    write_roles = WRITERS

    @extend_schema(
        summary="Cancel a delivery",
        description="Takes a letter that has not gone yet out of its queue. Only who sent it, and "
        "admins.",
        request=None,
        responses=LetterShape,
    )
    def post(self, request: Request, identity: UUID) -> Response:
        """Cancel a letter."""
        caller, found = caller_of(request), get_object_or_404(rows(), uuid=identity)
        actions.cancel_delivery(found, by=caller.user, role=caller.role)
        return Response(delivery_json(get_object_or_404(rows(), uuid=identity)))
