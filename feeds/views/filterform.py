"""The filter form over the feed, and the chips of the filters in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from feeds import querybox
from feeds.addresses import exchanged
from feeds.facets import Counts
from feeds.filters import FACETS, Choice, FeedFilter, escaped
from feeds.querybox import Fault
from feeds.search import parted
from feeds.vocabulary import KINDS, STATES

SUGGESTED = 40  # values of each input

LABELS = {
    "type": "Type",
    "state": "State",
    "generator": "Generator",
    "actor": "Actor",
    "target": "Target",
    "issue": "Issue",
    "environment": "Environment",
    "project": "Project",
    "ref": "Branch or pipeline",
    "level": "Level",
    "component": "Component",
    "source": "Source",
    "since": "Since",
    "until": "Until",
    "q": "Text",
}
ASKS = "form#ask"  # how htmx names the form of the query box
INPUTS = (
    "component", "source", "generator", "actor", "target", "environment", "project", "issue", "ref",
    "level",
)  # fmt: skip


@dataclass(frozen=True)
class Chip:
    """One filter in force, in words, and the addresses without it and with its opposite."""

    label: str
    relation: str  # "is", "is not", ...
    word: str
    removed: str
    flipped: str = ""


@dataclass(frozen=True)
class Input:
    """A text input of the filter form, and the values that it cannot show but must keep."""

    name: str
    label: str
    value: str
    kept: list[str]
    suggestions: list[str]


def box(query: QueryDict, text: str | None, faults: list[Fault]) -> dict[str, Any]:
    """Return what the query box shows: the filters of QUERY, or TEXT as it was typed and its
    FAULTS, each with the address of the text without it."""
    mended = [
        f"{reverse('feed')}?{urlencode({'query': fault.mended})}" if fault.mended else ""
        for fault in faults
    ]
    shown = querybox.written(query) if text is None else text
    keys = ", ".join(querybox.EXAMPLES)
    return {
        "query": shown,
        "faults": list(zip(faults, mended, strict=True)),
        "keys": keys,
        "stack": query.get("stack", ""),
    }


def form(query: QueryDict, counts: Counts) -> dict[str, Any]:
    """Return what the filter form shows; it suggests what COUNTS has most of."""
    suggestions = {
        name: sorted(value.value for value in values[:SUGGESTED])
        for name, values in counts.facets.items()
    }
    return {
        "inputs": [_input(query, name, suggestions.get(name, [])) for name in INPUTS],
        "boxes": [_boxes(query, "type", KINDS), _boxes(query, "state", STATES)],
        "since": query.get("since", ""),
        "until": query.get("until", ""),
        "q": query.get("q", ""),
    }


def _input(query: QueryDict, name: str, suggestions: list[str]) -> Input:
    given = [value for value in query.getlist(name) if value]
    shown = given[0] if given else ""
    return Input(name, LABELS[name], shown, given[1:], [escaped(value) for value in suggestions])


def _boxes(query: QueryDict, name: str, words: dict[str, Any]) -> dict[str, Any]:
    given = query.getlist(name)
    return {
        "name": name,
        "label": LABELS[name],
        "options": [(str(value), look, str(value) in given) for value, look in words.items()],
        "kept": [value for value in given if value and value not in words],
    }


def chips(query: QueryDict, filter: FeedFilter) -> list[Chip]:
    """Say every filter in force in words, each with the address of the feed without it."""
    found = []
    for name in FACETS:
        choice = filter.choices.get(name, Choice())
        for value in choice.included:
            found.append(_chip(query, name, value, "is", (escaped(value), f"\\{value}")))
        for value in choice.excluded:
            found.append(_chip(query, name, value, "is not", (f"-{value}",)))
    for name, relation in (("since", "from"), ("until", "before")):
        if given := query.get(name, "").strip():
            found.append(Chip(LABELS[name], relation, given, exchanged(query, name, (given,))))
    return [*found, *_chips_of_text(query)]


def _chips_of_text(query: QueryDict) -> list[Chip]:
    """Say what is searched for, and each piece that leaves something out, one to be taken back."""
    given = query.get("q", "").strip()
    wanted, left_out = parted(given)
    found = []
    if wanted:
        rest = " ".join(left_out)
        found.append(Chip(LABELS["q"], "contains", wanted, exchanged(query, "q", (given,), rest)))
    for piece in left_out:
        others = " ".join([wanted, *(one for one in left_out if one != piece)]).strip()
        removed = exchanged(query, "q", (given,), others)
        wanted_too = exchanged(query, "q", (given,), f"{others} {piece[1:]}".strip())
        found.append(Chip(LABELS["q"], "lacks", piece[1:], removed, wanted_too))
    return found


def _chip(query: QueryDict, name: str, value: str, relation: str, written: tuple[str, ...]) -> Chip:
    word = (
        KINDS[value].label if name == "type" else STATES[value].word if name == "state" else value
    )
    opposite = f"-{value}" if relation == "is" else escaped(value)
    removed, turned = (exchanged(query, name, written, to) for to in ("", opposite))
    return Chip(LABELS[name], relation, word, removed, turned)
