"""Which activities were changed or deleted, noticed by the moments that their writers left."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from feeds.filters import Choice, FeedFilter
from feeds.live.window import BURST, LATE
from feeds.models import CHANGED, Activity, Deletion, EventKind

QUICK = timedelta(seconds=3)  # how far most looks reach back
WHOLE = timedelta(seconds=1)  # between looks that reach back by LATE, for what was committed late
TOLD = 300  # changes that a page which resumes is told of: as many as it has rows


@dataclass(frozen=True)
class Changed:
    """An activity that was changed or deleted, and what tells whether it may be on a screen."""

    uuid: uuid.UUID
    source: int
    kind: str

    def may_pass(self, filter: FeedFilter) -> bool:
        """Tell whether it passes FILTER, or did: by what no update changes."""
        kinds = filter.choices.get("type", Choice())
        if (kinds.included and self.kind not in kinds.included) or self.kind in kinds.excluded:
            return False
        environments = filter.choices.get("environment", Choice())
        if environments.included and self.kind != EventKind.DEPLOYMENT:
            return False
        chosen = (filter.choices.get(name, Choice()) for name in ("component", "source"))
        return not any(choice.included for choice in chosen) or self.source in filter.sources


@dataclass(frozen=True)
class Found:
    """What one look noticed, and what is to be remembered of it."""

    changed: Mapping[int, Changed]  # by id
    gone: Mapping[int, Changed]  # by the id of the deletion
    touched: Mapping[int, datetime]
    buried: Set[int]
    at: datetime | None  # when it noticed all that LATE reaches back to; None: it did not

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone)

    def on_screens(self, filter: FeedFilter) -> list[uuid.UUID]:
        """Return which of the changed and deleted a page with FILTER may show."""
        return may_pass(filter, (*self.changed.values(), *self.gone.values()))


class Changes:
    """The changes of the last LATE, each with its moment, so that none is told twice.

    A writer takes `touched_at` before it commits, and SQLite's may wait for the lock in between. So
    a change is noticed if it is committed within LATE of it.
    """

    def __init__(self) -> None:
        self._at = timezone.now()  # of the last look that noticed all
        since = self._at - LATE
        self.touched: Mapping[int, datetime] = _touched(since)
        self.buried: Set[int] = _buried(since)

    def notice(self, new: Set[int]) -> Found:
        """Return what is not known yet, and not NEW; a look that fails before accept() is made
        again."""
        now = timezone.now()
        whole = now - self._at >= WHOLE or now < self._at  # whose clock was set back begins anew
        since = min(now, self._at) - LATE if whole else now - QUICK
        touched, buried = _touched(since), _buried(since)
        dead = buried - self.buried
        fresh = [pk for pk, moment in touched.items() if self.touched.get(pk) != moment]
        fresh = [pk for pk in fresh if pk not in new]
        for pk in fresh[BURST:]:
            del touched[pk]  # the next look finds it
        rows = Activity.objects.filter(id__in=fresh[:BURST]).order_by()
        graves = Deletion.objects.filter(id__in=dead)
        return Found(
            _read(rows.values_list("id", "uuid", "source_id", "kind")) if fresh else {},
            _read(graves.values_list("id", "activity", "source_id", "kind")) if dead else {},
            touched,
            buried,
            now if whole and len(fresh) <= BURST else None,
        )

    def accept(self, found: Found) -> None:
        """Remember that FOUND is noticed."""
        if found.at:
            self.touched, self.buried, self._at = found.touched, found.buried, found.at
        else:
            self.touched = {**self.touched, **found.touched}
            self.buried = self.buried | found.buried


def changed_on_screen(after: int, filter: FeedFilter) -> list[uuid.UUID]:
    """Return which activities may have changed on a screen that shows all up to the id AFTER."""
    rows = changed_since_told(after, Activity.objects.all()).order_by("-touched_at")
    newest = _read(rows.values_list("id", "uuid", "source_id", "kind")[:TOLD])
    return [*may_pass(filter, newest.values()), *deleted_since_told(after, filter)[:TOLD]]


def changed_since_told(after: int, rows: QuerySet[Activity]) -> QuerySet[Activity]:
    """Return which of ROWS, up to the id AFTER, may have changed since who stands there left."""
    since = _told_at(after)
    if since is None:
        return rows.none()
    return rows.filter(CHANGED, touched_at__gt=since, id__lte=after)


def deleted_since_told(after: int, filter: FeedFilter) -> list[uuid.UUID]:
    """Return what may have passed FILTER and was deleted since who stands AFTER an id left."""
    since = _told_at(after)
    if since is None:
        return []
    rows = Deletion.objects.filter(deleted_at__gt=since).order_by("-deleted_at")
    gone = _read(rows.values_list("id", "activity", "source_id", "kind")[:BURST])
    return may_pass(filter, gone.values())


def _told_at(after: int) -> datetime | None:
    """Return a moment before which all changes were told to who stands AFTER an id; None: all were.

    The activity with that id was noticed after it came in, and with it each change that had been
    committed by then, which is each whose writer began LATE before.
    """
    rows = Activity.objects.filter(id__lte=after).order_by("-id")
    received = rows.values_list("received_at", flat=True).first()
    return received and received - LATE


def may_pass(filter: FeedFilter, rows: Iterable[Changed]) -> list[uuid.UUID]:
    """Return those of ROWS that FILTER may let pass."""
    return [row.uuid for row in rows if row.may_pass(filter)]


def _touched(since: datetime) -> dict[int, datetime]:
    rows = Activity.objects.filter(CHANGED, touched_at__gt=since).order_by()
    return dict(rows.values_list("id", "touched_at"))


def _buried(since: datetime) -> Set[int]:
    rows = Deletion.objects.filter(deleted_at__gt=since).order_by("-deleted_at")
    return set(rows.values_list("id", flat=True)[:BURST])


def _read(rows: Iterable[tuple[int, uuid.UUID, int, str]]) -> dict[int, Changed]:
    return {pk: Changed(identity, source, kind) for pk, identity, source, kind in rows}
