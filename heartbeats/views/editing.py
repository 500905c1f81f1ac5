"""Make, change, duplicate and delete heartbeats."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from feeds.actions import ActionError, Conflict
from feeds.models import Role
from feeds.views.access import members, person, posted
from heartbeats import actions
from heartbeats.access import open_to
from heartbeats.forms import DuplicateForm, HeartbeatForm, NewHeartbeatForm
from heartbeats.models import NAME_LENGTH, Team
from heartbeats.views.access import own, refused, writes

SUGGESTED = 200  # teams


@members
def create(request: HttpRequest) -> HttpResponse:
    """Make a heartbeat, of the team that `?team=` names unless another is chosen."""
    if not writes(request):
        raise PermissionDenied("A viewer reads; composers, bots and admins make heartbeats.")
    user = person(request)
    form = NewHeartbeatForm(user, posted(request), team=request.GET.get("team", ""))
    if request.method == "POST" and form.is_valid():
        fields = dict(form.cleaned_data)
        try:
            team = actions.ensure_team(fields.pop("team"))
            beat = actions.create_heartbeat(team, **fields, now=timezone.now())
            messages.success(request, f"{beat.name} is made. Now let your program ping it.")
            return redirect(f"{beat.get_absolute_url()}#examples")
        except ActionError as error:
            _blame(form, error)
    teams = Team.objects.filter(open_to(user, Role(user.role)))
    context = {"form": form, "teams": teams.values_list("identifier", flat=True)[:SUGGESTED]}
    status = 422 if request.method == "POST" else 200
    return render(request, "heartbeats/form.html", context, status=status)


@members
def edit(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Change a heartbeat; its team and its name stay."""
    beat = own(request, identity)
    form = HeartbeatForm(posted(request), beat=beat)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_heartbeat(beat, form.cleaned_data, now=timezone.now())
            messages.success(request, f"{beat.name} is saved.")
            return redirect(beat)
        except ActionError as error:
            _blame(form, error)
    status = 422 if request.method == "POST" else 200
    return render(request, "heartbeats/form.html", {"form": form, "beat": beat}, status=status)


@members
def duplicate(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Make another heartbeat like this one, under another name."""
    beat = own(request, identity)
    suggested = f"{beat.name[: NAME_LENGTH - 7]} (copy)"
    form = DuplicateForm(posted(request), initial={"name": suggested})
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            made = actions.duplicate_heartbeat(beat, name=name, now=timezone.now())
            messages.success(request, f"{made.name} is made. Now let your program ping it.")
            return redirect(f"{made.get_absolute_url()}#examples")
        except ActionError as error:
            _blame(form, error)
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "beat": beat}
    return render(request, "heartbeats/duplicate.html", context, status=status)


@members
def delete(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Ask, then delete a heartbeat with its history."""
    beat = own(request, identity)
    if request.method == "POST":
        try:
            actions.delete_heartbeat(beat, now=timezone.now())
            messages.success(request, f"{beat.name} is deleted with its history.")
        except ActionError as error:
            refused(request, error)
        return redirect("heartbeats")
    return render(request, "heartbeats/delete.html", {"beat": beat})


def _blame(form: HeartbeatForm | DuplicateForm, error: ActionError) -> None:
    """Say at a field of FORM which rule forbade what was asked."""
    if isinstance(error, Conflict):
        form.add_error("name", "The team has a heartbeat of this name already.")
    elif isinstance(error, actions.HeartbeatUnknown):
        form.add_error(None, "It was deleted in between.")
    else:
        form.add_error("component" if "component" in form.fields else None, f"{error}.")
