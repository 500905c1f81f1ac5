"""What the pages of composing share: the form of a request, and how it is drawn again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from feeds import actions
from feeds.composing import (
    FORMS,
    KINDS,
    Blamed,
    ComposeForm,
    Kind,
    TemplateForm,
    kind_of,
    later_of,
    names_there,
    remembered,
    start_of,
)
from feeds.dialects.mapping import DialectError, Document
from feeds.dialects.registry import DIALECTS
from feeds.models import (
    Activity,
    Component,
    Composition,
    Connection,
    EventTemplate,
    Role,
    User,
)
from feeds.views.access import manages, person

Held = Activity | Composition | EventTemplate  # what a form may repeat


def kind_named(key: str) -> Kind:
    """Return the kind that an address names; raises Http404."""
    if key not in KINDS:
        raise Http404
    return KINDS[key]


def posted_form(request: HttpRequest, kind: Kind) -> ComposeForm:
    """Return the form of KIND that REQUEST posts."""
    return FORMS[kind.key](
        request.POST, initial={}, connections=Connection.objects.all(), now=timezone.now()
    )


def form_with(kind: Kind, initial: Mapping[str, Any]) -> ComposeForm:
    """Return a form of KIND that says INITIAL."""
    return FORMS[kind.key](
        initial=initial, connections=Connection.objects.all(), now=timezone.now()
    )


def said_again(request: HttpRequest, kind: Kind) -> ComposeForm:
    """Return the form that REQUEST posts as it stands, not checked."""
    return form_with(kind, {name: request.POST.get(name) for name in request.POST})


def identity_of(request: HttpRequest) -> UUID:
    """Return the identity of the form that REQUEST posts, or a new one."""
    try:
        return UUID(request.POST.get("identity", ""))
    except ValueError:
        return uuid.uuid4()


def named_in(request: HttpRequest) -> UUID | None:
    """Return the identity that the address of a form names, None where there is none."""
    try:
        return UUID(request.GET.get("form", ""))
    except ValueError:
        return None


def new_values(
    kind: Kind, *, author: User, component: Component | None, identity: UUID | None = None
) -> Document:
    """Return what a new form of KIND about COMPONENT says."""
    identity = identity or uuid.uuid4()
    start = start_of(identity, component=component)
    values = remembered(kind, start, component=component, author=author)
    return {**values, **blank_values(component=component, identity=identity)}


def blank_values(*, component: Component | None, identity: UUID) -> Document:
    """Return what the form IDENTITY about COMPONENT says of other things than its event."""
    connections = list(Connection.objects.all())
    there = names_there(component, connections)
    names = {f"there-{each.uuid}": there[each.pk] for each in connections if each.pk in there}
    slug = component.slug if component else ""
    return {**names, "identity": str(identity), "component": slug}


def values_like(request: HttpRequest, kind: Kind) -> tuple[Document, list[str]]:
    """Return what the form says that the query string asks for, and what it cannot hold.

    `?component=` names a component, and one of `?from=`, `?again=` and `?template=` an activity, a
    composition or a template that the form is to repeat. Raises Http404.
    """
    author, identity = person(request), named_in(request) or uuid.uuid4()
    slug = request.GET.get("component", "")
    component = get_object_or_404(Component, slug=slug) if slug else None
    held = _asked_for(request.GET, kind, author, manages(request))
    if component is None and held is not None:
        component = _component_of(held)
    if held is None:
        return new_values(kind, author=author, component=component, identity=identity), []
    values = blank_values(component=component, identity=identity)
    if isinstance(held, EventTemplate):  # which may be half filled in
        values |= new_values(kind, author=author, component=component, identity=identity)
    start = start_of(identity, component=component)
    document = _document_of(held)
    values |= later_of(kind, start, document)
    if composition := _composition_of(held):
        values |= addressed(composition)
    return values, kind.left_out(document)


def addressed(composition: Composition) -> Document:
    """Return what a form says of the upstreams of COMPOSITION."""
    found = composition.addressees.select_related("connection")
    chosen = {f"to-{each.connection.uuid}": True for each in found}
    return chosen | {f"there-{each.connection.uuid}": each.component for each in found}


def addresses_of(form: ComposeForm) -> list[actions.Address]:
    """Return where a checked FORM sends its event."""
    return [actions.Address(connection, there) for connection, there in form.chosen]


def refuse(form: Blamed, error: actions.ActionError | DialectError) -> int:
    """Show ERROR in FORM; return the status of the answer."""
    if isinstance(error, DialectError):
        form.blame(error)
        return 422
    path, colon, rule = str(error).partition(": ")
    known = bool(colon) and bool(form.kind.field_at(path))
    form.refuse(path if known else "", rule if known else str(error))
    return 409 if isinstance(error, actions.Conflict) else 422


def see_other(to: Any) -> HttpResponse:
    """Answer a form that did what it should: the browser opens TO."""
    response: HttpResponse = redirect(to)
    response.status_code = 303
    return response


def show_form(
    request: HttpRequest, form: ComposeForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    """Draw the page of FORM; MORE is a preview, snippets, or the composition that it changes."""
    context = {
        "form": form,
        "kind": form.kind,
        "kinds": KINDS.values(),
        "template_form": TemplateForm(),
        "manages": manages(request),
        **more,
    }
    response = render(request, "compose/form.html", context, status=status)
    response["Cache-Control"] = "private, no-cache"
    return response


def role_of(request: HttpRequest) -> Role:
    """Return what the person who asks may do."""
    return Role(person(request).role)


def _asked_for(query: Mapping[str, str], kind: Kind, author: User, manages: bool) -> Held | None:
    """Return what QUERY asks to repeat; raises Http404 where it is nothing of KIND."""
    if identity := query.get("from"):
        rows = Activity.objects.select_related("source")
        activity = get_object_or_404(rows, uuid=_uuid(identity))
        if kind_of(activity.dialect, activity.kind) is not kind:
            raise Http404
        return activity
    if identity := query.get("again"):
        mine = Composition.objects.all() if manages else Composition.objects.filter(author=author)
        return get_object_or_404(mine, uuid=_uuid(identity), wire=kind.wire, kind=kind.kind)
    if identity := query.get("template"):
        seen = templates_seen_by(author).filter(wire=kind.wire, kind=kind.kind)
        return get_object_or_404(seen, uuid=_uuid(identity))
    return None


def _document_of(held: Held) -> Document:
    if isinstance(held, Activity):
        return DIALECTS[held.dialect].render(held.columns())
    document: Document = held.document
    return document


def _composition_of(held: Held) -> Composition | None:
    if isinstance(held, Activity):
        return Composition.objects.filter(activity=held).first()
    return held if isinstance(held, Composition) else None


def templates_seen_by(author: User) -> QuerySet[EventTemplate]:
    """Return AUTHOR's own templates and those that others share."""
    seen = EventTemplate.objects.filter(Q(user=author) | Q(shared=True))
    return seen.select_related("user", "component")


def _component_of(held: Held) -> Component | None:
    if isinstance(held, Activity):
        return held.source.components.order_by("id").first()
    return held.component


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
