"""What stands in each environment of a component: its last deployment, and the last that worked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from feeds.digests.walks import TABLE
from feeds.models import Activity, EventKind, EventSource
from feeds.moments import from_database
from feeds.vocabulary import PRODUCTION_NAMES, facts

ENVIRONMENTS = 100  # of a component that are looked at; previews of pull requests may be thousands
LOOKED_BACK = 20  # deployments to one environment among which one that worked is looked for
_OF_SOURCE = f"FROM {TABLE} WHERE kind = '{EventKind.DEPLOYMENT}' AND source_id = place.source"
_NEWEST = f"{_OF_SOURCE} AND target_key = place.name ORDER BY occurred_at DESC, id DESC"


@dataclass(frozen=True)
class Place:
    """Where an environment's last deployments stand in the table, before they are loaded."""

    environment: str
    occurred_at: datetime
    newest: int  # its id
    stands: int | None  # the newest that succeeded; None: none of the last LOOKED_BACK did


@dataclass(frozen=True)
class Deployed:
    """What was last deployed to one environment, and what works there."""

    environment: str
    name: str
    production: bool
    newest: Activity
    stands: Activity | None  # the newest that succeeded, None if that is `newest` or not known


def statement_of(sources: Sequence[EventSource]) -> tuple[str, list[Any]]:
    """Return the SQL that finds the environments to which SOURCES deploy, "" if none does.

    It takes a step along activity_deployed_to for each environment, and two looks at it. Its
    columns are the environment, the ids of the newest deployment and of the newest that succeeded,
    and when the newest was.
    """
    ids = [source.pk for source in sources if source.kind == EventKind.DEPLOYMENT]
    if not ids:
        return "", []
    step = f"SELECT min(target_key) {_OF_SOURCE}"
    sql = (
        "WITH RECURSIVE place(source, name) AS ("
        f"SELECT place.source, ({step}) FROM ({_values(len(ids))}) AS place "
        f"UNION ALL SELECT place.source, ({step} AND target_key > place.name) FROM place "
        "WHERE place.name IS NOT NULL) "
        f"SELECT name, (SELECT id {_NEWEST} LIMIT 1) AS newest, "
        f"(SELECT id FROM (SELECT id, state {_NEWEST} LIMIT %s) AS last "
        f"WHERE state = '{Activity.State.SUCCEEDED}' LIMIT 1) AS stands, "
        f"(SELECT occurred_at {_NEWEST} LIMIT 1) AS moment "
        "FROM place WHERE name IS NOT NULL LIMIT %s"
    )
    return sql, [*ids, LOOKED_BACK, ENVIRONMENTS + 1]


def places_of(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Place], bool]:
    """Return the environments in ROWS of statement_of(), and whether there are more."""
    best: dict[str, Place] = {}
    for name, newest, stands, text in rows[:ENVIRONMENTS]:
        place = Place(name, from_database(text), newest, stands)
        if name not in best or best[name].occurred_at < place.occurred_at:
            best[name] = place  # several sources may deploy there: the newest of all counts
    return list(best.values()), len(rows) > ENVIRONMENTS


def _values(count: int) -> str:
    return " UNION ALL ".join(["SELECT %s AS source", *["SELECT %s"] * (count - 1)])


def deployed(places: Sequence[Place], loaded: dict[int, Activity]) -> list[Deployed]:
    """Return what stands at PLACES, production first; their activities are LOADED."""
    found = []
    for place in places:
        newest = loaded.get(place.newest)
        if newest is None:
            continue  # deleted at this moment
        stands = loaded.get(place.stands) if place.stands else None
        said = facts(newest)
        found.append(
            Deployed(
                place.environment,
                said.target or "no environment",
                said.prod or place.environment.lower() in PRODUCTION_NAMES,
                newest,
                stands if stands is not newest else None,
            )
        )
    return sorted(found, key=lambda one: (one.production, one.newest.occurred_at), reverse=True)
