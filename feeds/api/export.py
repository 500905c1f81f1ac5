"""Export: every activity of a view as CSV or NDJSON, written as it is read, however many there are.

Neither a transaction nor a cursor of the database stays open while a client takes its time: the
keys of a stride are read, then the rows in small batches. So memory stays as it is, writers are
not in the way, and what comes meanwhile neither shifts nor doubles a row.
"""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Any

import orjson
from django.db import DatabaseError
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
from feeds.models import Activity, SavedView, User
from feeds.pages import walk

MOST_AT_ONCE = 2  # exports of a process: each holds a thread as long as its client takes
BROKEN = "This export is not complete: it broke off here. Ask again."
#: What a spreadsheet may take for the beginning of a formula, also in full width.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")

log = logging.getLogger(__name__)
_places = BoundedSemaphore(MOST_AT_ONCE)


# ---- CSV


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _components(activity: Activity) -> str:
    return " ".join(component.slug for component in activity.source.components.all())


#: The columns by their names in the header. `details` and `raw` are in NDJSON alone.
COLUMNS: dict[str, Callable[[Activity], Any]] = {
    "uuid": lambda activity: activity.uuid,
    "occurred_at": lambda activity: _moment(activity.occurred_at),
    "received_at": lambda activity: _moment(activity.received_at),
    "touched_at": lambda activity: _moment(activity.touched_at),
    "kind": lambda activity: activity.kind,
    "verb": lambda activity: activity.verb,
    "state": lambda activity: activity.state,
    "progress": lambda activity: activity.progress,
    "title": lambda activity: activity.title,
    "content": lambda activity: activity.content,
    "url": lambda activity: activity.url,
    "generator": lambda activity: activity.generator,
    "actor_key": lambda activity: activity.actor_key,
    "actor_name": lambda activity: activity.actor_name,
    "object_type": lambda activity: activity.object_type,
    "object_key": lambda activity: activity.object_key,
    "target_key": lambda activity: activity.target_key,
    "target_url": lambda activity: activity.target_url,
    "project": lambda activity: activity.project_key,
    "components": _components,
    "source": lambda activity: activity.source.external_id,
    "source_name": lambda activity: activity.source.name,
    "external_id": lambda activity: activity.external_id,
    "sequence": lambda activity: activity.sequence,
    "dialect": lambda activity: activity.dialect,
}


def _defused(cell: Any) -> Any:
    """Keep a spreadsheet from running CELL: an apostrophe in front makes it text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _table(rows: Iterable[Iterable[Any]]) -> bytes:
    """Write ROWS as RFC 4180 has it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _csv_lines(batch: list[Activity]) -> bytes:
    return _table([_defused(cell(row)) for cell in COLUMNS.values()] for row in batch)


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
            for start in range(0, len(ids), form.batch):
                yield form.lines(_loaded(ids[start : start + form.batch], form))
    except DatabaseError:
        log.exception("an export broke off")
        yield form.broken


def _loaded(ids: list[int], form: Form) -> list[Activity]:
    """Load the rows IDS in their order; what was deleted meanwhile is left out."""
    rows = Activity.objects.prefetch_related("source__components", "author").defer(*form.without)
    found = rows.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


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
