"""What components depend on, as the relationships of Compass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from feeds.api.graphql.errors import Fault, Refused
from feeds.api.graphql.timeline import first_of, page_of
from feeds.models import Component, Dependency

CONNECTION = "CompassRelationshipConnection"
DEPENDS_ON = "DEPENDS_ON"
DEFAULT_FIRST = 25
MOST_FIRST = 100

Query = Mapping[str, Any]
Write = Callable[[Component], dict[str, Any]]


def dependencies_of(components: Sequence[int], direction: str) -> dict[int, list[Dependency]]:
    """Return the dependencies of each of COMPONENTS: INWARD are those of others on it."""
    side = "needs" if direction == "INWARD" else "component"
    rows = Dependency.objects.filter(**{f"{side}__in": components})
    found: dict[int, list[Dependency]] = {pk: [] for pk in components}
    for row in rows.select_related("component", "needs").order_by("id"):
        found[getattr(row, f"{side}_id")].append(row)
    return found


def page(rows: Sequence[Dependency], query: Query, write: Write) -> dict[str, Any]:
    """Answer the page of ROWS that QUERY wants; WRITE writes a component."""
    first = first_of(query, default=DEFAULT_FIRST, most=MOST_FIRST)
    after = query.get("after") or "0"
    if not after.isascii() or not after.isdecimal():
        raise Refused(Fault("after: is not a cursor that this API gave"))
    left = [row for row in rows if row.pk > int(after[:20])]
    nodes = [(str(row.pk), relationship_json(row, write)) for row in left[:first]]
    return page_of(CONNECTION, nodes, more=len(left) > first, before=after != "0")


def relationship_json(row: Dependency, write: Write) -> dict[str, Any]:
    """Write ROW as a CompassRelationship; WRITE writes a component."""
    return {
        "relationshipType": DEPENDS_ON,
        "type": DEPENDS_ON,
        "startNode": write(row.component),
        "endNode": write(row.needs),
    }
