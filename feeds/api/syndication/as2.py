"""Activity Streams 2.0; source: https://www.w3.org/TR/activitystreams-core/."""

from __future__ import annotations

import json
from typing import Any

from feeds.api.syndication.entries import Entry, Feed, Person, Thing, given

CONTENT_TYPE = "application/activity+json"
CONTEXT = "https://www.w3.org/ns/activitystreams"
#: Our verbs by the type of activity that they are; any other verb is an Activity, no more.
VERBS = {
    "Accept": "accept accepted",
    "Add": "add added tag",
    "Announce": "share",
    "Create": "create created post save",
    "Delete": "delete deleted",
    "Dislike": "dislike",
    "Follow": "follow",
    "Invite": "invite",
    "Join": "join",
    "Leave": "leave",
    "Like": "favorite like",
    "Move": "move",
    "Reject": "reject rejected",
    "Remove": "remove removed",
    "Undo": "stop-following unlike",
    "Update": "completed failed push switch update updated",
}
TYPES = {verb: kind for kind, verbs in VERBS.items() for verb in verbs.split()}


def write(feed: Feed) -> str:
    """Write FEED as a page of an ordered collection."""
    page = {
        "@context": CONTEXT,
        "type": "OrderedCollectionPage",
        "id": feed.address,
        "name": feed.title,
        "url": feed.page,
        "partOf": {"type": "OrderedCollection", "id": f"{feed.id}#all"},
        "prev": feed.newer,
        "next": feed.older,
        "orderedItems": [_activity(entry) for entry in feed.entries],
    }
    return json.dumps(given(page))


def write_one(entry: Entry) -> str:
    """Write ENTRY alone."""
    return json.dumps({"@context": CONTEXT, **_activity(entry)})


def _activity(entry: Entry) -> dict[str, Any]:
    activity = {
        "type": TYPES.get(entry.verb.lower(), "Activity"),
        "id": f"{entry.page.rstrip('/')}.as2",
        "name": entry.text,
        "summary": entry.title,
        "url": entry.page,
        "published": entry.published,
        "updated": entry.changed,
        "actor": _actor(entry.author),
        "object": {**_thing(entry.object), **given({"content": entry.content})},
        "target": _thing(entry.target) if entry.target else None,
        "generator": given(
            {"type": "Application", "name": entry.generator, "url": entry.generator_url}
        ),
    }
    return given(activity)


def _actor(person: Person) -> dict[str, Any]:
    actor = {
        "type": "Person",
        "name": person.name,
        "preferredUsername": person.username,
        "url": person.url,
        "icon": {"type": "Image", "url": person.image} if person.image else None,
    }
    return given(actor)


def _thing(thing: Thing) -> dict[str, Any]:
    return given({"type": "Object", "id": thing.id, "name": thing.title, "url": thing.url})
