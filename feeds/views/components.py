"""Components: what events are about, and which sources show on each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from feeds import actions, ari
from feeds.digests.component import digest_of
from feeds.digests.timeline import WINDOWS
from feeds.filters import FilterError
from feeds.forms import AttachForm, ComponentForm
from feeds.models import Component, EventSource, Role, User, sources_with_last_seen
from feeds.views.access import admins, manages, posted, posts, readers
from feeds.views.dependencies import needs_context
from feeds.views.feed import answer, feed_of, is_fragment
from feeds.views.lists import listed

USUAL_WINDOW = "24h"  # of the timeline
ORDERS = {"name": (Lower("name"), "id"), "owner": (Lower("owner_team"), Lower("name"), "id")}
SORTS = (("name", "name"), ("owner", "owner"))

Beside = Sequence[Callable[[HttpRequest, Component], dict[str, Any]]]


@readers
def index(request: HttpRequest) -> HttpResponse:
    """List the components."""
    rows = Component.objects.prefetch_related(Prefetch("sources", sources_with_last_seen()))
    within = ("name", "slug", "owner_team", "description")
    found = listed(request, rows, within=within, orders=ORDERS)
    components = [(component, _last_seen(component)) for component in found["page"]]
    context = {**found, "components": components, "sorts": SORTS, "manages": manages(request)}
    return render(request, "components/index.html", context)


def _last_seen(component: Component) -> datetime | None:
    seen: list[datetime | None] = [
        getattr(source, "last_seen", None) for source in component.sources.all()
    ]
    return max((moment for moment in seen if moment), default=None)


@readers
def show(request: HttpRequest, slug: str, beside: Beside = ()) -> HttpResponse:
    """Show what stands where, what happened of late, and the feed of a component.

    BESIDE are what others have to say about it: each returns a piece of the context.
    """
    component = get_object_or_404(Component, slug=slug)
    form = AttachForm(component) if "attach" in request.GET and manages(request) else None
    return _page(request, component, form, beside=beside)


def _page(
    request: HttpRequest,
    component: Component,
    form: AttachForm | None,
    *,
    status: int = 200,
    beside: Beside = (),
) -> HttpResponse:
    sources = list(component.sources.all())
    known = [source.pk for source in sources]
    shown = feed_of(request, "component", component.slug, known=known)
    context: dict[str, Any] = {"component": component, **shown}
    if not is_fragment(request):
        try:
            context |= _digest(sources, request.GET.get("window", "") or USUAL_WINDOW)
        except FilterError as error:
            context["error"] = error
        context |= {
            "manages": manages(request),
            "writes": isinstance(request.user, User) and Role(request.user.role).writes,
            "form": form,
            **needs_context(component, manages=manages(request)),
            "ari": ari.component(actions.cloud_id(), actions.site().workspace_id, component.uuid),
        }
        for more in beside:
            context |= more(request, component)
    status = 400 if "error" in context else status
    return answer(request, "components/show.html", context, status=status)


def _digest(sources: Sequence[EventSource], window: str) -> dict[str, Any]:
    if window not in WINDOWS:
        raise FilterError("window", f"{window!r} is not one of {', '.join(WINDOWS)}")
    digest = digest_of(sources, window, now=timezone.now())
    return {
        "deployments": digest.deployments,
        "more_environments": digest.more_environments,
        "timeline": digest.timeline,
        "sources": [(source, digest.rhythms.get(source.pk)) for source in sources],
    }


@admins
def create(request: HttpRequest) -> HttpResponse:
    """Make a component."""
    form = ComponentForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            component = actions.create_component(**form.cleaned_data)
        except actions.ActionError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{component} is made. Attach its sources next.")
            return redirect("component", component.slug)
    status = 422 if request.method == "POST" else 200
    return render(request, "components/form.html", {"form": form}, status=status)


@admins
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a component."""
    component = get_object_or_404(Component, slug=slug)
    initial = {name: getattr(component, name) for name in ComponentForm.base_fields}
    form = ComponentForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        fields = {**form.cleaned_data, "slug": form.cleaned_data["slug"] or slug}
        try:
            actions.change_component(component, fields)
        except actions.ActionError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{component} is saved.")
            return redirect("component", component.slug)
    status = 422 if request.method == "POST" else 200
    return render(request, "components/form.html", {"form": form, "slug": slug}, status=status)


def refuse(form: Any, error: actions.ActionError) -> None:
    """Show ERROR at the field that it names, else on top of FORM."""
    name, _, rule = str(error).partition(": ")
    if name in form.fields and rule:
        form.add_error(name, f"{rule[0].upper()}{rule[1:]}.")
    else:
        form.add_error(None, str(error))


@admins
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask, then delete a component."""
    component = get_object_or_404(Component, slug=slug)
    if request.method == "POST":
        actions.delete_component(component)
        messages.success(request, f"{component} is deleted. Its sources and events are still here.")
        return redirect("components")
    return render(request, "components/delete.html", {"component": component})


@admins
@posts
def attach(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a source on a component."""
    component = get_object_or_404(Component, slug=slug)
    form = AttachForm(component, request.POST)
    if form.is_valid():
        source = form.cleaned_data["source"]
        try:
            actions.attach(component, source)
        except actions.ActionError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{source} is attached: its events show here now.")
            return redirect("component", slug)
    return _page(request, component, form, status=422)


@admins
@posts
def detach(request: HttpRequest, slug: str, identity: UUID) -> HttpResponse:
    """Hide a source from a component."""
    component = get_object_or_404(Component, slug=slug)
    source = get_object_or_404(EventSource, uuid=identity)
    actions.detach(component, source)
    messages.success(request, f"{source} is detached: its events no longer show here.")
    return redirect("component", slug)
