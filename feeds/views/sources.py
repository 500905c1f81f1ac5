"""Event sources: what sends, when it was last heard, and what we could not take from it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from feeds import actions
from feeds.forms import SourceForm, SourceNameForm
from feeds.models import Activity, Component, EventSource, sources_with_last_seen
from feeds.views.access import admins, manages, posted, readers
from feeds.views.components import PER_PAGE
from feeds.views.feed import answer, feed_of, is_fragment

LOG_LENGTH = 100  # refused and ignored bodies


@readers
def index(request: HttpRequest) -> HttpResponse:
    """List the sources."""
    rows = sources_with_last_seen().prefetch_related("components")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "sources/index.html", {"page": page, "manages": manages(request)})


@readers
def show(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show a source, its components, its feed, and to members what we refused of it."""
    source = get_object_or_404(sources_with_last_seen(), uuid=identity)
    context: dict[str, Any] = {"source": source, **feed_of(request, "source", str(source.uuid))}
    if not is_fragment(request):
        context |= {"components": source.components.all(), "manages": manages(request)}
        if request.user.is_authenticated:  # bodies may hold what nobody meant to publish
            context["log"] = source.refusals.all()[:LOG_LENGTH]
    return answer(request, "sources/show.html", context, status=400 if "error" in context else 200)


@admins
def create(request: HttpRequest) -> HttpResponse:
    """Make a source, and attach it to the component that `?component=` names."""
    slug = request.GET.get("component", "")
    component = get_object_or_404(Component, slug=slug) if slug else None
    form = SourceForm(posted(request))
    if request.method == "POST" and form.is_valid():
        source = actions.create_source(**form.cleaned_data)
        messages.success(request, f"{source} is made.")
        if component is None:
            return redirect("source", source.uuid)
        try:
            actions.attach(component, source)
        except actions.ActionError as error:
            messages.warning(request, f"It is not attached: {error}.")
        return redirect("component", component.slug)
    context = {"form": form, "component": component}
    status = 422 if request.method == "POST" else 200
    return render(request, "sources/form.html", context, status=status)


@admins
def edit(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Change the name of a source."""
    source = get_object_or_404(EventSource, uuid=identity)
    form = SourceNameForm(posted(request), initial={"name": source.name})
    if request.method == "POST" and form.is_valid():
        actions.rename_source(source, form.cleaned_data["name"])
        messages.success(request, f"{source} is saved.")
        return redirect("source", identity)
    status = 422 if request.method == "POST" else 200
    return render(request, "sources/form.html", {"form": form, "source": source}, status=status)


@admins
def delete(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Ask, then delete a source and all that it sent."""
    source = get_object_or_404(EventSource, uuid=identity)
    if request.method == "POST":
        actions.delete_source(source)
        messages.success(request, f"{source} is deleted with its events.")
        return redirect("sources")
    count = Activity.objects.filter(source=source).count()
    return render(request, "sources/delete.html", {"source": source, "count": count})
