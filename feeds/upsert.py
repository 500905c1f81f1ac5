"""The one statement by which events enter the database.

`INSERT ... ON CONFLICT ... DO UPDATE ... WHERE sequence < excluded.sequence` decides between
created, updated and stale inside the database, so that no order of parallel requests can leave an
older update on top of a newer one. Django's bulk_create has no such WHERE, hence SQL of our own;
PostgreSQL and SQLite read the same text.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from feeds.dialects.mapping import Draft
from feeds.models import Activity

#: Columns that an update replaces, in the order of the statement.
FROM_DRAFT = (
    "sequence", "dialect", "kind", "verb", "state", "progress", "title", "content", "url", "icon",
    "generator", "actor_key", "actor_name", "actor_image", "object_type", "object_key",
    "target_key", "target_url", "occurred_at", "raw",
)  # fmt: skip
_UPDATED = (*FROM_DRAFT, "details", "touched_at")
_COLUMNS = ("uuid", "source_id", "external_id", "author_id", "received_at", *_UPDATED)
_TABLE = Activity._meta.db_table
_ROW = f"({', '.join(['%s'] * len(_COLUMNS))})"
_INSERT = f"INSERT INTO {_TABLE} ({', '.join(_COLUMNS)}) VALUES "  # noqa: S608 - names of ours
_ON_CONFLICT = (
    " ON CONFLICT (source_id, external_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _UPDATED)
    + f" WHERE {_TABLE}.sequence < excluded.sequence"
    + " RETURNING source_id, external_id, uuid"
)
ROWS_AT_ONCE = 500  # 27 parameters each; SQLite takes 32,766 in a statement

Key = tuple[int, str]  # source, external id


def upsert(
    drafts: Sequence[tuple[int, Draft]], *, author_id: int | None, now: datetime
) -> dict[Key, tuple[uuid.UUID, bool]]:
    """Write DRAFTS, each with the id of its source; no two may have the same key.

    Returns the uuid of every activity that was written, and whether it is a new one; a draft whose
    key is missing in the answer was stale: its sequence is not above what we have.
    """
    written: dict[Key, tuple[uuid.UUID, bool]] = {}
    for start in range(0, len(drafts), ROWS_AT_ONCE):
        chunk = drafts[start : start + ROWS_AT_ONCE]
        fresh = {(source, draft.external_id): uuid.uuid4() for source, draft in chunk}
        parameters: list[Any] = []
        for source, draft in chunk:
            identity = fresh[source, draft.external_id]
            parameters += _row(identity, source, draft, author_id, now)
        statement = _INSERT + ", ".join([_ROW] * len(chunk)) + _ON_CONFLICT
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            for source, external_id, found in cursor.fetchall():
                found = uuid.UUID(str(found))
                written[source, external_id] = found, found == fresh[source, external_id]
    return written


def _row(
    identity: uuid.UUID, source: int, draft: Draft, author_id: int | None, now: datetime
) -> list[Any]:
    moment = connection.ops.adapt_datetimefield_value
    values = [getattr(draft, name) for name in FROM_DRAFT]
    values[FROM_DRAFT.index("occurred_at")] = moment(draft.occurred_at)
    unique = identity if connection.features.has_native_uuid_field else identity.hex
    head = [unique, source, draft.external_id, author_id, moment(now)]
    return [*head, *values, json.dumps(draft.details), moment(now)]
