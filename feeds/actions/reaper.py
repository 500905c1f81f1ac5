"""Runs whose end nobody told are closed: as unknown, for nobody knows."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from feeds.models import Activity

BATCH = 500  # rows a transaction, so that no news wait long for the lock


def abandon_runs() -> int:
    """Close what runs and told no news for LIVE_ABANDONED, as unknown; return how many.

    What the vendor sent stays as it is, its sequence too: news that come after all, or at this
    moment, win.
    """
    closed = 0
    while found := _abandon_some():
        closed += found
    return closed


def _abandon_some() -> int:
    now = timezone.now()
    silent = Activity.objects.filter(
        state=Activity.State.RUNNING, touched_at__lt=now - settings.LIVE_ABANDONED
    )
    with transaction.atomic():
        # What somebody else writes at this moment has news, so it is passed over: two that met
        # the same rows in another order would wait for each other for ever.
        ids = silent.order_by().select_for_update(skip_locked=True).values_list("id", flat=True)
        return silent.filter(id__in=list(ids[:BATCH])).update(
            state=Activity.State.UNKNOWN, abandoned_at=now, touched_at=now
        )
