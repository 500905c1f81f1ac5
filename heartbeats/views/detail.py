"""The page of one heartbeat."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache

from feeds.addresses import narrowed
from feeds.filters import FilterError
from feeds.views.access import members
from feeds.views.feed import is_fragment
from feeds.views.story import before_context
from heartbeats.actions import silent_until
from heartbeats.forms import ChannelForm, SnoozeForm, WindowForm
from heartbeats.models import Channel, Heartbeat, MaintenanceWindow
from heartbeats.uptime import WINDOWS
from heartbeats.views import log, plots
from heartbeats.views.access import find, may_change
from heartbeats.views.examples import examples, ping_url
from heartbeats.views.strips import histories, strip
from heartbeats.views.words import due_of, state_of

LETTERS_SHOWN = 30


@never_cache
@members
def show(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show a heartbeat: where it stands, its history, how to ping it, and who is told."""
    return page(request, find(identity))


def page(
    request: HttpRequest,
    beat: Heartbeat,
    *,
    status: int = 200,
    channel: ChannelForm | None = None,
    window: WindowForm | None = None,
    snooze: SnoozeForm | None = None,
    secret: tuple[Channel, str] | None = None,
) -> HttpResponse:
    """Draw the page of BEAT, or for htmx what is live of it, with the forms that were sent."""
    context, wrong = _live(request, beat)
    fragment = is_fragment(request)
    if not fragment:
        context |= _rest(request, beat) | _before(request, beat)
        context |= {
            "channel_form": channel or ChannelForm(auto_id="channel_%s"),
            "window_form": window or WindowForm(now=context["now"]),
            "snooze_form": snooze or SnoozeForm(initial={"minutes": 120}, auto_id="snooze_%s"),
            "secret": secret,
        }
    template = "heartbeats/_live.html" if fragment else "heartbeats/show.html"
    response = render(request, template, context, status=400 if wrong else status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _live(request: HttpRequest, beat: Heartbeat) -> tuple[dict[str, Any], bool]:
    """Return what _live.html shows, and whether the address asks for what cannot be read."""
    now = timezone.now()
    longest = max(WINDOWS.values())
    flips = histories([beat], since=now - longest).get(beat.pk, [])
    strips = [
        strip(beat, [flip for flip in flips if flip.at > now - length], name, now=now).at(
            beat.get_absolute_url()
        )
        for name, length in WINDOWS.items()
    ]
    runs = beat.log.filter(duration__isnull=False).order_by("-number")[: plots.RUNS]
    context: dict[str, Any] = {
        "now": now,
        "beat": beat,
        "mark": state_of(beat.state),
        "due": due_of(beat, now=now),
        "silent": silent_until([beat], now=now).get(beat.pk),
        "strips": strips,
        "plot": plots.durations(list(runs)),
        "open": may_change(request, beat.team),
    }
    try:
        context["log"] = log.read(beat, request.GET)
    except FilterError as error:
        return {**context, "error": error}, True
    return context, False


def _before(request: HttpRequest, beat: Heartbeat) -> dict[str, Any]:
    """Return what changed before BEAT fell silent, if it is."""
    if beat.state != Heartbeat.State.UNRESPONSIVE:
        return {}
    components = [beat.component] if beat.component else []
    return before_context(components, beat.changed_at, request.GET, page=beat.get_absolute_url())


def _rest(request: HttpRequest, beat: Heartbeat) -> dict[str, Any]:
    """Return what show.html shows beside what is live."""
    of_it = Q(heartbeat=beat) | Q(heartbeat=None)
    badge = settings.SITE_URL + reverse("badge", args=[beat.badge_key, "svg"])
    shields = settings.SITE_URL + reverse("badge-shields", args=[beat.badge_key])
    shown = may_change(request, beat.team)
    return {
        "alerts": narrowed("", "source", str(beat.source.uuid)) if beat.source else "",
        "ping_url": ping_url(beat) if shown else "",
        "examples": examples(beat) if shown else [],
        "badge": badge,
        "badges": [
            ("Picture", badge, ""),
            ("JSON", badge.removesuffix(".svg") + ".json", ""),
            ("For shields.io", shields, "As an endpoint badge."),
            ("Markdown", f"![{beat.name}]({badge})".replace("\n", " "), "For a README."),
        ],
        "letters": beat.notifications.select_related("channel")[:LETTERS_SHOWN],
        "channels": Channel.objects.filter(of_it, team=beat.team),
        "windows": MaintenanceWindow.objects.filter(of_it, team=beat.team),
    }
