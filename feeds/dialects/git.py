"""Commits of a local Git clone, as `manage.py import_git` reads them from `git log`."""

from collections.abc import Mapping
from typing import Any

from feeds.dialects.mapping import (
    KEY,
    OBJECT,
    TEXT,
    TIME,
    TITLE,
    DialectError,
    Document,
    Draft,
    Fault,
    Field,
    lift,
    lower,
)

DIALECT = "git"

FIELDS = (
    Field("sha", KEY, "external_id", required=True),
    Field("repository", KEY, "source_id", required=True),
    Field("subject", TITLE, "title", required=True),
    Field("body", TEXT, "content"),
    Field("url", TEXT, "url"),
    Field("committed_at", TIME, "occurred_at", required=True),
    Field("ref"),
    Field("author", OBJECT, required=True),
    Field("author.name", KEY, "actor_name", required=True),
    Field("author.email", KEY, "actor_key", required=True),
)


def parse(document: Any) -> Draft:
    """Read one commit; raises DialectError with every fault and its path."""
    if not isinstance(document, dict):
        raise DialectError([Fault("commit", "must be an object")])
    columns, details, faults = lift(document, FIELDS)
    if faults:
        raise DialectError(faults)
    repository = columns["source_id"]
    return Draft(
        dialect=DIALECT,
        kind="push",
        verb="push",
        sequence=1,  # a commit never changes
        generator="Git",
        source_name=repository,
        object_type="commit",
        object_key=columns["external_id"],
        target_key=repository,
        details=details,
        **columns,
    )


def render(columns: Mapping[str, Any]) -> Document:
    """Write a commit as it was read: the exact inverse of parse()."""
    return lower(columns, columns["details"], FIELDS)
