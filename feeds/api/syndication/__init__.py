"""The feed for readers elsewhere: Atom, JSON Feed 1.1 and Activity Streams 2.0.

A view of the feed has the same query string in every format: the parameters of our own page, and
the filters of Activity Streams beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from feeds import streamfilters
from feeds.api import auth
from feeds.api.syndication import as2, atom, jsonfeed
from feeds.api.syndication.entries import GENERATOR, Feed, entries_of, stamp
from feeds.dialects.mapping import EPOCH
from feeds.filters import FACETS, PAGE_SIZE, Cursor, FeedFilter, FilterError, Page, page
from feeds.models import Activity

MOST_RESULTS = 1000
FEW_RESULTS = 10  # what Activity Streams give unasked
OF_PAGE = (*FACETS, "since", "until", "q")  # parameters that our own page has too
TITLE_LENGTH = 200  # characters
SIGN_IN = "sign in, or send a user name with a password or a token"

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def readers(view: Callable[Concatenate[HttpRequest, bool, P], HttpResponseBase]) -> View[P]:
    """Let in who is signed in or sends credentials, and with ANONYMOUS_READ everybody.

    VIEW is told whether it is a member who reads.
    """

    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            is_member = bool(auth.identify(request)) or request.user.is_authenticated
        except auth.BadCredentials as error:
            return _refuse(str(error))
        if not is_member and not settings.ANONYMOUS_READ:
            return _refuse(SIGN_IN)
        response = view(request, is_member, *args, **kwargs)
        patch_vary_headers(response, ["Authorization", "Cookie"])
        response["Cache-Control"] = "private, no-cache"
        return response

    return guarded


def _refuse(reason: str) -> HttpResponse:
    response = _say(reason, status=401)
    response["WWW-Authenticate"] = auth.REALM
    return response


def _say(text: str, *, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")


@readers
def atom_feed(request: HttpRequest, is_member: bool, size: int = FEW_RESULTS) -> HttpResponseBase:
    """Answer the feed as Atom, with SIZE entries for want of `maxResults`."""
    return _answer(request, atom.write, atom.CONTENT_TYPE, size=size, is_member=is_member)


@readers
def json_feed(request: HttpRequest, is_member: bool) -> HttpResponseBase:
    """Answer the feed as JSON Feed 1.1."""
    return _answer(request, jsonfeed.write, jsonfeed.CONTENT_TYPE, is_member=is_member)


@readers
def as2_feed(request: HttpRequest, is_member: bool) -> HttpResponseBase:
    """Answer the feed as Activity Streams 2.0."""
    return _answer(request, as2.write, as2.CONTENT_TYPE, is_member=is_member)


@readers
def as2_activity(request: HttpRequest, is_member: bool, identity: UUID) -> HttpResponseBase:
    """Answer one activity as Activity Streams 2.0."""
    rows = Activity.objects.select_related("source").prefetch_related("source__components")
    (entry,) = entries_of([get_object_or_404(rows, uuid=identity)], is_member=is_member)
    return HttpResponse(as2.write_one(entry), content_type=as2.CONTENT_TYPE)


def _answer(
    request: HttpRequest,
    write: Callable[[Feed], str],
    content_type: str,
    *,
    size: int = PAGE_SIZE,
    is_member: bool,
) -> HttpResponseBase:
    """Answer a page of the feed; or that it has not changed, which needs no writing."""
    query = request.GET
    try:
        filter = replace(FeedFilter.read(query), also=streamfilters.condition(query))
        size = _size(query.get("maxResults", "")) or size
        found = page(filter, query, size=size, without=("raw",))
    except FilterError as error:
        return _say(str(error), status=400)
    state = State.of(found, is_member)
    response = get_conditional_response(request, etag=state.etag, last_modified=state.changed)
    if response is None:
        feed = _feed(request, found, is_member)
        response = HttpResponse(write(feed), content_type=content_type)
    return state.mark(response)


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
    def of(cls, found: Page, is_member: bool) -> State:
        """Return the state of the page FOUND, of which members see more than others.

        What happened in this very second may not be all of it, so it is no date to remember.
        """
        seen = [
            (row.uuid, row.touched_at, [part.name for part in row.source.components.all()])
            for row in found.rows
        ]
        text = repr((seen, found.older, is_member))
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


def _feed(request: HttpRequest, found: Page, is_member: bool) -> Feed:
    here = f"{settings.SITE_URL}{request.path}"
    chosen = _chosen(request.GET, (*OF_PAGE, *streamfilters.KEYS))
    return Feed(
        id=_address(here, chosen),
        title=_title(chosen),
        address=f"{settings.SITE_URL}{request.get_full_path()}",
        page=_address(f"{settings.SITE_URL}/", _chosen(request.GET, OF_PAGE)),
        newer=_beside(here, request.GET, "after", found.newer),
        older=_beside(here, request.GET, "before", found.older),
        updated=stamp(found.rows[0].occurred_at if found.rows else EPOCH),
        entries=entries_of(found.rows, is_member=is_member),
    )


def _chosen(query: QueryDict, names: Iterable[str]) -> QueryDict:
    """Return the parameters NAMES of QUERY, in this order whatever theirs."""
    chosen = QueryDict(mutable=True)
    for name in names:
        if values := [value for value in query.getlist(name) if value]:
            chosen.setlist(name, values)
    return chosen


def _title(chosen: QueryDict) -> str:
    """Name the feed after what was CHOSEN, for people who subscribe to several."""
    words = ", ".join(f"{name} {' or '.join(values)}" for name, values in chosen.lists())
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
