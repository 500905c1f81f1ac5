"""Strips: a window of a heartbeat's history as a row of bars, in words, and as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from math import ceil

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import get_current_timezone_name

from feeds.dialects.mapping import EPOCH
from feeds.reader import MINUTE, local, stamp
from feeds.templatetags.outbox import span
from feeds.vocabulary import Mark
from heartbeats.models import Flip, Heartbeat
from heartbeats.uptime import (
    DOWN,
    UP,
    WINDOWS,
    Bucket,
    Span,
    Uptime,
    buckets,
    percent,
    spans,
    uptime,
)
from heartbeats.views.words import state_of

BARS = {"24h": 48, "7d": 42, "30d": 30, "90d": 45}  # half an hour, 4 hours, a day, two days
WORDS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
SHORT = {"24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d"}
WIDTH, GAP, HEIGHT, LEAST = 6, 2, 20, 4  # pixels; LEAST of a fill
TABLE_ROWS = 12  # times of a table, the newest
PLACE = "@page@"  # where the address of the heartbeat's page goes


@dataclass(frozen=True)
class Time:
    """A time in one state, as a table shows it."""

    began: str
    lasted: str
    mark: Mark


@dataclass(frozen=True)
class Strip:
    """A window of one heartbeat's history."""

    window: str
    drawn: SafeString
    found: Uptime
    cut: list[Time]  # the newest first, as many as a table shows
    more: int  # how many the table leaves out

    def at(self, address: str) -> Strip:
        """Return the strip with links to the page at ADDRESS."""
        return replace(self, drawn=mark_safe(self.drawn.replace(PLACE, address)))

    @cached_property
    def percent(self) -> str:
        """The uptime with two decimals, or that there is no data."""
        return percent(self.found.ratio)

    @property
    def words(self) -> str:
        """The window in words."""
        return WORDS[self.window]

    @cached_property
    def summary(self) -> str:
        """All of it in one sentence."""
        return summary(self.found, self.window)


def summary(found: Uptime, window: str) -> str:
    """Say in one sentence how a window went."""
    if found.ratio is None:
        return f"Last {WORDS[window]}: not watched"
    outages = f"{found.outages} outage{'' if found.outages == 1 else 's'}"
    down = f", down {span(found.down)}" if found.down else ""
    return f"Last {WORDS[window]}: {percent(found.ratio)} up, {outages}{down}"


def histories(beats: Sequence[Heartbeat], *, since: datetime) -> Mapping[int, list[Flip]]:
    """Load the flips of BEATS after SINCE, in their order, in one query."""
    found: dict[int, list[Flip]] = defaultdict(list)
    rows = Flip.objects.filter(heartbeat__in=[beat.pk for beat in beats], at__gt=since)
    for flip in rows.only("heartbeat_id", "was", "state", "at").order_by("heartbeat_id", "id"):
        found[flip.heartbeat_id].append(flip)
    return found


def strips(beats: Sequence[Heartbeat], window: str, *, now: datetime) -> dict[int, Strip]:
    """Draw the strip of each of BEATS; those that never flipped in the window share the work."""
    since = now - WINDOWS[window]
    flips = histories(beats, since=since)
    alike: dict[str, Strip] = {}
    found = {}
    for beat in beats:
        if beat.pk in flips:
            made = strip(beat, flips[beat.pk], window, now=now)
        else:
            made = alike.get(beat.state) or strip(beat, [], window, now=now)
            alike[beat.state] = made
        found[beat.pk] = made.at(beat.get_absolute_url())
    return found


def strip(beat: Heartbeat, flips: Sequence[Flip], window: str, *, now: datetime) -> Strip:
    """Draw the strip of BEAT, whose FLIPS in WINDOW are given; its links have PLACE in them."""
    length = WINDOWS[window]
    cut = spans(flips, state=beat.state, since=now - length, until=now)
    found = uptime(cut, since=now - length, until=now)
    end = _edge(now, length / BARS[window])
    bars = buckets(cut, since=end - length, until=end, count=BARS[window])
    drawn = _draw(bars, summary(found, window))
    return Strip(window, drawn, found, _table(cut), max(len(cut) - TABLE_ROWS, 0))


def _table(cut: Sequence[Span]) -> list[Time]:
    newest = cut[: -TABLE_ROWS - 1 : -1]
    return [
        Time(stamp(one.start, MINUTE), span(one.end - one.start), state_of(one.state))
        for one in newest
    ]


def _edge(now: datetime, width: timedelta) -> datetime:
    """Return the end of the bar that holds NOW: bars begin at whole multiples of their WIDTH, so
    that they stand still while time goes on."""
    return EPOCH + ceil((now - EPOCH) / width) * width


def _draw(bars: Sequence[Bucket], spoken: str) -> SafeString:
    """Draw BARS. Their links are for a mouse: the table beside has the same for everybody."""
    width = len(bars) * (WIDTH + GAP) - GAP
    head = format_html(
        '<svg class="strip" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="group" '
        'aria-label="{2}">',
        width, HEIGHT, spoken,
    )  # fmt: skip
    drawn = "".join(_bar(bar, place * (WIDTH + GAP)) for place, bar in enumerate(bars))
    return mark_safe(f"{head}{drawn}</svg>")  # all that is in a bar is a number or a word of ours


def _bar(bar: Bucket, left: int) -> str:
    if not bar.uptime.down:
        return _calm(bar.start, bar.end, bar.state, left, get_current_timezone_name())
    tall = max(LEAST, round(bar.bad * HEIGHT))
    words = f"{state_of(DOWN).word}, for {span(bar.uptime.down)}"
    return _link(bar.start, bar.end, words, _fill("down", left, tall))


@lru_cache(maxsize=4096)  # most bars are calm, and then the same in all rows
def _calm(start: datetime, end: datetime, state: str, left: int, zone: str) -> str:
    if state == UP:
        return _link(start, end, state_of(UP).word, _fill("up", left, LEAST))
    empty = (
        f'<rect class="none" x="{left + 0.5}" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}"/>'
    )
    return _link(start, end, state_of(state).word, empty)


def _fill(tone: str, left: int, tall: int) -> str:
    return (
        f'<rect class="t" x="{left}" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<rect class="{tone}" x="{left}" y="{HEIGHT - tall}" width="{WIDTH}" height="{tall}"/>'
    )


def _link(start: datetime, end: datetime, words: str, shape: str) -> str:
    return (
        f'<a href="{PLACE}?since={_minute(start)}&amp;until={_minute(end)}#log" tabindex="-1">'
        f"<title>{local(start):{MINUTE}} to {stamp(end, MINUTE)}: {words}</title>{shape}</a>"
    )


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}"
