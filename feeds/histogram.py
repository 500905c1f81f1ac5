"""When it happened: rows as bars of equal time, each stacked by state or by type."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from feeds.dialects.mapping import EPOCH, microseconds
from feeds.facets import Window
from feeds.filters import FeedFilter, FilterError
from feeds.vocabulary import mark

MOST_BARS = 60
FEWEST_BARS = 20  # or a bar would be as wide as a hand
TOP_TYPES = 5  # the rest is one series
STACKS = ("state", "type")
OTHER = "other"
#: The first series stands at the foot of each bar.
OUTCOMES = ("bad", "running", "good", OTHER)
#: A tone of the vocabulary, and which outcome it is.
TONES = {"success": "good", "done": "good", "danger": "bad", "progress": "running"}
_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3600, 86400
WIDTHS = (
    *(_SECOND, 5, 10, 30),
    *(_MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 7 * _DAY, 28 * _DAY, 364 * _DAY),
)  # seconds
ORIGIN = datetime(1970, 1, 5, tzinfo=UTC)  # a Monday: bars of a week begin on Mondays
TICK = timedelta(microseconds=1)
#: Between these every clock of the world can show a moment.
FIRST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LAST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


@dataclass(frozen=True)
class Bar:
    """A time, and what happened in it."""

    since: datetime
    until: datetime  # not included
    counts: Mapping[str, int]  # by series

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Histogram:
    """Bars without a gap between them, the oldest first."""

    bars: Sequence[Bar]
    seconds: int  # that each is wide
    begins: int  # where the first would begin if the filter did not, in seconds since 1970
    stack: str
    series: Sequence[str]  # from the foot of a bar to its head

    @property
    def tallest(self) -> int:
        return max((bar.total for bar in self.bars), default=0)


def stack_of(text: str) -> str:
    """Read the parameter `stack`."""
    if text and text not in STACKS:
        raise FilterError("stack", f"{text!r} is not one of {', '.join(STACKS)}")
    return text or STACKS[0]


def histogram(window: Window, filter: FeedFilter, *, stack: str = "state") -> Histogram:
    """Return the bars of WINDOW, whose rows pass FILTER."""
    names, series = _series(window, stack)
    if not window.rows:
        return Histogram([], WIDTHS[0], 0, stack, series)
    first, last = window.rows[-1].occurred_at, window.rows[0].occurred_at
    if filter.since and filter.until:  # somebody asked for this time: its silence is an answer
        last = max(last, filter.until - TICK)
        first = min(first, filter.since) if window.complete else first
    seconds = _width(first, last)
    origin, wide = microseconds(ORIGIN), seconds * 1_000_000
    places = [(row.moment - origin) // wide for row in window.rows]
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for (place, name), count in Counter(zip(places, names, strict=True)).items():
        found[place][name] = count
    newest = _place(last, seconds)
    oldest = min(_place(first, seconds), newest - FEWEST_BARS + 1)
    since, until = filter.since or FIRST, filter.until or LAST
    oldest = max(oldest, _place(since, seconds))
    bars = [
        Bar(
            max(_start(place, seconds), since),
            min(_start(place + 1, seconds), until),
            found.get(place, {}),
        )
        for place in range(oldest, newest + 1)
    ]
    begins = (ORIGIN - EPOCH) // timedelta(seconds=1) + oldest * seconds
    return Histogram(bars, seconds, begins, stack, series)


def _series(window: Window, stack: str) -> tuple[list[str], Sequence[str]]:
    """Return the series of each row of WINDOW, and all series."""
    if stack == "state":
        outcomes = {state: outcome(state) for state in {row.state for row in window.rows}}
        return [outcomes[row.state] for row in window.rows], OUTCOMES
    found = Counter(row.kind for row in window.rows)
    kinds = sorted(found, key=lambda kind: (-found[kind], kind))[:TOP_TYPES]
    return [row.kind if row.kind in kinds else OTHER for row in window.rows], [*kinds, OTHER]


def outcome(state: str) -> str:
    """Say how what is in STATE went: good, bad, running, or other, which is none of these."""
    drawn = mark(state)
    return TONES.get(drawn.tone, OTHER) if drawn else OTHER


def _width(first: datetime, last: datetime) -> int:
    """Return the least width, in seconds, of which MOST_BARS are enough."""
    widths = [*WIDTHS]
    while _place(last, widths[0]) - _place(first, widths[0]) >= MOST_BARS:
        if len(widths) == 1:
            widths.append(2 * widths[0])
        widths.pop(0)
    return widths[0]


def _place(moment: datetime, seconds: int) -> int:
    return (moment - ORIGIN) // timedelta(seconds=seconds)


def _start(place: int, seconds: int) -> datetime:
    try:
        return ORIGIN + timedelta(seconds=place * seconds)
    except OverflowError:  # before the year 1, or after 9999
        return FIRST if place < 0 else LAST
