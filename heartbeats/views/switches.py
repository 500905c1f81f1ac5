"""What is done to a heartbeat by one button: ping, pause, resume, snooze, another ping address."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from feeds.actions import ActionError
from feeds.reader import MINUTE, stamp
from feeds.views.access import members, posts
from heartbeats import actions
from heartbeats.forms import SnoozeForm
from heartbeats.models import Heartbeat
from heartbeats.views import detail
from heartbeats.views.access import back, find, own, refused
from heartbeats.views.words import due_of

State = Heartbeat.State
AGENT = "Pulseboard: a button on its page"


@members
@posts
def ping_now(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Ping a heartbeat, read back where it stands then, and say it."""
    beat = own(request, identity)
    now = timezone.now()
    actions.ping(beat.ping_key, actions.Signal(method="POST", user_agent=AGENT), now=now)
    after = find(identity)
    if after.state == State.RESPONSIVE:
        due = due_of(after, now=now)
        awaited = f" The next ping is due at {stamp(due.at)}." if due else ""
        text = f"Pinged: {after.name} is {after.state}.{awaited}"
        messages.success(request, text)
    else:
        recorded = (
            "The ping is recorded as ignored: " if after.state == State.OFF else "Pinged, but "
        )
        messages.warning(request, f"{recorded}{after.name} is {after.state}.")
    return back(request, beat.get_absolute_url())


@members
@posts
def pause(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Stop watching a heartbeat."""
    beat = own(request, identity)
    try:
        actions.pause(beat, now=timezone.now())
        messages.success(request, f"{beat.name} is Off: nobody is told, whatever happens.")
    except ActionError as error:
        refused(request, error)
    return back(request, beat.get_absolute_url())


@members
@posts
def resume(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Watch a heartbeat again."""
    beat = own(request, identity)
    try:
        after = actions.resume(beat, now=timezone.now())
        words = "watched from its next ping on" if after.state == State.PENDING else "watched"
        messages.success(request, f"{beat.name} is {after.state}: {words}.")
    except ActionError as error:
        refused(request, error)
    return back(request, beat.get_absolute_url())


@members
@posts
def snooze(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Tell nobody about a heartbeat for some minutes."""
    beat, now = own(request, identity), timezone.now()
    form = SnoozeForm(request.POST, auto_id="snooze_%s")
    if not form.is_valid():
        return detail.page(request, beat, status=422, snooze=form)
    minutes = form.cleaned_data["minutes"]
    until = now + timedelta(minutes=minutes) if minutes else None
    try:
        actions.snooze(beat, until=until, now=now)
        messages.success(request, _snoozed(beat, until))
    except ActionError as error:
        refused(request, error)
    return back(request, beat.get_absolute_url())


def _snoozed(beat: Heartbeat, until: datetime | None) -> str:
    if until is None:
        return f"People are told about {beat.name} again."
    return f"Nobody is told about {beat.name} until {stamp(until, MINUTE)}."


@members
@posts
def rotate_key(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Give a heartbeat another ping address."""
    beat = own(request, identity)
    actions.rotate_ping_key(beat)
    messages.success(request, "It has another ping address; the old one is 404 from now on.")
    return back(request, f"{beat.get_absolute_url()}#examples")
