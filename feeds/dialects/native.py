"""Our own words for an activity: what `POST /api/v1/activities` takes.

The document names every column as we do. What it need not say (external id, sequence, time) has
no column in the table, for nothing else would tell what was made from what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from feeds.dialects.mapping import (
    INTEGER,
    KEY,
    OBJECT,
    TEXT,
    TIME,
    TITLE,
    Codec,
    DialectError,
    Document,
    Draft,
    Fault,
    Field,
    key,
    lift,
    lower,
    microseconds,
    one_of,
)

DIALECT = "native"
VERB = "post"
GENERATOR = "API"
KINDS = (
    "deployment", "build", "push", "pull_request", "incident", "alert", "flag", "lifecycle",
    "vulnerability", "custom", "activity",
)  # fmt: skip
STATES = (
    "pending", "running", "succeeded", "failed", "error", "timed_out", "cancelled", "rolled_back",
    "open", "acknowledged", "snoozed", "resolved", "closed", "created", "in_review", "merged",
    "rejected", "remediated", "declined", "on", "off", "targeting_updated", "archived", "deleted",
    "pre_release", "production", "deprecation", "end_of_life", "unknown",
)  # fmt: skip


def _read_title(value: Any) -> Any:
    if not TEXT.read(value).strip():
        raise ValueError("must not be empty")
    return TITLE.read(value)


def _read_name(value: Any) -> Any:
    if not TEXT.read(value):
        raise ValueError("must not be empty")
    return KEY.read(value)


def _read_percent(value: Any) -> Any:
    percent = INTEGER.read(value)
    if not 0 <= percent <= 100:
        raise ValueError("must be a whole number from 0 to 100")
    return percent


def _read_address(value: Any) -> Any:
    try:
        parts = urlsplit(TEXT.read(value))
        good = not value or (parts.scheme in ("http", "https") and bool(parts.hostname))
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be an absolute http or https URL")
    return value


NAME = Codec(_read_name, str)
ADDRESS = Codec(_read_address, str)

#: What a PATCH may change.
CHANGE = (
    Field("title", Codec(_read_title, str), "title", required=True),
    Field("state", one_of(STATES), "state"),
    Field("progress", Codec(_read_percent, int), "progress"),
    Field("content", TEXT, "content"),
    Field("url", ADDRESS, "url"),
)
FIELDS = (
    Field("kind", one_of(KINDS), "kind", required=True),
    *CHANGE,
    Field("external_id", NAME),
    Field("sequence", INTEGER),
    Field("occurred_at", TIME),
    Field("verb", NAME, "verb", default=VERB),
    Field("generator", NAME, "generator", default=GENERATOR),
    Field("project", NAME, "project_key"),
    Field("ref", NAME, "ref"),
    Field("level", NAME, "level"),
    Field("component", NAME),
    Field("source", OBJECT),
    Field("source.external_id", NAME, "source_id", required=True),
    Field("source.kind", one_of(KINDS)),
    Field("source.name", KEY),
    Field("actor", OBJECT),
    Field("actor.key", KEY, "actor_key"),
    Field("actor.name", KEY, "actor_name"),
    Field("actor.image", ADDRESS, "actor_image"),
    Field("object", OBJECT),
    Field("object.type", KEY, "object_type"),
    Field("object.key", KEY, "object_key"),
    Field("target", OBJECT),
    Field("target.key", KEY, "target_key"),
    Field("target.url", ADDRESS, "target_url"),
)
_EMPTY: Document = {"state": "", "content": "", "url": "", "progress": None}


@dataclass(frozen=True)
class Home:
    """The source of an activity that names only its component."""

    source_id: str
    source_name: str = ""


@dataclass(frozen=True)
class Change:
    """What a PATCH sets: columns, and what they cannot hold."""

    columns: Document
    details: Document
    names: frozenset[str]

    def applied_to(self, details: Document, sequence: int) -> Document:
        """Return the DETAILS of an activity after this change, which is its SEQUENCE."""
        kept = {name: value for name, value in details.items() if name not in self.names}
        if "sequence" in kept:
            kept["sequence"] = sequence
        return {**kept, **self.details}


def parse(document: Any, *, now: datetime, external_id: str, home: Home | None = None) -> Draft:
    """Read one activity; raises DialectError with every fault and its path.

    NOW, EXTERNAL_ID and HOME are for a document that does not say when, which, and where from.
    """
    columns, details, faults = _lift(document, FIELDS)
    if not faults:
        faults = _contradictions(document, columns, home)
    if faults:
        raise DialectError(faults)
    if "source_id" not in columns and home is not None:
        columns["source_id"] = key(home.source_id)
    source = document.get("source") or {"name": home.source_name if home else ""}
    sequence, occurred_at = document.get("sequence"), document.get("occurred_at")
    return Draft(
        dialect=DIALECT,
        external_id=key(document.get("external_id") or external_id),
        sequence=microseconds(now) if sequence is None else INTEGER.read(sequence),
        occurred_at=now if occurred_at is None else TIME.read(occurred_at),
        component_id=document.get("component") or "",
        source_name=key(source.get("name") or ""),
        details=details,
        **columns,
    )


def render(columns: Mapping[str, Any]) -> Document:
    """Write an activity as it was sent: the exact inverse of parse()."""
    return lower(columns, columns["details"], FIELDS)


def read_change(document: Any) -> Change:
    """Read the changes of a PATCH; raises DialectError. A null empties what may be empty."""
    if isinstance(document, dict) and "title" not in document:
        columns, details, faults = _lift(document, CHANGE[1:])
    else:
        columns, details, faults = _lift(document, CHANGE)
    if faults:
        raise DialectError(faults)
    emptied = {name: _EMPTY[name] for name in details if details[name] is None}
    return Change({**emptied, **columns}, details, frozenset(document))


def _lift(document: Any, fields: tuple[Field, ...]) -> tuple[Document, Document, list[Fault]]:
    """Read DOCUMENT by FIELDS, which must be all that it has."""
    if not isinstance(document, dict):
        raise DialectError([Fault("body", "must be an object")])
    columns, details, faults = lift(document, fields)
    known = {spec.path for spec in fields}
    holders = {"": document} | {
        f"{name}.": value
        for name, value in document.items()
        if isinstance(value, dict) and name in known
    }
    unknown = [
        f"{prefix}{name or repr(name)}"
        for prefix, holder in holders.items()
        for name in holder
        if f"{prefix}{name}" not in known
    ]
    faults += [Fault(path, f"is not one of {', '.join(_beside(path, known))}") for path in unknown]
    return columns, details, faults


def _beside(path: str, known: set[str]) -> list[str]:
    """List those of KNOWN that stand where PATH stands."""
    parent = path.rpartition(".")[0]
    return sorted(name for name in known if name.rpartition(".")[0] == parent)


def _contradictions(document: Document, columns: Document, home: Home | None) -> list[Fault]:
    if "source_id" not in columns and home is None:
        return [Fault("source", "is required where there is no component", "missing")]
    kind = (document.get("source") or {}).get("kind")
    if kind is not None and kind != columns["kind"]:
        return [Fault("source.kind", "must be the kind of the activity")]
    return []
