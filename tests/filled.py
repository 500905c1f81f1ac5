"""Forms as a browser would fill them in and send them."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any


@dataclass
class Filled:
    """What a form would send, and where to."""

    action: str
    values: dict[str, str]

    def changed(self, **values: str) -> dict[str, str]:
        """Return what it would send after somebody changed VALUES."""
        return {**self.values, **values}


class _Reader(HTMLParser):
    def __init__(self, identity: str) -> None:
        super().__init__()
        self.identity, self.action = identity, ""
        self.values: dict[str, str] = {}
        self._inside = False
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("id") == self.identity:
            self._inside, self.action = True, found["action"]
        if not self._inside:
            return
        name = found.get("name", "")
        if "disabled" in found or not name:
            name = ""
        if tag == "input" and name and found.get("type") not in ("submit", "checkbox"):
            self.values[name] = found.get("value", "")
        if tag == "input" and name and found.get("type") == "checkbox" and "checked" in found:
            self.values[name] = found.get("value", "on")
        if tag == "textarea":
            self._textarea = name
            self.values[name] = ""
        if tag == "select":
            self._select = name
        if tag == "option" and self._select:
            value = found.get("value", "")
            if "selected" in found or self._select not in self.values:
                self.values[self._select] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        if tag == "textarea" and self._textarea:
            # as a browser does it: the first line end goes, and the others become CRLF
            text = self.values[self._textarea].removeprefix("\r").removeprefix("\n")
            self.values[self._textarea] = text.replace("\r\n", "\n").replace("\n", "\r\n")
            self._textarea = ""
        if tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea] += data


def filled(response: Any, identity: str = "compose") -> Filled:
    """Return the form IDENTITY on a page as it stands."""
    return filled_text(response.content.decode(), identity)


def filled_text(text: str, identity: str = "compose") -> Filled:
    """Return the form IDENTITY in the page TEXT as it stands."""
    reader = _Reader(identity)
    reader.feed(text)
    reader.close()
    assert reader.action, f"no form {identity} on the page"
    return Filled(reader.action, reader.values)
