"""What the form of composing asks while it is filled in: is this right, and how will it look?

Each answers htmx with the part alone; without JavaScript a button posts the form, and gets all of
the page with what it said and the part.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from feeds import actions
from feeds.composing import ComposeForm, TemplateForm, activity_of, snippets_of
from feeds.dialects import badges
from feeds.dialects.mapping import DialectError, Document
from feeds.models import Activity, EventTemplate
from feeds.views.access import person, posts, writers
from feeds.views.composing import (
    kind_named,
    posted_form,
    said_again,
    see_other,
    show_form,
)
from feeds.views.feed import is_fragment


@writers
@posts
def check(request: HttpRequest, key: str) -> HttpResponse:
    """Say what is wrong with the field that `?field=` names, if anything is."""
    form = posted_form(request, kind_named(key))
    if form.is_valid():
        _draft(request, form)
    name = request.GET.get("field", "")
    words = " ".join(str(error) for error in form.errors.get(name, ()))
    return _part(request, "compose/_words.html", {"words": words})


@writers
def preview(request: HttpRequest, key: str) -> HttpResponse:
    """Draw the event as a row of the feed, from the form as it stands."""
    kind = kind_named(key)
    if request.method != "POST":
        return redirect("compose-new", kind.key)
    form = posted_form(request, kind)
    context: dict[str, Any] = {}
    if not form.is_valid():
        context["preview"] = _sketched(request, form)
    elif activity := _draft(request, form):
        context["preview"] = [activity]
    context["missing"] = [field for field in form if field.errors]
    context["faults"] = form.non_field_errors()
    if is_fragment(request):
        return _part(request, "compose/_preview.html", context)
    return show_form(request, said_again(request, kind), **context)


@writers
def snippets(request: HttpRequest, key: str) -> HttpResponse:
    """Write the request of the form as it stands for scripts."""
    kind = kind_named(key)
    if request.method != "POST":
        return redirect("compose-new", kind.key)
    form = posted_form(request, kind)
    context: dict[str, Any] = {"asked": True}
    if form.is_valid() and _draft(request, form):
        context["snippets"] = snippets_of(
            kind.wire,
            actions.completed(kind.wire, form.document, now=timezone.now()),
            chosen=form.chosen,
            component=form.cleaned_data["component"],
            author=person(request),
            cloud_id=actions.cloud_id(),
            identity=form.cleaned_data["identity"],
        )
    context["missing"] = [field for field in form if field.errors]
    if is_fragment(request):
        return _part(request, "compose/_snippets.html", context)
    return show_form(request, said_again(request, kind), **context)


@writers
def keep(request: HttpRequest, key: str) -> HttpResponse:
    """Keep the form as it stands as a template."""
    kind = kind_named(key)
    if request.method != "POST":
        return redirect("compose-new", kind.key)
    form, named = posted_form(request, kind), TemplateForm(request.POST)
    if not form.half_filled:
        return show_form(request, form, status=422, template_form=named)
    if named.is_valid():
        try:
            kept = actions.save_template(
                person(request),
                **named.cleaned_data,
                wire=kind.wire,
                kind=kind.kind,
                document=kind.document(form.lasting),
                component=form.cleaned_data.get("component"),
            )
        except actions.ActionError as error:
            named.add_error("name", str(error).removeprefix("name: "))
        else:
            return show_form(request, said_again(request, kind), status=201, kept=kept)
    again = said_again(request, kind)
    return show_form(request, again, status=422, template_form=named)


@writers
@posts
def discard(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Delete a template."""
    mine = get_object_or_404(EventTemplate, uuid=identity, user=person(request))
    actions.delete_template(mine, by=person(request))
    return see_other("compose")


def _draft(request: HttpRequest, form: ComposeForm) -> Activity | None:
    """Return the event that FORM makes, to be drawn; None if the dialect refuses it."""
    try:
        return _drawn(request, form, form.document)
    except DialectError as error:
        form.blame(error)
        return None


def _sketched(request: HttpRequest, form: ComposeForm) -> list[Activity]:
    """Return the event that FORM makes so far, as far as it can be drawn: it says no more."""
    document = form.sketch
    if document is None:
        return []
    try:
        activity = _drawn(request, form, document)
    except DialectError:
        return []
    if form.kind.hide(form.missing, activity.details):
        activity.state = ""
    activity.level = badges.level(activity.kind, activity.details) or None
    return [activity]


def _drawn(request: HttpRequest, form: ComposeForm, document: Document) -> Activity:
    author, component = person(request), form.cleaned_data["component"]
    draft = actions.draft_of(
        form.kind.wire,
        document,
        author=author,
        component=component,
        identity=form.cleaned_data["identity"],
    )
    actions.name_actor(draft, author)
    return activity_of(draft, author=author, component=component, now=timezone.now())


def _part(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response
