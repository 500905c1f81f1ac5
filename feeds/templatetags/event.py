"""What the page and the drawer of an event need: changes in words, and the body as it was sent."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from feeds import vocabulary
from feeds.rawbody import Body, Line
from feeds.revisions import DETAILS, Change
from feeds.templatetags.pulseboard import times

register = template.Library()

SHORT = 160  # characters of a value
FIELDS = {
    "state": "State",
    "progress": "Progress",
    "occurred_at": "Occurred",
    "title": "Title",
    "content": "Content",
    "verb": "Verb",
    "url": "Link",
    "actor_name": "Actor",
    "actor_key": "Id of the actor",
    "actor_image": "Picture of the actor",
    "object_key": "Object",
    "object_type": "Type of the object",
    "target_key": "Target",
    "target_url": "Link of the target",
    "kind": "Type",
    "generator": "Generator",
    "icon": "Icon",
    "dialect": "Wire",
}


@register.filter
def named(change: Change) -> str:
    """Name what CHANGE changed: our word for it, or the vendor's path."""
    return FIELDS.get(change.field, change.field.removeprefix(DETAILS))


@register.filter
def was(change: Change) -> str:
    """Say the value before CHANGE."""
    return _said(change.field, change.before)


@register.filter
def became(change: Change) -> str:
    """Say the value after CHANGE."""
    return _said(change.field, change.after)


def _said(field: str, value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if field == "state":
        mark = vocabulary.mark(value)
        return mark.word if mark else value
    if field == "kind":
        return vocabulary.look(value).label
    if field == "progress":
        return f"{value} %"
    if isinstance(value, datetime):
        return times(value).whole
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


@register.filter
def listing(body: Body) -> SafeString:
    """Write BODY as text of a <pre>; what marks its unread lines is no text, and is not copied."""
    return mark_safe("\n".join(map(_line, body.lines)))


def _line(line: Line) -> str:
    text = escape(line.text)
    return f'{line.indent}<mark class="unread">{text}</mark>' if line.unread else line.indent + text
