"""What is old goes."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from feeds.actions.answers import KEPT
from feeds.models import (
    Activity,
    Composition,
    Deletion,
    Delivery,
    HookDelivery,
    KeptAnswer,
    Refusal,
)

TOLD = timedelta(days=1)  # how long streams that resume are told of a deletion
PRUNE_BATCH = 5000  # rows a transaction, so that nobody waits long for the lock


def prune() -> int:
    """Delete what is older than RETENTION, and answers that were kept for long enough.

    Return how many rows went.
    """
    now = timezone.now()
    before = now - settings.RETENTION
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
            Deletion.objects.filter(deleted_at__lt=now - TOLD),
        )
    )


def _delete_in_batches(rows: Any) -> int:
    deleted = 0
    while ids := list(rows.order_by().values_list("id", flat=True)[:PRUNE_BATCH]):
        deleted += rows.model.objects.filter(id__in=ids).delete()[0]
    return deleted
