"""The pages for what went wrong: who one is signed in as, what was not found, and a way on."""

from __future__ import annotations

import difflib
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from feeds.models import Component, User
from feeds.views.access import manages
from feeds.views.feed import is_fragment

COMPARED = 2000  # slugs that a mistyped one is compared with
#: What a path leads to by its first step: what it is called, and the page that lists them.
PLACES = {
    "activities": ("event", "feed"),
    "components": ("component", "components"),
    "sources": ("source", "sources"),
    "people": ("person", "people"),
    "views": ("view", "views"),
    "heartbeats": ("heartbeat", "heartbeats"),
    "teams": ("team", "teams"),
    "channels": ("notification channel", "teams"),
    "outbox": ("letter", "outbox"),
    "compose": ("form", "compose"),
    "settings": ("page of settings", "settings"),
}


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that nothing is here: in JSON to programs, as a page with the nearest pages to people."""
    if _is_program(request):
        return _problem(404, "Not Found", f"nothing is at {request.path}")
    context: dict[str, Any] = {"path": request.path}
    steps = request.path.strip("/").split("/")
    if steps[0] in PLACES and _may_read(request):
        thing, page = PLACES[steps[0]]
        context |= {"thing": thing, "list": reverse(page)}
        if steps[0] == "components" and len(steps) > 1:
            context["near"] = _alike(steps[1])
    return render(request, "_404.html" if is_fragment(request) else "404.html", context, status=404)


def _alike(slug: str) -> list[Component]:
    """Return the components whose slugs are most like SLUG."""
    known = {one.slug: one for one in Component.objects.only("slug", "name")[:COMPARED]}
    return [known[name] for name in difflib.get_close_matches(slug, known, n=3)]


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say who one is, and that one may not do this."""
    context = {"exception": str(exception), "manages": manages(request)}
    return render(request, "403.html", context, status=403)


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that the request cannot be read."""
    reason = "" if isinstance(exception, SuspiciousOperation) else str(exception)
    if _is_program(request):
        return _problem(400, "Bad Request", reason or "the request cannot be read")
    return render(request, "400.html", {"reason": reason}, status=400)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say why a form was not taken: no cookie, another address than SITE_URL, or too old a page."""
    own = urlsplit(settings.SITE_URL)
    back = request.META.get("HTTP_REFERER", "")
    here = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    context = {
        "no_cookie": reason == REASON_NO_CSRF_COOKIE,
        "elsewhere": (request.scheme, request.get_host()) != (own.scheme, own.netloc),
        "here": f"{request.scheme}://{request.get_host()}",
        "site_url": settings.SITE_URL,
        "back": back if here else "",
        "manages": manages(request),
    }
    return render(request, "403_csrf.html", context, status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """Say that the fault is ours; the page asks nothing of what may be broken."""
    if _is_program(request):
        return _problem(500, "Internal Server Error", "the fault is ours")
    path = "/" + request.path.lstrip("/")  # two slashes would lead to another host
    return render(request, "500.html", {"path": path}, status=500)


def _may_read(request: HttpRequest) -> bool:
    return settings.ANONYMOUS_READ or isinstance(getattr(request, "user", None), User)


def _problem(status: int, title: str, detail: str) -> JsonResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def _is_program(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/gateway/", "/compass/"))
