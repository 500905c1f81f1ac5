"""Changes of an activity that stands: its progress, and what goes with it."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from feeds.actions.errors import Conflict, Forbidden
from feeds.dialects import correlation, native
from feeds.models import Activity, Role, User
from feeds.upsert import correlate

RUNNING = Activity.State.RUNNING


def amend_activity(identity: uuid.UUID, change: native.Change, *, by: User, role: Role) -> Activity:
    """Write CHANGE over the activity IDENTITY and raise its sequence; returns it.

    One at a time: each sees what the one before it wrote, so that no two make one. Raises
    Activity.DoesNotExist, Forbidden unless BY sent it or comes as an admin, and Conflict.
    """
    with transaction.atomic():
        activity = Activity.objects.select_for_update().get(uuid=identity)
        if activity.abandoned_at is not None:
            activity.state, activity.abandoned_at = RUNNING, None  # so it ran on after all
        _check(activity, change, by, role)
        for name, value in change.columns.items():
            setattr(activity, name, value)
        activity.sequence += 1
        activity.details = change.applied_to(activity.details, activity.sequence)
        activity.touched_at = timezone.now()
        activity.updates = (activity.updates or 0) + 1
        activity.changed_by = by.pk
        written = [
            "sequence", "details", "touched_at", "updates", "changed_by", "abandoned_at", "state",
        ]  # fmt: skip
        activity.save(update_fields=[*written, *change.columns])
        if not change.columns.keys().isdisjoint(("title", "content", "url")):
            names = correlation.keys(activity.columns())
            correlate((activity.pk, *name) for name in names)
    return activity


def _check(activity: Activity, change: native.Change, by: User, role: Role) -> None:
    if role != Role.ADMIN and activity.author_id != by.pk:
        raise Forbidden("only who sent an activity, or an admin, may change it")
    if activity.dialect != native.DIALECT:
        raise Conflict("only activities that were made by this API are changed by it")
    state = change.columns.get("state", activity.state)
    progress = change.columns.get("progress", activity.progress)
    runs_on = activity.state == state == RUNNING
    if runs_on and _percent(progress) < _percent(activity.progress):
        raise Conflict(
            f"progress: is {activity.progress} and may not go back while it is running; "
            "what starts again is pending first"
        )


def _percent(progress: int | None) -> int:
    return -1 if progress is None else progress
