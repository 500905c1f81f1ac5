"""Who may open a page: anybody signed in, an admin, or with ANONYMOUS_READ everybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRefresh

from feeds.filters import FilterError
from feeds.models import Role, User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def person(request: HttpRequest) -> User:
    """Return who is signed in; raises PermissionDenied for nobody."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what REQUEST posts, maybe nothing; None if it only asks for the page."""
    return request.POST if request.method == "POST" else None


def manages(request: HttpRequest) -> bool:
    """Tell whether an admin is signed in."""
    return isinstance(request.user, User) and request.user.role == Role.ADMIN


def members(view: View[P]) -> View[P]:
    """Let in who is signed in; others go to the sign-in page and come back."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if getattr(request, "htmx", False):
            return HttpResponseClientRefresh()  # else the sign-in page would land inside the feed
        return redirect_to_login(request.get_full_path())

    return guarded


def readers(view: View[P]) -> View[P]:
    """Let in who is signed in, and with ANONYMOUS_READ everybody."""
    for_members = members(view)

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        answer = view if settings.ANONYMOUS_READ else for_members
        return answer(request, *args, **kwargs)

    return guarded


def part(view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Let in whom readers() lets in, to a part of a page for which an open page asks by itself.

    It answers others in words: the sign-in page would end in the page that asks. Nothing is kept.
    """

    @require_GET
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        try:
            if settings.ANONYMOUS_READ or request.user.is_authenticated:
                answer = view(request)
            else:
                answer = _plain("Sign in first.", status=401)
        except FilterError as error:
            answer = _plain(str(error), status=400)
        answer["Cache-Control"] = "no-store"
        return answer

    return guarded


def _plain(text: str, *, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")


def writers(view: View[P]) -> View[P]:
    """Let in who may send events; viewers get the 403 page."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not Role(person(request).role).writes:
            raise PermissionDenied("A viewer reads; composers, bots and admins send events.")
        return view(request, *args, **kwargs)

    return members(guarded)


def admins(view: View[P]) -> View[P]:
    """Let in admins; others who are signed in get the 403 page."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not manages(request):
            raise PermissionDenied("Only admins may do this.")
        return view(request, *args, **kwargs)

    return members(guarded)
