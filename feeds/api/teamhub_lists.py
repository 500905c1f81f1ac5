"""`GET /api/events`: the query string, and the events that it names, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from django.db.models import QuerySet
from django.http import QueryDict

from feeds.api.teamhub_wire import Refused
from feeds.dialects import teamhub
from feeds.dialects.mapping import Document, key
from feeds.models import Activity, EventSource, User

PAGE_SIZE = 25  # events
LONGEST_PAGE = 100  # events; whoever asks for more gets these
MOST_DIGITS = 18  # of a number in the query: both databases count in 64 bits


@dataclass(frozen=True)
class Listing:
    """What a query string asks for."""

    query: QueryDict
    limit: int
    offset: int
    expand: frozenset[str]

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Read the parameters of QUERY; raises Refused with all that are wrong."""
        limit, offset = _whole(query.get("limit")), _whole(query.get("offset"))
        fields = {
            name: "must not contain the NUL character"
            for name, values in query.lists()
            if any("\x00" in value for value in values)
        }
        if limit == 0 or (limit is None and "limit" in query):
            fields["limit"] = "must be a whole number, 1 or more"
        if offset is None and "offset" in query:
            fields["offset"] = "must be a whole number, 0 or more"
        if fields:
            raise Refused(422, "; ".join(map(": ".join, fields.items())), fields=fields)
        return cls(
            query,
            min(limit or PAGE_SIZE, LONGEST_PAGE),
            offset or 0,
            expansions(query),
        )

    def page(self) -> Document:
        """Return the page as the vendor writes it, without what it says of each answer."""
        end = self.offset + self.limit
        found = list(self._rows()[self.offset : end + 1])
        kept = found[: self.limit]
        more = len(found) > self.limit
        metadata = {
            "more_results": more,
            "next_offset": self.offset + len(kept) if more else None,
            "count": len(kept),
        }
        return {"metadata": metadata, "results": written(kept, self.expand)}

    def _rows(self) -> QuerySet[Activity]:
        """Return the events that pass every filter that is given."""
        rows = events()
        project, repository = self._given("project"), self._given("repository")
        if project or repository:
            rows = rows.filter(source_id__in=_sources_in(project, repository))
        if subject := self._given("subject"):
            rows = rows.filter(actor_key=key(subject))
        if operation := self._given("operation"):
            rows = rows.filter(verb=operation)
        if targets := _words(self._given("target")):
            rows = rows.filter(object_type__in=targets)
        return rows.order_by("-occurred_at", "-id")

    def _given(self, name: str) -> str:
        return self.query.get(name, "").strip()


def events() -> QuerySet[Activity]:
    """Return all events of this wire, with what answering them takes."""
    return Activity.objects.filter(dialect=teamhub.DIALECT).select_related("source")


def written(activities: Iterable[Activity], expand: frozenset[str]) -> list[Document]:
    """Return ACTIVITIES as whole events, expanded as far as we know what they link."""
    rows = list(activities)
    people = _people({row.actor_key for row in rows}) if "subject" in expand and rows else {}
    return [teamhub.answer(row.columns(), expand=expand, people=people) for row in rows]


def expansions(query: QueryDict) -> frozenset[str]:
    """Return what QUERY wants to see whole; what cannot be expanded stays a reference."""
    return frozenset(_words(query.get("expand", "")))


def _people(names: set[str]) -> dict[str, Document]:
    """Return those of NAMES that are users here, as the vendor writes an account."""
    return {user.username: account(user) for user in User.objects.filter(username__in=names)}


def account(user: User) -> Document:
    """Return USER as the vendor writes an account, by name only."""
    first, _, last = str(user).partition(" ")
    return {"id": user.username, "first_name": first, "last_name": last}


def _sources_in(project: str, repository: str) -> list[int]:
    """Return the sources in PROJECT and in REPOSITORY; either may be "", which is any.

    A source is `project/repository`, or only the project. SQLite's database compares the ends in
    any case, so they are compared again here.
    """
    begin, end = f"{project}/" if project else "", f"/{repository}" if repository else ""
    rows = EventSource.objects.filter(external_id__startswith=project, external_id__endswith=end)
    return [
        pk
        for pk, name in rows.values_list("id", "external_id")
        if f"{name}/".startswith(begin) and name.endswith(end)
    ]


def _words(text: str) -> list[str]:
    return [word for each in text.split(",") if (word := each.strip())]


def _whole(text: str | None) -> int | None:
    """Read a whole number that is not negative, None if TEXT is none."""
    if text is None or not (text.isascii() and text.isdecimal()):
        return None
    return int(text[:MOST_DIGITS])
