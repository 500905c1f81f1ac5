"""Saved views: names for what a feed is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from django.db import IntegrityError, transaction

from feeds.actions.errors import Conflict, Forbidden
from feeds.models import SavedView, Star, User

LONGEST_NAME = 100  # characters


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


def update_query(view: SavedView, query: str, *, was: str, by: User) -> None:
    """Let VIEW show QUERY instead of WAS.

    Raises Forbidden unless it is BY's own, and Conflict if it shows another by now.
    """
    _check_owner(view, by)
    if not SavedView.objects.filter(pk=view.pk, query=was).update(query=query):
        raise Conflict(f"query: {view.name!r} was changed meanwhile; look at it first")
    view.query = query


def duplicate_view(view: SavedView, *, by: User) -> SavedView:
    """Make a private view of BY's own that shows what VIEW shows, under a name that is free."""
    taken = set(by.views.values_list("name", flat=True))
    names = (_copied(view.name, number) for number in count(0))
    free = next(name for name in names if name not in taken)
    return save_view(by, name=free, query=view.query)


def _copied(name: str, number: int) -> str:
    """Return NAME for 0, then NAME (copy), NAME (copy 2), ..., never too long."""
    suffix = "" if not number else " (copy)" if number == 1 else f" (copy {number})"
    return f"{name[: LONGEST_NAME - len(suffix)]}{suffix}"


def star_view(view: SavedView, *, by: User, starred: bool = True) -> None:
    """Put VIEW first for BY, or with STARRED false no more."""
    if starred:
        Star.objects.get_or_create(user_id=by.pk, view_id=view.pk)
    else:
        Star.objects.filter(user_id=by.pk, view_id=view.pk).delete()


def open_with(view: SavedView, *, by: User, default: bool = True) -> None:
    """Open the feed with VIEW for BY, or with DEFAULT false with everything if it was VIEW."""
    user = User.objects.filter(pk=by.pk)
    if default:
        user.update(default_view=view.pk)
    else:
        user.filter(default_view=view.pk).update(default_view=None)


def mark_view(
    view: SavedView, *, by: User, starred: bool | None = None, default: bool | None = None
) -> None:
    """Star VIEW and open the feed with it, for BY, as far as each is said."""
    if starred is not None:
        star_view(view, by=by, starred=starred)
    if default is not None:
        open_with(view, by=by, default=default)


def delete_view(view: SavedView, *, by: User) -> None:
    """Delete VIEW; raises Forbidden unless it is BY's own."""
    _check_owner(view, by)
    view.delete()


def _check_owner(view: SavedView, by: User) -> None:
    if view.user_id != by.pk:
        raise Forbidden("only who saved a view may change it")


def _taken(name: str) -> Conflict:
    return Conflict(f"name: you have a view {name!r} already")
