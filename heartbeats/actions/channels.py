"""Where notifications go, and when nobody wants them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from feeds import vault
from heartbeats.actions.letters import Event, Told, write_letters
from heartbeats.models import Channel, Heartbeat, MaintenanceWindow, Notification, Team

SECRET_BYTES = 32  # Standard Webhooks: between 24 and 64
SECRET_PREFIX = "whsec_"


def create_channel(
    team: Team, *, kind: str, address: str, heartbeat: Heartbeat | None = None, name: str = ""
) -> tuple[Channel, str]:
    """Make a channel of TEAM, or of one HEARTBEAT of it; return it with the secret that signs its
    webhooks, which is never shown again ("" for e-mail)."""
    secret = new_secret() if kind == Channel.Kind.WEBHOOK else ""
    channel = Channel.objects.create(
        team=team,
        kind=kind,
        address=address,
        heartbeat=heartbeat,
        name=name,
        sealed_secret=vault.seal(secret) if secret else "",
    )
    return channel, secret


def change_channel(channel: Channel, fields: Mapping[str, Any]) -> None:
    """Set FIELDS (name, address, enabled) of CHANNEL; letters on their way go there too."""
    for name, value in fields.items():
        setattr(channel, name, value)
    channel.save(update_fields=list(fields))


def rotate_channel_secret(channel: Channel) -> str:
    """Give CHANNEL another secret, and return it."""
    secret = new_secret()
    Channel.objects.filter(pk=channel.pk).update(sealed_secret=vault.seal(secret))
    return secret


def delete_channel(channel: Channel) -> None:
    """Delete CHANNEL; what was sent stays visible, and what was not is given up."""
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
    return MaintenanceWindow.objects.create(
        team=team,
        heartbeat=heartbeat,
        name=name,
        starts_at=starts_at,
        duration=duration,
        cron=cron,
        time_zone=time_zone,
    )


def delete_window(window: MaintenanceWindow, *, now: datetime) -> None:
    """End WINDOW; who is down since it began is told of in the monitor's next pass."""
    with transaction.atomic():
        spared = Heartbeat.objects.filter(
            team_id=window.team_id, state=Heartbeat.State.UNRESPONSIVE, announced=False
        )
        spared.update(remind_at=now)
        window.delete()
