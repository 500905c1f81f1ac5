"""Heartbeats for tests: a frozen clock, and short words for what happens to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from feeds.models import Activity
from heartbeats import actions
from heartbeats.models import Channel, Flip, Heartbeat, Notification, Ping

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
State = Heartbeat.State
SUCCESS = actions.Signal()
START = actions.Signal(kind=Ping.Kind.START)
FAIL = actions.Signal(kind=Ping.Kind.FAIL)
LOG = actions.Signal(kind=Ping.Kind.LOG)
#: What letters are about.
DOWN, STILL, UP, OFF = (
    "heartbeat.unresponsive", "heartbeat.still_unresponsive", "heartbeat.responsive",
    "heartbeat.off",
)  # fmt: skip


def at(minutes: float) -> datetime:
    """Return the moment MINUTES after noon."""
    return NOON + timedelta(minutes=minutes)


def make(name: str = "backup", **fields: Any) -> Heartbeat:
    """Make an enabled heartbeat of 5 minutes at noon."""
    given = {"interval": 5, "interval_unit": "minutes", "enabled": True, "now": NOON, **fields}
    team = actions.ensure_team(given.pop("team", "ops"))
    return actions.create_heartbeat(team, name=name, **given)


def ping(beat: Heartbeat, minutes: float, signal: actions.Signal = SUCCESS) -> Heartbeat:
    """Ping BEAT at MINUTES after noon, and return it as it is then."""
    assert actions.ping(beat.ping_key, signal, now=at(minutes))
    return fresh(beat)


def watch(minutes: float) -> int:
    """Let the monitor pass at MINUTES after noon."""
    flipped = actions.watch(now=at(minutes))
    actions.remind(now=at(minutes))
    return flipped


def fresh(beat: Heartbeat) -> Heartbeat:
    """Read BEAT again."""
    return Heartbeat.objects.select_related("team").get(pk=beat.pk)


def history(beat: Heartbeat) -> list[tuple[str, datetime]]:
    """Return the states that BEAT came into, and when."""
    return list(Flip.objects.filter(heartbeat=beat).order_by("id").values_list("state", "at"))


def alerts() -> list[Activity]:
    """Return the alerts on the feed, the oldest first."""
    return list(Activity.objects.filter(kind="alert").select_related("source").order_by("id"))


def letters() -> list[str]:
    """Return the events of all letters, in order."""
    return list(Notification.objects.order_by("id").values_list("event", flat=True))


def channel(
    url: str, beat: Heartbeat | None = None, *, team: str = "ops", kind: str = "webhook"
) -> tuple[Channel, str]:
    """Make a channel, and return it with its secret."""
    return actions.create_channel(actions.ensure_team(team), kind=kind, address=url, heartbeat=beat)
