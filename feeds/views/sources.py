"""Event sources: what sends, how often, and what we could not take from it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import F
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.html import format_html

from feeds import actions
from feeds.composing import Sample, curl_of, sample_of
from feeds.digests.rhythm import rhythms
from feeds.digests.volume import volume_of
from feeds.forms import AttachToForm, SourceForm, SourceNameForm
from feeds.models import Activity, Component, EventSource, Role, User, sources_with_last_seen
from feeds.views.access import admins, manages, person, posted, posts, readers, writers
from feeds.views.components import refuse
from feeds.views.feed import answer, feed_of, is_fragment
from feeds.views.lists import listed

LOG_LENGTH = 10  # refused and ignored bodies of a page
ORDERS = {"name": (Lower("external_id"), "kind"), "seen": (F("last_seen").desc(nulls_last=True),)}
SORTS = (("name", "external id"), ("seen", "last event"))


@readers
def index(request: HttpRequest) -> HttpResponse:
    """List the sources, each with how often it sends."""
    rows = sources_with_last_seen().prefetch_related("components")
    found = listed(request, rows, within=("external_id", "name", "kind"), orders=ORDERS)
    sending = rhythms((source.pk for source in found["page"]), now=timezone.now())
    sources = [(source, sending.get(source.pk)) for source in found["page"]]
    context = {**found, "sources": sources, "sorts": SORTS, "manages": manages(request)}
    return render(request, "sources/index.html", context)


@readers
def show(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show a source, how often it sends, its feed, and to members what we refused of it."""
    return _page(request, get_object_or_404(EventSource, uuid=identity))


def _page(
    request: HttpRequest,
    source: EventSource,
    form: AttachToForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    shown = feed_of(request, "source", str(source.uuid), known=[source.pk])
    context: dict[str, Any] = {"source": source, **shown}
    if not is_fragment(request):
        now, rows = timezone.now(), context["page"].rows if "page" in context else []
        known = rows[0].source if rows else source  # components come with the rows
        context |= {
            "components": known.components.all(),
            "manages": manages(request),
            "rhythm": rhythms([source.pk], now=now).get(source.pk),
            "volume": volume_of("source_id", source.pk, now=now),
        }
        if isinstance(request.user, User):  # bodies may hold what nobody meant to publish
            context |= _for_members(request, request.user, source, form)
    status = 400 if "error" in context else status
    return answer(request, "sources/show.html", context, status=status)


def _for_members(
    request: HttpRequest, user: User, source: EventSource, form: AttachToForm | None
) -> dict[str, Any]:
    now = timezone.now()
    sample = sample_of(source, now=now)
    document = actions.completed(sample.wire, sample.document, now=now)
    start = _whole(request.GET.get("log", ""))
    log = list(source.refusals.all()[start : start + LOG_LENGTH + 1])
    found: dict[str, Any] = {
        "log": log[:LOG_LENGTH],
        "log_newer": max(start - LOG_LENGTH, 0) if start else None,
        "log_older": start + LOG_LENGTH if len(log) > LOG_LENGTH else None,
        "writes": Role(user.role).writes,
        "curl": curl_of(
            Sample(sample.wire, document), user=user.email or user.username,
            cloud_id=actions.cloud_id(),
        ),
    }  # fmt: skip
    if manages(request):
        found["form"] = form or AttachToForm(source)
    return found


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0


@writers
@posts
def test(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Record a test event of a source, and lead to it."""
    source = get_object_or_404(EventSource, uuid=identity)
    author, sample = person(request), sample_of(source, now=timezone.now())
    try:
        recorded = actions.record_sample(
            source, sample.wire, sample.document, by=author, role=Role(author.role)
        )
    except actions.ActionError as error:
        messages.error(request, f"The test event was not recorded: {error}.")
        return redirect("source", identity)
    said = 'A test event came in. <a href="/activities/{}/">Look at it</a>; it went nowhere else.'
    messages.success(request, format_html(said, recorded.activity))
    return redirect("source", identity)


@admins
@posts
def attach(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show a source on a component."""
    source = get_object_or_404(EventSource, uuid=identity)
    form = AttachToForm(source, request.POST)
    if form.is_valid():
        component = form.cleaned_data["component"]
        try:
            actions.attach(component, source)
        except actions.ActionError as error:
            refuse(form, error)
        else:
            messages.success(request, f"Its events show on {component} now.")
            return redirect("source", identity)
    return _page(request, source, form, status=422)


@admins
@posts
def detach(request: HttpRequest, identity: UUID, slug: str) -> HttpResponse:
    """Hide a source from a component."""
    source = get_object_or_404(EventSource, uuid=identity)
    component = get_object_or_404(Component, slug=slug)
    actions.detach(component, source)
    messages.success(request, f"Its events no longer show on {component}.")
    return redirect("source", identity)


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
