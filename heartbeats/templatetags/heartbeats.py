"""What the templates of heartbeats need: words, and the count in the navigation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from django import template
from django.template import engines
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from feeds.filters import escaped
from feeds.templatetags.outbox import span
from feeds.vocabulary import Mark
from heartbeats.models import Heartbeat
from heartbeats.views import words
from heartbeats.views.examples import ping_url
from heartbeats.views.rows import Row

COUNTED = 99  # unresponsive ones that the navigation counts; a count of more tells no more

register = template.Library()
register.filter("span", span)
register.filter("moment", words.moment)
register.filter("lasting", words.lasting)
register.filter("schedule_of", words.schedule_of)
register.filter("explained", words.explained)
register.filter("state_of", words.state_of)
register.filter("kind_of", words.kind_of)


@register.filter
def letter_of(state: str) -> Mark:
    """Return how the STATE of a notification is named and drawn."""
    return words.LETTERS[state]


@register.simple_tag
def only(name: str, value: str) -> str:
    """Return the address of the list that shows only what has VALUE as its NAME."""
    return f"{reverse('heartbeats')}?{urlencode({name: escaped(value)})}"


@register.simple_tag
def beats(rows: Sequence[Row], now: datetime) -> SafeString:
    """Draw ROWS of the list at NOW, by the faster engine: there are fifty."""
    values = {
        "rows": rows,
        "now": now,
        "moment": words.moment,
        "schedule_of": words.schedule_of,
        "only": only,
        "ping_url": ping_url,
    }
    return mark_safe(engines["jinja"].get_template("beats.html").render(values))


@register.simple_tag
def unresponsive() -> str:
    """Count the heartbeats that are down, up to "99+"; "" if there are none."""
    rows = Heartbeat.objects.filter(state=Heartbeat.State.UNRESPONSIVE).order_by()
    count = len(rows.values_list("pk")[: COUNTED + 1])
    return f"{COUNTED}+" if count > COUNTED else str(count or "")
