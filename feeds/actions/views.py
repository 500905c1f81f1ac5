"""Saved views: names for what a feed is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from feeds.actions.errors import Conflict, Forbidden
from feeds.models import SavedView, User


def save_view(user: User, *, name: str, query: str = "", shared: bool = False) -> SavedView:
    """Keep QUERY, the parameters of a feed, as USER's view NAME."""
    try:
        with transaction.atomic():
            return SavedView.objects.create(user_id=user.pk, name=name, query=query, shared=shared)
    except IntegrityError:
        raise _taken(name) from None


def change_view(view: SavedView, fields: Mapping[str, Any], *, by: User) -> None:
    """Set FIELDS of VIEW; raises Forbidden unless it is BY's own."""
    _check_owner(view, by)
    for name, value in fields.items():
        setattr(view, name, value)
    try:
        with transaction.atomic():
            view.save(update_fields=list(fields))
    except IntegrityError:
        raise _taken(view.name) from None


def delete_view(view: SavedView, *, by: User) -> None:
    """Delete VIEW; raises Forbidden unless it is BY's own."""
    _check_owner(view, by)
    view.delete()


def _check_owner(view: SavedView, by: User) -> None:
    if view.user_id != by.pk:
        raise Forbidden("only who saved a view may change it")


def _taken(name: str) -> Conflict:
    return Conflict(f"name: you have a view {name!r} already")
