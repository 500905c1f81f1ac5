"""Saved views: names for feeds that one opens again and again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render

from feeds import actions, querybox
from feeds.filters import FilterError, chosen, view_query
from feeds.forms import ViewForm
from feeds.models import SavedView
from feeds.views.access import members, person, posted, posts
from feeds.views.components import refuse


@members
def index(request: HttpRequest) -> HttpResponse:
    """List the views, with the text of the query box that shows the same."""
    seen = SavedView.objects.seen_by(person(request)).starred_first()
    views = [(view, querybox.written(QueryDict(view.query))) for view in seen]
    return render(request, "views/index.html", {"views": views})


@members
def create(request: HttpRequest) -> HttpResponse:
    """Give the feed that the query string asks for a name."""
    form = ViewForm(posted(request), initial={"query": chosen(request.GET).urlencode()})
    if request.method == "POST" and form.is_valid():
        try:
            view = actions.save_view(person(request), **form.fields_of_view)
            actions.mark_view(view, by=person(request), **form.marks)
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
    seen = SavedView.objects.seen_by(person(request))  # who knows whether it has a star
    view = get_object_or_404(seen, uuid=identity, user=person(request))
    initial = {name: getattr(view, name) for name in ViewForm.base_fields}
    form = ViewForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_view(view, form.fields_of_view, by=person(request))
            actions.mark_view(view, by=person(request), **form.marks)
        except actions.ActionError as error:
            refuse(form, error)
        else:
            messages.success(request, f"The view {view} is saved.")
            return redirect("views")
    status = 422 if request.method == "POST" else 200
    return render(request, "views/form.html", {"form": form, "view": view}, status=status)


def _seen(request: HttpRequest, identity: UUID) -> SavedView:
    return get_object_or_404(SavedView.objects.seen_by(person(request)), uuid=identity)


@members
@posts
def update(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Let a view show what the feed that was opened from it shows now."""
    view = get_object_or_404(SavedView, uuid=identity, user=person(request))
    try:
        query = view_query(request.POST.get("query", ""))
        actions.update_query(view, query, was=request.POST.get("was", ""), by=person(request))
    except (FilterError, actions.ActionError) as error:
        context = {"view": view, "error": error, "query": request.POST.get("query", "")}
        status = 409 if isinstance(error, actions.ActionError) else 422
        return render(request, "views/refused.html", context, status=status)
    messages.success(request, f"The view {view} is saved.")
    return redirect(view)


@members
@posts
def star(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Put a view first, or not any more."""
    view, starred = _seen(request, identity), request.POST.get("on") == "1"
    actions.star_view(view, by=person(request), starred=starred)
    messages.success(request, f"The view {view} {'has a star' if starred else 'has no star now'}.")
    return redirect("views")


@members
@posts
def default(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Open the feed with a view, or not any more."""
    view, is_default = _seen(request, identity), request.POST.get("on") == "1"
    actions.open_with(view, by=person(request), default=is_default)
    opened = f"the view {view}" if is_default else "everything"
    messages.success(request, f"The feed opens with {opened} now.")
    return redirect("views")


@members
@posts
def duplicate(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Make a view of one's own of one that one sees, and offer to name it."""
    made = actions.duplicate_view(_seen(request, identity), by=person(request))
    messages.success(request, f"The view {made} is yours.")
    return redirect("view-edit", made.uuid)


@members
@posts
def replace_addresses(request: HttpRequest) -> HttpResponse:
    """End the addresses that one's feed readers have."""
    actions.rotate_feed_token(person(request))
    messages.success(request, "Your addresses are replaced. The old ones are refused from now on.")
    return redirect("settings")


@members
def delete(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Ask, then delete a view."""
    view = get_object_or_404(SavedView, uuid=identity, user=person(request))
    if request.method != "POST":
        return render(request, "views/delete.html", {"view": view})
    actions.delete_view(view, by=person(request))
    messages.success(request, f"The view {view} is deleted.")
    return redirect("views")
