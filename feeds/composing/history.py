"""What a new form says by default: this moment, an id of its own, and what was used last."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.conf import settings
from django.db.models import OuterRef, Subquery

from feeds.composing.slots import Kind, Start
from feeds.dialects.mapping import Document
from feeds.dialects.registry import DIALECTS
from feeds.models import Activity, Addressee, Component, Composition, Connection, EventSource, User

NUMBER = "sequenceNumber"  # of a deployment: the next is one more


def start_of(identity: uuid.UUID, *, component: Component | None) -> Start:
    """Return what the defaults of the form IDENTITY are made of."""
    return Start(
        home=settings.SITE_URL,
        link=f"{settings.SITE_URL}/compose/{identity}/",
        token=f"composed-{identity.hex[:12]}",
        slug=component.slug if component else "",
        name=component.name if component else "",
    )


def remembered(kind: Kind, start: Start, *, component: Component | None, author: User) -> Document:
    """Return the defaults of a form of KIND, with what the last such event had."""
    values: Document = {
        slot.name: slot.default(start) for slot in kind.slots if slot.default is not None
    }
    last = _of_component(kind, component) if component else _of_author(kind, author)
    before = kind.values(last) if last else {}
    for slot in kind.slots:
        if slot.remembered and before.get(slot.name) not in (None, ""):
            values[slot.name] = before[slot.name]
    if isinstance(number := before.get(NUMBER), int):
        values[NUMBER] = number + 1
    return values


def later_of(kind: Kind, start: Start, document: Document) -> Document:
    """Return the values of a form for another event like that of DOCUMENT."""
    values = kind.values(document)
    fresh = {slot.name: slot for slot in kind.slots if slot.fresh}
    kept = {name: value for name, value in values.items() if name not in fresh}
    made = {name: slot.default(start) for name, slot in fresh.items() if slot.default is not None}
    if isinstance(number := values.get(NUMBER), int):
        made[NUMBER] = number + 1
    return {**kept, **made}


def names_there(component: Component | None, connections: Collection[Connection]) -> dict[int, str]:
    """Return what COMPONENT was last called at each of CONNECTIONS, by their ids."""
    if component is None:
        return {}
    newest = (
        Addressee.objects.filter(composition__component=component, connection__in=connections)
        .exclude(component="")
        .order_by("id")
    )
    return dict(newest.values_list("connection", "component"))


def _of_component(kind: Kind, component: Component) -> Document | None:
    """Return the newest event of KIND about COMPONENT: a look at the index for each source."""
    newest = Activity.objects.filter(source=OuterRef("pk"), dialect=kind.wire).order_by(
        "-occurred_at", "-id"
    )
    sources = EventSource.objects.filter(components=component, kind=kind.kind)
    ids = sources.annotate(newest=Subquery(newest.values("pk")[:1])).values_list(
        "newest", flat=True
    )
    rows = Activity.objects.filter(pk__in=[pk for pk in ids if pk]).select_related("source")
    last = rows.order_by("-occurred_at", "-id").first()
    return DIALECTS[last.dialect].render(last.columns()) if last else None


def _of_author(kind: Kind, author: User) -> Document | None:
    """Return what AUTHOR composed last of KIND, about no component."""
    mine = Composition.objects.filter(author=author, wire=kind.wire, kind=kind.kind, component=None)
    return mine.order_by("-id").values_list("document", flat=True).first()
