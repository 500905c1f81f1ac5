"""Pages for the tests: rows to show on them, and what a browser would find in their HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from django.test import Client

from feeds import actions
from feeds.dialects.mapping import Draft
from feeds.models import Activity, Role, User

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSWORD = "a long s3cret"
VOID = {"br", "hr", "img", "input", "link", "meta"}


@dataclass
class Element:
    """One element of a page, with all the text inside."""

    tag: str
    attrs: dict[str, str]
    parents: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    def __getitem__(self, name: str) -> str:
        return self.attrs[name]

    def matches(self, selector: str) -> bool:
        """Tell whether SELECTOR fits: a tag, #id, .class and [name=value], in this order."""
        tag, rest = re.match(r"([a-z0-9-]*)(.*)", selector).groups()  # type: ignore[union-attr]
        wanted = re.findall(r"([#.])([\w-]+)|\[([\w-]+)=([^\]]+)\]", rest)
        return (not tag or tag == self.tag) and all(
            self.attrs.get(name) == value if name
            else self.attrs.get("id") == word if sign == "#"
            else word in self.attrs.get("class", "").split()
            for sign, word, name, value in wanted
        )  # fmt: skip


class Html(HTMLParser):
    """The elements of a page, in their order."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(response.content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {k: v or "" for k, v in attrs}, list(self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.pieces.append(data)

    def all(self, selector: str) -> list[Element]:
        """Find all that SELECTOR names; a space means inside of."""
        *outer, last = selector.split()
        return [
            found
            for found in self.elements
            if found.matches(last)
            and all(any(parent.matches(part) for parent in found.parents) for part in outer)
        ]

    def one(self, selector: str) -> Element:
        found = self.all(selector)
        assert len(found) == 1, f"{len(found)} elements are {selector}"
        return found[0]

    def link(self, selector: str) -> str:
        """Return where the link goes, "" if there is none."""
        found = self.all(selector)
        return found[0]["href"] if found else ""

    @property
    def rows(self) -> list[str]:
        """The uuids of the events, in their order."""
        return [row["id"].removeprefix("ev-") for row in self.all("article.row")]

    @property
    def titles(self) -> list[str]:
        return [title.text for title in self.all("article.row .object")]


def record(count: int = 1, *, before: int = 0, **fields: Any) -> list[Activity]:
    """Record COUNT activities, a second apart unless `occurred_at` says otherwise; oldest first.

    BEFORE is how many there are: ids and times go on from there.
    """
    sender = actions.Sender(actions.ensure_user("recorder", role=Role.BOT))
    drafts = [_draft(number, fields) for number in range(before, before + count)]
    found = actions.record_many(sender, drafts)
    assert all(isinstance(answer, actions.Recorded) for answer in found)
    rows = Activity.objects.filter(external_id__in=[draft.external_id for draft in drafts])
    return list(rows.order_by("occurred_at", "id"))


def _draft(number: int, fields: dict[str, Any]) -> Draft:
    plain: dict[str, Any] = {
        "dialect": "teamhub",
        "kind": "build",
        "source_id": "shop/web",
        "external_id": str(number),
        "sequence": 1,
        "title": f"build {number}",
        "occurred_at": START + timedelta(seconds=number),
        "verb": "built",
        "generator": "Jenkins",
    }
    return Draft(**{**plain, **fields})


def person(role: str = "viewer", name: str = "") -> User:
    """Make somebody with a password."""
    name = name or role
    return actions.create_user(
        name, role=Role(role), email=f"{name}@example.com", password=PASSWORD
    )


def signed_in(role: str = "viewer", name: str = "") -> Client:
    """Make somebody, and return their browser."""
    client = Client()
    client.force_login(person(role, name))
    return client
