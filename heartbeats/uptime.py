"""What flips say about a time: how long a heartbeat was up, and the buckets of its strip.

Pure functions. Time counts as watched while the heartbeat was Responsive or Unresponsive; the time
before its first ping, and while it was Off, counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import floor
from typing import Protocol

WINDOWS = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
UP, DOWN = "Responsive", "Unresponsive"
#: The worst first; "" is the time before it was made.
SEVERITY = (DOWN, UP, "Pending", "Off", "")


class Turned(Protocol):
    """A change of state; a Flip is one."""

    was: str
    state: str
    at: datetime


@dataclass(frozen=True)
class Span:
    """A time in one state."""

    state: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Uptime:
    """How much of a time a heartbeat was up."""

    watched: timedelta
    down: timedelta
    outages: int  # that reached into the time

    @property
    def ratio(self) -> float | None:
        """The share of the watched time that it was up; None if it was not watched."""
        return 1 - self.down / self.watched if self.watched else None


@dataclass(frozen=True)
class Bucket:
    """One bar of a strip."""

    start: datetime
    end: datetime
    state: str  # the worst; "" is no data
    uptime: Uptime

    @property
    def bad(self) -> float:
        """The share of the bar's whole time that it was down."""
        return self.uptime.down / (self.end - self.start)


def spans(flips: Sequence[Turned], *, state: str, since: datetime, until: datetime) -> list[Span]:
    """Cut the time from SINCE to UNTIL by FLIPS, those after SINCE in their order.

    STATE is where the heartbeat stands now, for the time in which it never flipped.
    """
    found = []
    at, current = since, flips[0].was if flips else state
    for flip in flips:
        moment = min(max(flip.at, at), until)
        if moment > at:
            found.append(Span(current, at, moment))
        at, current = moment, flip.state
    if until > at:
        found.append(Span(current, at, until))
    return found


def uptime(cut: Sequence[Span], *, since: datetime, until: datetime) -> Uptime:
    """Sum up the spans CUT between SINCE and UNTIL."""
    watched = down = timedelta()
    outages = 0
    for state, length in _inside(cut, since, until):
        if state == DOWN:
            down += length
            outages += 1
        if state in (UP, DOWN):
            watched += length
    return Uptime(watched, down, outages)


def buckets(cut: Sequence[Span], *, since: datetime, until: datetime, count: int) -> list[Bucket]:
    """Divide the time from SINCE to UNTIL into COUNT bars of the same width."""
    edges = [since + (until - since) * place / count for place in range(count + 1)]
    bars = []
    first = 0
    for start, end in pairwise(edges):
        while first < len(cut) and cut[first].end <= start:
            first += 1
        last = first
        while last < len(cut) and cut[last].start < end:
            last += 1
        inside = cut[first:last]
        states = {state for state, _ in _inside(inside, start, end)}
        worst = next((state for state in SEVERITY if state in states), "")
        bars.append(Bucket(start, end, worst, uptime(inside, since=start, until=end)))
    return bars


def _inside(
    cut: Sequence[Span], since: datetime, until: datetime
) -> Iterator[tuple[str, timedelta]]:
    for span in cut:
        start, end = max(span.start, since), min(span.end, until)
        if end > start:
            yield span.state, end - start


def percent(ratio: float | None) -> str:
    """Write RATIO with two decimals, never rounded up: only what never failed is at 100."""
    if ratio is None:
        return "no data"
    hundredths = floor(round(ratio * 10_000, 6))  # 0.57 of 10,000 is a little less in floats
    return f"{(hundredths if ratio == 1 else min(hundredths, 9_999)) / 100:.2f} %"
