"""Who may do what on these pages: everybody signed in reads, people of a team change its own.

What is a secret, such as the address that pings, is shown only to those who may change.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme

from feeds.actions import ActionError
from feeds.models import Role
from feeds.views.access import person
from heartbeats.access import may_use, open_to
from heartbeats.models import Heartbeat, Team

SHOWN = Heartbeat.objects.select_related("team", "component", "source")


def writes(request: HttpRequest) -> bool:
    """Tell whether the reader may change heartbeats at all."""
    return Role(person(request).role).writes


def may_change(request: HttpRequest, team: Team) -> bool:
    """Tell whether the reader may change the heartbeats of TEAM."""
    user = person(request)
    return writes(request) and may_use(team, user=user, role=Role(user.role))


def changeable(request: HttpRequest, teams: Iterable[int]) -> set[int]:
    """Return which of TEAMS, by their ids, the reader may change."""
    if not writes(request):
        return set()
    user = person(request)
    rows = Team.objects.filter(open_to(user, Role(user.role)), pk__in=set(teams))
    return set(rows.values_list("pk", flat=True))


def check(request: HttpRequest, team: Team) -> None:
    """Raise PermissionDenied, in words, unless the reader may change TEAM and its heartbeats."""
    if not writes(request):
        raise PermissionDenied("A viewer reads; composers, bots and admins change heartbeats.")
    if not may_change(request, team):
        raise PermissionDenied(f"Only members of the team {team} and admins may do this.")


def find(identity: UUID) -> Heartbeat:
    """Return the heartbeat IDENTITY; raises Http404."""
    return get_object_or_404(SHOWN, uuid=identity)


def own(request: HttpRequest, identity: UUID) -> Heartbeat:
    """Return the heartbeat IDENTITY, which the reader may change.

    Raises Http404 and PermissionDenied.
    """
    beat = find(identity)
    check(request, beat.team)
    return beat


def back(request: HttpRequest, to: str) -> HttpResponse:
    """Go back to the page of this site that the form named, else to the address TO."""
    page = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure())
    return redirect(page if page.startswith("/") and safe else to)


def refused(request: HttpRequest, error: ActionError) -> None:
    """Say on the next page which rule forbade what was asked."""
    words = str(error)
    messages.error(request, f"{words[:1].upper()}{words[1:]}.")
