"""Webhooks of code hosts and what they delivered, for admins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import caller_of
from feeds.api.native import paging, shapes
from feeds.api.native.fields import Strict, Text, read
from feeds.api.once import once
from feeds.api.resource import Resource
from feeds.dialects.registry import WEBHOOKS
from feeds.models import HookDelivery, Role, Webhook


class WebhookFields(Strict):
    """A new webhook."""

    name = Text(max_length=100, help_text="What it brings: the organisation, the group.")
    dialect = serializers.ChoiceField(list(WEBHOOKS), help_text="Who calls it.")
    component = Text(
        required=False, help_text="Where all that it brings shows: a slug, a uuid or an ARI."
    )


class WebhookShape(serializers.Serializer[Any]):
    """An address that a code host calls."""

    uuid = serializers.UUIDField()
    name = serializers.CharField()
    dialect = serializers.ChoiceField(list(WEBHOOKS))
    address = serializers.URLField(help_text="What to enter at the code host.")
    component = serializers.CharField(allow_null=True, help_text="Its slug.")
    user = serializers.CharField(help_text="Who made it, and in whose name it sends.")
    created_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewWebhookShape(WebhookShape):
    """A webhook with its secret, this once."""

    secret = serializers.CharField(help_text="Never shown again.")


class DeliveryShape(serializers.Serializer[Any]):
    """One call of a webhook, and what became of it."""

    delivery_id = serializers.CharField(help_text="As the code host calls it.")
    event = serializers.CharField()
    status = serializers.IntegerField(help_text="What it was answered with.")
    outcome = serializers.ChoiceField(HookDelivery.Outcome.choices)
    reason = serializers.CharField()
    activity = serializers.UUIDField(allow_null=True, help_text="What it made or changed.")
    body = serializers.CharField(help_text="Cut at 10,000 characters.")
    received_at = serializers.DateTimeField()


def webhook_json(webhook: Webhook) -> dict[str, Any]:
    """Write a webhook, one of rows(), for programs."""
    names = ("uuid", "name", "dialect", "created_at", "revoked_at")
    return {
        **{name: getattr(webhook, name) for name in names},
        "address": settings.SITE_URL + reverse("hook", args=[webhook.token]),
        "component": webhook.component and webhook.component.slug,
        "user": webhook.user.username,
    }


def delivery_json(delivery: HookDelivery) -> dict[str, Any]:
    """Write a delivery for programs."""
    names = ("delivery_id", "event", "status", "outcome", "reason", "activity", "body")
    return {
        **{name: getattr(delivery, name) for name in names},
        "received_at": delivery.received_at,
    }


def rows() -> QuerySet[Webhook]:
    """Return the webhooks, with what webhook_json() needs."""
    return Webhook.objects.select_related("component", "user")


class ForAdmins(Resource):
    """What only admins may even see: who knows an address may fill its log."""

    members_only = True

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if caller_of(request).role != Role.ADMIN:
            raise PermissionDenied("only admins see webhooks")


class Webhooks(ForAdmins):
    """All webhooks."""

    shows_secret = True
    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List webhooks",
        description="By name. Only admins see them.",
        parameters=shapes.PAGING,
        responses=shapes.page_of(WebhookShape),
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the webhooks."""
        return paging.listing(request, rows(), webhook_json, by="name")

    @extend_schema(
        summary="Create a webhook",
        description="The secret is shown this once: enter it at the code host, with the address.",
        request=WebhookFields,
        responses={201: NewWebhookShape},
    )
    @once
    def post(self, request: Request) -> Response:
        """Make a webhook."""
        fields = read(WebhookFields, request.data)
        named = fields.pop("component", None)
        component = actions.find_component(named) if named else None
        webhook, secret = actions.create_webhook(
            **fields, user=caller_of(request).user, component=component
        )
        return Response({**webhook_json(webhook), "secret": secret}, status=201)


class OneWebhook(ForAdmins):
    """One webhook."""

    @extend_schema(summary="Read a webhook", responses=WebhookShape)
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer one webhook."""
        return Response(webhook_json(get_object_or_404(rows(), uuid=identity)))

    @extend_schema(
        summary="Delete a webhook",
        description="Its log goes with it; the events that it brought stay.",
        responses={204: None},
    )
    def delete(self, request: Request, identity: UUID) -> Response:
        """Delete a webhook."""
        actions.delete_webhook(get_object_or_404(rows(), uuid=identity))
        return Response(status=204)


class WebhookDeliveries(ForAdmins):
    """What a webhook delivered."""

    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List the deliveries of a webhook",
        description="The last 100 calls, newest first.",
        parameters=shapes.PAGING,
        responses=shapes.page_of(DeliveryShape),
    )
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer the log of a webhook."""
        webhook = get_object_or_404(rows(), uuid=identity)
        return paging.listing(request, webhook.deliveries.all(), delivery_json)


class WebhookSecret(ForAdmins):
    """The secret of a webhook."""

    shows_secret = True

    @extend_schema(
        summary="Give a webhook a new secret",
        description="It is shown this once; calls signed with the one before are refused.",
        request=None,
        responses={201: NewWebhookShape},
    )
    @once
    def post(self, request: Request, identity: UUID) -> Response:
        """Make another secret."""
        webhook = get_object_or_404(rows(), uuid=identity)
        secret = actions.rotate_secret(webhook)
        return Response({**webhook_json(webhook), "secret": secret}, status=201)


class WebhookRevocation(ForAdmins):
    """The end of a webhook."""

    @extend_schema(
        summary="Revoke a webhook",
        description="Its address answers 404 from now on; its log stays. Twice is as good as once.",
        request=None,
        responses=WebhookShape,
    )
    def post(self, request: Request, identity: UUID) -> Response:
        """End a webhook."""
        actions.revoke_webhook(get_object_or_404(rows(), uuid=identity))
        return Response(webhook_json(rows().get(uuid=identity)))
