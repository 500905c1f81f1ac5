"""Teams: their names, members and channels, and when nobody is told about any of theirs."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from feeds.views.access import members, person, posted, posts
from heartbeats import actions
from heartbeats.forms import ChannelForm, NewTeamForm, TeamForm, WindowForm
from heartbeats.models import Channel, Heartbeat, Team
from heartbeats.views.access import changeable, check, may_change, writes

PER_PAGE = 100  # rows
LETTERS_SHOWN = 30


@members
def index(request: HttpRequest) -> HttpResponse:
    """List the teams."""
    down = Q(heartbeats__state=Heartbeat.State.UNRESPONSIVE)
    rows = (
        Team.objects.prefetch_related("members")
        .annotate(count=Count("heartbeats"), down=Count("heartbeats", filter=down))
        .order_by("identifier")
    )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    own = changeable(request, [team.pk for team in page.object_list])
    context = {"page": page, "own": own, "writes": writes(request)}
    return render(request, "heartbeats/teams.html", context)


@members
def create(request: HttpRequest) -> HttpResponse:
    """Make a team before it has a heartbeat."""
    if not writes(request):
        raise PermissionDenied("A viewer reads; composers, bots and admins make teams.")
    form = NewTeamForm(person(request), posted(request))
    if request.method == "POST" and form.is_valid():
        fields = dict(form.cleaned_data)
        team = actions.ensure_team(fields.pop("identifier"))
        actions.change_team(team, **fields)
        messages.success(request, f"{team} is made.")
        return redirect("team", team.pk)
    status = 422 if request.method == "POST" else 200
    return render(request, "heartbeats/team_form.html", {"form": form}, status=status)


@never_cache
@members
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a team: its members, its channels, its maintenance windows."""
    return _page(request, get_object_or_404(Team, pk=pk))


@members
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Name a team, and say who is in it."""
    team = _own(request, pk)
    form = TeamForm(person(request), posted(request), team=team)
    if request.method == "POST" and form.is_valid():
        actions.change_team(team, **form.cleaned_data)
        messages.success(request, f"{team} is saved.")
        return redirect("team", pk)
    status = 422 if request.method == "POST" else 200
    return render(request, "heartbeats/team_form.html", {"form": form, "team": team}, status=status)


@never_cache
@members
@posts
def add_channel(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a channel that hears of all heartbeats of a team; a webhook's secret is shown once."""
    team = _own(request, pk)
    form = ChannelForm(request.POST, auto_id="channel_%s")
    if not form.is_valid():
        return _page(request, team, status=422, channel_form=form)
    channel, secret = actions.create_channel(team, **form.cleaned_data)
    if not secret:
        messages.success(request, f"{channel} hears of the heartbeats of {team}.")
        return redirect("team", pk)
    return _page(request, team, status=201, secret=(channel, secret))


@members
@posts
def add_window(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a maintenance window of a whole team."""
    team = _own(request, pk)
    form = WindowForm(request.POST, now=timezone.now())
    if not form.is_valid():
        return _page(request, team, status=422, window_form=form)
    actions.create_window(team, **form.cleaned_data)
    messages.success(request, "The maintenance window is made.")
    return redirect("team", pk)


def _own(request: HttpRequest, pk: int) -> Team:
    team = get_object_or_404(Team, pk=pk)
    check(request, team)
    return team


def _page(request: HttpRequest, team: Team, *, status: int = 200, **given: Any) -> HttpResponse:
    """Draw the page of TEAM, with the forms that were sent."""
    now = timezone.now()
    context = {
        "now": now,
        "team": team,
        "open": may_change(request, team),
        "people": team.members.order_by("username"),
        "count": team.heartbeats.count(),
        "channels": Channel.objects.filter(team=team, heartbeat=None),
        "windows": team.windows.filter(heartbeat=None),
        "letters": team.notifications.select_related("heartbeat")[:LETTERS_SHOWN],
        "channel_form": ChannelForm(auto_id="channel_%s"),
        "window_form": WindowForm(now=now),
        **given,
    }
    return render(request, "heartbeats/team.html", context, status=status)
