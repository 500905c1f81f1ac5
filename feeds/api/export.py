"""Export: every activity of a view as CSV or NDJSON, written as it is read, however many there are.

Neither a transaction nor a cursor of the database stays open while a client takes its time: the
keys of a stride are read, then the rows in small batches. So memory stays as it is, writers are
not in the way, and what comes meanwhile neither shifts nor doubles a row. Rows are tuples that read
like activities, and what they share is loaded once a stride: models took most of the time.
"""

from __future__ import annotations

import csv
import io
import json
import logging
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter
from threading import BoundedSemaphore
from typing import Any, cast

import orjson
from django.db import DatabaseError
from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from rest_framework.exceptions import APIException
from rest_framework.utils.encoders import JSONEncoder

from feeds import querybox
from feeds.api.native.activities import activity_json
from feeds.api.readers import readers, say
from feeds.filters import FeedFilter, FilterError, as_uuid
from feeds.models import Activity, EventSource, SavedView, User
from feeds.moments import from_database
from feeds.pages import walk

MOST_AT_ONCE = 2  # exports of a process: each holds a thread as long as its client takes
BROKEN = "This export is not complete: it broke off here. Ask again."
MOMENTS = ["occurred_at", "received_at", "touched_at"]
#: What a spreadsheet may take for the beginning of a formula, also in full width.
FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")

log = logging.getLogger(__name__)
_places = BoundedSemaphore(MOST_AT_ONCE)


# ---- CSV


#: The columns by their names in the header: where each is. `details` and `raw` are in NDJSON alone.
COLUMNS = {
    "uuid": "uuid",
    "occurred_at": "occurred_at",
    "received_at": "received_at",
    "touched_at": "touched_at",
    "kind": "kind",
    "verb": "verb",
    "state": "state",
    "progress": "progress",
    "title": "title",
    "content": "content",
    "url": "url",
    "generator": "generator",
    "actor_key": "actor_key",
    "actor_name": "actor_name",
    "object_type": "object_type",
    "object_key": "object_key",
    "target_key": "target_key",
    "target_url": "target_url",
    "project": "project_key",
    "ref": "ref",
    "level": "level",
    "components": "source.places",
    "source": "source.external_id",
    "source_name": "source.name",
    "external_id": "external_id",
    "sequence": "sequence",
    "dialect": "dialect",
}
_cells = attrgetter(*COLUMNS.values())


def _line(row: Activity) -> list[Any]:
    return [_defused(one) if one.__class__ is str else _written(one) for one in _cells(row)]


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, list):  # of components
        return _defused(" ".join(component.slug for component in value))
    return value


def _defused(text: str) -> str:
    """Keep a spreadsheet from running TEXT: an apostrophe in front makes it text."""
    return f"'{text}" if text[:1] in FORMULA else text


def _table(rows: Iterable[Iterable[Any]]) -> bytes:
    """Write ROWS as RFC 4180 has it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _csv_lines(batch: list[Activity]) -> bytes:
    return _table(map(_line, batch))


# ---- NDJSON


def _json_lines(batch: list[Activity]) -> bytes:
    return b"".join(_json_line(activity_json(row)) + b"\n" for row in batch)


def _json_line(document: dict[str, Any]) -> bytes:
    """Write DOCUMENT as our API does; orjson is fast, but stops at integers of 64 bits."""
    try:
        return orjson.dumps(document, option=orjson.OPT_UTC_Z)
    except TypeError:
        return json.dumps(document, cls=JSONEncoder, ensure_ascii=False).encode()


# ---- both


@dataclass(frozen=True)
class Form:
    """A way to write an export."""

    name: str  # of the format, and of its files
    content_type: str
    lines: Callable[[list[Activity]], bytes]
    head: bytes
    broken: bytes  # what ends an answer that breaks off, which else would look complete
    without: tuple[str, ...]  # columns that it does not show
    batch: int  # rows in memory at a time

    @cached_property
    def columns(self) -> list[str]:
        """The columns of the table that are read: all but `without`, and the moments last."""
        names = [one.attname for one in Activity._meta.concrete_fields]
        return [name for name in names if name not in (*self.without, *MOMENTS)] + MOMENTS

    @cached_property
    def row(self) -> Callable[..., tuple[Any, ...]]:
        """What makes a row of the columns, and of the source and the author beside them."""
        return namedtuple("Row", (*self.columns, "source", "author"))


@dataclass
class Beside:
    """What the rows of a stride share."""

    sources: dict[int, EventSource] = field(default_factory=dict)
    authors: dict[int, User] = field(default_factory=dict)

    def load(self, sources: set[int], authors: set[int]) -> None:
        """Load those of SOURCES with their components, and of AUTHORS, that are not here yet."""
        if new := sources - self.sources.keys():
            self.sources |= EventSource.objects.prefetch_related("components").in_bulk(new)
        if new := authors - self.authors.keys():
            self.authors |= User.objects.in_bulk(new)


CSV = Form(
    "csv",
    "text/csv; charset=utf-8; header=present",
    _csv_lines,
    head=_table([COLUMNS]),
    broken=_table([[BROKEN]]),
    without=("raw", "details", "icon", "actor_image"),
    batch=1000,
)
NDJSON = Form(
    "ndjson",
    "application/x-ndjson",
    _json_lines,
    head=b"",
    broken=_json_line({"error": BROKEN}) + b"\n",
    without=(),
    batch=250,
)
FORMS = {form.name: form for form in (CSV, NDJSON)}


class Busy(APIException):
    """As many exports run as one process may serve beside its other work."""

    status_code = 503
    default_detail = "other exports are running already; try again in half a minute"
    wait = 30  # seconds


class Pieces:
    """The pieces of an answer; whoever stops reading closes it, and it gives its place back."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._holds = True

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        if self._holds:
            self._holds = False
            _places.release()

    def __del__(self) -> None:
        self.close()


def export(request: HttpRequest, reader: User | None, form: Form) -> HttpResponseBase:
    """Answer all activities that pass the filters of REQUEST, newest first.

    Raises FilterError, and Busy while MOST_AT_ONCE others run.
    """
    filter = FeedFilter.read(querybox.checked(request.GET))
    headers = {
        "Content-Disposition": content_disposition_header(True, _file_name(request, reader, form)),
        "Cache-Control": "private, no-store",
    }
    if request.method == "HEAD":
        return HttpResponse(content_type=form.content_type, headers=headers)
    if not _places.acquire(blocking=False):
        raise Busy
    pieces = Pieces(_pieces(filter, form))
    return StreamingHttpResponse(pieces, content_type=form.content_type, headers=headers)


def _pieces(filter: FeedFilter, form: Form) -> Iterator[bytes]:
    if form.head:
        yield form.head
    try:
        for ids in walk(filter):
            beside = Beside()
            for start in range(0, len(ids), form.batch):
                yield form.lines(_loaded(ids[start : start + form.batch], form, beside))
    except DatabaseError:
        log.exception("an export broke off")
        yield form.broken


def _loaded(ids: list[int], form: Form, beside: Beside) -> list[Activity]:
    """Load the rows IDS in their order; what was deleted meanwhile is left out."""
    own = form.columns[: -len(MOMENTS)]
    texts = [Cast(name, TextField()) for name in MOMENTS]  # of which psycopg is slow to make dates
    rows = list(Activity.objects.filter(pk__in=ids).values_list(*own, *texts))
    key, source, author = map(own.index, ("id", "source_id", "author_id"))
    beside.load({row[source] for row in rows}, {row[author] for row in rows} - {None})
    found = {
        row[key]: form.row(
            *row[: len(own)],
            *map(from_database, row[len(own) :]),
            beside.sources[row[source]],
            beside.authors.get(row[author]),
        )
        for row in rows
        if row[source] in beside.sources
    }
    return cast(list[Activity], [found[pk] for pk in ids if pk in found])


def _file_name(request: HttpRequest, reader: User | None, form: Form) -> str:
    """Name the file after the view that REQUEST was opened from, and the day."""
    name = ""
    if reader and (uuid := as_uuid(request.GET.get("view", ""))):
        seen = SavedView.objects.seen_by(reader).filter(uuid=uuid)
        name = slugify("".join(seen.values_list("name", flat=True)), allow_unicode=True)
    return f"pulseboard-{name or 'feed'}-{timezone.now():%Y-%m-%d}.{form.name}"


@readers
def export_file(request: HttpRequest, reader: User | None, form: str) -> HttpResponseBase:
    """Answer the feed as a file."""
    try:
        return export(request, reader, FORMS[form])
    except FilterError as error:
        return say(str(error), status=400)
    except Busy as error:
        answer = say(str(error), status=error.status_code)
        answer["Retry-After"] = str(error.wait)
        return answer
