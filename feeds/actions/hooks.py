"""Webhooks that code hosts call, their secrets, and the log of their calls."""

from __future__ import annotations

import secrets
from contextlib import suppress
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from feeds import vault
from feeds.actions.audit import SECRET, note
from feeds.models import REFUSAL_BODY_LENGTH, AuditEntry, Component, HookDelivery, User, Webhook

DELIVERIES_KEPT = 100  # a webhook
NAME_LENGTH = 100  # characters of what a caller calls its event and delivery


def create_webhook(
    name: str, *, dialect: str, user: User, component: Component | None = None
) -> tuple[Webhook, str]:
    """Make a webhook of USER and return it with its secret, which is never shown again.

    Its sources are attached to COMPONENT on first sight.
    """
    secret = _new_secret()
    with transaction.atomic():
        webhook = Webhook.objects.create(
            name=name,
            dialect=dialect,
            user=user,
            component=component,
            sealed_secret=vault.seal(secret),
        )
        _note(webhook, AuditEntry.Verb.CREATED)
    return webhook, secret


def rotate_secret(webhook: Webhook) -> str:
    """Give WEBHOOK another secret and return it; calls signed with the old one get 401."""
    secret = _new_secret()
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).update(sealed_secret=vault.seal(secret))
        _note(webhook, AuditEntry.Verb.CHANGED, ("secret", "a secret", SECRET))
    return secret


def revoke_webhook(webhook: Webhook) -> None:
    """End WEBHOOK; its address is 404 from now on, and its log stays."""
    with transaction.atomic():
        valid = Webhook.objects.filter(pk=webhook.pk, revoked_at=None)
        if valid.update(revoked_at=timezone.now()):
            _note(webhook, AuditEntry.Verb.REVOKED)


def delete_webhook(webhook: Webhook) -> None:
    """Delete WEBHOOK with its log; the events that it brought stay."""
    with transaction.atomic():
        _note(webhook, AuditEntry.Verb.DELETED)
        webhook.delete()


def _note(webhook: Webhook, verb: AuditEntry.Verb, *changes: tuple[str, str, str]) -> None:
    note(AuditEntry.Kind.WEBHOOK, verb, webhook, key=webhook.uuid, changes=changes)


def log_delivery(
    webhook: Webhook,
    *,
    outcome: HookDelivery.Outcome,
    status: int,
    body: str,
    event: str = "",
    delivery_id: str = "",
    reason: str = "",
    activity: UUID | None = None,
) -> None:
    """Keep a call of WEBHOOK, its body cut at 10,000 characters, for the people who debug it."""
    # Somebody may delete the webhook at this moment, and then nobody will read its log.
    with suppress(IntegrityError), transaction.atomic():
        webhook.deliveries.create(
            outcome=outcome,
            status=status,
            reason=_storable(reason, REFUSAL_BODY_LENGTH),
            body=_storable(body, REFUSAL_BODY_LENGTH),
            event=_storable(event, NAME_LENGTH),
            delivery_id=_storable(delivery_id, NAME_LENGTH),
            activity=activity,
            received_at=timezone.now(),
        )
        kept = webhook.deliveries.order_by("-id").values_list("id", flat=True)
        oldest_kept = kept[DELIVERIES_KEPT - 1 : DELIVERIES_KEPT]
        gone = webhook.deliveries.filter(id__lt=oldest_kept).select_for_update(skip_locked=True)
        HookDelivery.objects.filter(id__in=list(gone.values_list("id", flat=True))).delete()


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _storable(text: str, length: int) -> str:
    """Cut TEXT, and show what no database keeps."""
    shown = text[:length].replace("\x00", "\N{SYMBOL FOR NULL}")
    return shown.encode(errors="replace").decode()
