"""Templates of events: forms half filled in, kept for the next time."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from feeds.actions.errors import Conflict, Forbidden
from feeds.dialects.mapping import Document
from feeds.models import Component, EventTemplate, User


def save_template(
    user: User,
    *,
    name: str,
    wire: str,
    kind: str,
    document: Document,
    component: Component | None = None,
    shared: bool = False,
) -> EventTemplate:
    """Keep DOCUMENT, which may lack what an event needs, as USER's template NAME."""
    try:
        with transaction.atomic():
            return EventTemplate.objects.create(
                user=user, name=name, wire=wire, kind=kind, document=document,
                component=component, shared=shared,
            )  # fmt: skip
    except IntegrityError:
        raise Conflict(f"name: you have a template {name!r} already") from None


def delete_template(template: EventTemplate, *, by: User) -> None:
    """Delete TEMPLATE; raises Forbidden unless it is BY's own."""
    if template.user_id != by.pk:
        raise Forbidden("only who saved a template may delete it")
    template.delete()
