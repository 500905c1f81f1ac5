"""What goes to the upstream that a heartbeat is mirrored to, through the outbox.

There it is made, changed and deleted as here, and pinged when it is pinged here with success. A
ping has no time of its own on the wire: one that waits is enough, and one that waits when the
heartbeat stops living here is taken back, so that no late one says that it lives.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from django.conf import settings

from feeds import outbox
from feeds.dialects.letters import Letter
from feeds.dialects.outward import heartbeats as wire
from feeds.models import Connection, Delivery
from heartbeats.models import LONGEST_PERIOD, Heartbeat
from heartbeats.schedule import UNITS, next_times

LOOKED_AHEAD = 50  # times of a cron schedule, to find its longest wait
OWN_AGENT = "Pulseboard"  # how feeds.http names itself
MINUTE = UNITS["minutes"]
#: Connections that have heartbeats.
DIALECTS = (Connection.Dialect.COMPASS, Connection.Dialect.PULSEBOARD)


def begin(beat: Heartbeat, *, now: datetime) -> None:
    """Make BEAT at its mirror; what has its name there is set as it is here."""
    if beat.mirror is not None:
        told = document(beat, now=now)
        _send(beat, "create", wire.make(_place(beat), told), "make", now=now)
        _send(beat, "update", wire.change(_place(beat), told), "set", now=now)


def follow_change(beat: Heartbeat, before: Mapping[str, Any] | None, *, now: datetime) -> None:
    """Change BEAT at its mirror unless it is there as it was BEFORE."""
    if beat.mirror is not None and (told := document(beat, now=now)) != before:
        _send(beat, "update", wire.change(_place(beat), told), "change", now=now)


def end(beat: Heartbeat, *, now: datetime) -> None:
    """Delete BEAT at its mirror, where nobody would ping it any more."""
    if beat.mirror is not None:
        take_back(beat, now=now)
        _send(beat, "delete", wire.delete(_place(beat), beat.name), "delete", now=now)


def forward_ping(beat: Heartbeat, *, agent: str, now: datetime) -> None:
    """Ping BEAT at its mirror, unless a ping waits to go there already.

    What another Pulseboard sent stays here: two that mirror each other would ping for ever.
    """
    if beat.mirror is None or agent.startswith(OWN_AGENT):
        return
    letter = wire.ping(_place(beat), beat.name)
    if not _waiting_pings(beat).filter(path=letter.path).exists():
        _send(beat, "update", letter, "ping", now=now)


def take_back(beat: Heartbeat, *, now: datetime) -> None:
    """Take back the pings of BEAT that have not gone: they would say that it lives."""
    if beat.mirror_id is not None:
        for delivery in _waiting_pings(beat):
            outbox.cancel(delivery, now=now)


def document(beat: Heartbeat, *, now: datetime) -> dict[str, Any]:
    """Write BEAT as the vendor has it.

    The vendor knows neither grace nor cron schedules: its interval is as long as we wait at most.
    """
    interval, unit = beat.interval, beat.interval_unit.lower()
    if beat.grace or beat.cron:
        wait = (_longest_wait(beat, now) if beat.cron else beat.period) + beat.grace
        interval, unit = -(-min(wait, LONGEST_PERIOD) // MINUTE), "minutes"
    return {
        "name": beat.name,
        "description": beat.description,
        "interval": interval,
        "intervalUnit": unit,
        "enabled": beat.enabled,
        "alertMessage": beat.alert_message,
        "alertTags": beat.alert_tags,
        "alertPriority": beat.alert_priority,
    }


def _longest_wait(beat: Heartbeat, now: datetime) -> timedelta:
    times = next_times(beat.cron, beat.time_zone, now, LOOKED_AHEAD)
    waits = [later - earlier for earlier, later in pairwise(times)]
    return max(waits, default=LONGEST_PERIOD)


def _place(beat: Heartbeat) -> str:
    assert beat.mirror is not None
    team = beat.mirror_team or beat.team.identifier
    return wire.place(beat.mirror.base_url, beat.mirror.cloud_id, team)


def _send(
    beat: Heartbeat,
    verb: Literal["create", "update", "delete"],
    letter: Letter,
    word: str,
    *,
    now: datetime,
) -> None:
    assert beat.mirror is not None
    outbox.enqueue(
        [(beat.mirror, letter)],
        lane=_lane(beat),
        verb=verb,
        wire=wire.WIRE,
        title=f"Heartbeat {beat.name}: {word}",
        link=settings.SITE_URL + beat.get_absolute_url(),
        now=now,
    )


def _waiting_pings(beat: Heartbeat) -> Any:
    return Delivery.objects.filter(
        lane__connection=beat.mirror_id, lane__key=_lane(beat), state__in=outbox.NOT_SENT_YET,
        method="POST", path__contains=wire.PING,
    )  # fmt: skip


def _lane(beat: Heartbeat) -> str:
    return f"heartbeat:{beat.pk}"
