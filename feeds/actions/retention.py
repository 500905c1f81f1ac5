"""What is old goes."""

from typing import Any

from django.conf import settings
from django.utils import timezone

from feeds.actions.answers import KEPT
from feeds.models import Activity, HookDelivery, KeptAnswer, Refusal

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
            KeptAnswer.objects.filter(created_at__lt=now - KEPT),
        )
    )


def _delete_in_batches(rows: Any) -> int:
    deleted = 0
    while ids := list(rows.order_by().values_list("id", flat=True)[:PRUNE_BATCH]):
        deleted += rows.model.objects.filter(id__in=ids).delete()[0]
    return deleted
