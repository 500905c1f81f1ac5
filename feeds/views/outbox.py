"""The outbox: what became of each letter, and what is scheduled; letters go again or never."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from feeds import actions, outbox
from feeds.envelopes import curl_of, envelope_of
from feeds.models import Composition, Connection, Delivery, Role
from feeds.outboxforms import SCHEDULED, TABS, OutboxFilter
from feeds.views.access import members, person, posts

PER_PAGE = 50
COUNTED = 999  # letters that a tab counts; a count of more costs more than it tells
ATTEMPTS_SHOWN = 100


@members
def index(request: HttpRequest) -> HttpResponse:
    """List letters, newest first, or what is scheduled."""
    form = OutboxFilter(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    state, connection = wanted.get("state", ""), wanted.get("connection")
    context: dict[str, Any] = {
        "form": form,
        "state": state,
        "connection": connection,
        "tabs": [(tab, word, _count(tab, connection)) for tab, word in TABS],
        "connections": Connection.objects.all(),
        "role": Role(person(request).role),
        "asleep": _asleep(),
    }
    if state == SCHEDULED:
        found = Paginator(_scheduled(connection), PER_PAGE)
        context["page"] = found.get_page(request.GET.get("page"))
    elif form.is_valid():
        context |= _page(_letters(state, connection), wanted["before"])
    return render(request, "outbox/index.html", context, status=200 if form.is_valid() else 400)


def _asleep() -> list[tuple[str, Any]]:
    """Return what seems not to run while a letter could go: its name, and its last sign."""
    now = timezone.now()
    missing = actions.silent(now=now)
    if not missing:
        return []
    ready = outbox.next_ready()
    return list(missing.items()) if ready and ready <= now else []


def _letters(state: str, connection: Connection | None) -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(**({"state": state} if state else {}))
    return rows.filter(connection=connection) if connection else rows


def _scheduled(connection: Connection | None) -> QuerySet[Composition]:
    """Return what waits for its time, and what was not sent when it came."""
    rows = Composition.objects.filter(state__in=(SCHEDULED, Composition.State.FAILED))
    rows = rows.filter(connections=connection) if connection else rows
    return rows.select_related("author").prefetch_related("connections").order_by("send_at", "id")


def _count(tab: str, connection: Connection | None) -> str:
    """Count what TAB shows, up to "999+"; "" where counting would go through too much."""
    if tab == SCHEDULED:
        rows: QuerySet[Any] = _scheduled(connection)
    elif connection and tab in Delivery.WAITING:
        rows = Delivery.objects.filter(state=tab, lane__connection=connection)
        rows = rows.waiting()  # by the index of what waits in a lane
    elif connection or not tab:
        return ""
    else:
        rows = _letters(tab, None)
    count = rows.order_by()[: COUNTED + 1].count()
    return f"{COUNTED}+" if count > COUNTED else str(count)


def _page(letters: QuerySet[Delivery], before: int | None) -> dict[str, Any]:
    """Return the letters older than the id BEFORE, and where the next page begins."""
    rows = letters.select_related("connection", "author").defer("body", "headers")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-id")[: PER_PAGE + 1])
    more = found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None
    return {"letters": found[:PER_PAGE], "older": more, "newest": before is not None}


@members
def show(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show a letter: its request, its attempts, and what may be done."""
    user = person(request)
    delivery = get_object_or_404(_whole(), uuid=identity)
    ahead = delivery.lane.deliveries.waiting().filter(pk__lt=delivery.pk).order_by("id")
    waits = delivery.state in Delivery.WAITING
    context = {
        "delivery": delivery,
        "sent": envelope_of(delivery),
        "curl": curl_of(delivery),
        "attempts": delivery.attempts.all()[:ATTEMPTS_SHOWN],
        "ahead": ahead.defer("body").first() if waits else None,
        "may": actions.may_touch(delivery, user, Role(user.role)),
    }
    return render(request, "outbox/show.html", context)


def _whole() -> QuerySet[Delivery]:
    """Return the letters with all that their page shows."""
    rows = Delivery.objects.select_related("connection", "author", "activity", "lane")
    return rows.defer("activity__raw", "activity__details", "activity__content")


@members
@posts
def retry(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Send a letter again, now."""
    return _do(request, identity, actions.retry_delivery, "It goes again, now.")


@members
@posts
def cancel(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Take a letter out of its queue."""
    return _do(request, identity, actions.cancel_delivery, "It is cancelled, and stays here.")


def _do(request: HttpRequest, identity: UUID, action: Any, done: str) -> HttpResponse:
    """Do ACTION to a letter, and say what came of it on its page."""
    user = person(request)
    delivery = get_object_or_404(_whole(), uuid=identity)
    try:
        action(delivery, by=user, role=Role(user.role))
    except actions.Forbidden as error:
        raise PermissionDenied(f"{error}.") from None
    except actions.ActionError as error:
        messages.error(request, f"{error}.")
    else:
        messages.success(request, done)
    return redirect(delivery)
