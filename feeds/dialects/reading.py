"""Which fields of a document its dialect reads: those of its table, and the few beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from feeds.dialects import compass, git, github, gitlab, native, streams, teamhub
from feeds.dialects.mapping import Document, Field

#: Fields of no table, which only words and links are made of.
_OF_COMMITS = {"commits.id", "commits.message"}
BESIDE: dict[str, set[str]] = {
    "github": _OF_COMMITS,
    "gitlab": {
        *_OF_COMMITS, "builds.status", "builds.created_at", "builds.started_at",
        "builds.finished_at", "user.avatar",
    },
    "teamhub": {
        "subject.first_name", "subject.last_name", "objects.project.id", "objects.repository.id",
        "objects.user", "objects.user.id", "objects.collaborator", "objects.collaborator.id",
        "objects.role", "objects.commits.id", "project.id", "repository.id", "commits.id",
    },
}  # fmt: skip


def read_in(document: Any, columns: Mapping[str, Any]) -> frozenset[str]:
    """Return the paths of what is read in DOCUMENT, of which COLUMNS were made.

    The items of a list share the path of the list. Raises DialectError for a document that its
    dialect cannot read at all.
    """
    name = columns["dialect"]
    body = document if isinstance(document, dict) else {}
    prefix = teamhub.prefix_of(body) if name == "teamhub" else ""
    paths = {spec.path for spec in _fields(name, body, columns)} | BESIDE.get(name, set())
    return frozenset(f"{prefix}{path}" for path in paths)


def _fields(name: str, body: Document, columns: Mapping[str, Any]) -> Sequence[Field]:
    if name == "compass":
        return compass.FIELDS[compass.WIRE_NAMES[columns["kind"]]]
    if name == "teamhub":
        return teamhub.form_of(teamhub.body_of(body))
    if name == "streams":
        return streams.table_of(body)
    tables = {"github": github.FIELDS, "gitlab": gitlab.FIELDS}
    if name in tables:
        return tables[name].get(columns["object_type"], ())
    return native.FIELDS if name == "native" else git.FIELDS
