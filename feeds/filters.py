"""The filters of the feed, its page and our API alike: from the query string to rows."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Self

from django.db.models import Q, QuerySet
from django.http import QueryDict

from feeds.dialects import correlation
from feeds.dialects.mapping import EPOCH, microseconds
from feeds.models import (
    Activity,
    Attachment,
    Component,
    Correlation,
    EventKind,
    EventSource,
)
from feeds.search import matching

MOST_BRANCHES = 50  # sources that are looked up one by one in a page's query
MOST_VALUES = 50  # values of one parameter, lest a query grow without bound

#: Parameters that compare one column with words.
COLUMNS = {
    "type": "kind",
    "state": "state",
    "generator": "generator",
    "actor": "actor_key",
    "target": "target_key",
    "project": "project_key",
    "ref": "ref",
    "level": "level",
}
FACETS = (*COLUMNS, "issue", "environment", "component", "source")
PARAMETERS = (*FACETS, "since", "until", "q")
UNITS = {  # of "2h": two hours ago
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
DAYS = {"today": timedelta(0), "yesterday": timedelta(days=1)}
_AGO = re.compile(r"([0-9]{1,6})([mhdw])", re.IGNORECASE)
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


def escaped(value: str) -> str:
    """Write VALUE so that Choice reads it as included, whatever it begins with."""
    return f"\\{value}" if value.startswith(("-", "\\")) else value


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
    also: Q = field(default_factory=Q)  # what another grammar asks for: streamfilters.condition()
    known: tuple[int, ...] | None = None  # the ids of its sources, where a page knows them already

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
            moment("since", query.get("since", "")),
            moment("until", query.get("until", "")),
            query.get("q", "").replace("\x00", " ").strip(),
        )

    def __bool__(self) -> bool:
        return bool(self.choices or self.since or self.until or self.q or self.also)

    @cached_property
    def sources(self) -> list[int]:
        """The sources that the included components and sources stand for; asks the database."""
        if self.known is not None:
            return sorted(self.known)
        sets = [
            _source_ids(name, self.choices[name].included)
            for name in ("component", "source")
            if name in self.choices and self.choices[name].included
        ]
        return sorted(set.intersection(*sets)) if sets else []

    def rows(self) -> QuerySet[Activity]:
        """Return every activity that passes, in no order."""
        rows = Activity.objects.filter(self.also).order_by()
        for name, choice in self.choices.items():
            if choice.included:
                of_sources = name in ("component", "source")
                rows = rows.filter(
                    Q(source_id__in=self.sources) if of_sources else any_of(name, choice.included)
                )
            if choice.excluded:
                rows = rows.exclude(any_of(name, choice.excluded))
        if self.since:
            rows = rows.filter(occurred_at__gte=self.since)
        if self.until:
            rows = rows.filter(occurred_at__lt=self.until)
        return matching(rows, self.q) if self.q else rows


def chosen(query: QueryDict, names: Iterable[str] = PARAMETERS) -> QueryDict:
    """Return the parameters NAMES of QUERY that are given, in this order whatever theirs."""
    found = QueryDict(mutable=True)
    for name in names:
        if values := [value for value in query.getlist(name) if value]:
            found.setlist(name, values)
    return found


def view_query(text: str) -> str:
    """Return TEXT, the query string of a feed, without its page and its view, to be kept.

    Raises FilterError for a parameter that no feed has, or that cannot be read.
    """
    query = QueryDict(text.removeprefix("?"), mutable=True)
    for name in ("before", "after", "view", "stack"):
        query.pop(name, None)
    for name in query:
        if name not in PARAMETERS:
            raise FilterError(name, f"is not one of {', '.join(PARAMETERS)}")
    FeedFilter.read(query)
    for name in [name for name, values in query.lists() if not any(values)]:
        del query[name]  # a form sends its empty fields too
    return query.urlencode()


def any_of(name: str, values: Iterable[str]) -> Q:
    """Return what an activity is that has one of VALUES of the parameter NAME."""
    if name in ("component", "source"):
        return Q(source_id__in=_source_ids(name, values))
    if name == "issue":
        keys = [correlation.issue(value) for value in values]
        named = Correlation.objects.filter(key__in=keys)
        return Q(id__in=named.values("activity_id"))
    if name == "environment":  # of a deployment the target is where it went
        return Q(kind=EventKind.DEPLOYMENT, target_key__in=values)
    return Q(**{f"{COLUMNS[name]}__in": values})


def _source_ids(name: str, references: Iterable[str]) -> set[int]:
    """Return the sources that REFERENCES name: components by slug or uuid, sources by external id
    or uuid."""
    uuids = [found for text in references if (found := as_uuid(text))]
    if name == "source":
        sources = EventSource.objects.filter(Q(external_id__in=references) | Q(uuid__in=uuids))
        return set(sources.values_list("id", flat=True))
    components = Component.objects.filter(Q(slug__in=references) | Q(uuid__in=uuids))
    attached = Attachment.objects.filter(component__in=components)
    return set(attached.values_list("source_id", flat=True))


def as_uuid(text: str) -> uuid.UUID | None:
    """Read TEXT as a uuid, None if it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def moment(name: str, text: str, *, now: datetime | None = None) -> datetime | None:
    """Read a date (its start in UTC), a date-time (UTC unless it says otherwise), or how long ago:
    `30m`, `2h`, `7d`, `1w`, `today`, `yesterday`; raises FilterError.

    What is counted from NOW begins with a minute, so that whoever asks within it asks the same.
    """
    if not text:
        return None
    try:
        if ago := _AGO.fullmatch(text):
            minute = (now or datetime.now(UTC)).replace(second=0, microsecond=0)
            return minute - int(ago[1]) * UNITS[ago[2].lower()]
        if text.lower() in DAYS:
            today = (now or datetime.now(UTC)).date()
            return datetime.combine(today - DAYS[text.lower()], time(), UTC)
        if len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FilterError(
            name,
            "must be a date or a date and time, such as 2026-11-21T14:03, or how long ago: "
            "30m, 2h, 7d, 1w, today, yesterday",
        ) from None
