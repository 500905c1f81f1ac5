"""What the pages of connections and letters need: states, waits and spans in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone

from feeds.models import Connection, Delivery
from feeds.outbox import BACKOFF
from feeds.pulling.lag import LATE, lag_of
from feeds.vocabulary import LETTERS, Mark

COUNTED = 99  # dead letters that the navigation counts; a count of more costs more than it tells

register = template.Library()

VERB_ICONS = {
    Delivery.Verb.CREATE: "send",
    Delivery.Verb.UPDATE: "refresh-ccw",
    Delivery.Verb.DELETE: "trash-2",
}


@register.filter
def mark(state: str) -> Mark:
    """Return how the STATE of a letter is named and drawn."""
    return LETTERS[state]


@register.filter
def tries(delivery: Delivery) -> str:
    """Say which retry of how many DELIVERY waits for: "3/10"."""
    return f"{delivery.tries}/{len(BACKOFF)}"


@register.filter
def verb_icon(delivery: Delivery) -> str:
    """Return the icon of what DELIVERY asks for."""
    return VERB_ICONS[Delivery.Verb(delivery.verb)]


@register.filter
def pretty(document: Any) -> str:
    """Write DOCUMENT as JSON for people."""
    return json.dumps(document, indent=2, ensure_ascii=False)


@register.filter
def span(time: timedelta | None) -> str:
    """Say how long TIME is, in its two largest units."""
    if time is None:
        return "no time at all"
    seconds = round(time.total_seconds())
    if seconds < 1:
        return "under a second"
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


@register.filter
def is_past(moment: datetime) -> bool:
    """Tell whether MOMENT has come."""
    return moment <= timezone.now()


@register.filter
def ms(seconds: float) -> str:
    """Say how long a request took."""
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds * 1000:.0f} ms"


@dataclass(frozen=True)
class Health(Mark):
    """How a connection is, and why, in words."""

    why: str = ""


@register.filter
def health(connection: Connection) -> Health:
    """Say whether letters go to CONNECTION, and why not."""
    if connection.paused_at:
        return Health("Paused", "neutral", "pause", connection.pause_reason)
    if connection.failing_since:
        return Health("Failing", "danger", "triangle-alert", "no letter has got through since")
    if connection.dialect == Connection.Dialect.COMPASS and not connection.cloud_id:
        return Health("Not tested", "warning", "circle-question-mark", "its cloudId is not known")
    return Health("Going", "success", "circle-check")


@register.filter
def reading(connection: Connection) -> Health:
    """Say whether the events of CONNECTION are read, and how old they are."""
    now = timezone.now()
    why = lag_of(connection, now)
    if connection.pull_failures or (connection.pull_at is None and connection.pull_error):
        return Health("Not readable", "danger", "triangle-alert", why)
    if connection.pull_at is None:
        return Health("", "neutral", "", why)
    if connection.paused_at:
        return Health("Paused", "neutral", "pause", why)
    if connection.pulled_at is None:
        return Health("To be read", "neutral", "clock", why)
    if now - connection.pulled_at > LATE:
        return Health("Late", "warning", "triangle-alert", why)
    return Health("Read", "success", "circle-check", why)


@register.simple_tag
def dead_letters() -> str:
    """Count the dead letters, up to "99+"; "" if there are none."""
    found = Delivery.objects.filter(state=Delivery.State.DEAD).order_by()
    count = found[: COUNTED + 1].count()
    return f"{COUNTED}+" if count > COUNTED else str(count or "")
