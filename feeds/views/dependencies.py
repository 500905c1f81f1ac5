"""What a component depends on, and what needs it: a part of its page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from feeds import actions
from feeds.models import Component, Dependency
from feeds.views.access import admins

SHOWN = 100  # components of either list


def needs_context(component: Component, *, manages: bool) -> dict[str, Any]:
    """Return what components/_dependencies.html shows."""
    rows = Dependency.objects.filter(Q(component=component) | Q(needs=component))
    around = list(rows.select_related("component", "needs").order_by("id")[: 2 * SHOWN])
    needs = [row.needs for row in around if row.component_id == component.pk]
    needed_by = [row.component for row in around if row.needs_id == component.pk]
    return {
        "needs": sorted(needs, key=str),
        "needed_by": sorted(needed_by, key=str)[:SHOWN],
        "may_need": Component.objects.exclude(
            pk__in=[component.pk, *(other.pk for other in needs)]
        ).values_list("slug", flat=True)[:500]
        if manages
        else [],
    }


@admins
@require_POST
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
@require_POST
def remove(request: HttpRequest, slug: str, other: str) -> HttpResponse:
    """Say that a component no longer depends on another."""
    component = get_object_or_404(Component, slug=slug)
    needs = get_object_or_404(Component, slug=other)
    actions.remove_dependency(component, needs)
    messages.success(request, f"{component} no longer depends on {needs}.")
    return redirect("component", slug)
