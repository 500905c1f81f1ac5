"""Feeds for the tests: what to record, and how readers find what is in them."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

from feeds import actions
from feeds.models import Role
from tests.dialects.documents import PARSE, load, names

SITE = "http://127.0.0.1:8000"
ATOM, ACTIVITY, USER, ATLASSIAN = (
    "{http://www.w3.org/2005/Atom}",
    "{http://activitystrea.ms/spec/1.0/}",
    "{http://streams.atlassian.com/syndication/username/1.0}",
    "{http://streams.atlassian.com/syndication/general/1.0}",
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FORMATS = ["/feed.atom", "/feed.json", "/feed.as2"]
ADDRESSES = ["/activity", "/activity/", "/plugins/servlet/streams", *FORMATS]
HOSTILE = "<script>alert(1)</script><b onclick=x()>bold</b> \x01\x0b\x1f\ufffe & ]]> <unclosed"
ALL = [name for dialect in PARSE for name in names(dialect)]


def keep(*documents: str) -> None:
    """Record DOCUMENTS, each as an event of its own."""
    sender = actions.Sender(actions.ensure_user("recorder", role=Role.BOT, name="Recorder"))
    for number, name in enumerate(documents):
        document = load(name)
        draft = PARSE[name.partition("/")[0]](document)
        draft.site_id = draft.component_id = ""
        draft.external_id = f"{draft.external_id} {number}"[-255:]
        draft.raw = json.dumps(document)
        actions.create_source(draft.source_id, kind=draft.kind)
        actions.record(sender, draft)


def entries_of(response: Any) -> list[ElementTree.Element]:
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    return ElementTree.fromstring(response.content).findall(f"{ATOM}entry")


def titles_of(response: Any) -> list[str]:
    return [entry.findtext(f"{ATOM}title") or "" for entry in entries_of(response)]


def text(entry: ElementTree.Element, *path: str) -> str:
    found = entry.findtext("/".join(path))
    assert found, path
    return found


def check_entry(entry: ElementTree.Element) -> None:
    """Check what every entry must have."""
    assert re.fullmatch("urn:uuid:[0-9a-f-]{36}", text(entry, f"{ATOM}id"))
    assert text(entry, f"{ATOM}title")
    for name in ("title", "content"):
        found = entry.find(f"{ATOM}{name}")
        assert found is not None
        assert found.get("type") == "html"
        assert "<script" not in (found.text or "")
        assert not re.search(r"<[^>]*\son\w+=", found.text or "")
    assert text(entry, f"{ATOM}author", f"{ATOM}name")
    for name in ("published", "updated"):
        assert MOMENT.fullmatch(text(entry, f"{ATOM}{name}"))
    links = {link.get("rel"): link.get("href", "") for link in entry.findall(f"{ATOM}link")}
    assert links["alternate"].startswith("http")
    assert links["http://streams.atlassian.com/syndication/icon"].startswith("http")
    assert text(entry, f"{ATOM}generator")
    assert text(entry, f"{ACTIVITY}verb").startswith("http")
    assert text(entry, f"{ATLASSIAN}timezone-offset") == "+0000"
    for name in ("object", "target"):
        thing = entry.find(f"{ACTIVITY}{name}")
        if name == "object" or thing is not None:
            assert thing is not None
            assert all(text(thing, f"{ATOM}{part}") for part in ("id", "title", "summary"))


def next_of(response: Any) -> str:
    if "json" not in response["Content-Type"]:
        feed = ElementTree.fromstring(response.content)
        links = {link.get("rel"): link.get("href", "") for link in feed.findall(f"{ATOM}link")}
        return links.get("next", "")
    return str(response.json().get("next_url") or response.json().get("next") or "")


def ids_of(response: Any) -> list[str]:
    if "json" not in response["Content-Type"]:
        return [text(entry, f"{ATOM}id") for entry in entries_of(response)]
    document = response.json()
    return [item["id"] for item in document.get("items") or document.get("orderedItems") or []]
