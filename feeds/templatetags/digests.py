"""What pages say before their feed: rhythms in words, and drawings without a style of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import template
from django.http import QueryDict
from django.template import engines
from django.utils.safestring import SafeString, mark_safe

from feeds.addresses import feed_address
from feeds.digests.rhythm import Rhythm
from feeds.digests.volume import MOST, Day, Volume
from feeds.filters import escaped
from feeds.vocabulary import Mark

register = template.Library()

SEEN, ACTIVE = Mark("Seen", "neutral", "eye"), Mark("Active", "success", "circle-check")
SILENT, NEVER = Mark("Silent", "warning", "timer-off"), Mark("Nothing yet", "neutral", "clock")
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_HIGH, _LEAST = 40, 2  # units of a bar of a sparkline


@register.filter
def roughly(time: timedelta) -> str:
    """Say how long TIME is in one unit: "3 d"."""
    seconds = time.total_seconds()
    size, unit = next((one for one in _UNITS if seconds >= 1.5 * one[0]), _UNITS[-1])
    return f"{round(seconds / size)} {unit}"


@register.filter
def rhythm_mark(rhythm: Rhythm | None) -> Mark:
    """Return how a source stands that sends with RHYTHM; None is one that never did."""
    if rhythm is None:
        return NEVER
    return SILENT if rhythm.silent else ACTIVE if rhythm.usual is not None else SEEN


@register.filter
def rhythm_words(rhythm: Rhythm | None) -> str:
    """Say how often a source sends."""
    if rhythm is None:
        return "nothing has come yet"
    silent = f"silent for {roughly(rhythm.silence)}"
    if rhythm.usual is None:
        events = f"{rhythm.counted} event{'' if rhythm.counted == 1 else 's'}"
        return f"{silent}; {events} so far, too few to know how often it sends"
    often = (
        "many at once" if rhythm.usual < timedelta(seconds=1) else f"every {roughly(rhythm.usual)}"
    )
    return f"{silent}, usually {often}" if rhythm.silent else f"usually {often}"


# ---- sparklines


@dataclass(frozen=True)
class Bar:
    """One day of a sparkline."""

    left: float  # percent
    tall: float  # units of _HIGH
    day: str
    words: str
    address: str
    counted: bool


@register.simple_tag
def sparkline(volume: Volume, facet: str, value: Any) -> SafeString:
    """Draw VOLUME; each day leads to the feed of that day with FACET=VALUE."""
    step = 100 / len(volume.days)
    most = volume.most or 1
    bars = [
        Bar(
            left=round(number * step, 2),
            tall=max(_LEAST, round(_HIGH * (day.count or 0) / most)) if day.count else 0,
            day=day.day.isoformat(),
            words=_count(day),
            address=_on(day, facet, str(value)),
            counted=day.count is not None,
        )
        for number, day in enumerate(volume.days)
    ]
    drawn = (
        engines["jinja"]
        .get_template("spark.html")
        .render(
            {"bars": bars, "wide": round(step * 0.75, 2), "high": _HIGH, "spoken": spoken(volume)}
        )
    )
    return mark_safe(drawn)


@register.filter
def spoken(volume: Volume) -> str:
    """Say VOLUME in one sentence."""
    days = len(volume.days)
    if not volume.total:
        return f"No events in the last {days} days"
    fullest = max(volume.days, key=lambda day: day.count or 0)
    most = f"the most on {fullest.day:%Y-%m-%d}: {fullest.count:,}"
    if volume.cut:
        first = next(day.day for day in volume.days if day.count is not None)
        return f"The newest {MOST:,} events reach back to {first:%Y-%m-%d}; {most}"
    return f"{volume.total:,} event{'' if volume.total == 1 else 's'} in {days} days; {most}"


@register.filter
def newest_days(volume: Volume) -> Sequence[tuple[str, str]]:
    """Return the days of VOLUME with their counts in words, the newest first."""
    return [(day.day.isoformat(), _count(day)) for day in reversed(volume.days)]


def _count(day: Day) -> str:
    if day.count is None:
        return "not counted"
    return f"{day.count:,} event{'' if day.count == 1 else 's'}" if day.count else "none"


def _on(day: Day, facet: str, value: str) -> str:
    query = QueryDict(mutable=True)
    query[facet] = escaped(value)
    query["since"] = day.day.isoformat()
    query["until"] = (day.day + timedelta(days=1)).isoformat()
    return feed_address(query)
