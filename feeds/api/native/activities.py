"""Activities: the feed, one event, and events of our own making."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions, querybox
from feeds.api.auth import Caller, caller_of
from feeds.api.native import paging, shapes
from feeds.api.native.sources import place_json
from feeds.api.once import once
from feeds.api.problems import problem_of
from feeds.api.resource import WRITERS, Resource
from feeds.dialects import native
from feeds.dialects.mapping import DialectError, Draft
from feeds.filters import PARAMETERS, FeedFilter
from feeds.models import PLACES, REVISIONS_KEPT, Activity, Role
from feeds.pages import page
from feeds.revisions import Update, updates_of


def activity_json(activity: Activity) -> dict[str, Any]:
    """Write an activity for programs; `raw` is the body exactly as received, as text."""
    source = activity.source
    return {
        "uuid": activity.uuid,
        "dialect": activity.dialect,
        "source": {
            "uuid": source.uuid,
            "external_id": source.external_id,
            "kind": source.kind,
            "name": str(source),
        },
        "external_id": activity.external_id,
        "sequence": activity.sequence,
        "kind": activity.kind,
        "verb": activity.verb,
        "state": activity.state,
        "progress": activity.progress,
        "title": activity.title,
        "content": activity.content,
        "url": activity.url,
        "icon": activity.icon,
        "generator": activity.generator,
        "actor": {
            "key": activity.actor_key,
            "name": activity.actor_name,
            "image": activity.actor_image,
        },
        "object": {"type": activity.object_type, "key": activity.object_key},
        "target": {"key": activity.target_key, "url": activity.target_url},
        "project": activity.project_key,
        "ref": activity.ref,
        "level": activity.level,
        "components": [place_json(component) for component in source.places],
        "author": activity.author and activity.author.username,
        "occurred_at": activity.occurred_at,
        "received_at": activity.received_at,
        "touched_at": activity.touched_at,
        "details": activity.details,
        "raw": activity.raw,
    }


def whole_activities() -> QuerySet[Activity]:
    """Return all activities with what activity_json() shows of them."""
    rows = Activity.objects.select_related("source", "author")
    return rows.prefetch_related(PLACES)


class Activities(Resource):
    """The feed, and new events."""

    write_roles = WRITERS
    parameters = (*PARAMETERS, "query", "before", "after", "limit")

    @extend_schema(
        summary="List activities",
        description="The feed, newest first, with the filters of the feed page. A parameter may "
        "be given several times: any of its values will do. A leading minus leaves out. "
        "`/api/v1/activities/stream` sends them as they come; see docs/live.md.",
        parameters=shapes.FILTERS,
        responses=shapes.page_of(shapes.Activity),
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the feed."""
        query = querybox.checked(request._request.GET)
        found = page(FeedFilter.read(query), query, size=paging.limit_of(request), without=())
        older, newer = found.older, found.newer
        return paging.page(
            [activity_json(row) for row in found.rows],
            following=paging.address(request, before=str(older)) if older else None,
            previous=paging.address(request, after=str(newer)) if newer else None,
        )

    @extend_schema(
        summary="Create an activity",
        description="An activity with the external id of one that exists in its source updates it "
        "if its sequence is higher, and else changes nothing: `X-Pulseboard-Outcome` is created, "
        "updated or stale. Only bots and admins may name another actor than themselves.",
        request=shapes.NewActivity,
        responses={201: shapes.Activity, 200: shapes.Activity},
        examples=shapes.NEW_ACTIVITIES,
    )
    @once
    def post(self, request: Request) -> Response:
        """Record one event in our own words."""
        caller = caller_of(request)
        text = request._request.body.decode(errors="replace")
        try:
            draft = _draft(caller, request.data)
            draft.raw = text
            recorded = actions.record(caller.sender, draft)
        except (DialectError, actions.ActionError) as error:
            return _refuse(caller, error, text)
        created = recorded.outcome == actions.Outcome.CREATED
        return Response(
            activity_json(whole_activities().get(uuid=recorded.activity)),
            status=201 if created else 200,
            headers={"X-Pulseboard-Outcome": recorded.outcome.value},
        )


def _draft(caller: Caller, document: Any) -> Draft:
    """Read DOCUMENT, whose component has a source of its own here unless it names another."""
    home = None
    named = document.get("component") if isinstance(document, dict) else None
    if isinstance(named, str) and named and document.get("source") is None:
        component = actions.find_component(named)
        home = native.Home(f"component/{component.uuid}", component.name)
    identity = str(uuid.uuid4())
    draft = native.parse(document, now=timezone.now(), external_id=identity, home=home)
    own = {"", caller.user.username, caller.user.email}
    another = draft.actor_key not in own or draft.actor_name not in {"", str(caller.user)}
    if another and caller.role == Role.COMPOSER:
        raise PermissionDenied("actor: only a bot or an admin may name another than itself")
    if draft.actor_key and not draft.actor_name:
        draft.actor_name = draft.actor_key
    return draft


def _refuse(caller: Caller, error: Exception, text: str) -> Response:
    """Answer ERROR, and keep TEXT in the log of the sender."""
    answer = problem_of(error)
    assert answer is not None
    actions.log_refusal(caller.sender, status=answer.status_code, reason=str(error), body=text)
    return answer


class OneActivity(Resource):
    """One event: read it, report its progress, delete it."""

    write_roles = WRITERS

    @extend_schema(summary="Read an activity", responses=shapes.Activity)
    def get(self, request: Request, identity: uuid.UUID) -> Response:
        """Answer one activity."""
        return Response(activity_json(get_object_or_404(whole_activities(), uuid=identity)))

    @extend_schema(
        summary="Report progress",
        description="Changes what is given of an activity that this API made, and raises its "
        "sequence; null empties. Only its sender and admins may. Progress may not go back while "
        "the activity is running: what starts again is pending first.",
        request=shapes.ActivityChange,
        responses=shapes.Activity,
        examples=shapes.CHANGES,
    )
    def patch(self, request: Request, identity: uuid.UUID) -> Response:
        """Change progress, state, title, content or url."""
        caller = caller_of(request)
        change = native.read_change(request.data)
        activity = get_object_or_404(Activity.objects.only("uuid"), uuid=identity)
        actions.amend_activity(activity.uuid, change, by=caller.user, role=caller.role)
        return Response(activity_json(get_object_or_404(whole_activities(), uuid=identity)))

    @extend_schema(
        summary="Delete an activity",
        description="Only its sender and admins may.",
        responses={204: None},
    )
    def delete(self, request: Request, identity: uuid.UUID) -> Response:
        """Delete an activity."""
        caller = caller_of(request)
        activity = get_object_or_404(Activity, uuid=identity)
        actions.delete_activity(activity, by=caller.user, role=caller.role)
        return Response(status=204)


class Revisions(Resource):
    """What the updates of one event changed."""

    @extend_schema(
        summary="List the revisions of an activity",
        description=f"What each update changed, the newest first, {REVISIONS_KEPT} at most: older "
        "ones are not kept. An update of a running activity that leaves everything but progress, "
        "time and details as they were is no revision.",
        responses=shapes.page_of(shapes.Revision),
    )
    def get(self, request: Request, identity: uuid.UUID) -> Response:
        """Answer every update that is kept."""
        activity = get_object_or_404(Activity, uuid=identity)
        found = [update_json(update) for update in updates_of(activity)]
        return paging.page(found, following=None, previous=None)


def update_json(update: Update) -> dict[str, Any]:
    """Write UPDATE for programs."""
    return {
        "at": update.at,
        "by": update.by,
        "sequence": update.sequence,
        "former_sequence": update.former_sequence,
        "changes": [
            {"field": change.field, "before": change.before, "after": change.after}
            for change in update.changes
        ],
    }
