"""The timeline of a component as an inline drawing: places are percents, colours are classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from django import template
from django.http import QueryDict
from django.template import engines
from django.utils.safestring import SafeString, mark_safe

from feeds import vocabulary
from feeds.addresses import feed_address
from feeds.digests.deployments import Deployed
from feeds.digests.timeline import WINDOWS, WORDS, Lane, Mark, Timeline, words_of
from feeds.filters import escaped
from feeds.templatetags.pulseboard import icon
from feeds.vocabulary import STATES, look, short

register = template.Library()
register.filter("mark_of", vocabulary.mark)

#: A shape for each tone, so that no colour stands alone; most kinds of happening are a dot.
SHAPES = {"success": "dot", "done": "dot", "danger": "cross", "warning": "peak", "progress": "ring"}
LEGEND = (
    ("success", "went well"), ("danger", "failed, or open"), ("warning", "needs a look"),
    ("progress", "goes on"), ("neutral", "the rest"),
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A mark as the template draws it."""

    address: str
    words: str
    left: float  # percent
    wide: float
    right: float
    tone: str
    shape: str


@dataclass(frozen=True)
class Row:
    """A lane as the template draws it."""

    icon: SafeString
    tint: str
    name: str
    address: str
    count: str
    spoken: str
    marks: Sequence[Drawn]


@register.simple_tag
def lanes(timeline: Timeline, slug: str, deployments: Sequence[Deployed]) -> SafeString:
    """Draw TIMELINE, that of the component SLUG; DEPLOYMENTS know what environments are called."""
    names = {one.environment: one.name for one in deployments}
    rows = [_row(lane, timeline, slug, names) for lane in timeline.lanes]
    drawn = (
        engines["jinja"]
        .get_template("lanes.html")
        .render({"rows": rows, "ticks": timeline.ticks, "legend": _legend()})
    )
    return mark_safe(drawn)


@register.simple_tag
def windows() -> Sequence[tuple[str, str]]:
    """Return the windows of a timeline, and what they are called."""
    return [(name, WORDS[name]) for name in WINDOWS]


def _legend() -> Sequence[tuple[str, str, str]]:
    return [(tone, SHAPES.get(tone, "box"), words) for tone, words in LEGEND]


def _row(lane: Lane, timeline: Timeline, slug: str, names: Mapping[str, str]) -> Row:
    kind = look(lane.kind)
    where = ""
    if lane.environment is not None:
        where = names.get(lane.environment) or short(lane.environment) or "no environment"
    bad = f", {lane.failed} failed or open" if lane.failed else ""
    count = f"{len(lane.marks)}{bad}"
    name = f"{kind.label} → {where}" if where else kind.label
    return Row(
        icon=icon(kind.icon), tint=kind.tint, name=name, count=count,
        address=_address(lane, timeline, slug),
        spoken=f"{name}: {count}, the oldest first",
        marks=[_drawn(mark) for mark in lane.marks],
    )  # fmt: skip


def _drawn(mark: Mark) -> Drawn:
    state = STATES.get(mark.activity.state)
    tone = state.tone if state else "neutral"
    left, wide = round(100 * mark.left, 2), round(100 * mark.wide, 2)
    return Drawn(
        address=mark.activity.get_absolute_url(), words=words_of(mark), left=left, wide=wide,
        right=round(left + wide, 2), tone=tone, shape=SHAPES.get(tone, "box"),
    )  # fmt: skip


def _address(lane: Lane, timeline: Timeline, slug: str) -> str:
    """Return the address of the feed of what LANE shows."""
    query = QueryDict(mutable=True)
    query["component"], query["type"] = escaped(slug), lane.kind
    if lane.environment:
        query["environment"] = escaped(lane.environment)
    query["since"] = f"{timeline.since.astimezone(UTC):%Y-%m-%dT%H:%M}"
    return feed_address(query)
