"""Saved views: names for feeds that one opens again and again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from feeds import actions
from feeds.forms import ViewForm
from feeds.models import SavedView
from feeds.views.access import members, person, posted
from feeds.views.components import refuse


@members
def index(request: HttpRequest) -> HttpResponse:
    """List the views."""
    return render(
        request, "views/index.html", {"views": SavedView.objects.seen_by(person(request))}
    )


@members
def create(request: HttpRequest) -> HttpResponse:
    """Give the feed that the query string asks for a name."""
    form = ViewForm(posted(request), initial={"query": request.GET.urlencode()})
    if request.method == "POST" and form.is_valid():
        try:
            view = actions.save_view(person(request), **form.cleaned_data)
        except actions.ActionError as error:
            refuse(form, error)
        else:
            messages.success(request, f"The view {view} is saved.")
            return redirect(view)
    status = 422 if request.method == "POST" else 200
    return render(request, "views/form.html", {"form": form}, status=status)


@members
def edit(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Change the name of a view, what it asks for, or who sees it."""
    view = get_object_or_404(SavedView, uuid=identity, user=person(request))
    initial = {name: getattr(view, name) for name in ViewForm.base_fields}
    form = ViewForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_view(view, form.cleaned_data, by=person(request))
        except actions.ActionError as error:
            refuse(form, error)
        else:
            messages.success(request, f"The view {view} is saved.")
            return redirect("views")
    status = 422 if request.method == "POST" else 200
    return render(request, "views/form.html", {"form": form, "view": view}, status=status)


@members
@require_POST
def delete(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Delete a view."""
    view = get_object_or_404(SavedView, uuid=identity, user=person(request))
    actions.delete_view(view, by=person(request))
    messages.success(request, f"The view {view} is deleted.")
    return redirect("views")
