"""Webhooks that others call, and what they delivered."""

from __future__ import annotations

import secrets
import uuid

from django.db import models

from feeds.models.catalogue import Component
from feeds.models.people import User


def _new_token() -> str:
    return secrets.token_urlsafe(24)


class Webhook(models.Model):
    """An address that a code host calls: /hooks/{token}/, with a secret that signs the calls."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    dialect = models.CharField(max_length=16)  # who calls: a name in registry.WEBHOOKS
    token = models.CharField(max_length=40, unique=True, default=_new_token, editable=False)
    sealed_secret = models.TextField(editable=False)  # vault.seal(); never shown again
    # where its sources are attached; null: nowhere by itself
    component = models.ForeignKey(
        Component, on_delete=models.SET_NULL, null=True, blank=True, related_name="webhooks"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="webhooks")  # who made it
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the path of the webhook's page."""
        return f"/settings/webhooks/{self.uuid}/"


class HookDelivery(models.Model):
    """One call of a webhook, and what became of it."""

    class Outcome(models.TextChoices):
        """What became of the call."""

        CREATED = "created", "Created"
        UPDATED = "updated", "Updated"
        STALE = "stale", "Stale"
        IGNORED = "ignored", "Ignored"
        REFUSED = "refused", "Refused"

    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    delivery_id = models.CharField(max_length=100, blank=True)  # X-GitHub-Delivery
    event = models.CharField(max_length=100, blank=True)  # X-GitHub-Event
    status = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    reason = models.TextField(blank=True)
    body = models.TextField()  # cut at REFUSAL_BODY_LENGTH
    activity = models.UUIDField(null=True)  # of the activity that it made or changed
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "hook deliveries"
        indexes = [
            models.Index(fields=["webhook", "-id"], name="deliveries_of_webhook")  # its page
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.event}"
