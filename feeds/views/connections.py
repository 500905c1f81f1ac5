"""Connections to upstreams, for admins: make them, test them, pause them, end them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache

from feeds import actions
from feeds.connectionforms import FORMS, ConnectionForm
from feeds.models import Connection, Delivery
from feeds.views.access import admins, person, posted, posts
from feeds.views.components import refuse

LETTERS_SHOWN = 10


def rows() -> QuerySet[Connection]:
    """Return the connections with their budgets."""
    return Connection.objects.select_related("budget")


@admins
def index(request: HttpRequest) -> HttpResponse:
    """List the connections: who they are, whether letters go, how much of the limit is used."""
    found = list(rows())
    used = actions.used_of([connection.budget for connection in found])
    waiting = dict(
        Delivery.objects.waiting().order_by().values_list("connection").annotate(count=Count("pk"))
    )
    lines = [
        (connection, used[connection.budget_id], waiting.get(connection.pk, 0))
        for connection in found
    ]
    return render(request, "connections/index.html", {"lines": lines})


@never_cache
@admins
def create(request: HttpRequest) -> HttpResponse:
    """Ask which sort of upstream it is, then for what that wants to know."""
    dialect = request.GET.get("dialect", "")
    if not dialect:
        return render(request, "connections/new.html", {"dialects": Connection.Dialect.choices})
    form = _form(request, dialect)
    if request.method == "POST" and form.is_valid():
        try:
            connection = actions.create_connection(
                dialect=dialect, user=person(request), **form.values
            )
        except actions.ActionError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{connection} is made. Test it next.")
            return redirect(connection)
    context = {"form": form, "label": Connection.Dialect(dialect).label}
    status = 422 if request.method == "POST" else 200
    return render(request, "connections/form.html", context, status=status)


@admins
def show(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show a connection, its limit, what waits, and its newest letters."""
    connection = get_object_or_404(rows(), uuid=identity)
    letters = connection.deliveries.order_by("-id")
    context = {
        "connection": connection,
        "used": actions.used_of([connection.budget])[connection.budget_id],
        "waiting": letters.waiting().count(),
        "letters": letters.defer("body")[:LETTERS_SHOWN],
        "sharing": connection.budget.connections.exclude(pk=connection.pk),
    }
    return render(request, "connections/show.html", context)


@never_cache
@admins
def edit(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Change a connection; its secret stays unless another is given."""
    connection = get_object_or_404(rows(), uuid=identity)
    form = _form(request, connection.dialect, connection)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_connection(connection, **form.values)
        except actions.ActionError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{connection} is saved. Test it again.")
            return redirect(connection)
    label = Connection.Dialect(connection.dialect).label
    context = {"form": form, "connection": connection, "label": label}
    status = 422 if request.method == "POST" else 200
    return render(request, "connections/form.html", context, status=status)


def _form(
    request: HttpRequest, dialect: str, connection: Connection | None = None
) -> ConnectionForm:
    if dialect not in FORMS:
        raise Http404("There is no such sort of upstream.")
    return FORMS[dialect](posted(request), connection=connection)


@admins
@posts
def test(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Ask the upstream who we are there, and tell exactly what failed."""
    connection = get_object_or_404(rows(), uuid=identity)
    try:
        fault = actions.test_connection(connection).fault
    except actions.ActionError as error:
        fault = str(error)
    if fault:
        messages.error(request, f"The test failed. {fault}")
    elif connection.paused_at:
        messages.success(request, "The test went well. Its letters wait until you resume it.")
    else:
        messages.success(request, "The test went well: letters may go.")
    return redirect(connection)


@admins
@posts
def pause(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Keep the letters of a connection here."""
    connection = get_object_or_404(rows(), uuid=identity)
    actions.pause(connection, by=person(request))
    messages.success(request, f"{connection} is paused: its letters wait here.")
    return redirect(connection)


@admins
@posts
def resume(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Let the letters of a connection go again."""
    connection = get_object_or_404(rows(), uuid=identity)
    actions.resume(connection)
    messages.success(request, f"{connection} is resumed: its letters go.")
    return redirect(connection)


@admins
def delete(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Ask, then delete a connection with all its letters."""
    connection = get_object_or_404(rows(), uuid=identity)
    if request.method == "POST":
        actions.delete_connection(connection)
        messages.success(request, f"{connection} is deleted with its letters.")
        return redirect("connections")
    context: dict[str, Any] = {
        "connection": connection,
        "waiting": connection.deliveries.waiting().count(),
        "count": connection.deliveries.count(),
    }
    return render(request, "connections/delete.html", context)
