"""Which components a component needs, and which need it: transitively, and safe from cycles."""

from __future__ import annotations

from collections.abc import Collection

from feeds.models import Dependency

HOPS = 3  # from a component to the farthest that it depends on
MOST = 200  # components that one question reaches


def reach(components: Collection[int]) -> dict[int, int]:
    """Return the components that COMPONENTS depend on, each with its distance in hops, and
    COMPONENTS themselves with 0; one query a hop."""
    found = dict.fromkeys(components, 0)
    edge = set(components)
    for hop in range(1, HOPS + 1):
        rows = Dependency.objects.filter(component__in=edge).exclude(needs__in=found)
        room = MOST - len(found)
        edge = set(rows.values_list("needs", flat=True).order_by("needs").distinct()[:room])
        if not edge:
            break
        found.update(dict.fromkeys(edge, hop))
    return found
