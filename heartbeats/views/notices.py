"""Who is told of a heartbeat and when nobody is: channels, maintenance windows, letters."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from feeds.views.access import members, posted, posts
from heartbeats import actions
from heartbeats.forms import ChannelChangeForm, ChannelForm, WindowForm
from heartbeats.models import Channel, MaintenanceWindow, Notification
from heartbeats.views import detail
from heartbeats.views.access import back, check, own

LETTERS_SHOWN = 50


@never_cache
@members
@posts
def add_channel(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Make a channel of one heartbeat.

    The answer to a good POST for a webhook is the page and no redirect: its secret is shown once,
    and must be kept nowhere in between.
    """
    beat = own(request, identity)
    form = ChannelForm(request.POST, auto_id="channel_%s")
    if not form.is_valid():
        return detail.page(request, beat, status=422, channel=form)
    channel, secret = actions.create_channel(beat.team, heartbeat=beat, **form.cleaned_data)
    if not secret:
        messages.success(request, f"{channel} hears of {beat.name}.")
        return redirect(f"{beat.get_absolute_url()}#channels")
    return detail.page(request, beat, status=201, secret=(channel, secret))


@members
@posts
def add_window(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Make a maintenance window of one heartbeat."""
    beat = own(request, identity)
    form = WindowForm(request.POST, now=timezone.now())
    if not form.is_valid():
        return detail.page(request, beat, status=422, window=form)
    actions.create_window(beat.team, heartbeat=beat, **form.cleaned_data)
    messages.success(request, "The maintenance window is made.")
    return redirect(f"{beat.get_absolute_url()}#windows")


@never_cache
@members
def channel(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show a channel and what went to it, and change it."""
    found = _channel(request, identity)
    form = ChannelChangeForm(found, posted(request))
    if request.method == "POST" and form.is_valid():
        actions.change_channel(found, form.cleaned_data)
        messages.success(request, f"{found} is saved.")
        return redirect("channel", identity)
    return _page(request, found, form, status=422 if request.method == "POST" else 200)


@never_cache
@members
@posts
def rotate_secret(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Give a webhook another secret, and show it once."""
    found = _channel(request, identity)
    if found.kind != Channel.Kind.WEBHOOK:
        messages.error(request, "kind: an e-mail address has no secret.")
        return redirect("channel", identity)
    secret = actions.rotate_channel_secret(found)
    return _page(request, found, ChannelChangeForm(found), secret=secret)


@members
@posts
def test(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Send a letter to a channel that only shows that it arrives."""
    actions.test_channel(_channel(request, identity), now=timezone.now())
    messages.success(request, "A test is on its way; load this page again to see the answer.")
    return redirect("channel", identity)


@members
def delete_channel(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Ask, then delete a channel."""
    found = _channel(request, identity)
    home = _home(found)
    if request.method == "POST":
        actions.delete_channel(found)
        messages.success(request, f"{found} is deleted.")
        return redirect(home)
    context = {"channel": found, "home": home}
    return render(request, "heartbeats/channel_delete.html", context)


@members
@posts
def delete_window(request: HttpRequest, identity: UUID) -> HttpResponse:
    """End a maintenance window."""
    rows = MaintenanceWindow.objects.select_related("team", "heartbeat")
    window = get_object_or_404(rows, uuid=identity)
    check(request, window.team)
    actions.delete_window(window, now=timezone.now())
    messages.success(request, f"The maintenance window {window} is deleted.")
    return redirect(_home(window))


@members
@posts
def retry(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Send a letter that failed for good once more."""
    rows = Notification.objects.select_related("team", "heartbeat")
    letter = get_object_or_404(rows, uuid=identity)
    check(request, letter.team)
    if actions.retry_notification(letter, now=timezone.now()):
        messages.success(request, "It is sent once more.")
    else:
        messages.warning(request, "It has not failed, so it is not sent once more.")
    return back(request, _home(letter))


def _channel(request: HttpRequest, identity: UUID) -> Channel:
    rows = Channel.objects.select_related("team", "heartbeat")
    found = get_object_or_404(rows, uuid=identity)
    check(request, found.team)
    return found


def _home(thing: Channel | MaintenanceWindow | Notification) -> str:
    """Return the address of the page that shows THING: its heartbeat's, else its team's."""
    if thing.heartbeat is not None:
        return thing.heartbeat.get_absolute_url()
    return reverse("team", args=[thing.team_id])


def _page(
    request: HttpRequest,
    channel: Channel,
    form: ChannelChangeForm,
    *,
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "channel": channel,
        "form": form,
        "secret": secret,
        "home": _home(channel),
        "letters": channel.notifications.select_related("heartbeat")[:LETTERS_SHOWN],
        "open": True,
    }
    return render(request, "heartbeats/channel.html", context, status=status)
