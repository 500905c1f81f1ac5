"""What a component depends on, and what needs it: a part of its page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from feeds import actions
from feeds.models import Component, Dependency
from feeds.views.access import admins, posts

SHOWN = 100  # components of either list
OFFERED = 500  # components to depend on


def needs_context(component: Component, *, manages: bool) -> dict[str, Any]:
    """Return what components/_dependencies.html shows; to who MANAGES also what else there is."""
    rows = Component.objects.exclude(pk=component.pk).annotate(
        needed=Exists(Dependency.objects.filter(component=component, needs=OuterRef("pk"))),
        needing=Exists(Dependency.objects.filter(component=OuterRef("pk"), needs=component)),
    )
    if not manages:
        rows = rows.filter(Q(needed=True) | Q(needing=True))
    rows = rows.only("name", "slug").order_by("-needed", "-needing", "name", "id")
    found = list(rows[: OFFERED + 2 * SHOWN])
    return {
        "needs": sorted((one for one in found if one.needed), key=str),
        "needed_by": sorted((one for one in found if one.needing), key=str)[:SHOWN],
        "may_need": [one.slug for one in found if not one.needed][:OFFERED] if manages else [],
    }


@admins
@posts
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Say that a component depends on the one that is named."""
    component = get_object_or_404(Component, slug=slug)
    try:
        needs = actions.find_component(_named(request))
        actions.add_dependency(component, needs)
    except actions.ActionError as error:
        messages.error(request, f"It cannot be added: {str(error).removeprefix('needs: ')}.")
    else:
        messages.success(request, f"{component} depends on {needs}.")
    return redirect("component", slug)


def _named(request: HttpRequest) -> str:
    return request.POST.get("component", "").replace("\x00", "").strip()


@admins
@posts
def remove(request: HttpRequest, slug: str, other: str) -> HttpResponse:
    """Say that a component no longer depends on another."""
    component = get_object_or_404(Component, slug=slug)
    needs = get_object_or_404(Component, slug=other)
    actions.remove_dependency(component, needs)
    messages.success(request, f"{component} no longer depends on {needs}.")
    return redirect("component", slug)
