"""What the templates need: icons, the words of vocabulary.py, safe HTML, and filter links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

import nh3
from django import template
from django.conf import settings
from django.forms import BoundField
from django.http import QueryDict
from django.template import engines
from django.template.context import RequestContext
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from jinja2 import Environment

from feeds import vocabulary
from feeds.models import Activity

register = template.Library()

#: What activity streams may say in titles and contents; everything else goes.
TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "del", "em", "i", "ins", "li", "ol"),
    *("p", "pre", "q", "s", "small", "span", "strong", "sub", "sup", "ul"),
}
ATTRIBUTES = {"a": {"href", "title"}, "abbr": {"title"}}
SCHEMES = {"http", "https", "mailto"}
HTML_DIALECTS = {"streams"}
LINK_REL = "nofollow noopener noreferrer"


@register.simple_tag
@cache
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of the sprite; LABEL is spoken, and without it the icon is decoration."""
    spoken = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else mark_safe('aria-hidden="true"')
    )
    return format_html(
        '<svg class="icon" width="16" height="16" {}><use href="{}#{}"></use></svg>',
        spoken,
        static("icons.svg"),
        name,
    )


register.filter("look", vocabulary.look)
register.filter("icon_of", vocabulary.icon)
register.filter("phrase", vocabulary.phrase)
register.filter("facts", vocabulary.facts)


@register.filter
def sanitised(text: str) -> SafeString:
    """Return the HTML in TEXT without all that could harm."""
    clean = nh3.clean(
        text,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_whole_address,
        url_schemes=SCHEMES,
        link_rel=LINK_REL,
    )
    return mark_safe(clean)  # nh3 has just cleaned it


def _whole_address(tag: str, attribute: str, value: str) -> str | None:
    """Drop an address that begins at no host: written for the vendor's pages, it is wrong here."""
    if attribute == "href" and not (web(value) or value.lower().startswith("mailto:")):
        return None
    return value


@register.filter
def has_html(activity: Activity) -> bool:
    """Tell whether title and content are HTML; in all dialects but one they are plain text."""
    return activity.dialect in HTML_DIALECTS


@dataclass(frozen=True)
class Times:
    """One moment in the words of a row."""

    iso: str
    whole: str
    day: str
    time: str


def times(moment: datetime) -> Times:
    """Write MOMENT, in UTC."""
    utc = moment.astimezone(UTC)
    return Times(
        iso=utc.isoformat(),
        whole=f"{utc:%Y-%m-%d %H:%M:%S} UTC",
        day=f"{utc:%Y-%m-%d}",
        time=f"{utc:%H:%M:%S}",
    )


@register.filter
def web(url: str) -> str:
    """Return URL if it is a web address, else "": nothing else becomes a link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme.lower() in {"http", "https"} and parts.netloc else ""


@register.filter
def host(url: str) -> str:
    """Return the host of a web address."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def environment(**options: Any) -> Environment:
    """Make the environment of templates/jinja/, with the words that its templates use."""
    made = Environment(**options)
    made.globals |= {
        "icon": icon,
        "look_of": vocabulary.look,
        "mark_of": vocabulary.mark,
        "icon_of": vocabulary.icon,
        "phrase_of": vocabulary.phrase,
        "facts_of": vocabulary.facts,
        "short": vocabulary.short,
        "times_of": times,
        "has_html": has_html,
        "sanitised": sanitised,
        "web": web,
    }
    return made


@register.simple_tag(takes_context=True)
def rows(context: RequestContext, activities: Sequence[Activity]) -> SafeString:
    """Draw ACTIVITIES as rows of the feed."""
    return _draw(context, "rows.html", activities=activities)


@register.simple_tag(takes_context=True)
def pill(context: RequestContext, activity: Activity) -> SafeString:
    """Draw the state of ACTIVITY."""
    return _draw(context, "pill.html", activity=activity)


def _draw(context: RequestContext, name: str, **values: Any) -> SafeString:
    narrow_this = partial(narrowed, context.get("feed_query", ""))
    template = engines["jinja"].get_template(name)
    return mark_safe(template.render({**values, "narrow": narrow_this}))


@register.filter
def options(values: Sequence[str]) -> SafeString:
    """Write VALUES as the options of a datalist: there may be hundreds, and a loop takes longer."""
    return mark_safe("".join(f'<option value="{escape(value)}"></option>' for value in values))


@register.simple_tag(takes_context=True)
def may_read(context: RequestContext) -> bool:
    """Tell whether the reader may open the feed, so that its links are of use."""
    user = context.get("user")
    return bool(settings.ANONYMOUS_READ or (user and user.is_authenticated))


@register.simple_tag(takes_context=True)
def narrow(context: RequestContext, name: str, value: str) -> str:
    """Return the address of the feed with NAME=VALUE added to the filters in force.

    Pages without filters of their own, such as an event's, start from none.
    """
    return narrowed(context.get("feed_query", ""), name, value)


@lru_cache(maxsize=4096)  # a page asks 300 times, mostly for what it asked before
def narrowed(query: str, name: str, value: str) -> str:
    """Return the address of the feed that the query string QUERY shows, with NAME=VALUE added."""
    wanted = QueryDict(query, mutable=True)
    kept = [other for other in wanted.getlist(name) if other and other != f"-{value}"]
    written = escaped(value)
    wanted.setlist(name, kept if written in kept else [*kept, written])
    return feed_address(wanted)


def escaped(value: str) -> str:
    """Write VALUE so that filters.Choice reads it as included, whatever it begins with."""
    return f"\\{value}" if value.startswith(("-", "\\")) else value


def feed_address(query: QueryDict) -> str:
    """Return the address of the newest page of the feed that QUERY shows."""
    wanted = query.copy()
    for name in list(wanted):
        values = [value for value in wanted.getlist(name) if value]
        if name in {"before", "after"} or not values:
            del wanted[name]
        else:
            wanted.setlist(name, values)
    return f"{reverse('feed')}?{wanted.urlencode()}" if wanted else reverse("feed")


@register.simple_tag
def errors_of(form: Any) -> list[tuple[str, str, str]]:
    """Return the id, label and first words of every field of FORM that is wrong."""
    fields: list[BoundField] = [field for field in form if field.errors]
    return [(field.id_for_label, str(field.label), str(field.errors[0])) for field in fields]
