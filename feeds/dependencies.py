"""Which components a component needs, and which need it: transitively, and safe from cycles."""

from __future__ import annotations

from collections.abc import Collection

from feeds.models import Component, Dependency

HOPS = 3  # from a component to the farthest that it depends on
MOST = 200  # components that one question reaches


_REACHED = f"""
    WITH RECURSIVE reached (id, hops) AS (
        SELECT id, 0 FROM {Component._meta.db_table} WHERE id IN (%s)
        UNION
        SELECT needs_id, hops + 1 FROM {Dependency._meta.db_table}
        JOIN reached ON reached.id = component_id WHERE hops < {HOPS}
    )
    SELECT component.*, nearest.hops FROM {Component._meta.db_table} component
    JOIN (SELECT id, MIN(hops) AS hops FROM reached GROUP BY id) nearest USING (id)
    ORDER BY nearest.hops, component.id LIMIT {MOST}
"""


def reach(components: Collection[int]) -> dict[Component, int]:
    """Return the components that COMPONENTS depend on, each with its distance in hops, and
    COMPONENTS themselves with 0: the nearest first, in one query."""
    if not components:
        return {}
    asked = ", ".join(["%s"] * len(components))
    found = Component.objects.raw(_REACHED.replace("%s", asked), list(components))
    return {one: one.hops for one in found}  # type: ignore[attr-defined]
