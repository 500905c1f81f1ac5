"""Who may listen, and to what."""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest

from feeds.api.auth import BadCredentials, identify
from feeds.dialects.mapping import INT64
from feeds.filters import PARAMETERS, FeedFilter, FilterError
from feeds.live.desk import Desk
from feeds.live.listeners import Listener
from feeds.live.wire import NDJSON, SSE, Form

OF_PROGRAMS = (*PARAMETERS, "after", "format")
FORMS: Mapping[str, Form] = {form.name: form for form in (SSE, NDJSON)}
_desk = Desk("door", threads=4)


async def admit(scope: Any, *, whole: bool) -> tuple[Listener, Form]:
    """Return who asks and the form it reads.

    Raises DisallowedHost, FilterError and BadCredentials.
    """
    request = ASGIRequest(scope, io.BytesIO())
    request.get_host()
    filter = FeedFilter.read(request.GET)
    listener = Listener(filter, after=_place(request), whole=whole)
    form = _form(request) if whole else SSE
    listener.user = await _desk.ask(lambda: _admit(request, filter))
    return listener, form


def _place(request: ASGIRequest) -> int | None:
    """Return where the stream resumes; Last-Event-ID is newer than the address."""
    text = request.META.get("HTTP_LAST_EVENT_ID") or request.GET.get("after", "")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or int(text[:20]) not in INT64:
        raise FilterError("after", "is not an id that this stream gave")
    return int(text)


def _form(request: ASGIRequest) -> Form:
    for name in request.GET:
        if name not in OF_PROGRAMS:
            known = ", ".join(OF_PROGRAMS)
            raise FilterError(name, f"is not a parameter of this address; it has: {known}")
    named = request.GET.get("format", "")
    if named and named not in FORMS:
        raise FilterError("format", f"{named!r} is not one of {', '.join(FORMS)}")
    accepted = request.META.get("HTTP_ACCEPT", "")
    return FORMS[named] if named else NDJSON if NDJSON.content_type in accepted else SSE


def _admit(request: ASGIRequest, filter: FeedFilter) -> int | None:
    """Return the id of who asks, None if it may be anybody."""
    user = _user_of(request)
    # a query that the database refuses must fail here, not for everybody in a look
    filter.rows().filter(id=0).exists()
    return user


def _user_of(request: ASGIRequest) -> int | None:
    if caller := identify(request):
        return caller.user.pk
    sessions = import_module(settings.SESSION_ENGINE)
    request.session = sessions.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    user = get_user(request)
    if user.pk is None and not settings.ANONYMOUS_READ:
        raise BadCredentials("Sign in, or send credentials.")
    return user.pk
