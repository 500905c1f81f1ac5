"""What the templates need: icons, the words of vocabulary.py, safe HTML, and filter links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.conf import settings
from django.forms import BoundField
from django.template import engines
from django.template.context import RequestContext
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import get_current_timezone
from jinja2 import Environment
from jinja2.ext import Extension

from feeds import actions, mentions, richtext, vocabulary
from feeds.addresses import only
from feeds.dialects.registry import WEBHOOKS
from feeds.models import Activity, Density, Theme, User
from feeds.reader import MINUTE, SECOND, TIME, density_of, local, stamp
from feeds.repeats import Order
from feeds.running import Standing, Strip, standings
from feeds.story import count_links

register = template.Library()

STAMPS = {"second": SECOND, "minute": MINUTE, "time": TIME}
EXCERPT = 300  # characters of content, about two lines
HTML_DIALECTS = {"streams"}


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
register.filter("headline", vocabulary.headline)
register.filter("facts", vocabulary.facts)


@register.simple_tag
def site_name() -> str:
    """Return what admins called the site."""
    return actions.site().name or "Pulseboard"


@register.filter
def dialect_name(dialect: str) -> str:
    """Return what people call the code host that speaks DIALECT."""
    return WEBHOOKS[dialect].NAME if dialect in WEBHOOKS else dialect


@register.filter
def linked(html: str) -> SafeString:
    """Return HTML that is safe, with links to what it mentions."""
    return mark_safe(richtext.linked(html))  # which has just cleaned it


@register.filter
def line(html: str) -> SafeString:
    """Return HTML that is safe and fits in a line, with links to what it mentions."""
    return mark_safe(richtext.line(html))  # which has just cleaned it


register.filter("plain", richtext.plain)
register.filter("profile_path", mentions.profile_path)
register.filter("target_of", mentions.target_of)
register.filter("web", richtext.web)


@register.simple_tag
def avatar(user: User) -> SafeString:
    """Draw the initials of USER on one of eleven tints; their name stands beside it."""
    words = str(user).replace(".", " ").replace("@", " ").split() or ["?"]
    initials = words[0][0] + (words[-1][0] if len(words) > 1 else "")
    tint = list(vocabulary.KINDS.values())[user.pk % len(vocabulary.KINDS)].tint
    return format_html(
        '<span class="avatar tint-{}" aria-hidden="true">{}</span>', tint, initials.upper()
    )


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
    """Write MOMENT on the reader's clock."""
    here = local(moment)
    return Times(
        iso=moment.astimezone(UTC).isoformat(),
        whole=f"{here:%Y-%m-%d %H:%M:%S %Z}",
        day=f"{here:%Y-%m-%d}",
        time=f"{here:%H:%M:%S}",
    )


@register.filter("stamp")
def stamped(moment: datetime | None, to: str = "second") -> str:
    """Write MOMENT on the reader's clock, with its zone; TO says how exactly."""
    return stamp(moment, STAMPS[to]) if moment else ""


def excerpt(activity: Activity) -> str:
    """Return the first words of ACTIVITY's content as plain text; "" where it was not loaded."""
    if "content" in activity.get_deferred_fields() or not activity.content:
        return ""
    begun = activity.content[: 4 * EXCERPT]
    text = richtext.plain(begun) if has_html(activity) else " ".join(begun.split())
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


@register.simple_tag
def standing_of(activity: Activity) -> Standing | None:
    """Return how ACTIVITY stands if it has not ended."""
    return standings([activity], now=timezone.now()).get(activity.uuid)


@register.filter
def host(url: str) -> str:
    """Return the host of a web address."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


class Dense(Extension):
    """Templates without indentation: nobody sees it, and a page has fifty rows."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"\n\s+", "\n", source)


def environment(**options: Any) -> Environment:
    """Make the environment of templates/jinja/, with the words that its templates use."""
    made = Environment(**options, extensions=[Dense])
    made.globals |= {
        "icon": icon,
        "look_of": vocabulary.look,
        "mark_of": vocabulary.mark,
        "icon_of": vocabulary.icon,
        "phrase_of": vocabulary.phrase,
        "headline_of": vocabulary.headline,
        "facts_of": vocabulary.facts,
        "short": vocabulary.short,
        "excerpt_of": excerpt,
        "times_of": times,
        "has_html": has_html,
        "line": line,
        "web": richtext.web,
    }
    return made


@register.simple_tag(takes_context=True)
def rows(context: RequestContext, activities: Sequence[Activity]) -> SafeString:
    """Draw ACTIVITIES as rows of the feed."""
    stand = standings(activities, now=timezone.now())
    order = context.get("order") or Order()
    comfort = context.get("request") and density_of(context["request"]) == Density.COMFORT
    return _draw(
        context,
        "rows.html",
        activities=activities,
        standings=stand,
        order=order,
        comfort=comfort,
        linked=count_links(activities),
    )


@register.simple_tag(takes_context=True)
def running_rows(context: RequestContext, strip: Strip) -> SafeString:
    """Draw the rows of STRIP, what is in progress."""
    return _draw(context, "running.html", activities=strip.rows, standings=strip.standings)


@register.simple_tag
def facets(explorer: Any) -> SafeString:
    """Draw the facets beside the list."""
    return mark_safe(engines["jinja"].get_template("facets.html").render({"explorer": explorer}))


@register.simple_tag
def histogram(explorer: Any) -> SafeString:
    """Draw the bars above the list."""
    return mark_safe(engines["jinja"].get_template("histogram.html").render({"explorer": explorer}))


@register.simple_tag(takes_context=True)
def pill(context: RequestContext, activity: Activity) -> SafeString:
    """Draw the state of ACTIVITY."""
    return _draw(context, "pill.html", activity=activity, standing=standing_of(activity))


def _draw(context: RequestContext, name: str, **values: Any) -> SafeString:
    narrow_this = partial(only, context.get("feed_query") or "")
    values["times_as"] = getattr(context.get("user"), "times", "both")
    template = engines["jinja"].get_template(name)
    return mark_safe(template.render({**values, "narrow": narrow_this}))


@register.filter
def options(values: Sequence[str]) -> SafeString:
    """Write VALUES as the options of a datalist: there may be hundreds, and a loop takes longer."""
    return mark_safe("".join(f'<option value="{escape(value)}"></option>' for value in values))


@register.simple_tag(takes_context=True)
def reading(context: RequestContext) -> SafeString:
    """Write how the reader wants the page as attributes of <html>, there before it is painted.

    A stranger's theme is in their browser, and theme.js reads it.
    """
    user, request = context.get("user"), context.get("request")
    if request is None or user is None:
        return mark_safe("")
    named = {"density": density_of(request), "zone": str(get_current_timezone())}
    if isinstance(user, User):
        named |= {"member": "", "times": user.times, "keys": "" if user.shortcuts else "off"}
        named["theme"] = "" if user.theme == Theme.SYSTEM else user.theme
    told = {name: value for name, value in named.items() if value or name == "member"}
    return format_html_join("", ' data-{}="{}"', told.items())


@register.simple_tag
def now_here() -> str:
    """Write the time of now on the reader's clock."""
    return stamp(timezone.now(), TIME)


@register.simple_tag
def zone() -> str:
    """Name the time zone of the page, and what it is called today."""
    name, short = str(get_current_timezone()), f"{local(timezone.now()):%Z}"
    return name if short == name else f"{name} ({short})"


@register.simple_tag(takes_context=True)
def may_read(context: RequestContext) -> bool:
    """Tell whether the reader may open the feed, so that its links are of use."""
    user = context.get("user")
    return bool(settings.ANONYMOUS_READ or (user and user.is_authenticated))


@register.simple_tag(takes_context=True)
def narrow(context: RequestContext, name: str, value: str) -> str:
    """Return the address of the feed with the filters in force, and of NAME with VALUE alone.

    Pages without filters of their own, such as an event's, start from none.
    """
    return only(context.get("feed_query") or "", name, value)


@register.simple_tag
def errors_of(form: Any) -> list[tuple[str, str, str]]:
    """Return the id, label and first words of every field of FORM that is wrong."""
    fields: list[BoundField] = [field for field in form if field.errors]
    return [(field.id_for_label, str(field.label), str(field.errors[0])) for field in fields]
