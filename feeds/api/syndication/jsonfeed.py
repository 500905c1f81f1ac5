"""JSON Feed 1.1; source: https://www.jsonfeed.org/version/1.1/."""

from __future__ import annotations

import json
from typing import Any

from feeds.api.syndication.entries import Entry, Feed, Person, given

CONTENT_TYPE = "application/feed+json; charset=utf-8"
VERSION = "https://jsonfeed.org/version/1.1"


def write(feed: Feed) -> str:
    """Write FEED as a JSON Feed."""
    document = {
        "version": VERSION,
        "title": feed.title,
        "home_page_url": feed.page,
        "feed_url": feed.address,
        "next_url": feed.older,
        "items": [_item(entry) for entry in feed.entries],
    }
    return json.dumps(given(document))


def _item(entry: Entry) -> dict[str, Any]:
    item = {
        "id": entry.id,
        "url": entry.page,
        "external_url": entry.link if entry.link != entry.page else "",
        "title": entry.text,
        "content_html": entry.content or entry.title,
        "date_published": entry.published,
        "date_modified": entry.changed,
        "authors": [_author(entry.author)],
        "tags": entry.tags,
    }
    return given(item)


def _author(author: Person) -> dict[str, Any]:
    return given({"name": author.name, "url": author.url, "avatar": author.image})
