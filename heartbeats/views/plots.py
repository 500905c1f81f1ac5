"""Plots drawn on the server: how long the runs of a heartbeat took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from feeds.reader import MINUTE, stamp
from heartbeats.models import Ping
from heartbeats.views.words import kind_of, lasting

RUNS = 60  # in a plot, the newest
WIDTH, HEIGHT = 640, 180  # units of the drawing
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 12, 28  # where its axes stand
LINES = 4  # of a scale, about
UNITS = (("d", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 0.001))
STEPS = [
    *(size * factor for size in (0.001, 0.01, 0.1) for factor in (1, 2, 5)),
    *(size * factor for size in (1.0, 60.0) for factor in (1, 2, 5, 10, 15, 30)),
    *(3600.0 * factor for factor in (1, 2, 3, 6, 12, 24, 48, 120, 240)),
]  # seconds


@dataclass(frozen=True)
class Plot:
    """The runs that a plot shows, the newest first, and the plot."""

    runs: Sequence[Ping]
    drawn: SafeString
    words: str


def durations(runs: Sequence[Ping]) -> Plot | None:
    """Plot how long each of RUNS took, which come newest first; None if there is none."""
    if not runs:
        return None
    took = sorted(run.duration for run in runs if run.duration is not None)
    middle = lasting(took[len(took) // 2])
    words = (
        f"{len(took)} run{'' if len(took) == 1 else 's'}: {lasting(took[0])} to "
        f"{lasting(took[-1])}, half of them at most {middle}"
    )
    return Plot(runs, _draw(list(reversed(runs)), words), words)


def _draw(runs: Sequence[Ping], words: str) -> SafeString:
    seconds = [run.duration.total_seconds() if run.duration else 0.0 for run in runs]
    marks = _marks(max(seconds))
    high, base = marks[-1], HEIGHT - BOTTOM
    step = (WIDTH - LEFT - RIGHT) / len(runs)
    places = [
        (round(LEFT + step * (place + 0.5), 1), round(base - (base - TOP) * value / high, 1))
        for place, value in enumerate(seconds)
    ]
    return format_html(
        '<svg class="plot" viewBox="0 0 {w} {h}" role="img" aria-label="{words}">{grid}{lines}'
        '{dots}<text class="axis" x="{left}" y="{low}">{first}</text>'
        '<text class="axis end" x="{right}" y="{low}">{last}</text></svg>',
        w=WIDTH, h=HEIGHT, words=words, left=LEFT, right=WIDTH - RIGHT, low=HEIGHT - 8,
        grid=_grid(marks, base), lines=_lines(places), dots=_dots(runs, places),
        first=_day(runs[0]), last=_day(runs[-1]) if len(runs) > 1 else "",
    )  # fmt: skip


def _marks(most: float) -> list[float]:
    """Return where the lines of a scale up to MOST seconds stand: round numbers from nought on."""
    step = next((step for step in STEPS if step * LINES >= most), most / LINES)
    count = max(1, ceil(most / step))
    return [step * number for number in range(count + 1)]


def _grid(marks: Sequence[float], base: float) -> SafeString:
    high = marks[-1]
    rows = [(round(base - (base - TOP) * mark / high, 1), _seconds(mark)) for mark in marks]
    return format_html_join(
        "",
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="axis end" x="{}" y="{}">'
        "{}</text>",
        ((LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4, words) for y, words in rows),
    )


def _seconds(value: float) -> str:
    unit, size = next((one for one in UNITS if value >= one[1]), UNITS[-1])
    return f"{value / size:.3g} {unit}" if value else "0"


def _lines(places: Sequence[tuple[float, float]]) -> SafeString:
    return format_html_join(
        "",
        '<line class="curve" x1="{}" y1="{}" x2="{}" y2="{}"/>',
        ((*one, *other) for one, other in pairwise(places)),
    )


def _dots(runs: Sequence[Ping], places: Sequence[tuple[float, float]]) -> SafeString:
    return format_html_join(
        "",
        '<circle class="dot {}" cx="{}" cy="{}" r="3.5"><title>{}: {}, {}</title></circle>',
        (
            (kind_of(run).tone, x, y, _day(run), lasting(run.duration), kind_of(run).word)
            for run, (x, y) in zip(runs, places, strict=True)
        ),
    )


def _day(run: Ping) -> str:
    return stamp(run.at, MINUTE)
