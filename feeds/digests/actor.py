"""Somebody, user or not: what they are called, and who else acted of late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from feeds.digests.touched import LOOKED_AT
from feeds.digests.walks import TABLE
from feeds.models import Activity
from feeds.moments import from_database


def name_of(actor: str) -> str | None:
    """Return what ACTOR was last called, None if no event names it."""
    newest = Activity.objects.filter(actor_key=actor).order_by("-occurred_at", "-id")
    return newest.values_list("actor_name", flat=True).first()


def seen_lately() -> Sequence[tuple[str, str, datetime]]:
    """Return key, name and last moment of who acted in the newest LOOKED_AT events of all."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT actor_key, max(actor_name), max(occurred_at) FROM (SELECT actor_key, "
            f"actor_name, occurred_at FROM {TABLE} ORDER BY occurred_at DESC, id DESC LIMIT %s) "
            "AS newest WHERE actor_key <> '' GROUP BY 1 ORDER BY 3 DESC",
            [LOOKED_AT],
        )
        return [(key, name, from_database(moment)) for key, name, moment in cursor.fetchall()]
