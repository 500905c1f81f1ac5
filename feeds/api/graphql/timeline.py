"""The events of components and of sources, newest first, a page at a time.

Those that an answer lists side by side are asked for together: whoever of them comes first loads
the page of all, so that the number of queries does not grow with the number of components.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet

from feeds.api.graphql.errors import Fault, Refused
from feeds.api.graphql.events import COLUMNS, kinds_of, typed_event
from feeds.dialects import compass
from feeds.dialects.mapping import read_time
from feeds.filters import Cursor
from feeds.models import Activity, EventKind, EventSource
from feeds.moments import from_database

PAGE_SIZE = 25
MOST_EVENTS = 100  # of a page
CATEGORY = "details__event__deployment__deploymentProperties__environment__category__in"

Query = Mapping[str, Any]
Place = tuple[datetime, int]  # of an activity in the timeline: when, and its id


@dataclass
class Timeline:
    """The events of some owners, each of which has sources."""

    sources: Mapping[int, Sequence[EventSource]]  # of each owner
    pages: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)

    def page(self, owner: int, query: Query | None) -> dict[str, Any]:
        """Return the CompassEventConnection of OWNER, or the QueryError that QUERY deserves."""
        try:
            asked = json.dumps(query or {}, sort_keys=True)
            if asked not in self.pages:
                self.pages[asked] = self._load(query or {})
        except Refused as refused:
            return refused.faults[0].in_query()
        return self.pages[asked][owner]

    def _load(self, query: Query) -> dict[int, dict[str, Any]]:
        first = first_of(query, default=PAGE_SIZE, most=MOST_EVENTS)
        after = _cursor(query.get("after"))
        # A source sends events of one kind, so that no row need be looked at for it.
        kinds = kinds_of(query["eventTypes"]) if query.get("eventTypes") else EventKind.values
        sources = {
            source for all in self.sources.values() for source in all if source.kind in kinds
        }
        places = _newest_of_each([source.pk for source in sources], _matching(query, after), first)
        chosen = {
            owner: sorted((at for source in all for at in places.get(source.pk, ())), reverse=True)
            for owner, all in self.sources.items()
        }
        events = _events({pk for found in chosen.values() for _, pk in found[:first]})
        pages = {}
        for owner, found in chosen.items():
            shown = [place for place in found[:first] if place[1] in events]
            nodes = [(str(Cursor(*place)), events[place[1]]) for place in shown]
            more = len(found) > first
            pages[owner] = page_of("CompassEventConnection", nodes, more=more, before=bool(after))
        return pages


def page_of(
    typename: str, nodes: Sequence[tuple[str, dict[str, Any]]], *, more: bool, before: bool
) -> dict[str, Any]:
    """Write a page of the connection TYPENAME: NODES, each with its cursor."""
    return {
        "__typename": typename,
        "nodes": [node for _, node in nodes],
        "edges": [{"cursor": cursor, "node": node} for cursor, node in nodes],
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": before,
            "startCursor": nodes[0][0] if nodes else None,
            "endCursor": nodes[-1][0] if nodes else None,
        },
    }


def first_of(query: Query, *, default: int, most: int) -> int:
    """Return how long a page QUERY wants."""
    first = query.get("first")
    if first is None:
        return default
    if not 1 <= first <= most:
        rule = f"first: the number of items requested must be between [1] to [{most}]"
        raise Refused(Fault(rule, "NUMBER_OF_ITEMS_REQUESTED_INVALID_EXCEPTION"))
    return int(first)


def _cursor(text: str | None) -> Cursor | None:
    try:
        return Cursor.read("after", text) if text else None
    except ValueError as error:
        raise Refused(Fault(str(error))) from None


def _matching(query: Query, after: Cursor | None) -> QuerySet[Activity]:
    """Return every activity that QUERY lets pass and that stands behind AFTER."""
    rows = Activity.objects.all()
    deployments = (query.get("eventFilters") or {}).get("deployments") or {}
    passing = Q()
    if states := deployments.get("states"):
        passing &= Q(state__in=[compass.DEPLOYMENT_STATES[state] for state in states])
    if environments := deployments.get("environments"):
        passing &= Q(**{CATEGORY: environments})
    if passing:  # it is said of deployments, and the other kinds pass
        rows = rows.filter(~Q(kind=EventKind.DEPLOYMENT) | passing)
    times = query.get("timeParameters") or {}
    start, end = _moment(times, "startFrom"), _moment(times, "endAt")
    if start and end and start > end:
        raise Refused(Fault("timeParameters: startFrom must not be after endAt"))
    if start:
        rows = rows.filter(occurred_at__gte=start)
    if end:
        rows = rows.filter(occurred_at__lte=end)
    if after:
        rows = rows.filter(
            Q(occurred_at__lt=after.occurred_at) | Q(id__lt=after.id),
            occurred_at__lte=after.occurred_at,
        )
    return rows


def _moment(times: Mapping[str, str | None], name: str) -> datetime | None:
    text = times.get(name)
    try:
        return read_time(text) if text else None
    except ValueError as error:
        raise Refused(Fault(f"timeParameters.{name}: {error}", "FORMAT_INVALID")) from None


def _newest_of_each(
    sources: Sequence[int], rows: QuerySet[Activity], count: int
) -> dict[int, list[Place]]:
    """Return where the newest COUNT + 1 of ROWS stand, for each of SOURCES, in one query.

    For each source the database walks its index and stops; with `source_id IN (...)` it would sort
    everything that the sources ever sent.
    """
    if not sources:
        return {}
    newest = rows.extra(where=["feeds_activity.source_id = place.id"])
    newest = newest.order_by("-occurred_at", "-id")
    if connection.vendor == "postgresql":
        inner = newest.values_list("id", "occurred_at")[: count + 1].query.sql_with_params()
        statement = (
            "SELECT place.id, found.* FROM unnest(%s::bigint[]) AS place (id) "
            f"CROSS JOIN LATERAL ({inner[0]}) AS found (id, occurred_at)"
        )
        wanted: Any = sources
    else:
        inner = newest.values_list("id")[: count + 1].query.sql_with_params()
        statement = (
            "SELECT place.id, found.id, found.occurred_at "
            "FROM (SELECT value AS id FROM json_each(%s)) AS place "
            f"CROSS JOIN feeds_activity found ON found.id IN ({inner[0]})"
        )
        wanted = json.dumps(sources)
    with connection.cursor() as cursor:
        cursor.execute(statement, [wanted, *inner[1]])
        places: dict[int, list[Place]] = {}
        for source, pk, moment in cursor.fetchall():
            places.setdefault(source, []).append((from_database(moment), pk))
    return places


def _events(ids: set[int]) -> dict[int, dict[str, Any]]:
    """Load the activities IDS as typed events."""
    if not ids:
        return {}
    # A source is known outside by its external id; and the body as received is not asked for.
    columns = [name for name in COLUMNS if name != "source_id"]
    rows = Activity.objects.filter(id__in=ids).order_by()
    found = rows.values(
        "id", "dialect", "kind", "details", *columns, external=F("source__external_id")
    )
    return {row["id"]: typed_event({**row, "source_id": row["external"]}) for row in found}
