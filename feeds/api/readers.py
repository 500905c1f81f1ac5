"""Who may read the feed elsewhere: the signed-in person, who sends credentials or a feed token."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from feeds import feedtoken
from feeds.api import auth
from feeds.models import User

SIGN_IN = "sign in, or send a user name with a password or a token"
REPLACED = "token: is wrong or was replaced; your settings have the address that is valid now"

P = ParamSpec("P")
Answer = Callable[Concatenate[HttpRequest, User | None, P], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def readers(view: Answer[P]) -> View[P]:
    """Let in who is signed in or sends credentials, and with ANONYMOUS_READ everybody.

    VIEW is told who it is, None for nobody in particular.
    """
    return _guarded(view, by_token=False)


def subscribers(view: Answer[P]) -> View[P]:
    """Let in whom readers() lets in, and who has the address with a feed token."""
    return _guarded(view, by_token=True)


def _guarded(view: Answer[P], *, by_token: bool) -> View[P]:
    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            reader = _reader(request, by_token=by_token)
        except auth.BadCredentials as error:
            return _quiet(_refuse(str(error)))
        if reader is None and not settings.ANONYMOUS_READ:
            return _quiet(_refuse(SIGN_IN))
        response = _quiet(view(request, reader, *args, **kwargs))
        patch_vary_headers(response, ["Authorization", "Cookie"])
        response.setdefault("Cache-Control", "private, no-cache")
        return response

    return guarded


def _reader(request: HttpRequest, *, by_token: bool) -> User | None:
    """Return who reads; raises BadCredentials."""
    if by_token and (token := request.GET.get(feedtoken.PARAMETER)):
        owner = feedtoken.owner_of(token)
        if owner is None:
            raise auth.BadCredentials(REPLACED)
        return owner
    if caller := auth.identify(request):
        return caller.user
    return request.user if isinstance(request.user, User) else None


def _quiet(response: HttpResponseBase) -> HttpResponseBase:
    """Let no link of RESPONSE tell the address that it came from, which may hold a token."""
    response["Referrer-Policy"] = "no-referrer"
    return response


def _refuse(reason: str) -> HttpResponse:
    response = say(reason, status=401)
    response["WWW-Authenticate"] = auth.REALM
    response["Cache-Control"] = "private, no-store"
    return response


def say(text: str, *, status: int) -> HttpResponse:
    """Answer TEXT, for people who look at what a program got."""
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
