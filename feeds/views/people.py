"""People and programs: who they are, and what each did, user of ours or not."""

from __future__ import annotations

from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from feeds.digests.actor import name_of, seen_lately
from feeds.digests.touched import touched
from feeds.digests.volume import volume_of
from feeds.models import Activity, Role, User
from feeds.views.access import manages, readers
from feeds.views.feed import answer, feed_of, is_fragment
from feeds.views.lists import listed

ORDERS = {"name": (Lower("username"),), "seen": (F("last_seen").desc(nulls_last=True), "username")}
SORTS = (("name", "user name"), ("seen", "last event"))


@readers
def index(request: HttpRequest) -> HttpResponse:
    """List who may come in, and who else acted of late."""
    newest = Activity.objects.filter(actor_key=OuterRef("username"))
    seen = newest.order_by("-occurred_at", "-id").values("occurred_at")[:1]
    rows = User.objects.filter(is_active=True).annotate(last_seen=Subquery(seen))
    found = listed(request, rows, within=("username", "name"), orders=ORDERS)
    people = [(user, role_of(user)) for user in found["page"]]
    words = found["q"].lower()
    ours = set(User.objects.values_list("username", flat=True))
    others = [
        one for one in seen_lately()
        if one[0] not in ours and words in f"{one[0]} {one[1]}".lower()
    ]  # fmt: skip
    context = {**found, "people": people, "others": others, "sorts": SORTS}
    return render(request, "people/index.html", {**context, "manages": manages(request)})


@readers
def show(request: HttpRequest, username: str) -> HttpResponse:
    """Show somebody, and the feed of what they did: a user, or whom an event names."""
    if "\x00" in username:
        raise Http404
    found = User.objects.named(username)
    called = name_of(username) if found is None else str(found)
    if called is None:
        raise Http404
    actor = found.username if found else username
    context: dict[str, Any] = {
        "person": found,  # `user` is who reads
        "actor": actor,
        "called": called or actor,
        "role": role_of(found) if found else "",
        "manages": manages(request),
        "nothing_yet": "They show here as soon as an event names this user as its actor.",
        **feed_of(request, "actor", actor),
    }
    if not is_fragment(request):
        context["touched"] = touched("actor_key", actor)
        context["volume"] = volume_of("actor_key", actor, now=timezone.now())
    return answer(request, "people/show.html", context, status=400 if "error" in context else 200)


def role_of(user: User) -> str:
    """Return the first word of what the role of USER says."""
    return Role(user.role).label.partition(":")[0]
