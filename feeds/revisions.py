"""What each update of an event changed: former values beside the ones that replaced them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from feeds.models import REVISIONS_KEPT, Activity, Revision, User

#: In the order in which they are told.
MOVED = ("progress", "occurred_at")
SHOWN = (
    "state", "title", "content", "verb", "url", "actor_name", "actor_key", "actor_image",
    "object_key", "object_type", "target_key", "target_url", "kind", "generator", "icon", "dialect",
)  # fmt: skip
DETAILS = "details."


@dataclass(frozen=True)
class Change:
    """One value that an update changed; FIELD is a column of ours, or a path in the details."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Update:
    """One update: when it came, whose it was, and what it changed."""

    at: datetime
    by: str | None  # the username; None: our own doing, or that of somebody who is gone
    ours: bool
    sequence: int
    former_sequence: int
    changes: tuple[Change, ...]


def updates_of(activity: Activity) -> list[Update]:
    """Return what the kept updates of ACTIVITY changed, the newest first.

    What signs of life moved of the vendor's other fields while it ran, which no revision keeps,
    shows with the update before them. One query.
    """
    sender = User.objects.filter(pk=OuterRef("replaced_by")).values("username")
    kept = Revision.objects.filter(activity_id=activity.pk).annotate(sender=Subquery(sender))
    rows = kept.order_by("-id")[:REVISIONS_KEPT]
    after: Activity | Revision = activity
    found = []
    for row in rows:
        found.append(
            Update(
                at=row.replaced_at,
                by=row.sender,
                ours=row.replaced_by is None,
                sequence=row.next_sequence,
                former_sequence=row.sequence,
                changes=tuple(_changes(row, after)),
            )
        )
        after = row
    return found


def _changes(before: Revision, after: Activity | Revision) -> Iterator[Change]:
    for name in (SHOWN[0], *MOVED, *SHOWN[1:]):
        old = getattr(before, name)
        new = getattr(before, f"next_{name}") if name in MOVED else getattr(after, name)
        if old != new:
            yield Change(name, old, new)
    yield from _differences(before.details, after.details, DETAILS)


def _differences(before: Any, after: Any, path: str) -> Iterator[Change]:
    """Compare two documents, object by object; lists are compared as wholes."""
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{path}{name}.")
        elif old != new:
            yield Change(f"{path}{name}", old, new)
