"""The fields that are marked as unread are unread: nothing of an event depends on them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from feeds.dialects.mapping import DialectError
from feeds.dialects.reading import read_in

from .documents import PARSE, load, names

GOLDEN = [name for dialect in sorted(PARSE) for name in names(dialect)]


def leaves(value: Any, path: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Go through the values of VALUE: what holds each, its name there, and its path."""
    for name in value if isinstance(value, dict) else range(len(value)):
        beneath = ".".join(filter(None, [path, name])) if isinstance(value, dict) else path
        if value[name] and isinstance(value[name], dict | list):
            yield from leaves(value[name], beneath)
        else:
            yield value, name, beneath


def other(value: Any) -> Any:
    """Return another value of the kind of VALUE."""
    if isinstance(value, str):
        return f"{value} changed"
    return "changed" if isinstance(value, dict | list) else value + 1


@pytest.mark.parametrize("name", GOLDEN)
def test_nothing_of_an_event_depends_on_what_is_unread(name: str) -> None:
    """A value of which something would become another, or that may be refused, is never marked."""
    document = load(name)
    parse = PARSE[name.partition("/")[0]]
    columns = vars(parse(document))
    read = read_in(document, columns)
    for number, (_, _, path) in enumerate(leaves(document)):
        changed = copy.deepcopy(document)
        holder, at, _ = list(leaves(changed))[number]
        if holder[at] is None:
            continue  # it may make way for an alias, which is read until it is given
        holder[at] = other(holder[at])
        try:
            after = vars(parse(changed))
        except DialectError:
            assert path in read, path
            continue
        if {**after, "details": columns["details"]} != columns:
            assert path in read, path
