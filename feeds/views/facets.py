"""The facets beside the list and the histogram above it, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from urllib.parse import quote_plus

from django.http import QueryDict
from django.utils.functional import cached_property

from feeds.addresses import exchanged, feed_address, narrowed, open_address, without
from feeds.facets import FACETS, Counts, Value, counts
from feeds.filters import Choice, FeedFilter, escaped
from feeds.histogram import OTHER, STACKS, Bar, Histogram, histogram, stack_of
from feeds.pages import Page
from feeds.reader import MINUTE, SECOND, local
from feeds.running import span
from feeds.views.filterform import LABELS
from feeds.vocabulary import KINDS, STATES, short

SHOWN = 5  # values of a facet that are always in sight
MORE = 15  # that open below them; what is rarer still is found by the filters above the list
OPEN = ("type", "state", "component", "actor")  # the facets that begin unfolded
#: What the bars and the legend say for a series that is no type.
SERIES = {"good": "Good", "bad": "Bad", "running": "Running", OTHER: "Other"}
HEIGHT = 96  # pixels
SLOT = 10  # units of the drawing, whose width is that of the page
LEAST = 2  # pixels of what is not nothing


@dataclass(frozen=True)
class Item:
    """One value of a facet: where a click on it leads, and one on "not"."""

    label: str
    title: str  # the value as it is, where the label is short for it
    count: int
    address: str  # with it; if it is selected, without
    excluding: str  # "" if it is selected or left out
    sign: str = ""  # "in": selected, "out": left out
    icon: str = ""
    ink: str = ""


@dataclass(frozen=True)
class Group:
    """One facet."""

    name: str
    label: str
    shown: Sequence[Item]
    more: Sequence[Item]
    left_out: int  # values that are not even in `more`
    total: int  # of types, which every event has; 0 for other facets
    all: str  # where all of them are again; "" if they are
    open: bool


@dataclass(frozen=True)
class Explorer:
    """What stands beside and above the list of the feed that QUERY shows."""

    counts: Counts
    filter: FeedFilter
    query: QueryDict

    @classmethod
    def of(cls, query: QueryDict, filter: FeedFilter, page: Page | None = None) -> Self:
        """Count what passes FILTER; a PAGE of it may spare the query."""
        stack_of(query.get("stack", ""))
        return cls(counts(filter, page), filter, query)

    @property
    def words(self) -> str:
        """What was counted."""
        window = self.counts.window
        number = f"{self.counts.total:,}"
        if window.looked_at:
            return f"{number} among the newest {window.looked_at:,}"
        return f"all {number}" if window.complete else f"the newest {number}"

    @cached_property
    def groups(self) -> list[Group]:
        return [self._group(name, self.counts.facets[name]) for name in FACETS]

    @cached_property
    def histogram(self) -> Histogram:
        stack = stack_of(self.query.get("stack", ""))
        return histogram(self.counts.window, self.filter, stack=stack)

    @property
    def address(self) -> str:
        """Where the newest page of this feed is."""
        return feed_address(self.query)

    @property
    def again(self) -> str:
        """Where the same is counted anew."""
        return feed_address(self.query, "feed-counts")

    @property
    def width(self) -> str:
        """How long a bar is."""
        return span(self.histogram.seconds)

    @property
    def wide(self) -> int:
        """How wide the drawing is, in its units."""
        return max(len(self.histogram.bars), 1) * SLOT

    @property
    def begins(self) -> str:
        return moment(self.histogram.bars[0].since) if self.counts.total else ""

    @property
    def ends(self) -> str:
        return moment(self.histogram.bars[-1].until, "%Z") if self.counts.total else ""

    @staticmethod
    def word_of(series: str) -> str:
        """Name a series."""
        return SERIES.get(series) or KINDS[series].label

    @property
    def columns(self) -> list[Column]:
        """The bars that are not empty, as they are drawn."""
        return columns(self.histogram, self.query)

    @property
    def stacks(self) -> Mapping[str, str]:
        """The address of the same feed with either way to stack."""
        found = {}
        for stack in STACKS:
            wanted = self.query.copy()
            wanted["stack"] = "" if stack == STACKS[0] else stack
            found[stack] = feed_address(wanted)
        return found

    def _group(self, name: str, values: Sequence[Value]) -> Group:
        choice = self.filter.choices.get(name, Choice())
        known = {value.value for value in values}
        absent = [Value(value, value, 0) for value in choice.included if value not in known]
        out = [Value(value, value, 0) for value in choice.excluded]
        marked = [value for value in (*values, *absent) if value.value in choice.included]
        rest = [value for value in values if value.value not in choice.included]
        draw = _Drawer(self.query, name)
        shown = [draw(value, "in") for value in marked] + [draw(value, "out") for value in out]
        room = max(SHOWN - len(shown), 0)
        return Group(
            name,
            LABELS[name],
            shown + [draw(value) for value in rest[:room]],
            [draw(value) for value in rest[room : room + MORE]],
            max(len(rest) - room - MORE, 0),
            self.counts.total if name == "type" else 0,
            feed_address(without(self.query, name)) if choice else "",
            open=bool(choice) or name in OPEN,
        )


class _Drawer:
    """Makes the items of one facet; a page has a hundred, so what they share is made once."""

    def __init__(self, query: QueryDict, name: str) -> None:
        self.name = name
        self.query = query
        self.plain = query.urlencode()
        self.fresh = not any(query.getlist(name))
        self.base = f"{open_address(query)}{name}="

    def __call__(self, value: Value, sign: str = "") -> Item:
        label, icon, ink = _look(self.name, value)
        title = value.value if label != value.value and not icon else ""
        if sign:
            address = exchanged(self.query, self.name, _written(value.value, sign))
            return Item(label, title, value.number, address, "", sign, icon, ink)
        written, negated = escaped(value.value), f"-{value.value}"
        if self.fresh:
            address, excluding = (self.base + quote_plus(text) for text in (written, negated))
        else:
            address = narrowed(self.plain, self.name, value.value)
            wanted = self.query.copy()
            wanted.appendlist(self.name, negated)
            excluding = feed_address(wanted)
        return Item(label, title, value.number, address, excluding, "", icon, ink)


def _look(name: str, value: Value) -> tuple[str, str, str]:
    """Return label, icon and class of the colour of VALUE."""
    if name == "type":
        look = KINDS[value.value]
        return look.label, look.icon, f"tint-{look.tint}"
    if name == "state":
        mark = STATES[value.value]
        return mark.word, mark.icon, f"ink-{mark.tone}"
    return short(value.label) if name == "target" else value.label, "", ""


def _written(value: str, sign: str) -> set[str]:
    """Return the ways to write VALUE in an address where it is selected, or left out."""
    return {f"-{value}"} if sign == "out" else {escaped(value), f"\\{value}"}


# ---- the drawing


@dataclass(frozen=True)
class Column:
    """One bar as it is drawn, and as a line of the table."""

    left: int
    address: str
    since: str
    until: str
    total: int
    words: str
    parts: Sequence[tuple[str, int, int]]  # series, top and height
    numbers: Sequence[int]  # by series


def columns(found: Histogram, query: QueryDict) -> list[Column]:
    """Draw the bars of FOUND that are not empty, with links to the feed of QUERY at their time."""
    base = open_address(without(query, "since", "until"))
    tallest = found.tallest
    return [
        _column(bar, place * SLOT, base, found.series, tallest)
        for place, bar in enumerate(found.bars)
        if bar.total
    ]


def _column(bar: Bar, left: int, base: str, series: Sequence[str], tallest: int) -> Column:
    since, until = written(bar.since), written(bar.until)
    parts, below = [], 0
    foot = HEIGHT
    for name in series:
        count = bar.counts.get(name, 0)
        if not count:
            continue
        below += count
        top = min(HEIGHT - round(below * HEIGHT / tallest), foot - LEAST)
        parts.append((name, top, foot - top))
        foot = top
    words = ", ".join(
        f"{bar.counts[name]} {Explorer.word_of(name).lower()}"
        for name in series
        if bar.counts.get(name)
    )
    address = f"{base}since={quote_plus(since, ':')}&until={quote_plus(until, ':')}"
    numbers = [bar.counts.get(name, 0) for name in series]
    began, ended = moment(bar.since), moment(bar.until, "%Z")
    return Column(left, address, began, ended, bar.total, words, parts, numbers)


def moment(at: datetime, zone: str = "") -> str:
    """Write AT on the reader's clock, as short as it goes, with the ZONE that %Z asks for."""
    here = local(at)
    return f"{here:{SECOND if here.second or here.microsecond else MINUTE} {zone}}".rstrip()


def written(moment: datetime) -> str:
    """Write MOMENT as the parameters since and until take it, in UTC, as short as it goes."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return text.removesuffix(":00") if len(text) == len("2026-11-21T14:03:00") else text
