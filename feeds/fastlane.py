"""The usual event in one round trip: check the caller, count it, find its source, write it.

On PostgreSQL each round trip costs about as much as the bare INSERT does, so the statements that
an event needs go as one, prepared once a connection. It writes only what needs no decision: a
known source, attached if the sender names a component, a sequence above what we have, and a user
below the rate limit. All else comes back unwritten, counted once, for actions.record() to decide.
SQLite, which has no round trips, takes the plain way.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
from django.db import IntegrityError, connection
from django.utils import timezone

from feeds import limits
from feeds.actions import Outcome, Recorded, Sender, cloud_id, name_actor, rate_limit
from feeds.ari import InvalidAri, parse_component
from feeds.dialects import correlation
from feeds.dialects.mapping import Draft
from feeds.upsert import COLUMNS, KNOWN, NAMED, ON_CONFLICT, TABLE, as_json, cast, row_of


@dataclass(frozen=True)
class Passage:
    """What became of an event in the fast lane; `recorded` is None for what must be decided."""

    allowance: limits.Allowance | None  # None: the caller may no longer come in
    recorded: Recorded | None


def is_open() -> bool:
    """Tell whether this database has round trips to save."""
    return connection.vendor == "postgresql" and not connection.in_atomic_block


def take(sender: Sender, draft: Draft | None, *, limited: bool = True) -> Passage:
    """Count SENDER's request and write DRAFT, if there is one and it needs no decision.

    On a wire that is not LIMITED the request is not counted, but the sender is checked all the
    same.
    """
    if draft is None or not is_open():
        return Passage(limits.count(sender, limited=limited), None)
    now = timezone.now()
    identity = uuid.uuid4()
    name_actor(draft, sender.user)
    row = row_of(identity, None, draft, sender.user.pk, str(now))
    parameters = {
        **limits.parameters(sender, now),
        "limit": rate_limit() if limited else 0,
        "row": as_json([{**row, "source": draft.source_id, "component": _component(draft)}]),
        "writable": not draft.site_id or draft.site_id == cloud_id(),
    }
    if names := correlation.keys(vars(draft)):
        parameters["names"] = as_json([{"key": key, "rest": rest} for key, rest in names])
    try:
        found = _execute(_statement(limited, bool(names)), parameters)
    except IntegrityError:  # the source was deleted at this moment, and nothing was counted
        return Passage(limits.count(sender, limited=limited), None)
    if found is None:
        return Passage(None, None)
    *counted, written, number, source_id = found
    allowance = limits.allowance(tuple(counted), now, limited=limited)
    if written is None:
        return Passage(allowance, None)
    outcome = Outcome.CREATED if written == identity else Outcome.UPDATED
    return Passage(allowance, Recorded(outcome, written, number, source_id))


def _execute(statement: bytes, parameters: dict[str, Any]) -> tuple[Any, ...] | None:
    connection.ensure_connection()
    # Django's own cursor binds parameters itself, and so cannot prepare.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, prepare=True)
        return cursor.fetchone()


def _component(draft: Draft) -> str | None:
    """Return the uuid of the component that DRAFT names, "" if only a decision can tell."""
    if not draft.component_id:
        return None
    try:
        return str(parse_component(draft.component_id, cloud_id()))
    except InvalidAri:
        return ""


@cache
def _statement(limited: bool, named: bool) -> bytes:
    """Write the statement; for an event that names what it may be joined by it is a longer one."""
    naming = f"""named AS (
            {NAMED} SELECT written.id, name.key, name.rest
            FROM written, json_to_recordset(%(names)s) AS name (key text, rest text) {KNOWN}
        )"""
    own = [name for name in COLUMNS if name != "source_id"]
    record = ", ".join(f"{name} {cast(name)}" for name in own)
    return f"""
        WITH row AS (
            SELECT * FROM json_to_recordset(%(row)s) AS row ({record}, source text, component text)
        ), counted AS ({limits.COUNT if limited else limits.CHECK}), written AS (
            INSERT INTO {TABLE} (source_id, {", ".join(own)})
            SELECT source.id, {", ".join(f"row.{name}" for name in own)}
            FROM counted, row JOIN feeds_eventsource source
                ON source.external_id = row.source AND source.kind = row.kind
            WHERE %(writable)s AND (%(limit)s = 0 OR counted.count <= %(limit)s)
                AND (row.component IS NULL OR EXISTS (
                    SELECT 1 FROM feeds_attachment attachment
                    JOIN feeds_component component ON component.id = attachment.component_id
                    WHERE attachment.source_id = source.id
                        AND component.uuid::text = row.component))
            {ON_CONFLICT}
        ){f", {naming}" if named else ""}
        SELECT counted.count, counted.started_at, written.uuid, written.id, written.source_id
        FROM counted LEFT JOIN written ON true
    """.encode()
