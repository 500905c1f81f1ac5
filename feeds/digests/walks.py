"""Walks along the indexes that begin with a facet and go on newest first: activity_of_source,
activity_by_actor, activity_in_project. Many walks are one statement, each stops by itself.

What names an issue, by the key of a correlation, is not walked to but looked up and sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from feeds.models import Activity, Correlation
from feeds.moments import to_database

TABLE = Activity._meta.db_table
ISSUE = "issue"  # facet that is no column
_NAMED = f"id IN (SELECT activity_id FROM {Correlation._meta.db_table} WHERE key = %s)"
BRANCHES = 200  # walks of one statement; SQLite takes 500


def walk(
    facet: str, columns: str, *, since: datetime | None = None, until: datetime | None = None
) -> tuple[str, list[Any]]:
    """Return the SQL of one walk, and what follows the facet's value among its parameters.

    The names are ours. The value comes first and how many rows it takes last.
    """
    conditions, parameters = [_NAMED if facet == ISSUE else f"{facet} = %s"], []
    for sign, moment in ((">=", since), ("<", until)):
        if moment is not None:
            conditions.append(f"occurred_at {sign} %s")
            parameters.append(to_database(moment))
    sql = (
        f"SELECT {columns} FROM {TABLE} WHERE {' AND '.join(conditions)} "
        "ORDER BY occurred_at DESC, id DESC LIMIT %s"
    )
    return sql, parameters


def newest_of_each(sources: Sequence[int], columns: str, count: int) -> list[tuple[Any, ...]]:
    """Return COLUMNS of the newest COUNT activities of each of SOURCES, in no order of sources."""
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(sources), BRANCHES):
        sql, parameters = walks(sources[start : start + BRANCHES], columns, count)
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            found += cursor.fetchall()
    return found


def walks(sources: Sequence[int], columns: str, count: int) -> tuple[str, list[Any]]:
    """Return the SQL of a walk along each of SOURCES, and its parameters."""
    sql, _ = walk("source_id", columns)
    branch = f"SELECT * FROM ({sql}) AS branch"  # SQLite: no LIMIT in a bare branch
    parameters = [part for source in sources for part in (source, count)]
    return " UNION ALL ".join([branch] * len(sources)), parameters
