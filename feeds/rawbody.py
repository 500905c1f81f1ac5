"""The body of an event as it was sent, line by line, and which lines nobody read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from feeds.dialects.mapping import DialectError
from feeds.dialects.reading import read_in
from feeds.models import Activity


@dataclass(frozen=True)
class Line:
    """A line of text; an unread one holds a field that the dialect does not read."""

    indent: str
    text: str
    unread: bool = False


@dataclass(frozen=True)
class Body:
    """A body, indented if it is JSON."""

    lines: list[Line]
    is_json: bool

    @property
    def unread(self) -> int:
        return sum(line.unread for line in self.lines)


def body_of(activity: Activity) -> Body:
    """Return the body of ACTIVITY; what is no JSON, or none that can be shown, is one line."""
    try:
        document = json.loads(activity.raw)
        read = read_in(document, activity.columns()) if isinstance(document, dict) else None
        lines = list(_lines(document, "", read, "", "", ""))
        for line in lines:
            line.text.encode()  # an escaped lone surrogate is JSON, but no text
    except (ValueError, RecursionError, DialectError):
        return Body([Line("", activity.raw)], is_json=False)
    return Body(lines, is_json=True)


def _lines(
    value: Any, path: str, read: frozenset[str] | None, indent: str, lead: str, tail: str
) -> Iterator[Line]:
    """Write VALUE, which stands at PATH, as json.dumps(indent=2) does, between LEAD and TAIL."""
    if not value or not isinstance(value, dict | list):
        text = f"{lead}{json.dumps(value, ensure_ascii=False)}{tail}"
        yield Line(indent, text, unread=read is not None and path not in read)
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield Line(indent, f"{lead}{opening}")
    for at, item in enumerate(value, 1):
        comma = "," if at < len(value) else ""
        if isinstance(value, dict):
            name, beneath = json.dumps(item, ensure_ascii=False), f"{path}.{item}" if path else item
            yield from _lines(value[item], beneath, read, f"{indent}  ", f"{name}: ", comma)
        else:
            yield from _lines(item, path, read, f"{indent}  ", "", comma)
    yield Line(indent, f"{closing}{tail}")
