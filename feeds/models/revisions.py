"""What an event was before its updates."""

from __future__ import annotations

from django.db import models

from feeds.models.catalogue import EventKind
from feeds.models.events import Activity
from feeds.models.lengths import KEY_LENGTH


class Revision(models.Model):
    """An activity as it was until an update; a trigger of the database writes it, whoever updates.

    An update of what runs that leaves everything shown as it was only moves the progress: it is
    counted in Activity.updates, and leaves none. The trigger keeps the newest REVISIONS_KEPT of an
    activity, and another deletes them with it. What was sent is not kept beside it: what an update
    changed of it stands here, in a column or in the details.
    """

    # no constraint: it would be checked at each update, and the triggers keep what it would
    activity = models.ForeignKey(
        Activity,
        on_delete=models.DO_NOTHING,
        related_name="revisions",
        db_index=False,
        db_constraint=False,
    )
    replaced_at = models.DateTimeField()  # when the update came
    # the user who sent the update, who may be gone; null: it was no sender's doing, but our own
    replaced_by = models.BigIntegerField(null=True)
    sequence = models.BigIntegerField()
    next_sequence = models.BigIntegerField()  # of the update
    progress = models.PositiveSmallIntegerField(null=True)
    next_progress = models.PositiveSmallIntegerField(null=True)
    occurred_at = models.DateTimeField()
    next_occurred_at = models.DateTimeField()
    dialect = models.CharField(max_length=16)
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    verb = models.CharField(max_length=KEY_LENGTH)
    state = models.CharField(max_length=24, choices=Activity.State.choices, blank=True)
    title = models.TextField()
    content = models.TextField(blank=True)
    url = models.TextField(blank=True)
    icon = models.TextField(blank=True)
    generator = models.CharField(max_length=KEY_LENGTH)
    actor_key = models.CharField(max_length=KEY_LENGTH, blank=True)
    actor_name = models.CharField(max_length=KEY_LENGTH, blank=True)
    actor_image = models.TextField(blank=True)
    object_type = models.CharField(max_length=KEY_LENGTH, blank=True)
    object_key = models.CharField(max_length=KEY_LENGTH, blank=True)
    target_key = models.CharField(max_length=KEY_LENGTH, blank=True)
    target_url = models.TextField(blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # an activity's page, GET /api/v1/activities/{uuid}/revisions, and the trigger that
            # lets the oldest go
            models.Index(fields=["activity", "-id"], name="revisions_of_activity")
        ]

    def __str__(self) -> str:
        return f"{self.activity_id} until {self.next_sequence}"
