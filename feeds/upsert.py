"""The one statement by which events enter the database.

`INSERT ... ON CONFLICT ... DO UPDATE ... WHERE sequence < excluded.sequence` decides between
created, updated and stale inside the database, so that no order of parallel requests can leave an
older update on top of a newer one. Django's bulk_create has no such WHERE, hence SQL of our own;
PostgreSQL and SQLite read the same text.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from django.db import connection, transaction

from feeds.dialects import badges, correlation
from feeds.dialects.mapping import Draft
from feeds.models import Activity, Correlation
from feeds.moments import to_database

#: Columns that an update replaces, in the order of the statement.
FROM_DRAFT = (
    "sequence", "dialect", "kind", "verb", "state", "progress", "title", "content", "url", "icon",
    "generator", "actor_key", "actor_name", "actor_image", "object_type", "object_key",
    "target_key", "target_url", "project_key", "raw",
)  # fmt: skip
BADGES = ("ref", "level")  # columns that a draft has, or that its details tell
_UPDATED = (*FROM_DRAFT, *BADGES, "occurred_at", "details", "touched_at")
COLUMNS = ("uuid", "source_id", "external_id", "author_id", "received_at", *_UPDATED)
TABLE = Activity._meta.db_table
ON_CONFLICT = (
    " ON CONFLICT (source_id, external_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _UPDATED)
    + f", updates = COALESCE({TABLE}.updates, 0) + 1, abandoned_at = NULL"
    + ", changed_by = excluded.author_id"
    + f" WHERE {TABLE}.sequence < excluded.sequence"
    + " RETURNING source_id, external_id, uuid, id"
)
#: An event keeps what its earlier versions named, for they are part of the same story.
NAMED = f"INSERT INTO {Correlation._meta.db_table} (activity_id, key, rest)"
KNOWN = "ON CONFLICT DO NOTHING"
ROWS_AT_ONCE = 1000  # 30 parameters each; SQLite takes 32,766 in a statement

Key = tuple[int, str]  # source, external id


@dataclass(frozen=True)
class Written:
    """An activity that was written."""

    uuid: uuid.UUID
    number: int  # its id
    created: bool


def upsert(
    drafts: Sequence[tuple[int, Draft]], *, author_id: int | None, now: datetime
) -> dict[Key, Written]:
    """Write DRAFTS, each with the id of its source; no two may have the same key.

    Returns every activity that was written; a draft whose key is missing in the answer was stale:
    its sequence is not above what we have.
    """
    written: dict[Key, Written] = {}
    for start in range(0, len(drafts), ROWS_AT_ONCE):
        chunk = drafts[start : start + ROWS_AT_ONCE]
        fresh = {(source, draft.external_id): uuid.uuid4() for source, draft in chunk}
        moment = str(to_database(now))
        rows = [
            row_of(fresh[source, draft.external_id], source, draft, author_id, moment)
            for source, draft in chunk
        ]
        names = [
            {"source": source, "external_id": draft.external_id, "key": key, "rest": rest}
            for source, draft in chunk
            for key, rest in correlation.keys(vars(draft))
        ]
        for source, external_id, found, number in _execute(rows, names):
            at = source, external_id
            found = found if isinstance(found, uuid.UUID) else uuid.UUID(found)
            written[at] = Written(found, number, created=found == fresh[at])
    return written


def _execute(rows: Sequence[dict[str, Any]], names: Sequence[dict[str, Any]]) -> list[Any]:
    """Write ROWS, and of those that it took the NAMES; all or nothing."""
    values, parameters = _values(rows)
    insert = f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) {values}{ON_CONFLICT}"
    at_once = connection.vendor == "postgresql"
    if names and at_once:
        insert = f"""
            WITH written AS ({insert}), named AS (
                {NAMED} SELECT written.id, name.key, name.rest FROM written
                JOIN json_to_recordset(%s)
                    AS name (source bigint, external_id text, key text, rest text)
                    ON name.source = source_id AND name.external_id = written.external_id
                {KNOWN}
            )
            SELECT source_id, external_id, uuid, id FROM written
        """
        parameters = [*parameters, as_json(names)]
    apart = names and not at_once
    with (
        transaction.atomic(savepoint=False) if apart else nullcontext(),
        connection.cursor() as cursor,
    ):
        cursor.execute(insert, parameters)
        written: list[Any] = cursor.fetchall()
        if apart:
            ids = {(source, external_id): number for source, external_id, _, number in written}
            told = ((ids.get((name["source"], name["external_id"])), name) for name in names)
            correlate((number, name["key"], name["rest"]) for number, name in told if number)
    return written


def correlate(names: Iterable[tuple[int, str, str]]) -> None:
    """Write down NAMES: the id of an activity, and a key that it names."""
    rows = [Correlation(activity_id=number, key=key, rest=rest) for number, key, rest in names]
    Correlation.objects.bulk_create(rows, ignore_conflicts=True, batch_size=ROWS_AT_ONCE)


def row_of(
    identity: uuid.UUID, source: int | None, draft: Draft, author_id: int | None, now: str
) -> dict[str, Any]:
    """Return the columns of a new row, as JSON can carry them."""
    values = vars(draft)
    return {
        **{name: values[name] for name in FROM_DRAFT},
        **badges_of(draft),
        "uuid": identity.hex,
        "source_id": source,
        "external_id": draft.external_id,
        "author_id": author_id,
        "details": draft.details,
        "occurred_at": str(to_database(draft.occurred_at)),
        "received_at": now,
        "touched_at": now,
    }


def badges_of(draft: Draft) -> dict[str, str | None]:
    """Return what DRAFT says of its BADGES, or its details do; None if neither does."""
    return {
        "ref": draft.ref or badges.ref(draft.kind, draft.details) or None,
        "level": draft.level or badges.level(draft.kind, draft.details) or None,
    }


def _values(rows: Sequence[dict[str, Any]]) -> tuple[str, list[Any]]:
    """Write ROWS as the body of an INSERT."""
    if connection.vendor == "postgresql":
        return as_select(rows, {name: cast(name) for name in COLUMNS})
    places = f"({', '.join(['%s'] * len(COLUMNS))})"
    values = [
        json.dumps(row[name]) if name == "details" else row[name]
        for row in rows
        for name in COLUMNS
    ]
    return f"VALUES {', '.join([places] * len(rows))}", values


def as_select(rows: Sequence[dict[str, Any]], types: Mapping[str, str]) -> tuple[str, list[Any]]:
    """Write ROWS as a SELECT of PostgreSQL, with columns as in TYPES.

    They go as one JSON text: with a placeholder for each value, quoting took psycopg longer than
    the INSERT took the database. What all rows share is said once beside it, for reading JSON is a
    third of the INSERT.
    """
    shared = {} if len(rows) == 1 else dict(rows[0])
    for row in rows:
        for name in [name for name, value in shared.items() if row[name] != value]:
            del shared[name]
    plain = {name: value for name, value in shared.items() if not isinstance(value, dict | list)}
    own = [name for name in types if name not in plain] or list(types)
    record = ", ".join(f"{name} {types[name]}" for name in own)
    # a cast to varchar(16) would cut what is too long, and text that is too long is an error
    said = {name: "text" if kind.startswith("varchar") else kind for name, kind in types.items()}
    picked = ", ".join(name if name in own else f"%s::{said[name]}" for name in types)
    values = [plain[name] for name in types if name not in own]
    told = as_json([{name: row[name] for name in own} for row in rows])
    return f"SELECT {picked} FROM json_to_recordset(%s) AS row ({record})", [*values, told]


def as_json(value: Any) -> str:
    """Write VALUE as JSON, which carries integers of any size; orjson stops at 64 bits."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value)


@cache
def cast(column: str) -> str:
    """Return the PostgreSQL type of COLUMN."""
    field = next(field for field in Activity._meta.fields if field.column == column)
    return str(
        field.rel_db_type(connection) if field.is_relation else field.cast_db_type(connection)
    )
