"""The filters of the list of heartbeats: from the query string to rows, and to words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import QueryDict

from feeds.filters import MOST_VALUES, Choice, FilterError, escaped
from feeds.models import Component
from feeds.views.filterform import Chip, Input
from heartbeats.models import Heartbeat, Team
from heartbeats.uptime import WINDOWS
from heartbeats.views.words import STATES

LABELS = {"state": "State", "team": "Team", "tag": "Tag", "component": "Component", "q": "Name"}
FACETS = ("state", "team", "tag", "component")
COLUMNS = {"state": "state", "team": "team__identifier", "component": "component__slug"}
INPUTS = ("team", "tag", "component")
WINDOW = "30d"  # of strips, if the address names none
SUGGESTED = 200  # values of an input
TABLE = Heartbeat._meta.db_table


@dataclass(frozen=True)
class ListFilter:
    """What the list shows: the parameters of a query string, read and checked."""

    choices: Mapping[str, Choice] = field(default_factory=dict)
    q: str = ""
    window: str = WINDOW

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Read the parameters of QUERY; raises FilterError for the first that is wrong."""
        choices = {}
        for name in FACETS:
            values = query.getlist(name)
            if len(values) > MOST_VALUES:
                raise FilterError(name, f"must not be given more than {MOST_VALUES} times")
            if any("\x00" in value for value in values):
                raise FilterError(name, "must not contain the NUL character")
            if choice := Choice.of(values):
                choices[name] = choice
        state = choices.get("state", Choice())
        for value in (*state.included, *state.excluded):
            if value not in STATES:
                raise FilterError("state", f"{value!r} is not one of {', '.join(STATES)}")
        window = query.get("window", "") or WINDOW
        if window not in WINDOWS:
            raise FilterError("window", f"{window!r} is not one of {', '.join(WINDOWS)}")
        return cls(choices, query.get("q", "").replace("\x00", " ").strip(), window)

    def __bool__(self) -> bool:
        return bool(self.choices or self.q)

    def rows(self, *, without: str = "") -> QuerySet[Heartbeat]:
        """Return every heartbeat that passes, but for what the parameter WITHOUT asks."""
        rows = Heartbeat.objects.order_by()
        for name, choice in self.choices.items():
            if name == without:
                continue
            if choice.included:
                rows = rows.filter(_any(name, choice.included))
            if choice.excluded:
                rows = rows.filter(~_any(name, choice.excluded))
        return rows.filter(name__icontains=self.q) if self.q else rows


def _any(name: str, values: tuple[str, ...]) -> Q:
    if name != "tag":
        return Q(**{f"{COLUMNS[name]}__in": values})
    if connection.features.supports_json_field_contains:
        found = Q()
        for value in values:
            found |= Q(tags__contains=[value])
        return found
    marks = ", ".join(["%s"] * len(values))
    one = f"EXISTS (SELECT 1 FROM json_each({TABLE}.tags) WHERE value IN ({marks}))"
    return Q(RawSQL(one, values, output_field=BooleanField()))


# ---- in words


def chips(query: QueryDict, wanted: ListFilter) -> list[Chip]:
    """Say every filter in force in words, each with the address of the list without it."""
    found = []
    for name in FACETS:
        choice = wanted.choices.get(name, Choice())
        for value in choice.included:
            found.append(_chip(query, name, value, "is", (escaped(value), f"\\{value}")))
        for value in choice.excluded:
            found.append(_chip(query, name, value, "is not", (f"-{value}",)))
    if wanted.q:
        found.append(Chip(LABELS["q"], "contains", wanted.q, address(query, q=[])))
    return found


def _chip(query: QueryDict, name: str, value: str, relation: str, written: tuple[str, ...]) -> Chip:
    kept = [other for other in query.getlist(name) if other and other not in written]
    opposite = f"-{value}" if relation == "is" else escaped(value)
    flipped = address(query, **{name: [*kept, opposite]})
    return Chip(LABELS[name], relation, value, address(query, **{name: kept}), flipped)


def address(query: QueryDict, **changes: list[str]) -> str:
    """Return the query string of the first page of QUERY with CHANGES; "?" is everything."""
    wanted = query.copy()
    wanted.pop("page", None)
    for name, values in changes.items():
        wanted.setlist(name, values)
    for name in list(wanted):
        values = [value for value in wanted.getlist(name) if value]
        wanted.setlist(name, values) if values else wanted.pop(name)
    return f"?{wanted.urlencode()}"


def form(query: QueryDict) -> dict[str, Any]:
    """Return what the filter form shows; its suggestions cost three queries."""
    teams = Team.objects.values_list("identifier", flat=True)[:SUGGESTED]
    slugs = Component.objects.filter(heartbeats__isnull=False).order_by("slug")
    tags = Heartbeat.objects.exclude(tags=[]).order_by().values_list("tags", flat=True)
    suggestions = {
        "team": list(teams),
        "tag": sorted({tag for some in tags.distinct()[:SUGGESTED] for tag in some}),
        "component": list(slugs.values_list("slug", flat=True).distinct()[:SUGGESTED]),
    }
    given = query.getlist("state")
    return {
        "q": query.get("q", ""),
        "states": [(value, mark, value in given) for value, mark in STATES.items()],
        "kept_states": [value for value in given if value and value not in STATES],
        "inputs": [_input(query, name, suggestions[name]) for name in INPUTS],
    }


def _input(query: QueryDict, name: str, suggestions: list[str]) -> Input:
    given = [value for value in query.getlist(name) if value]
    shown = given[0] if given else ""
    return Input(name, LABELS[name], shown, given[1:], [escaped(value) for value in suggestions])
