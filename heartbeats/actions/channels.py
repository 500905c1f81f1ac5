"""Where notifications go, and when nobody wants them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from feeds import actions as feed
from feeds import vault
from feeds.models import AuditEntry
from heartbeats.actions.letters import Event, Told, write_letters
from heartbeats.models import Channel, Heartbeat, MaintenanceWindow, Notification, Team

Kind, Verb = AuditEntry.Kind, AuditEntry.Verb
SECRET_BYTES = 32  # Standard Webhooks: between 24 and 64
SECRET_PREFIX = "whsec_"


def create_channel(
    team: Team, *, kind: str, address: str, heartbeat: Heartbeat | None = None, name: str = ""
) -> tuple[Channel, str]:
    """Make a channel of TEAM, or of one HEARTBEAT of it; return it with the secret that signs its
    webhooks, which is never shown again ("" for e-mail)."""
    secret = new_secret() if kind == Channel.Kind.WEBHOOK else ""
    with transaction.atomic():
        channel = Channel.objects.create(
            team=team,
            kind=kind,
            address=address,
            heartbeat=heartbeat,
            name=name,
            sealed_secret=vault.seal(secret) if secret else "",
        )
        _note(channel, Verb.CREATED)
    return channel, secret


def change_channel(channel: Channel, fields: Mapping[str, Any]) -> None:
    """Set FIELDS (name, address, enabled) of CHANNEL; letters on their way go there too."""
    before = feed.values_of(channel, fields)
    for name, value in fields.items():
        setattr(channel, name, value)
    with transaction.atomic():
        channel.save(update_fields=list(fields))
        _note(channel, Verb.CHANGED, *_without_paths(feed.differences(before, fields)))


def _note(channel: Channel, verb: AuditEntry.Verb, *changes: feed.Change) -> None:
    subject = channel.name or f"{channel.get_kind_display()} of {channel.heartbeat or channel.team}"
    feed.note(Kind.CHANNEL, verb, subject, key=channel.uuid, changes=changes)


def _without_paths(changes: list[feed.Change]) -> list[feed.Change]:
    """Cut addresses behind their host: what follows is the secret of many a chat's webhook."""
    return [
        (name, _host(old), _host(new)) if name == "address" else (name, old, new)
        for name, old, new in changes
    ]


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}/…" if parts.hostname else address


def rotate_channel_secret(channel: Channel) -> str:
    """Give CHANNEL another secret, and return it."""
    secret = new_secret()
    with transaction.atomic():
        Channel.objects.filter(pk=channel.pk).update(sealed_secret=vault.seal(secret))
        _note(channel, Verb.CHANGED, ("secret", "a secret", feed.SECRET))
    return secret


def delete_channel(channel: Channel) -> None:
    """Delete CHANNEL; what was sent stays visible, and what was not is given up."""
    with transaction.atomic():
        _note(channel, Verb.DELETED)
        channel.delete()


def test_channel(channel: Channel, *, now: datetime) -> Notification:
    """Queue a letter to CHANNEL that only shows that it arrives."""
    beat = channel.heartbeat or _example(channel.team)
    told = Told(beat, Event.TEST, now, "somebody wants to see that this arrives")
    (letter,) = write_letters(told, [channel], now=now)
    return Notification.objects.create(**letter)


def retry_notification(letter: Notification, *, now: datetime) -> bool:
    """Send LETTER, which failed for good, once more; return whether it had failed."""
    failed = Notification.objects.filter(pk=letter.pk, state=Notification.State.FAILED)
    changes = {"state": Notification.State.QUEUED, "next_at": now, "settled_at": None}
    return bool(failed.update(**changes))


def new_secret() -> str:
    """Make a secret as Standard Webhooks writes it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _example(team: Team) -> Heartbeat:
    return Heartbeat(team=team, name="Example", state=Heartbeat.State.RESPONSIVE)


# ---- maintenance


def create_window(
    team: Team,
    *,
    starts_at: datetime,
    duration: timedelta,
    heartbeat: Heartbeat | None = None,
    name: str = "",
    cron: str = "",
    time_zone: str = "UTC",
) -> MaintenanceWindow:
    """Keep people in peace from STARTS_AT for DURATION; with CRON each time that it names."""
    with transaction.atomic():
        window = MaintenanceWindow.objects.create(
            team=team,
            heartbeat=heartbeat,
            name=name,
            starts_at=starts_at,
            duration=duration,
            cron=cron,
            time_zone=time_zone,
        )
        feed.note(Kind.WINDOW, Verb.CREATED, _spelt(window), key=window.uuid)
    return window


def _spelt(window: MaintenanceWindow) -> str:
    return f"{window.name or 'Maintenance'} of {window.heartbeat or window.team}"


def delete_window(window: MaintenanceWindow, *, now: datetime) -> None:
    """End WINDOW; who is down since it began is told of in the monitor's next pass."""
    with transaction.atomic():
        spared = Heartbeat.objects.filter(
            team_id=window.team_id, state=Heartbeat.State.UNRESPONSIVE, announced=False
        )
        spared.update(remind_at=now)
        feed.note(Kind.WINDOW, Verb.DELETED, _spelt(window), key=window.uuid)
        window.delete()
