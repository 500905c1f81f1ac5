"""What was composed: what became of it, and changing it, before it is sent and after."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from feeds import actions
from feeds.composing import ComposeForm, Kind, ProgressForm, kind_of
from feeds.dialects import streams, teamhub
from feeds.dialects.mapping import DialectError, write_time
from feeds.dialects.outward import UPSTREAMS
from feeds.dialects.registry import DIALECTS
from feeds.models import Activity, Composition, Delivery, Role, User
from feeds.views.access import members, person, posted, posts, writers
from feeds.views.composing import (
    addressed,
    addresses_of,
    form_with,
    posted_form,
    refuse,
    role_of,
    see_other,
    show_form,
)

LETTERS_SHOWN = 50
NOT_OURS = "this event was not composed here: whoever sent it must change it"
NO_UPDATES = "Activity Streams has no updates: delete the activity and send another."
COMPLETE = "The build is complete, and TeamHub changes builds only while they run."


@members
def show(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show what waits for its time in the form that changes it, or what became of it."""
    composition = get_object_or_404(Composition.objects.select_related("activity"), uuid=identity)
    if composition.activity is not None:
        return redirect(composition.activity)
    _may(request, composition)
    kind = _kind_of(composition)
    if composition.state != Composition.State.SCHEDULED:
        return render(request, "compose/composed.html", {"composition": composition, "kind": kind})
    if request.method == "POST":
        return _change(request, composition, posted_form(request, kind))
    values = {
        **kind.values(composition.document),
        **addressed(composition),
        "identity": str(composition.uuid),
        "component": composition.component.slug if composition.component else "",
        "send_at": composition.send_at,
    }
    return show_form(request, form_with(kind, values), composition=composition)


def _change(request: HttpRequest, composition: Composition, form: ComposeForm) -> HttpResponse:
    """Change COMPOSITION to what FORM says."""
    status = 422
    if form.is_valid():
        given = form.cleaned_data
        try:
            changed = actions.change_composition(
                composition,
                by=person(request),
                role=role_of(request),
                document=form.document,
                component=given["component"],
                addresses=addresses_of(form),
                send_at=given["send_at"],
            )
        except (actions.ActionError, DialectError) as error:
            status = refuse(form, error)
        else:
            messages.success(request, "It is saved." if changed.send_at else "It is sent.")
            return see_other(changed.activity or changed)
    return show_form(request, form, status=status, composition=composition)


@writers
@posts
def cancel(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Let what waits for its time never be sent."""
    composition = get_object_or_404(Composition, uuid=identity)
    _may(request, composition)
    try:
        actions.cancel_composition(composition, by=person(request), role=role_of(request))
    except actions.Conflict as error:
        messages.error(request, f"It cannot be cancelled: {error}.")
    else:
        messages.success(request, "It is cancelled: it will not be sent.")
    return see_other(composition)


# ---- after it was sent


@writers
def change(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Change an event that was composed here, and send the update where the wire has one."""
    activity = get_object_or_404(Activity.objects.select_related("source"), uuid=identity)
    composition = Composition.objects.filter(activity=activity).first()
    words = NOT_OURS if composition is None else unchangeable(activity)
    kind = kind_of(activity.dialect, activity.kind)
    if words or composition is None or kind is None:
        return _refused(request, activity, "cannot be changed", words)
    _may(request, composition)
    form, status = ProgressForm(kind, posted(request), initial=_held(activity, kind)), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                sent = actions.revise(
                    activity,
                    by=person(request),
                    role=role_of(request),
                    document=form.document,
                    above=form.cleaned_data["above"],
                )
            except (actions.ActionError, DialectError) as error:
                status = refuse(form, error)
            else:
                messages.success(request, _sent_to(sent))
                return see_other(activity)
    upstreams = [each.name for each in composition.connections.all()]
    context = {"form": form, "kind": kind, "activity": activity, "upstreams": upstreams}
    return render(request, "compose/change.html", context, status=status)


def unchangeable(activity: Activity) -> str:
    """Say why no update of ACTIVITY can be sent, "" where it can."""
    if activity.dialect == streams.DIALECT:
        return NO_UPDATES
    ended = activity.progress == teamhub.COMPLETE or activity.verb in teamhub.ENDED
    return COMPLETE if activity.dialect == teamhub.DIALECT and ended else ""


@writers
def delete(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Ask, then delete an event that was composed here, also where it was sent to."""
    activity = get_object_or_404(Activity.objects.select_related("source"), uuid=identity)
    composition = Composition.objects.filter(activity=activity).first()
    if composition is None:
        return _refused(request, activity, "cannot be deleted here", NOT_OURS)
    _may(request, composition)
    if request.method == "POST":
        try:
            stays = actions.retract(activity, by=person(request), role=role_of(request))
        except actions.ActionError as error:
            return _refused(request, activity, "cannot be deleted", f"{error}.")
        messages.success(request, "The event is deleted here.")
        for name, reason in stays.items():
            messages.warning(request, f"{name}: {reason}.")
        return see_other("feed")
    upstreams = [
        (connection.name, UPSTREAMS[connection.dialect].no_delete(composition.wire))
        for connection in composition.connections.all()
    ]
    context = {"activity": activity, "upstreams": upstreams}
    return render(request, "compose/delete.html", context)


def fate_of(activity: Activity, user: Any) -> dict[str, Any]:
    """Return what the page of ACTIVITY says of its composing and sending to USER."""
    if not isinstance(user, User):
        return {}
    role = Role(user.role)
    composition = getattr(activity, "composition", None)
    kind = kind_of(activity.dialect, activity.kind)
    owners = {composition.author_id} if composition else set()
    mine = bool(owners) and role.writes and (role == Role.ADMIN or user.pk in owners)
    return {
        "composition": composition,
        "duplicated_as": kind.key if kind and role.writes else "",
        "mine": mine,
        "unchangeable": unchangeable(activity) if mine else "",
        "leads_here": composition is not None and activity.url == _address(composition),
        "letters": Delivery.objects.of_activity(activity)[:LETTERS_SHOWN],
    }


def _address(composition: Composition) -> str:
    return settings.SITE_URL + composition.get_absolute_url()


def _held(activity: Activity, kind: Kind) -> dict[str, Any]:
    """Return what the form of an update says of ACTIVITY; its time is now, its number the next."""
    values = kind.values(DIALECTS[activity.dialect].render(activity.columns()))
    moment = write_time(timezone.now().replace(microsecond=0))
    fresh = {"lastUpdated": moment, "updateSequenceNumber": None, "above": activity.sequence}
    return {**values, **fresh}


def _sent_to(letters: list[Delivery]) -> str:
    if not letters:
        return "It is changed here; there is nowhere to send the change to."
    names = ", ".join(letter.connection.name for letter in letters)
    return f"It is changed here, and the change is on its way to {names}."


def _may(request: HttpRequest, composition: Composition) -> None:
    """Raise PermissionDenied unless its author or an admin asks."""
    if role_of(request) != Role.ADMIN and composition.author_id != person(request).pk:
        raise PermissionDenied("Only who composed it, or an admin, may change it.")


def _kind_of(composition: Composition) -> Kind:
    kind = kind_of(composition.wire, composition.kind)
    assert kind is not None, "only what has a form is composed"
    return kind


def _refused(request: HttpRequest, activity: Activity, what: str, words: str) -> HttpResponse:
    context = {"activity": activity, "what": what, "words": words}
    return render(request, "compose/refused.html", context, status=409)
