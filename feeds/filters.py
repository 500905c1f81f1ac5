"""The filters of the feed, its page and our API alike: from the query string to rows, and pages."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from django.db.models import Q, QuerySet
from django.http import QueryDict

from feeds.dialects.mapping import EPOCH, microseconds
from feeds.models import Activity, Attachment, Component, EventKind, EventSource
from feeds.search import matching

PAGE_SIZE = 50  # rows
MOST_VALUES = 50  # values of one parameter, lest a query grow without bound

#: Parameters that compare one column with words.
COLUMNS = {
    "type": "kind",
    "state": "state",
    "generator": "generator",
    "actor": "actor_key",
    "target": "target_key",
}
FACETS = (*COLUMNS, "component", "source")
WORDS = {"type": EventKind.values, "state": Activity.State.values}


class FilterError(ValueError):
    """A parameter that cannot be read; `field` names it and str(error) says the rule."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(f"{field}: {message}")


@dataclass(frozen=True)
class Choice:
    """The values of one parameter: any of `included`, and none of `excluded`."""

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Iterable[str]) -> Self:
        """Read VALUES: a leading minus excludes, and a leading backslash keeps a minus as it is."""
        given = [value for value in values if value]
        return cls(
            tuple(value.removeprefix("\\") for value in given if not value.startswith("-")),
            tuple(value[1:] for value in given if value.startswith("-")),
        )

    def __bool__(self) -> bool:
        return bool(self.included or self.excluded)


@dataclass(frozen=True)
class Cursor:
    """A place between two rows: everything before it is older."""

    occurred_at: datetime
    id: int

    @classmethod
    def of(cls, activity: Activity) -> Self:
        return cls(activity.occurred_at, activity.pk)

    @classmethod
    def read(cls, name: str, text: str) -> Self:
        """Read what str() wrote: microseconds since 1970, and the row's id."""
        moment, _, number = text.rpartition("_")
        try:
            return cls(EPOCH + timedelta(microseconds=int(moment)), int(number))
        except (ValueError, OverflowError):
            raise FilterError(name, "is not a cursor that this feed gave") from None

    def __str__(self) -> str:
        return f"{microseconds(self.occurred_at)}_{self.id}"


@dataclass(frozen=True)
class FeedFilter:
    """What a feed shows: the parameters of a query string, read and checked."""

    choices: Mapping[str, Choice] = field(default_factory=dict)
    since: datetime | None = None  # occurred at or after
    until: datetime | None = None  # occurred before
    q: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Read the parameters of QUERY; raises FilterError for the first that is wrong."""
        choices = {}
        for name in FACETS:
            values = query.getlist(name)
            if len(values) > MOST_VALUES:
                raise FilterError(name, f"must not be given more than {MOST_VALUES} times")
            if any("\x00" in value for value in values):
                raise FilterError(name, "must not contain the NUL character")
            if choice := Choice.of(values):
                choices[name] = choice
        for name, words in WORDS.items():
            choice = choices.get(name, Choice())
            for value in (*choice.included, *choice.excluded):
                if value not in words:
                    raise FilterError(name, f"{value!r} is not one of {', '.join(words)}")
        return cls(
            choices,
            _moment("since", query.get("since", "")),
            _moment("until", query.get("until", "")),
            query.get("q", "").replace("\x00", " ").strip(),
        )

    def __bool__(self) -> bool:
        return bool(self.choices or self.since or self.until or self.q)

    def rows(self) -> QuerySet[Activity]:
        """Return every activity that passes, in no order."""
        rows = Activity.objects.order_by()
        for name, choice in self.choices.items():
            if name == "component":
                including, excluding = _sources_of(choice.included), _sources_of(choice.excluded)
            elif name == "source":
                including, excluding = _sources(choice.included), _sources(choice.excluded)
            else:
                including = Q(**{f"{COLUMNS[name]}__in": choice.included})
                excluding = Q(**{f"{COLUMNS[name]}__in": choice.excluded})
            if choice.included:
                rows = rows.filter(including)
            if choice.excluded:
                rows = rows.exclude(excluding)
        if self.since:
            rows = rows.filter(occurred_at__gte=self.since)
        if self.until:
            rows = rows.filter(occurred_at__lt=self.until)
        return matching(rows, self.q) if self.q else rows


@dataclass(frozen=True)
class Page:
    """Some rows of a feed, newest first, and where its neighbours begin."""

    rows: list[Activity]
    older: Cursor | None
    newer: Cursor | None


def page(
    filter: FeedFilter, query: QueryDict, *, size: int = PAGE_SIZE, whole: bool = False
) -> Page:
    """Return the page that QUERY's `before` or `after` names, else the newest.

    Each row has what the feed shows of it; WHOLE loads its content, its body and its sender too.
    """
    if after := query.get("after", ""):
        return _page_after(filter, Cursor.read("after", after), size, whole)
    text = query.get("before", "")
    before = Cursor.read("before", text) if text else None
    rows = filter.rows()
    if before:
        rows = rows.filter(
            Q(occurred_at__lt=before.occurred_at) | Q(id__lt=before.id),
            occurred_at__lte=before.occurred_at,
        )
    found = list(_load(rows.order_by("-occurred_at", "-id")[: size + 1], whole))
    kept = found[:size]
    return Page(
        kept,
        older=Cursor.of(kept[-1]) if len(found) > size else None,
        newer=Cursor.of(kept[0]) if before and kept else before,
    )


def _page_after(filter: FeedFilter, after: Cursor, size: int, whole: bool) -> Page:
    rows = filter.rows().filter(
        Q(occurred_at__gt=after.occurred_at) | Q(id__gt=after.id),
        occurred_at__gte=after.occurred_at,
    )
    found = list(_load(rows.order_by("occurred_at", "id")[: size + 1], whole))
    kept = found[:size][::-1]
    return Page(
        kept,
        older=Cursor.of(kept[-1]) if kept else after,
        newer=Cursor.of(kept[0]) if len(found) > size else None,
    )


def _load(rows: QuerySet[Activity], whole: bool) -> QuerySet[Activity]:
    """Load ROWS with their sources and components, in a fixed number of queries."""
    rows = rows.select_related("source").prefetch_related("source__components")
    return rows.select_related("source", "author") if whole else rows.defer("content", "raw")


def _sources_of(references: Iterable[str]) -> Q:
    """Match the activities of the components that REFERENCES name by uuid or slug."""
    uuids = [found for text in references if (found := _uuid(text))]
    components = Component.objects.filter(Q(slug__in=references) | Q(uuid__in=uuids))
    attached = Attachment.objects.filter(component__in=components)
    return Q(source_id__in=list(attached.values_list("source_id", flat=True)))


def _sources(references: Iterable[str]) -> Q:
    """Match the activities of the sources that REFERENCES name by uuid or external id."""
    uuids = [found for text in references if (found := _uuid(text))]
    sources = EventSource.objects.filter(Q(external_id__in=references) | Q(uuid__in=uuids))
    return Q(source_id__in=list(sources.values_list("id", flat=True)))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _moment(name: str, text: str) -> datetime | None:
    """Read a date (its start in UTC) or a date-time (UTC unless it says otherwise)."""
    if not text:
        return None
    try:
        if len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FilterError(
            name, "must be a date or a date and time, such as 2026-11-21T14:03"
        ) from None
