"""Who may open a page: anybody signed in, an admin, or with ANONYMOUS_READ everybody."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
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


#: Addresses above which the next page is not the one that they belong to, by their routes' names.
BELONGS_TO = {
    "compose-template-delete": "compose",
    "window-delete": "heartbeats",
    "notification-retry": "heartbeats",
}


def posts(view: View[P]) -> View[P]:
    """Hand VIEW what a form posts; who only opens its address is told that nothing was done."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(request, *args, **kwargs) if request.method == "POST" else not_posted(request)

    guarded.only_posts = True  # type: ignore[attr-defined]
    return guarded


def not_posted(request: HttpRequest) -> HttpResponse:
    """Say that this address takes a form alone, and lead to the page that has it."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["POST"])
    name = request.resolver_match.url_name if request.resolver_match else None
    page = reverse(BELONGS_TO[name]) if name in BELONGS_TO else _page_above(request.path)
    answer = render(request, "405.html", {"page": page}, status=405)
    answer["Allow"] = "POST"
    return answer


def _page_above(path: str) -> str:
    """Return the address of the next page above PATH."""
    while (path := f"{path.rstrip('/').rpartition('/')[0]}/") != "/":
        try:
            view = resolve(path).func
        except Resolver404:
            continue
        if not getattr(view, "only_posts", False):
            return path
    return path


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
