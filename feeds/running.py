"""What runs, in the words of a row: how far it came, for how long, and when it may end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from feeds.estimates import Pipeline, Usual, started_at, usuals
from feeds.filters import FeedFilter
from feeds.liveness import LIVE, Liveness, liveness, windows
from feeds.models import PLACES, Activity
from feeds.vocabulary import Mark, mark

STRIP_ROWS = 5  # that the strip draws
STRIP_COUNTED = 50  # that it counts; of more it says 50+

_MINUTE, _HOUR, _DAY = 60, 3600, 86400  # seconds
_IN_HOURS = 2 * _HOUR  # from here on minutes are noise
#: Where the word of the state alone would say too much.
_MARKS = {
    Liveness.LONG: Mark("Longer than usual", "neutral", "clock"),
    Liveness.QUIET: Mark("Quiet", "neutral", "clock"),
    Liveness.STALLED: Mark("Stalled", "warning", "triangle-alert"),
    Liveness.ABANDONED: Mark("No end reported", "neutral", "circle-question-mark"),
}


@dataclass(frozen=True)
class Standing:
    """How one activity that has not ended is shown."""

    liveness: Liveness
    mark: Mark
    percent: int | None
    silence: int  # seconds since its last news
    elapsed: int  # seconds since it began
    takes: tuple[int, int, int] | None = None  # seconds in all: at least, usually, at most
    changes: int | None = None  # seconds until it stands elsewhere, if no news come

    @property
    def word(self) -> str:
        """What its pill says."""
        if self.liveness in (Liveness.QUIET, Liveness.STALLED):
            return f"{self.mark.word} {span(self.silence)}"
        if self.liveness is Liveness.RUNNING and self.percent is not None:
            return f"{self.mark.word} {self.percent} %"
        if self.liveness is Liveness.LONG and self.takes is None:
            return f"Running over {span(_seconds(settings.LIVE_WITHIN))}"
        return self.mark.word

    @property
    def runs(self) -> bool:
        """Tell whether it has a bar: all but what waits, and what nobody waits for any more."""
        return self.liveness in LIVE or self.liveness is Liveness.STALLED

    @property
    def left(self) -> str:
        """When it may end: "about 2 min left", or how long it usually takes; "" if unknown."""
        if self.takes is None or not self.runs:
            return ""
        low, usual, high = self.takes
        estimate = left(low - self.elapsed, high - self.elapsed)
        foreseen = self.liveness is Liveness.RUNNING and estimate
        return foreseen or f"usually {span(usual)}"

    @property
    def text(self) -> str:
        """What its pill does not say, in a line: "3:41, about 2 min left"."""
        told = self.liveness is Liveness.RUNNING or not self.runs
        percent = "" if told or self.percent is None else f"{self.percent} %"
        return ", ".join(filter(None, [percent, clock(self.elapsed), self.left]))


def standings(activities: Iterable[Activity], *, now: datetime) -> dict[UUID, Standing]:
    """Return how each of ACTIVITIES that has not ended stands at NOW; one query if any runs."""
    open_ones = [
        activity
        for activity in activities
        if activity.state in (Activity.State.RUNNING, Activity.State.PENDING)
        or activity.abandoned_at is not None
    ]
    estimates = usuals(
        activity for activity in open_ones if activity.state == Activity.State.RUNNING
    )
    return {
        activity.uuid: _standing(activity, estimates.get(Pipeline.of(activity)), now)
        for activity in open_ones
    }


def _standing(activity: Activity, usual: Usual | None, now: datetime) -> Standing:
    stands = liveness(activity, now=now, usual=usual)
    own = mark(activity.state)
    assert own is not None  # an activity without a state is not open
    return Standing(
        stands,
        _MARKS.get(stands, own),
        activity.progress,
        silence=_seconds(now - activity.touched_at),
        elapsed=_seconds(now - started_at(activity)),
        takes=(_seconds(usual.low), _seconds(usual.median), _seconds(usual.high))
        if usual
        else None,
        changes=_changes(activity, usual, now),
    )


def _changes(activity: Activity, usual: Usual | None, now: datetime) -> int | None:
    if activity.state != Activity.State.RUNNING:
        return None
    ahead = [moment - now for moment in windows(activity, usual).values() if moment >= now]
    return _seconds(min(ahead)) + 1 if ahead else None


def _seconds(length: timedelta) -> int:
    return max(int(length.total_seconds()), 0)  # a clock that is ahead of ours


# ---- the strip above the list


@dataclass(frozen=True)
class Strip:
    """What is in progress in a feed."""

    rows: Sequence[Activity]
    standings: Mapping[UUID, Standing]
    count: str


def strip(filter: FeedFilter, *, now: datetime | None = None) -> Strip:
    """Return what runs and passes FILTER, the latest begun first.

    What stalled is not live, and stays in the list.
    """
    now = now or timezone.now()
    rows = filter.rows().filter(
        state=Activity.State.RUNNING,
        occurred_at__gte=now - settings.LIVE_WITHIN,
        touched_at__gte=now - settings.LIVE_ABANDONED,
    )
    newest = rows.select_related("source").prefetch_related(PLACES)
    newest = newest.defer("content", "raw").order_by("-occurred_at", "-id")
    found = list(newest[: STRIP_COUNTED + 1])
    stand = standings(found, now=now)
    live = [row for row in found if stand[row.uuid].liveness in LIVE]
    live.sort(key=started_at, reverse=True)
    count = f"{STRIP_COUNTED}+" if len(live) > STRIP_COUNTED else str(len(live))
    return Strip(live[:STRIP_ROWS], stand, count)


# ---- words; static/progress.js has the same for the seconds between two answers


def clock(seconds: int) -> str:
    """Write a length of time as 3:41, 1:03:41, or from a day on as 2 d 3 h."""
    if seconds >= _DAY:
        return f"{seconds // _DAY} d {seconds % _DAY // _HOUR} h"
    hours, rest = divmod(seconds, _HOUR)
    if hours:
        return f"{hours}:{rest // _MINUTE:02}:{rest % _MINUTE:02}"
    return f"{rest // _MINUTE}:{rest % _MINUTE:02}"


def span(seconds: int) -> str:
    """Write a length of time in one unit: 40 s, 4 min, 3 h, 2 d."""
    for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {word}"
    return f"{seconds} s"


def left(low: int, high: int) -> str:
    """Say that LOW to HIGH seconds are left; "" if even HIGH is over."""
    if high <= 0:
        return ""
    if high < _MINUTE:
        return "less than 1 min left"
    unit, word = (_HOUR, "h") if high >= _IN_HOURS else (_MINUTE, "min")
    least, most = max(low + unit // 2, 0) // unit, (high + unit // 2) // unit
    if least == most:
        return f"about {most} {word} left"
    return f"{least}\N{EN DASH}{most} {word} left" if least else f"up to {most} {word} left"
