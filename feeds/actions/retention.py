"""What is old goes."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from feeds.actions.answers import KEPT
from feeds.actions.site import retention
from feeds.models import (
    Activity,
    AuditEntry,
    Composition,
    Deletion,
    Delivery,
    HookDelivery,
    KeptAnswer,
    Refusal,
)

TOLD = timedelta(days=1)  # how long streams that resume are told of a deletion
AUDIT_KEPT = timedelta(days=400)  # at least: who shortens the retention must not hide so
PRUNE_BATCH = 5000  # rows a transaction, so that nobody waits long for the lock


def prune() -> int:
    """Delete what is older than the retention, and answers that were kept for long enough.

    Return how many rows went.
    """
    now = timezone.now()
    kept = retention()
    before = now - kept
    return sum(
        _delete_in_batches(rows)
        for rows in (
            Activity.objects.filter(occurred_at__lt=before, received_at__lt=before),
            Refusal.objects.filter(received_at__lt=before),
            HookDelivery.objects.filter(received_at__lt=before),
            Delivery.objects.filter(settled_at__lt=before, created_at__lt=before),
            Composition.objects.filter(created_at__lt=before).exclude(
                state=Composition.State.SCHEDULED
            ),
            KeptAnswer.objects.filter(created_at__lt=now - KEPT),
            AuditEntry.objects.filter(at__lt=now - max(kept, AUDIT_KEPT)),
            Deletion.objects.filter(deleted_at__lt=now - TOLD),
        )
    )


def _delete_in_batches(rows: Any) -> int:
    deleted = 0
    while ids := list(rows.order_by().values_list("id", flat=True)[:PRUNE_BATCH]):
        deleted += rows.model.objects.filter(id__in=ids).delete()[0]
    return deleted
