"""The last day, week or month of a component as lanes: one a kind of event, and one an environment.

Lanes are data here: where a mark stands is a share of the window. templates/jinja/lanes.html draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from feeds.digests.spans import GOES_ON, span_of
from feeds.models import Activity, EventKind
from feeds.richtext import plain
from feeds.vocabulary import STATES, look

WINDOWS = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
WORDS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
MARKS = 200  # of a drawing; more could not be told apart
TICKS = 4  # parts of the axis
THIN = 0.008  # share of the window under which a bar is no wider than a point
#: What one looks at first when something is wrong.
ORDER = (
    EventKind.INCIDENT, EventKind.ALERT, EventKind.DEPLOYMENT, EventKind.FLAG, EventKind.BUILD,
    EventKind.PUSH, EventKind.PULL_REQUEST, EventKind.VULNERABILITY, EventKind.LIFECYCLE,
    EventKind.CUSTOM, EventKind.ACTIVITY,
)  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """One event on its lane; LEFT and WIDE are shares of the window, WIDE is 0 of a moment."""

    activity: Activity
    left: float
    wide: float
    began: datetime
    ended: datetime | None
    goes_on: bool


@dataclass(frozen=True)
class Lane:
    """The events of one kind, the oldest first; of deployments, those to one environment."""

    kind: str
    environment: str | None
    marks: Sequence[Mark]

    @property
    def failed(self) -> int:
        """How many of them are in a state that is bad."""
        states = (mark.activity.state for mark in self.marks)
        return sum(state in STATES and STATES[state].tone == "danger" for state in states)


@dataclass(frozen=True)
class Timeline:
    """A window of time, its lanes, and whether it holds more than is drawn."""

    window: str
    since: datetime
    until: datetime
    lanes: Sequence[Lane]
    cut: bool

    @property
    def total(self) -> int:
        """How many events are drawn."""
        return sum(len(lane.marks) for lane in self.lanes)

    @property
    def ticks(self) -> Sequence[tuple[int, str]]:
        """Return where the axis has its words, in percent, and the words."""
        form = "%H:%M" if self.window == "24h" else "%m-%d"
        step = (self.until - self.since) / TICKS
        moments = [(number, self.since + number * step) for number in range(TICKS + 1)]
        return [
            (100 * number // TICKS, f"{moment.astimezone(UTC):{form}}")
            for number, moment in moments
        ]


def timeline_of(
    activities: Sequence[Activity], window: str, *, now: datetime, cut: bool = False
) -> Timeline:
    """Put ACTIVITIES, some of with_clocks(), on their lanes in the WINDOW that ends at NOW."""
    since = now - WINDOWS[window]
    lanes: dict[tuple[str, str | None], list[Mark]] = {}
    for activity in sorted(activities, key=lambda one: (one.occurred_at, one.pk)):
        deploys = activity.kind == EventKind.DEPLOYMENT
        at = activity.kind, activity.target_key if deploys else None
        lanes.setdefault(at, []).append(_mark(activity, since, now))
    order: Mapping[str, int] = {kind: place for place, kind in enumerate(ORDER)}
    found = [
        Lane(kind, environment, marks)
        for (kind, environment), marks in sorted(
            lanes.items(), key=lambda item: (order[item[0][0]], item[0][1] or "")
        )
    ]
    return Timeline(window, since, now, found, cut)


def _mark(activity: Activity, since: datetime, now: datetime) -> Mark:
    began, ended = span_of(activity, now=now)
    length = now - since
    left = min(max((began - since) / length, 0), 1)
    right = min(max((ended - since) / length, 0), 1) if ended else left
    wide = right - left
    if wide < THIN:  # a point stands where the event ended
        left, wide = right, 0
    goes_on = ended is not None and activity.state in GOES_ON
    return Mark(activity, left, wide, began, ended, goes_on)


def words_of(mark: Mark) -> str:
    """Say what MARK shows: "Build, Failed: checkout #24, 2026-11-21 14:03, took 3 min"."""
    activity = mark.activity
    state = STATES[activity.state].word if activity.state in STATES else ""
    said = f"{look(activity.kind).label}{', ' if state else ''}{state}"
    when = f"{mark.began.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    lasted = ""
    if mark.ended:
        how = "goes on for" if mark.goes_on else "took"
        lasted = f", {how} {_long(mark.ended - mark.began)}"
    who = f", by {activity.actor_name}" if activity.actor_name else ""
    title = plain(activity.title) if activity.dialect == "streams" else activity.title
    return f"{said}: {title or activity.external_id}, {when}{lasted}{who}"


def _long(time: timedelta) -> str:
    seconds = round(time.total_seconds())
    for unit, size, small, least in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60)):
        if seconds >= size:
            rest = seconds % size // least
            return f"{seconds // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
