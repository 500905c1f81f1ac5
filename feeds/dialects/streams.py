"""Atlassian Activity Streams: the body of `POST /rest/activities/1.0/`, a third-party activity.

JSON Activity Streams 1.0 with the vendor's two deviations: a generator with id and displayName is
mandatory, and published may be absent. Source: the vendor's page "Adding Activities to a Third
Party Feed with the REST API".
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from feeds.dialects.mapping import (
    INTEGER,
    OBJECT,
    TIME,
    Codec,
    DialectError,
    Document,
    Draft,
    Fault,
    Field,
    key,
    lift,
    lower,
    read_time,
)

DIALECT = "streams"
KIND = "activity"
VERB = "post"  # what an activity without a verb did
LINE_LIMIT = 255  # UTF-16 code units of a title, id, name, URL, verb, type or summary
CONTENT_LIMIT = 5000  # UTF-16 code units

_ISSUE_OR_PROJECT = re.compile(r"[A-Z][A-Z0-9_]+(-[1-9][0-9]*)?")
_BROWSED = re.compile(r".*/browse/([^/]+)/?")
_SIMPLE_NAME = re.compile(r"[^\s:/?#\\]+")


def _text(limit: int) -> Codec:
    """Read text of at most LIMIT code units of UTF-16, as the vendor's servers count."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        if len(value.encode("utf-16-le", "surrogatepass")) > 2 * limit:
            raise ValueError(f"is longer than {limit} characters")
        return value

    return Codec(read, str)


def _is_address(text: str) -> bool:
    """Tell whether TEXT is an absolute http or https URL, with nothing that urlsplit() drops."""
    if " " in text or not text.isprintable():
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _read_address(value: Any) -> str:
    text: str = LINE.read(value)
    if not _is_address(text):
        raise ValueError("must be an absolute http or https URL")
    return text


def _read_identity(value: Any) -> str:
    text: str = LINE.read(value)
    if not _is_address(text) and not _SIMPLE_NAME.fullmatch(text):
        raise ValueError("must be a simple name or an absolute http or https URL")
    return text


def _read_place(value: Any) -> str:
    """Return VALUE if it can be linked to; "" for a simple name, which stays in the details."""
    text: str = LINE.read(value)
    if text:
        _read_identity(text)
    return text if _is_address(text) else ""


LINE = _text(LINE_LIMIT)
CONTENT = _text(CONTENT_LIMIT)
ADDRESS = Codec(_read_address, str)
IDENTITY = Codec(_read_identity, str)
PLACE = Codec(_read_place, str)

#: Everything but what has an alias. Neither id nor published has a column, although external_id
#: and occurred_at come of them: the same id twice is two activities, whose external ids the
#: recorder tells apart, and nothing else could tell a default for published from one that was sent.
FIELDS = (
    Field("id", ADDRESS),
    Field("published", TIME),
    Field("updated", TIME),
    Field("verb", LINE, "verb", default=VERB),
    Field("title", LINE, "title"),
    Field("content", CONTENT, "content"),
    Field("icon", OBJECT),
    Field("icon.url", ADDRESS, "icon"),
    Field("icon.width", INTEGER),
    Field("icon.height", INTEGER),
    Field("object", OBJECT),
    Field("object.id", IDENTITY, "object_key"),
    Field("object.objectType", LINE, "object_type"),
    Field("object.url", PLACE),
    Field("object.displayName", LINE),
    Field("object.summary", LINE),
    Field("target", OBJECT),
    Field("target.id", IDENTITY),
    Field("target.objectType", LINE),
    Field("target.url", PLACE, "target_url"),
    Field("target.displayName", LINE),
    Field("target.summary", LINE),
    Field("provider", OBJECT),
)


def parse(document: Any, *, now: datetime) -> Draft:
    """Read one activity; raises DialectError with every fault and its path.

    NOW is when it happened if it does not say so. external_id is what the sender named, and is not
    unique: whoever records the draft makes it so.
    """
    if not isinstance(document, dict):
        raise DialectError([Fault("body", "must be an object")])
    columns, details, faults = lift(document, table_of(document))
    if all(document.get(name) is None for name in ("id", "url", "uri")):
        faults.append(Fault("id", "is required where there is no url", "missing"))
    if faults:
        raise DialectError(faults)
    generator = document[_spelling(document, "generator", "application")]
    actor = document.get(_spelling(document, "actor", "user")) or {}
    url = document.get("url") or document.get("uri") or ""
    published = document.get("published")
    target_key, project_key = _target(document.get("target") or {})
    derived = {
        "verb": columns.get("verb") or VERB,
        "url": url,
        "actor_name": actor.get("displayName") or actor.get("id") or "",
        "target_key": target_key,
        "project_key": project_key,
    }
    return Draft(
        dialect=DIALECT,
        kind=KIND,
        source_id=_source_id(generator),
        source_name=generator["displayName"],
        external_id=document.get("id") or url,
        sequence=1,  # an activity is never updated: the same id again is another one
        occurred_at=now if published is None else read_time(published),
        details=details,
        **{"title": "", **columns, **derived},
    )


def source_of(document: Any) -> tuple[str, str] | None:
    """Return the source and kind that a body names, even one that parse() refuses; else None."""
    generator = isinstance(document, dict) and document.get(
        _spelling(document, "generator", "application")
    )
    if not isinstance(generator, dict):
        return None
    named = generator.get("id"), generator.get("displayName")
    return (_source_id(generator), KIND) if all(isinstance(part, str) for part in named) else None


def _source_id(generator: Document) -> str:
    """Return what tells generators apart: the pair of id and display name."""
    return key(f"{generator['id']}@{generator['displayName']}")


def render(columns: Mapping[str, Any]) -> Document:
    """Write an activity as it was sent: the exact inverse of parse()."""
    details = columns["details"]
    return lower(columns, details, table_of(details))


def table_of(document: Document) -> tuple[Field, ...]:
    """Return the fields as DOCUMENT spells them; its details choose the same ones.

    They do because no choice depends on a value that lift() may take out.
    """
    return _spelled(
        _spelling(document, "generator", "application"),
        _spelling(document, "actor", "user"),
        _spelling(document, "url", "uri"),
        document.get("uri") is None,
    )


def _spelling(document: Document, name: str, alias: str) -> str:
    """Return NAME, or ALIAS if only that is given; the name wins, and null is not given."""
    return alias if document.get(name) is None and document.get(alias) is not None else name


@cache  # of at most sixteen
def _spelled(generator: str, actor: str, url: str, url_has_column: bool) -> tuple[Field, ...]:
    return (
        Field(generator, OBJECT, required=True),
        Field(f"{generator}.id", ADDRESS, required=True),
        Field(f"{generator}.displayName", LINE, "generator", required=True),
        Field(actor, OBJECT),
        Field(f"{actor}.id", LINE, "actor_key"),
        Field(f"{actor}.displayName", LINE),
        Field(f"{actor}.image", OBJECT),
        Field(f"{actor}.image.url", LINE, "actor_image"),
        Field(f"{actor}.image.width", INTEGER),
        Field(f"{actor}.image.height", INTEGER),
        # Beside a uri the url stays in the details: from the column alone nobody could tell which
        # of the two it had been.
        Field(url, ADDRESS, "url" if url_has_column else ""),
        *FIELDS,
    )


def _target(target: Document) -> tuple[str, str | None]:
    """Return the key of the issue or project that TARGET names, and that of the project.

    A target that names neither is known by its id or url.
    """
    url = target.get("url") or ""
    browsed = _BROWSED.fullmatch(urlsplit(url).path) if _is_address(url) else None
    named = browsed[1] if browsed else url
    if _ISSUE_OR_PROJECT.fullmatch(named):
        return named, named.partition("-")[0]
    return target.get("id") or url, None
