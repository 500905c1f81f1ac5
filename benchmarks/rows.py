"""Millions of believable activities, made inside the database."""

from __future__ import annotations

import json
import re

from django.db import connection

SOURCES = 400
COMPONENTS = 60
ACTORS = 500
TARGETS = 5000
#: Words of a title; the row number picks them, so that "checkout" is common and "w1234" is rare.
_COMMON = ("checkout", "payments", "catalog", "search", "web", "warehouse", "retry", "cache")

#: What is left of a Compass event of each kind beside its columns.
_DETAILS: dict[str, tuple[str, dict[str, object]]] = {
    "build": ("buildProperties", {"startedAt": "2026-11-21T13:58:01Z", "pipeline": {}}),
    "push": ("pushEventProperties", {"branchName": "main", "author": {}}),
    "deployment": (
        "deploymentProperties",
        {"sequenceNumber": 1, "pipeline": {}, "environment": {}},
    ),
    "alert": ("alertProperties", {}),
    "flag": ("flagProperties", {}),
    "incident": ("incidentProperties", {"startTime": "2026-11-21T13:58:01Z"}),
    "lifecycle": ("lifecycleProperties", {}),
}

_CATALOGUE = f"""
INSERT INTO feeds_component (
    uuid, name, slug, type, description, owner_team, state, labels, links, created_at, updated_at)
SELECT {{uuid}}, 'Component ' || n, 'component-' || n, 'SERVICE', '', 'Team', 'ACTIVE', '[]', '[]',
    {{now}}, {{now}}
FROM {{series:{COMPONENTS}}};
INSERT INTO feeds_eventsource (uuid, external_id, kind, name, repository, created_at)
SELECT {{uuid}}, 'shop/service-' || n, {{kind}}, '', '', {{now}} FROM {{series:{SOURCES}}};
INSERT INTO feeds_attachment (component_id, source_id, created_at)
SELECT (SELECT min(id) FROM feeds_component) + id % {COMPONENTS}, id, {{now}}
FROM feeds_eventsource WHERE id % 7 > 1;
"""
# Popularity falls off as in life: squaring a uniform number crowds the first sources and actors.
# MATERIALIZED, or SQLite picks one source for all the rows.
_ROWS = f"""
WITH numbered AS MATERIALIZED (
    SELECT n, {{first_source}} + CAST(floor({{random}} * {{random}} * {SOURCES}) AS bigint) AS pick,
        CAST(floor({{random}} * {{random}} * {ACTORS}) AS bigint) AS who
    FROM {{rows}}
)
INSERT INTO feeds_activity (
    uuid, source_id, external_id, sequence, dialect, kind, verb, state, progress, title, content,
    url, icon, generator, actor_key, actor_name, actor_image, object_type, object_key, target_key,
    target_url, occurred_at, received_at, touched_at, author_id, details, raw)
SELECT {{uuid}}, source.id, 'run-' || n, n, 'compass', source.kind, source.kind,
    CASE source.kind WHEN 'push' THEN '' WHEN 'alert' THEN 'open' WHEN 'flag' THEN 'on'
        WHEN 'incident' THEN 'resolved' WHEN 'lifecycle' THEN 'production' ELSE
        CASE WHEN n % 17 = 0 THEN 'failed' WHEN n % 997 = 0 THEN 'running' ELSE 'succeeded' END END,
    NULL,
    CASE n % 8 {{words}} END || ' build w' || (n % 4999) || ' number ' || n,
    'Unit tests, integration tests and the image', 'https://ci.example.com/run/' || n, '',
    'ci-' || (n % 12) || '.example.com', 'user-' || who, 'User ' || who, '', source.kind,
    'pipeline-' || n, 'target-' || (n * 31 % {TARGETS}), '',
    {{moment}}, {{moment}}, {{moment}}, NULL,
    {{details}}, {{raw}}
FROM numbered JOIN feeds_eventsource source ON source.id = pick
"""


def make_catalogue() -> None:
    """Make the sources and the components, and attach them."""
    for statement in _fill(_CATALOGUE).split(";"):
        if statement.strip():
            _execute(statement)


def make_rows(first: int, last: int) -> None:
    """Add the rows numbered FIRST to LAST, without the indexes, then index them again."""
    indexes = _drop_indexes()
    for start in range(first, last + 1, 500_000):
        end = min(start + 499_999, last)
        rows = _series(start, end)
        with connection.cursor() as cursor:
            cursor.execute("SELECT min(id) FROM feeds_eventsource")
            first_source = cursor.fetchone()[0]
        _execute(_fill(_ROWS, rows=rows, first_source=first_source))
    if connection.vendor == "postgresql":
        _execute("SET maintenance_work_mem = '1GB'")
    for statement in indexes:
        _execute(statement)
    _execute("ANALYZE")


def _series(start: int, end: int) -> str:
    if connection.vendor == "postgresql":
        return f"generate_series({start}, {end}) AS n"
    recursion = f"SELECT {start} AS n UNION ALL SELECT n + 1 FROM counter WHERE n < {end}"
    return f"(WITH RECURSIVE counter AS ({recursion}) SELECT n FROM counter)"


def _fill(text: str, **parts: object) -> str:
    """Write TEXT in the words of this database."""
    postgresql = connection.vendor == "postgresql"
    text = re.sub(r"\{series:(\d+)\}", lambda match: _series(1, int(match[1])), text)
    kinds = ("build", "build", "push", "deployment", "push", "build", "alert", "flag", "incident")
    cases = " ".join(f"WHEN {number} THEN '{kind}'" for number, kind in enumerate(kinds))
    words = " ".join(f"WHEN {number} THEN '{word}'" for number, word in enumerate(_COMMON))
    details = " ".join(
        f"WHEN '{kind}' THEN '{json.dumps({'event': {kind: {properties: own}}})}'"
        for kind, (properties, own) in _DETAILS.items()
    )
    seconds = 400 * 24 * 3600
    return text.format(
        uuid="gen_random_uuid()" if postgresql else "lower(hex(randomblob(16)))",
        now="now()" if postgresql else "datetime('now')",
        kind=f"CASE WHEN n % 40 = 7 THEN 'lifecycle' ELSE CASE n % {len(kinds)} {cases} END END",
        random="random()" if postgresql else "(abs(random()) / 9223372036854775808.0)",
        words=words,
        details=f"CASE source.kind {details} END" + ("::jsonb" if postgresql else ""),
        raw="repeat('{\"event\": 1} ', 40)" if postgresql else "hex(zeroblob(260))",
        # a step of a prime number of seconds walks through 400 days without an order
        moment=f"now() - (n::bigint * 7919 % {seconds}) * interval '1 second'"
        if postgresql
        else f"strftime('%Y-%m-%d %H:%M:%S', 'now', '-' || (n * 7919 % {seconds}) || ' seconds')",
        **parts,
    )


def _drop_indexes() -> list[str]:
    """Drop what only slows a load down; return the statements that make it again."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'feeds_activity' "
            "AND indexname LIKE 'activity_%'"
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
