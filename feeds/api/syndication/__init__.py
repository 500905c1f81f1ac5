"""The feed for readers elsewhere: Atom, JSON Feed 1.1 and Activity Streams 2.0.

A view of the feed has the same query string in every format: the parameters of our own page, and
the filters of Activity Streams beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from feeds import querybox, streamfilters
from feeds.api.readers import readers, say, subscribers
from feeds.api.syndication import as2, atom, jsonfeed
from feeds.api.syndication.entries import GENERATOR, Feed, entries_of, stamp
from feeds.dialects.mapping import EPOCH
from feeds.filters import PARAMETERS, Cursor, FeedFilter, FilterError, chosen
from feeds.models import PLACES, Activity, SavedView, User
from feeds.pages import PAGE_SIZE, Page, page

MOST_RESULTS = 1000
FEW_RESULTS = 10  # what Activity Streams give unasked
OF_PLACE = ("before", "after", "maxResults")  # which part of a feed
TITLE_LENGTH = 200  # characters


@dataclass(frozen=True)
class Form:
    """A way to write a feed."""

    write: Callable[[Feed], str]
    content_type: str


ATOM = Form(atom.write, atom.CONTENT_TYPE)
JSON_FEED = Form(jsonfeed.write, jsonfeed.CONTENT_TYPE)
AS2 = Form(as2.write, as2.CONTENT_TYPE)


@subscribers
def atom_feed(
    request: HttpRequest, reader: User | None, identity: UUID | None = None, size: int = FEW_RESULTS
) -> HttpResponseBase:
    """Answer the feed, or the saved view IDENTITY, as Atom, with SIZE entries for want of
    `maxResults`."""
    return _answer(request, reader, ATOM, identity, size=size)


@subscribers
def json_feed(
    request: HttpRequest, reader: User | None, identity: UUID | None = None
) -> HttpResponseBase:
    """Answer the feed, or the saved view IDENTITY, as JSON Feed 1.1."""
    return _answer(request, reader, JSON_FEED, identity)


@readers
def as2_feed(request: HttpRequest, reader: User | None) -> HttpResponseBase:
    """Answer the feed as Activity Streams 2.0."""
    return _answer(request, reader, AS2)


@readers
def as2_activity(request: HttpRequest, reader: User | None, identity: UUID) -> HttpResponseBase:
    """Answer one activity as Activity Streams 2.0."""
    rows = Activity.objects.select_related("source").prefetch_related(PLACES)
    found = get_object_or_404(rows, uuid=identity)
    (entry,) = entries_of([found], is_member=reader is not None)
    return HttpResponse(as2.write_one(entry), content_type=as2.CONTENT_TYPE)


def _answer(
    request: HttpRequest,
    reader: User | None,
    form: Form,
    identity: UUID | None = None,
    *,
    size: int = PAGE_SIZE,
) -> HttpResponseBase:
    """Answer a page of the feed; or that it has not changed, which needs no writing."""
    is_member = reader is not None
    try:
        wanted = Wanted.view(request, reader, identity) if identity else Wanted.feed(request)
        query = wanted.query
        filter = replace(FeedFilter.read(query), also=streamfilters.condition(query))
        size = _size(query.get("maxResults", "")) or size
        found = page(filter, query, size=size, without=("raw",))
    except FilterError as error:
        return say(str(error), status=400)
    state = State.of(found, wanted.title, is_member)
    response = get_conditional_response(request, etag=state.etag, last_modified=state.changed)
    if response is None:
        feed = _feed(request, wanted, found, is_member)
        response = HttpResponse(form.write(feed), content_type=form.content_type)
    return state.mark(response)


@dataclass(frozen=True)
class Wanted:
    """What a reader subscribes to, whatever page of it this is."""

    query: QueryDict
    id: str
    title: str
    page: str  # of the feed in a browser

    @classmethod
    def feed(cls, request: HttpRequest) -> Wanted:
        """Read the parameters of REQUEST; raises FilterError."""
        query = querybox.checked(request.GET)
        filters = chosen(query, (*PARAMETERS, *streamfilters.KEYS))
        page = _address(f"{settings.SITE_URL}/", chosen(query))
        return cls(query, _address(_here(request), filters), _title(filters), page)

    @classmethod
    def view(cls, request: HttpRequest, reader: User | None, identity: UUID) -> Wanted:
        """Find the saved view IDENTITY as it is now; raises Http404 for one not seen by READER."""
        seen = SavedView.objects.seen_by(reader) if reader else SavedView.objects.none()
        view = get_object_or_404(seen, uuid=identity)
        query = QueryDict(view.query, mutable=True)
        for name in OF_PLACE:
            query.setlist(name, request.GET.getlist(name))
        page = f"{settings.SITE_URL}{view.get_absolute_url()}"
        return cls(query, _here(request), f"{GENERATOR}: {view.name}", page)


def _size(text: str) -> int | None:
    """Read `maxResults`; None if it is not given."""
    if not text:
        return None
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdecimal()):
        raise FilterError("maxResults", f"must be a whole number from 1 to {MOST_RESULTS}")
    return min(int(digits[:9]), MOST_RESULTS)


# ---- has it changed?


@dataclass(frozen=True)
class State:
    """What tells one state of a page from another, without writing it."""

    etag: str
    changed: int | None  # Unix seconds

    @classmethod
    def of(cls, found: Page, title: str, is_member: bool) -> State:
        """Return the state of the page FOUND, of which members see more than others.

        What happened in this very second may not be all of it, so it is no date to remember.
        """
        seen = [
            (row.uuid, row.touched_at, [part.name for part in row.source.places])
            for row in found.rows
        ]
        text = repr((seen, found.older, title, is_member))
        changed = int(max((row.touched_at for row in found.rows), default=EPOCH).timestamp())
        is_over = changed < int(timezone.now().timestamp())
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        return cls(f'W/"{digest}"', changed if is_over else None)

    def mark(self, response: HttpResponseBase) -> HttpResponseBase:
        """Tell the reader of RESPONSE what to ask with next time."""
        response["ETag"] = self.etag
        if self.changed is not None:
            response["Last-Modified"] = http_date(self.changed)
        return response


# ---- one page


def _feed(request: HttpRequest, wanted: Wanted, found: Page, is_member: bool) -> Feed:
    here = _here(request)
    return Feed(
        id=wanted.id,
        title=wanted.title,
        address=f"{settings.SITE_URL}{request.get_full_path()}",
        page=wanted.page,
        newer=_beside(here, request.GET, "after", found.newer),
        older=_beside(here, request.GET, "before", found.older),
        updated=stamp(found.rows[0].occurred_at if found.rows else EPOCH),
        entries=entries_of(found.rows, is_member=is_member),
    )


def _here(request: HttpRequest) -> str:
    return f"{settings.SITE_URL}{request.path}"


def _title(filters: QueryDict) -> str:
    """Name the feed after its FILTERS, for people who subscribe to several."""
    words = ", ".join(f"{name} {' or '.join(values)}" for name, values in filters.lists())
    title = f"{GENERATOR}: {words}" if words else GENERATOR
    return title[:TITLE_LENGTH]


def _address(here: str, query: QueryDict) -> str:
    return f"{here}?{query.urlencode()}" if query else here


def _beside(here: str, query: QueryDict, name: str, cursor: Cursor | None) -> str:
    """Return the address of the page NAME the CURSOR, "" for none."""
    if cursor is None:
        return ""
    wanted = query.copy()
    for old in ("before", "after"):
        wanted.pop(old, None)
    wanted[name] = str(cursor)
    return _address(here, wanted)
