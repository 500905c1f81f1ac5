"""People and programs: who they are, and what each did."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from feeds.models import Role, User
from feeds.views.access import manages, readers
from feeds.views.feed import answer, feed_of
from feeds.views.lists import PER_PAGE


@readers
def index(request: HttpRequest) -> HttpResponse:
    """List who may come in."""
    rows = User.objects.filter(is_active=True).order_by(Lower("username"))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    people = [(user, role_of(user)) for user in page.object_list]
    context = {"page": page, "people": people, "manages": manages(request)}
    return render(request, "people/index.html", context)


@readers
def show(request: HttpRequest, username: str) -> HttpResponse:
    """Show somebody, and the feed of what they did."""
    found = User.objects.named(username) if "\x00" not in username else None
    if found is None:
        raise Http404
    context: dict[str, Any] = {
        "person": found,  # `user` is who reads
        "role": role_of(found),
        "manages": manages(request),
        "nothing_yet": "They show here as soon as an event names this user as its actor.",
        **feed_of(request, "actor", found.username),
    }
    return answer(request, "people/show.html", context, status=400 if "error" in context else 200)


def role_of(user: User) -> str:
    """Return the first word of what the role of USER says."""
    return Role(user.role).label.partition(":")[0]
