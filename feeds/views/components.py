"""Components: what events are about, and which sources show on each."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from feeds import actions, ari
from feeds.forms import AttachForm, ComponentForm
from feeds.models import Component, EventSource, sources_with_last_seen
from feeds.views.access import admins, manages, posted, readers
from feeds.views.feed import answer, feed_of, is_fragment

PER_PAGE = 100  # rows of a list


@readers
def index(request: HttpRequest) -> HttpResponse:
    """List the components."""
    rows = Component.objects.prefetch_related(Prefetch("sources", sources_with_last_seen()))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    found = [(component, _last_seen(component)) for component in page.object_list]
    context = {"page": page, "components": found, "manages": manages(request)}
    return render(request, "components/index.html", context)


def _last_seen(component: Component) -> datetime | None:
    seen: list[datetime | None] = [
        getattr(source, "last_seen", None) for source in component.sources.all()
    ]
    return max((moment for moment in seen if moment), default=None)


@readers
def show(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a component, its sources and its feed."""
    component = get_object_or_404(Component, slug=slug)
    return _page(request, component, AttachForm(component))


def _page(
    request: HttpRequest, component: Component, form: AttachForm, *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "component": component,
        **feed_of(request, "component", component.slug),
    }
    if not is_fragment(request):
        context |= {
            "sources": sources_with_last_seen().filter(attachments__component=component),
            "manages": manages(request),
            "form": form,
            "ari": ari.component(actions.cloud_id(), actions.site().workspace_id, component.uuid),
        }
    return answer(
        request, "components/show.html", context, status=400 if "error" in context else status
    )


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
@require_POST
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
@require_POST
def detach(request: HttpRequest, slug: str, identity: UUID) -> HttpResponse:
    """Hide a source from a component."""
    component = get_object_or_404(Component, slug=slug)
    source = get_object_or_404(EventSource, uuid=identity)
    actions.detach(component, source)
    messages.success(request, f"{source} is detached: its events no longer show here.")
    return redirect("component", slug)
