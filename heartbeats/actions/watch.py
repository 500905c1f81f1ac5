"""The monitor: finds out who is overdue, and who must be told again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet, prefetch_related_objects
from django.utils import timezone

from feeds import actions as feed
from feeds.moments import to_database
from heartbeats.actions.letters import Event, Told, tell
from heartbeats.actions.turns import Turn, follow
from heartbeats.models import Flip, Heartbeat, Notification, Ping

EXPIRED_AT_ONCE = 1000  # heartbeats a transaction: pings of them wait for its end
PINGS_KEPT = 1000  # of a heartbeat
PRUNE_BATCH = 5000  # rows a transaction, so that nobody waits long for the lock
TABLE = Heartbeat._meta.db_table
#: What follows from a change needs of a heartbeat; the rest, read if asked for, is half of a row.
NEEDED = """
    id, uuid, team_id, name, component_id, source_id, mirror_id, alert_message, alert_tags,
    alert_priority, repeat_minutes, snoozed_until, state, was, changed_at, last_ping_at,
    started_at, outages, announced, remind_at
"""


def watch(*, now: datetime) -> int:
    """Flip every heartbeat whose deadline has passed at NOW; return how many there were.

    The deadline stands in the condition of the UPDATE itself: a ping that lands between the look
    and the write has moved it, and its heartbeat stays as it is. What is locked by a ping at this
    moment, or by another monitor, is passed over. Flips are stamped with the deadline; only a clock
    that went back since the flip before makes it that one's moment.
    """
    flipped = 0
    while True:
        with transaction.atomic():
            beats = _take(EXPIRE, "due_at", now)
            if beats:
                follow([_expired(beat) for beat in beats], now=now)
        flipped += len(beats)
        if len(beats) < EXPIRED_AT_ONCE:
            return flipped


EXPIRE = """
    was = state, state = 'Unresponsive', due_at = NULL,
    changed_at = CASE WHEN due_at > changed_at THEN due_at ELSE changed_at END,
    outages = outages + 1, announced = true, remind_at = NULL
"""


def _expired(beat: Heartbeat) -> Turn:
    started = beat.started_at is not None
    reason = "its run did not end in time" if started else "no ping came before the deadline"
    return Turn(beat, beat.changed_at, reason, since=beat.changed_at)


def remind(*, now: datetime) -> int:
    """Tell of every outage that somebody must hear of (again) at NOW; return how many."""
    reminded = 0
    while True:
        with transaction.atomic():
            beats = _take("remind_at = NULL", "remind_at", now)
            prefetch_related_objects(beats, "team")
            tell([_reminder(beat) for beat in beats], now=now)
        reminded += len(beats)
        if len(beats) < EXPIRED_AT_ONCE:
            return reminded


def _reminder(beat: Heartbeat) -> Told:
    """Say that BEAT is still down; or that it went down, if it happened in silence."""
    event = Event.REMINDER if beat.announced else Event.DOWN
    return Told(beat, event, beat.changed_at, "no ping has come since")


def _take(changes: str, column: str, now: datetime) -> list[Heartbeat]:
    """Make CHANGES of the heartbeats whose COLUMN has passed at NOW, and return them as they are.

    One statement finds and changes them, and two that run at once never take the same one.
    """
    skip = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    statement = f"""
        UPDATE {TABLE} SET {changes} WHERE {column} <= %s AND id IN (
            SELECT id FROM {TABLE} WHERE {column} <= %s ORDER BY {column} LIMIT %s {skip}
        ) RETURNING {NEEDED}
    """
    moment = to_database(now)
    return list(Heartbeat.objects.raw(statement, [moment, moment, EXPIRED_AT_ONCE]))


def prune() -> int:
    """Delete the pings that are not among the last PINGS_KEPT of their heartbeat, and flips and
    letters older than the retention; return how many rows went.

    The last flip of a heartbeat stays, for its state has lasted since then.
    """
    before = timezone.now() - feed.retention()
    newer = Flip.objects.filter(heartbeat_id=OuterRef("heartbeat_id"), id__gt=OuterRef("id"))
    return sum(
        _delete_in_batches(rows)
        for rows in (
            Ping.objects.filter(number__lte=F("heartbeat__pings") - PINGS_KEPT),
            Flip.objects.filter(Exists(newer), at__lt=before),
            Notification.objects.filter(created_at__lt=before),
        )
    )


def _delete_in_batches(rows: QuerySet[Any]) -> int:
    deleted = 0
    while ids := list(rows.order_by().values_list("id", flat=True)[:PRUNE_BATCH]):
        deleted += rows.model._default_manager.filter(id__in=ids).delete()[0]
    return deleted
