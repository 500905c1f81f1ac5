"""What pages say about heartbeats: states, schedules, spans of time, moments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError
from django.utils.html import format_html
from django.utils.safestring import SafeString

from feeds.reader import MINUTE, local, stamp
from feeds.templatetags.outbox import span
from feeds.vocabulary import Mark
from heartbeats.models import Heartbeat, Notification, Ping
from heartbeats.schedule import LAST

State = Heartbeat.State
STATES: dict[str, Mark] = {
    State.UNRESPONSIVE.value: Mark("Unresponsive", "danger", "circle-x"),
    State.RESPONSIVE.value: Mark("Responsive", "success", "circle-check"),
    State.PENDING.value: Mark("Pending", "neutral", "clock"),
    State.OFF.value: Mark("Off", "neutral", "power-off"),
}
BEFORE = Mark("Not there yet", "neutral", "circle-question-mark")
KINDS: dict[str, Mark] = {
    Ping.Kind.SUCCESS: Mark("Success", "success", "circle-check"),
    Ping.Kind.START: Mark("Start", "progress", "play"),
    Ping.Kind.FAIL: Mark("Failure", "danger", "circle-x"),
    Ping.Kind.LOG: Mark("Log", "neutral", "message-square"),
    Ping.Kind.EXIT: Mark("Success", "success", "circle-check"),
    Ping.Kind.IGNORED: Mark("Ignored", "neutral", "circle-minus"),
}
LETTERS: dict[str, Mark] = {
    Notification.State.QUEUED: Mark("Queued", "neutral", "clock"),
    Notification.State.SENDING: Mark("Sending", "progress", "send"),
    Notification.State.SENT: Mark("Sent", "success", "circle-check"),
    Notification.State.FAILED: Mark("Failed", "danger", "circle-x"),
}


def state_of(state: str) -> Mark:
    """Return how the STATE of a heartbeat is named and drawn; "" is before it was made."""
    return STATES.get(state, BEFORE)


def kind_of(ping: Ping) -> Mark:
    """Return how what PING said is named and drawn."""
    if ping.exit_status is None:
        return KINDS[ping.kind]
    fails = ping.kind == Ping.Kind.EXIT and ping.exit_status
    return KINDS[Ping.Kind.FAIL if fails else ping.kind]


def schedule_of(beat: Heartbeat) -> str:
    """Say when a ping of BEAT is due: "every 5 min + 1 min grace"."""
    grace = f" + {span(beat.grace)} grace" if beat.grace else ""
    return f"{_rhythm(beat)}{grace}"


def _rhythm(beat: Heartbeat) -> str:
    if not beat.cron:
        return f"every {span(beat.period)}"
    return f"{beat.cron} ({beat.time_zone})"


def explained(beat: Heartbeat) -> str:
    """Say in words what the cron schedule of BEAT means; "" if it has none."""
    if not beat.cron:
        return ""
    try:
        return CronSim(beat.cron, datetime(2000, 1, 1, tzinfo=UTC)).explain()
    except CronSimError:
        return ""


@dataclass(frozen=True)
class Due:
    """When the next ping of a heartbeat is awaited, and what follows from the time that it is."""

    at: datetime
    until: datetime  # with grace
    late: bool  # in its grace
    runs: bool  # what is awaited is the end of a run


def due_of(beat: Heartbeat, *, now: datetime) -> Due | None:
    """Return when the next sign of life of BEAT is due; None: none is awaited."""
    if beat.due_at is None or beat.due_at >= LAST:
        return None
    at = beat.due_at - beat.grace
    return Due(at, beat.due_at, late=at <= now, runs=beat.started_at is not None)


def moment(at: datetime | None, now: datetime | None = None) -> SafeString | str:
    """Write AT, exactly and as how long ago; beside NOW as short as it can be told from others."""
    if at is None:
        return ""
    here = local(at)
    whole = shown = stamp(at)
    if now is not None:
        same_day = here.date() == local(now).date()
        shown = f"{here:%H:%M:%S}" if same_day else f"{here:{MINUTE}}"
    return format_html(
        '<time datetime="{0}" title="{1}">{2}</time> '
        '<relative-time class="ago" datetime="{0}" title="{1}" format="relative" no-title>'
        "</relative-time>",
        f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        whole,
        shown,
    )


def lasting(time: timedelta | None) -> str:
    """Say how long TIME is, fine enough for runs of a part of a second."""
    if time is None:
        return ""
    seconds = time.total_seconds()
    return (
        f"{seconds * 1000:.0f} ms"
        if seconds < 1
        else (f"{seconds:.1f} s" if seconds < 10 else span(time))
    )
