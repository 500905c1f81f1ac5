"""Letters about heartbeats: who is told of what, and who is left in peace.

Snoozes and maintenance windows keep people from being told, never the flip from being recorded.
Whoever was spared learns of an outage that lasts longer when the silence ends; and that an outage
is over is told to those who were told that it began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings

from feeds.dialects.mapping import write_time
from feeds.upsert import as_json
from heartbeats.actions.rows import insert
from heartbeats.models import Channel, Heartbeat, MaintenanceWindow, Notification
from heartbeats.schedule import open_until

Event = Notification.Event
BEGINS = {Event.DOWN, Event.REMINDER}


@dataclass(frozen=True)
class Told:
    """What is to be told of a heartbeat."""

    beat: Heartbeat
    event: Notification.Event
    at: datetime
    reason: str


def tell(told: Sequence[Told], *, now: datetime) -> None:
    """Queue the letters of TOLD, and note who must be told later; in the caller's transaction."""
    if not told:
        return
    silences = silent_until([one.beat for one in told if one.event in BEGINS], now=now)
    aloud = []
    for one in told:
        if one.event not in BEGINS:
            aloud += [one] if one.beat.announced else []
        elif one.beat.pk not in silences:
            aloud.append(one)
    _queue(aloud, now=now)
    _note(told, silences, now=now)


def _note(told: Sequence[Told], silences: dict[int, datetime], *, now: datetime) -> None:
    """Write down whether each outage is announced, and when to tell of it again."""
    groups: dict[tuple[bool, datetime | None], list[int]] = defaultdict(list)
    for one in told:
        beat = one.beat
        announced, remind_at = False, None
        if one.event in BEGINS:
            announced = one.event == Event.REMINDER or beat.pk not in silences
            again = now + timedelta(minutes=beat.repeat_minutes) if beat.repeat_minutes else None
            remind_at = silences.get(beat.pk, again)
        if (announced, remind_at) != (beat.announced, beat.remind_at):
            groups[announced, remind_at].append(beat.pk)
            beat.announced, beat.remind_at = announced, remind_at
    for (announced, remind_at), ids in groups.items():
        Heartbeat.objects.filter(pk__in=ids).update(announced=announced, remind_at=remind_at)


def silent_until(beats: Sequence[Heartbeat], *, now: datetime) -> dict[int, datetime]:
    """Return until when each of BEATS that is silent now stays so: snoozed or in maintenance."""
    teams = {beat.team_id for beat in beats}
    windows: dict[tuple[int, int | None], list[MaintenanceWindow]] = defaultdict(list)
    for window in MaintenanceWindow.objects.filter(team_id__in=teams) if teams else ():
        windows[window.team_id, window.heartbeat_id].append(window)
    of_team = {team: open_until(windows[team, None], now) for team in teams}
    found = {}
    for beat in beats:
        own = windows.get((beat.team_id, beat.pk))
        both = open_until([*own, *windows[beat.team_id, None]], now) if own else None
        ends = (beat.snoozed_until, of_team[beat.team_id], both)
        later = [end for end in ends if end is not None and end > now]
        if later:
            found[beat.pk] = max(later)
    return found


def _queue(told: Sequence[Told], *, now: datetime) -> None:
    channels: dict[int, list[Channel]] = defaultdict(list)
    teams = {one.beat.team_id for one in told}
    for channel in Channel.objects.filter(team_id__in=teams, enabled=True) if teams else ():
        channels[channel.team_id].append(channel)
    letters: list[dict[str, Any]] = []
    for one in told:
        hear = [c for c in channels[one.beat.team_id] if c.heartbeat_id in (None, one.beat.pk)]
        if hear:
            letters += write_letters(one, hear, now=now)
    insert(Notification, letters)


def write_letters(
    told: Told, channels: Iterable[Channel], *, now: datetime
) -> list[dict[str, Any]]:
    """Make the letters of TOLD to CHANNELS, sealed but not yet queued: the columns of each."""
    body = as_json(document(told))
    return [
        {
            "uuid": uuid4(),
            "team_id": told.beat.team_id,
            "heartbeat_id": told.beat.pk,
            "channel_id": channel.pk,
            "event": told.event.value,
            "recipient": channel.address,
            "body": body,
            "state": Notification.State.QUEUED.value,
            "next_at": now,
            "claims": 0,
            "attempts": [],
            "created_at": now,
        }
        for channel in channels
    ]


def document(told: Told) -> dict[str, object]:
    """Write what webhooks get: type, timestamp and data, as Standard Webhooks has it."""
    beat, at = told.beat, write_time(told.at)
    data = {
        "id": str(beat.uuid),
        "name": beat.name,
        "team": beat.team.identifier,
        "state": beat.state,
        "since": at,
        "reason": told.reason,
        "message": beat.title,
        "priority": beat.alert_priority,
        "tags": beat.alert_tags,
        "last_ping_at": write_time(beat.last_ping_at) if beat.last_ping_at else None,
        "url": settings.SITE_URL + beat.get_absolute_url(),
    }
    return {"type": told.event.value, "timestamp": at, "data": data}
