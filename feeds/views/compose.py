"""Compose an event: choose a kind, fill in its form, send it."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from feeds import actions
from feeds.composing import KINDS, ComposeForm, Kind, PasteForm, kind_of
from feeds.dialects.mapping import DialectError, Document
from feeds.models import Component, Composition, Connection
from feeds.pasted import PasteError, read_pasted
from feeds.reader import MINUTE, stamp
from feeds.views.access import manages, person, posted, posts, writers
from feeds.views.composing import (
    addresses_of,
    blank_values,
    form_with,
    identity_of,
    kind_named,
    named_in,
    new_values,
    posted_form,
    refuse,
    role_of,
    see_other,
    show_form,
    templates_seen_by,
    values_like,
)

#: Fields of one wire that say what those of another say.
SAME = {
    "displayName": "title",
    "title": "displayName",
    "description": "content",
    "content": "description",
}
TEMPLATES_SHOWN = 50
LEFT_OUT_SHOWN = 10


@writers
def index(request: HttpRequest, form: PasteForm | None = None) -> HttpResponse:
    """Show the kinds to choose from, the templates, and where to paste."""
    slug = request.GET.get("component", "")
    author = person(request)
    templates = [
        (template, kind_of(template.wire, template.kind))
        for template in templates_seen_by(author).order_by("-id")[:TEMPLATES_SHOWN]
    ]
    context = {
        "kinds": KINDS.values(),
        "component": get_object_or_404(Component, slug=slug) if slug else None,
        "templates": templates,
        "paste_form": form or PasteForm(initial={"identity": uuid.uuid4()}),
        "connected": Connection.objects.exists(),
        "manages": manages(request),
    }
    return render(request, "compose/index.html", context, status=422 if form else 200)


@writers
def new(request: HttpRequest, key: str) -> HttpResponse:
    """Show the form of a kind, and send what it says.

    The identity of the form stands in its address: who goes back to a form that was sent, and
    sends it again, makes no new event.
    """
    kind = kind_named(key)
    if request.method == "POST":
        return _send(request, posted_form(request, kind))
    if named_in(request) is None:
        query = request.GET.copy()
        query["form"] = str(uuid.uuid4())
        return redirect(f"{request.path}?{query.urlencode()}")
    values, left_out = values_like(request, kind)
    _tell_left_out(request, left_out)
    return show_form(request, form_with(kind, values))


def _send(request: HttpRequest, form: ComposeForm) -> HttpResponse:
    """Compose what FORM says; the same form sent again leads to what it made."""
    author, status = person(request), 422
    if composed := Composition.objects.filter(uuid=identity_of(request), author=author).first():
        messages.info(request, "This form was sent before: this is the event that it made.")
        return see_other(_page_of(composed))
    if form.is_valid():
        given = form.cleaned_data
        try:
            composed = actions.compose(
                author,
                role=role_of(request),
                identity=given["identity"],
                wire=form.kind.wire,
                document=form.document,
                component=given["component"],
                addresses=addresses_of(form),
                send_at=given["send_at"],
            )
        except (actions.ActionError, DialectError) as error:
            status = refuse(form, error)
        else:
            messages.success(request, _what_became_of(composed))
            return see_other(_page_of(composed))
    return show_form(request, form, status=status)


def _page_of(composed: Composition) -> Any:
    return composed.activity or composed


def _what_became_of(composed: Composition) -> str:
    if composed.state == Composition.State.SCHEDULED and composed.send_at:
        return f"It will be sent on {stamp(composed.send_at, MINUTE)}."
    names = [connection.name for connection in composed.connections.all()]
    if not names:
        return "It is in the feed, and goes nowhere else."
    return f"It is in the feed, and on its way to {', '.join(names)}."


def _tell_left_out(request: HttpRequest, paths: list[str]) -> None:
    if paths:
        more = f" and {len(paths) - LEFT_OUT_SHOWN} more" if len(paths) > LEFT_OUT_SHOWN else ""
        shown = ", ".join(paths[:LEFT_OUT_SHOWN])
        messages.warning(request, f"The form has no field for {shown}{more}: left out.")


# ---- what fills the form


@writers
def choose(request: HttpRequest) -> HttpResponse:
    """Show the form of another kind, or for another component, with what was filled in."""
    if request.method != "POST":
        kind = kind_named(request.GET.get("kind", ""))
        slug = request.GET.get("component", "")
        address = reverse("compose-new", args=[kind.key])
        return redirect(f"{address}?{urlencode({'component': slug})}" if slug else address)
    kind = kind_named(request.POST.get("kind", ""))
    before = _defaults(request, kind_named(request.POST.get("was_kind", "")), "was_component")
    values = _defaults(request, kind, "component")
    names = {slot.name for slot in kind.slots} | {"send_at"}
    for name, value in request.POST.items():
        changed = value not in ("", str(before.get(name, "")))
        name = name if name in names else SAME.get(name, name)
        if changed and (name in names or name.startswith(("to-", "there-"))):
            values[name] = value
    response = show_form(request, form_with(kind, values))
    own = urlencode({"form": values["identity"]})
    response["HX-Replace-Url"] = f"{reverse('compose-new', args=[kind.key])}?{own}"
    return response


def _defaults(request: HttpRequest, kind: Kind, component: str) -> Document:
    """Return what a form of KIND says before anybody changes it."""
    found = Component.objects.filter(slug=request.POST.get(component, "")).first()
    identity = identity_of(request)
    return new_values(kind, author=person(request), component=found, identity=identity)


@writers
@posts
def paste(request: HttpRequest) -> HttpResponse:
    """Fill the form with a body or a curl command that was pasted."""
    form = PasteForm(posted(request))
    if form.is_valid():
        try:
            pasted = read_pasted(form.cleaned_data["pasted"])
        except PasteError as error:
            form.add_error("pasted", str(error))
        else:
            kind = next(each for each in KINDS.values() if each.fits(pasted.wire, pasted.document))
            values = blank_values(component=None, identity=identity_of(request))
            held = kind.values(pasted.document)
            _tell_left_out(request, kind.left_out(pasted.document))
            return show_form(request, form_with(kind, {**values, **held}))
    return index(request, form)
