"""Activities as readers elsewhere see them: absolute addresses, safe HTML, nobody's e-mail."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q
from django.templatetags.static import static
from django.utils.html import escape, linebreaks

from feeds import vocabulary
from feeds.mentions import profile_path, target_of
from feeds.models import Activity, User
from feeds.richtext import linked, plain, web

GENERATOR = "Pulseboard"
SOMEBODY = "Somebody"  # who did it, where the wire says nothing of it


@dataclass(frozen=True)
class Person:
    """Who did it; "" is not known, or not for this reader."""

    name: str
    username: str = ""
    email: str = ""
    url: str = ""
    image: str = ""


@dataclass(frozen=True)
class Thing:
    """What it was done to, or what that belongs to."""

    id: str
    title: str
    summary: str
    type: str = ""
    url: str = ""


@dataclass(frozen=True)
class Entry:
    """One activity, ready to be written in any format."""

    id: str
    verb: str
    title: str  # HTML
    text: str  # the title, as plain text
    content: str  # HTML, "" for none
    author: Person
    object: Thing
    target: Thing | None
    published: str
    changed: str
    page: str  # our page of it
    link: str  # the vendor's page, or ours for want of one
    icon: str
    icon_title: str
    generator: str
    generator_url: str
    tags: Sequence[str]


@dataclass(frozen=True)
class Feed:
    """One page of a feed, ready to be written in any format."""

    id: str
    title: str
    address: str  # of this page of the feed
    page: str  # of the feed in a browser
    newer: str  # address of the page before, "" for none
    older: str  # address of the page behind, "" for none
    updated: str
    entries: Sequence[Entry]


def entries_of(activities: Sequence[Activity], *, is_member: bool) -> list[Entry]:
    """Write ACTIVITIES for one reader; e-mail addresses are for members alone."""
    people = _people({activity.actor_key for activity in activities if activity.actor_key})
    return [_entry(activity, _person(activity, people, is_member)) for activity in activities]


def stamp(moment: datetime) -> str:
    """Write MOMENT in UTC to the millisecond."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _entry(activity: Activity, author: Person) -> Entry:
    page = f"{settings.SITE_URL}{activity.get_absolute_url()}"
    own = activity.details if _is_html(activity) else {}
    title, text = _title(activity, author)
    thing = _object(activity, _part(own, "object"), text)
    look = vocabulary.look(activity.kind)
    generator = _part(own, "generator") or _part(own, "application")
    return Entry(
        id=activity.uuid.urn,
        verb=activity.verb,
        title=title,
        text=text,
        content=_content(activity),
        author=author,
        object=thing,
        target=_target(activity, _part(own, "target")),
        published=stamp(activity.occurred_at),
        changed=stamp(max(activity.touched_at, activity.occurred_at)),
        page=page,
        link=web(activity.url) or thing.url or page,
        icon=web(activity.icon) or f"{settings.SITE_URL}{static('favicon.svg')}",
        icon_title=look.label,
        generator=activity.generator or GENERATOR,
        generator_url=web(_text(generator, "id")),
        tags=_tags(activity),
    )


def _is_html(activity: Activity) -> bool:
    """Tell whether title and content are HTML; in all dialects but one they are plain text."""
    return activity.dialect == "streams"


def _title(activity: Activity, author: Person) -> tuple[str, str]:
    """Say what happened, as HTML and as plain text; neither is ever empty."""
    if _is_html(activity) and (text := plain(activity.title)):
        return linked(activity.title, base=settings.SITE_URL), text
    said, title = vocabulary.phrase(activity), vocabulary.headline(activity)
    if _is_html(activity):
        said, title = activity.verb, ""
    thing = title or activity.object_key or activity.external_id
    text = " ".join(filter(None, [author.name, said, thing]))
    return escape(text), text


def _content(activity: Activity) -> str:
    if _is_html(activity):
        return linked(activity.content, base=settings.SITE_URL)
    return linebreaks(activity.content, autoescape=True) if activity.content else ""


def _object(activity: Activity, own: dict[str, Any], text: str) -> Thing:
    name = activity.object_key or activity.external_id
    title = text if _is_html(activity) else activity.title or name
    return Thing(
        id=web(activity.object_key) or uuid.uuid5(activity.source.uuid, name).urn,
        title=_text(own, "displayName") or title,
        summary=_text(own, "summary") or text,
        type=activity.object_type,
        url=web(_text(own, "url")) or web(activity.url),
    )


def _target(activity: Activity, own: dict[str, Any]) -> Thing | None:
    name = activity.target_key
    if not name:
        return None
    title = _text(own, "displayName") or vocabulary.facts(activity).target or name
    page, feed = target_of(activity), _feed_of("target", name)
    return Thing(
        id=feed,
        title=title,
        summary=_text(own, "summary") or title,
        type=_text(own, "objectType"),
        url=web(activity.target_url) or (f"{settings.SITE_URL}{page}" if page else feed),
    )


def _tags(activity: Activity) -> list[str]:
    mark = vocabulary.mark(activity.state)
    words = [vocabulary.look(activity.kind).label, mark.word if mark else ""]
    words += [component.name for component in activity.source.places]
    return [word for word in words if word]


# ---- people


def _people(keys: set[str]) -> dict[str, User]:
    """Return who of ours KEYS name, by user name and by e-mail."""
    known = User.objects.filter(Q(username__in=keys) | Q(email__in=keys), is_active=True)
    people = {user.email: user for user in known if user.email}
    return people | {user.username: user for user in known}


def _person(activity: Activity, people: dict[str, User], is_member: bool) -> Person:
    key, user = activity.actor_key, people.get(activity.actor_key)
    name = activity.actor_name or str(user or key) or SOMEBODY
    username = user.username if user else key
    image = web(activity.actor_image)
    if not is_member:
        name = name.partition("@")[0].strip() or SOMEBODY
    if not username or (not is_member and "@" in username):
        return Person(name, image=image)
    email = user.email if user else key if "@" in key else ""
    page = f"{settings.SITE_URL}{profile_path(username)}" if user else _feed_of("actor", key)
    return Person(name, username, email if is_member else "", page, image)


def _feed_of(facet: str, value: str) -> str:
    """Return the address of our feed of what has VALUE in FACET."""
    escaped = f"\\{value}" if value.startswith(("-", "\\")) else value
    return f"{settings.SITE_URL}/?{urlencode({facet: escaped})}"


# ---- leftover fields of the vendor


def _part(details: Any, name: str) -> dict[str, Any]:
    found = details.get(name)
    return found if isinstance(found, dict) else {}


def _text(part: dict[str, Any], name: str) -> str:
    found = part.get(name)
    return found if isinstance(found, str) else ""


def given(document: dict[str, Any]) -> dict[str, Any]:
    """Return DOCUMENT without what is "" or None: JSON says nothing of what is not given."""
    return {name: value for name, value in document.items() if value not in ("", None)}
