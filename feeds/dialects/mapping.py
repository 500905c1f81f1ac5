"""The table that parse and render read in opposite directions, and what they exchange.

A dialect describes its documents with Fields: where the vendor keeps a value, how it is read and
written, and in which column of ours it goes. `lift` moves a document into columns and keeps the
rest as details; `lower` is its exact inverse, so `lower(lift(document)) == document`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

KEY_LENGTH = 255  # characters of an indexed text
TITLE_LENGTH = 255  # characters of a title in the feed; details keep the whole
INT64 = range(-(2**63), 2**63)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUOTED_INTEGER = re.compile(r"-?\d{1,19}")  # as many digits as 64 bits have

Document = dict[str, Any]
Rule = Literal["missing", "format", "one_of", "too_large"]


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of a document: PATH, and the rule it breaks in words."""

    path: str
    message: str
    rule: Rule = "format"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class DialectError(Exception):
    """A document that a dialect cannot read; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = list(faults)
        super().__init__("; ".join(map(str, faults)))


@dataclass
class Draft:
    """An event in our words, before it is recorded; the columns of Activity that a wire fills."""

    dialect: str
    kind: str
    source_id: str  # the external id of its source; key()
    external_id: str  # unique within the source; key()
    sequence: int
    title: str
    occurred_at: datetime  # aware, UTC
    verb: str
    site_id: str = ""  # the cloudId that the sender named
    component_id: str = ""  # the component that the sender named
    source_name: str = ""
    generator: str = ""
    state: str = ""
    progress: int | None = None
    content: str = ""
    url: str = ""
    icon: str = ""
    actor_key: str = ""
    actor_name: str = ""
    actor_image: str = ""
    object_type: str = ""
    object_key: str = ""
    target_key: str = ""
    target_url: str = ""
    project_key: str | None = None  # of the issue tracker; None: it is about none
    ref: str | None = None  # its branch or pipeline; None: it has none, or badges.py reads it
    level: str | None = None  # how grave it is; None: it does not say, or badges.py reads it
    details: Document = field(default_factory=dict)
    raw: str = ""


# ---- codecs: how one value is read and written


@dataclass(frozen=True)
class Codec:
    """How a vendor's value becomes ours and back; `read` raises ValueError with the rule."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _read_key(value: Any) -> str:
    return key(_read_text(value))


def _read_integer(value: Any) -> int:
    if isinstance(value, str) and _QUOTED_INTEGER.fullmatch(value):
        value = int(value)  # CI scripts quote their build numbers
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    if value not in INT64:
        raise ValueError("must fit in 64 bits")
    return value


def _read_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    return value


def _read_object(value: Any) -> Document:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    return value


_TIME_RULE = "must be a date and time with its offset, such as 2026-11-21T14:03:07Z"


def read_time(value: Any) -> datetime:
    """Read an ISO 8601 date-time, with any number of fraction digits, as UTC."""
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError(_TIME_RULE)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None or "T" not in value.upper().replace(" ", "T", 1):
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_TIME_RULE) from None


def write_time(moment: datetime) -> str:
    """Write MOMENT in UTC with `Z`, and no more fraction digits than it has."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def microseconds(moment: datetime) -> int:
    """Count the microseconds from 1970 to MOMENT exactly, which a float of seconds does not."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def _read_title(value: Any) -> str:
    return _read_text(value)[:TITLE_LENGTH]


def kept(read: Callable[[Any], Any]) -> Codec:
    """Check a value that has no column, and so is never written."""
    return Codec(read, _same)


TEXT = Codec(_read_text, _same)
TITLE = Codec(_read_title, _same)  # cut to what the feed shows
KEY = Codec(_read_key, _same)  # cut to what an index can hold
INTEGER = Codec(_read_integer, _same)
NUMBER = Codec(_read_number, _same)
OBJECT = Codec(_read_object, _same)
TIME = Codec(read_time, write_time)


def one_of(words: Mapping[str, str] | Sequence[str]) -> Codec:
    """Read one of the vendor's words exactly as spelled; a mapping gives our word for each."""
    ours = dict(words) if isinstance(words, Mapping) else {word: word for word in words}
    theirs = {our: their for their, our in ours.items()}
    listed = ", ".join(ours)

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in ours:
            raise ValueError(f"must be one of {listed}")
        return ours[value]

    return Codec(read, theirs.__getitem__)


def key(text: str) -> str:
    """Cut TEXT to what an index can hold, keeping it unique by its SHA-256."""
    if len(text) <= KEY_LENGTH:
        return text
    return f"{text[: KEY_LENGTH - 65]}~{hashlib.sha256(text.encode()).hexdigest()}"


# ---- fields: where each value stands


@dataclass(frozen=True)
class Field:
    """One value of a document: its dotted path, its codec, and our column if it has one.

    An optional value that is absent gives its column the default, and the default is never written
    back; so a sender who spells the default out finds it in the details.
    """

    path: str
    codec: Codec = TEXT
    column: str = ""
    required: bool = False
    default: Any = ""

    @cached_property
    def name(self) -> str:
        """The last step of the path."""
        return self.path.rpartition(".")[2]

    @cached_property
    def parents(self) -> tuple[str, ...]:
        """The steps before the last."""
        return tuple(self.path.split(".")[:-1])

    @cached_property
    def ancestors(self) -> frozenset[str]:
        """The paths of everything that the value stands in."""
        return frozenset(".".join(self.parents[: i + 1]) for i in range(len(self.parents)))


def lift(
    document: Document, fields: Sequence[Field], prefix: str = ""
) -> tuple[Document, Document, list[Fault]]:
    """Read DOCUMENT by FIELDS; return its columns, what is left of it, and all its faults.

    A value goes out of the details only when its column gives it back exactly; so an odd spelling
    of a date, a long title or an explicit null stays there, and `lower` finds it.
    """
    columns: Document = {}
    faults: list[Fault] = []
    details = _copy(document)
    broken: set[str] = set()
    holders: dict[tuple[str, ...], Any] = {}  # fields stand together, and walks are long
    for spec in fields:
        if broken and not broken.isdisjoint(spec.ancestors):
            continue
        if spec.parents not in holders:
            holders[spec.parents] = _descend(details, spec.parents)
        parent = holders[spec.parents]
        if not isinstance(parent, dict):
            continue  # an optional object that is not there
        value = parent.get(spec.name)
        if value is None:
            if spec.required:
                broken.add(spec.path)
                faults.append(Fault(prefix + spec.path, "is required", "missing"))
            elif spec.column and spec.default != "":
                columns[spec.column] = spec.default
            continue
        try:
            ours = spec.codec.read(value)
        except ValueError as error:
            broken.add(spec.path)
            faults.append(Fault(prefix + spec.path, str(error)))
            continue
        if spec.column:
            columns[spec.column] = ours
            if _exact(spec, ours, value):
                del parent[spec.name]
    return columns, details, faults


def lower(columns: Mapping[str, Any], details: Document, fields: Sequence[Field]) -> Document:
    """Put COLUMNS back into DETAILS: the exact inverse of lift()."""
    document = _copy(details)
    for spec in fields:
        ours = columns.get(spec.column) if spec.column else None
        if ours is None or _implied(spec, ours):
            continue
        parent = _descend(document, spec.parents)
        if isinstance(parent, dict):
            parent.setdefault(spec.name, spec.codec.write(ours))
    return document


def _implied(spec: Field, ours: Any) -> bool:
    """Tell whether OURS may stand for a value that is not there."""
    return not spec.required and ours in ("", spec.default)


def _exact(spec: Field, ours: Any, value: Any) -> bool:
    if _implied(spec, ours):
        return False
    written = spec.codec.write(ours)
    return type(written) is type(value) and bool(written == value)


def _copy(document: Document) -> Document:
    """Copy the objects of DOCUMENT; lists are shared, for nothing here changes one."""
    return {
        name: _copy(value) if isinstance(value, dict) else value for name, value in document.items()
    }


def _descend(document: Document, steps: Sequence[str]) -> Any:
    at: Any = document
    for step in steps:
        if not isinstance(at, dict):
            return None
        at = at.get(step)
    return at
