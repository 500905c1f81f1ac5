"""The events, and the bodies that made none."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import F, Prefetch, Q

from feeds.models.catalogue import EventKind, EventSource
from feeds.models.lengths import KEY_LENGTH
from feeds.models.people import ApiToken, User

#: Tells an activity that an update has changed; what only came in has both at one moment.
CHANGED = ~Q(touched_at=F("received_at"))
#: For rows of activities: what their sources are attached to, in one more query.
PLACES = Prefetch("source__components", to_attr="places")


def _newest_first(name: str, *facets: str, only: Q | None = None) -> models.Index:
    return models.Index(fields=[*facets, "-occurred_at", "-id"], name=name, condition=only)


class Activity(models.Model):
    """One event of any dialect; an update with a higher sequence replaces it."""

    class State(models.TextChoices):
        """Our words for the states of all dialects; vocabulary.py gives each a tone."""

        PENDING = "pending", "Pending"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        ERROR = "error", "Error"
        TIMED_OUT = "timed_out", "Timed out"
        CANCELLED = "cancelled", "Cancelled"
        ROLLED_BACK = "rolled_back", "Rolled back"
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        SNOOZED = "snoozed", "Snoozed"
        RESOLVED = "resolved", "Resolved"
        CLOSED = "closed", "Closed"
        CREATED = "created", "Created"
        IN_REVIEW = "in_review", "In review"
        MERGED = "merged", "Merged"
        REJECTED = "rejected", "Rejected"
        REMEDIATED = "remediated", "Remediated"
        DECLINED = "declined", "Declined"
        ON = "on", "On"
        OFF = "off", "Off"
        TARGETING_UPDATED = "targeting_updated", "Targeting updated"
        ARCHIVED = "archived", "Archived"
        DELETED = "deleted", "Deleted"
        PRE_RELEASE = "pre_release", "Pre-release"
        PRODUCTION = "production", "Production"
        DEPRECATION = "deprecation", "Deprecation"
        END_OF_LIFE = "end_of_life", "End of life"
        UNKNOWN = "unknown", "Unknown"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.ForeignKey(
        EventSource, on_delete=models.CASCADE, related_name="activities", db_index=False
    )
    external_id = models.CharField(max_length=KEY_LENGTH)
    sequence = models.BigIntegerField()
    dialect = models.CharField(max_length=16)
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    verb = models.CharField(max_length=KEY_LENGTH)
    state = models.CharField(max_length=24, choices=State.choices, blank=True)
    progress = models.PositiveSmallIntegerField(null=True)  # percent; null: the wire has none
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
    # the project of the issue that the target is, or the project itself; null: it is neither
    project_key = models.CharField(max_length=KEY_LENGTH, null=True)
    ref = models.CharField(max_length=KEY_LENGTH, null=True)  # a branch or a pipeline; null: none
    level = models.CharField(max_length=KEY_LENGTH, null=True)  # how grave; null: it does not say
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    updates = models.PositiveIntegerField(null=True)  # news after the first; null: there were none
    # when we stopped waiting for the end of what ran; null: we did not, or news came after all
    abandoned_at = models.DateTimeField(null=True)
    author = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="activities", db_index=False
    )
    # the user who sent the last update, who may be gone; null: there was none
    changed_by = models.BigIntegerField(null=True)
    details = models.JSONField(default=dict)  # what is left of the vendor's fields
    raw = models.TextField()  # the body exactly as received

    class Meta:
        verbose_name_plural = "activities"
        ordering = ["-occurred_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], name="one_activity_for_an_external_id"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=EventKind.values), name="activity_has_a_known_kind"
            ),
            models.CheckConstraint(
                condition=Q(progress__isnull=True) | Q(progress__lte=100),
                name="progress_is_a_percentage",
            ),
        ]
        indexes = [
            _newest_first("activity_newest"),  # the feed without a filter
            _newest_first("activity_of_source", "source"),  # ?source=, a component's feed
            _newest_first("activity_of_kind", "kind"),  # ?type=
            _newest_first("activity_in_state", "state"),  # ?state=
            _newest_first("activity_from_generator", "generator"),  # ?generator=
            _newest_first("activity_by_actor", "actor_key"),  # ?actor=
            _newest_first("activity_on_target", "target_key"),  # ?target=
            # ?project=, a project's page
            _newest_first("activity_in_project", "project_key", only=Q(project_key__isnull=False)),
            _newest_first("activity_on_ref", "ref", only=Q(ref__isnull=False)),  # ?ref=
            _newest_first("activity_of_level", "level", only=Q(level__isnull=False)),  # ?level=
            # what stands in each environment, on a component's page: digests/deployments.py
            _newest_first(
                "activity_deployed_to", "source", "target_key", only=Q(kind=EventKind.DEPLOYMENT)
            ),
            # GET /rest/activities/1.0/
            _newest_first("activity_of_streams", only=Q(dialect="streams")),
            # GET /api/events
            _newest_first("activity_of_teamhub", only=Q(dialect="teamhub")),
            # GET /api/events/{id}
            models.Index(
                fields=["external_id"],
                condition=Q(dialect="teamhub"),
                name="activity_by_teamhub_id",
            ),
            # what has changed lately, for the streams: live/changes.py; an INSERT pays nothing
            models.Index(fields=["touched_at", "id"], condition=CHANGED, name="activity_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"

    def get_absolute_url(self) -> str:
        """Return the path of the permalink; reverse() would cost more than the rest of a row."""
        return f"/activities/{self.uuid}/"

    def columns(self) -> dict[str, Any]:
        """Return the columns as a dialect names them, to be rendered."""
        columns = {field.attname: getattr(self, field.attname) for field in self._meta.fields}
        return {**columns, "source_id": self.source.external_id}


class Deletion(models.Model):
    """An activity that is no more; a trigger of the database writes it, whoever deletes.

    What came in more than 30 days before leaves none: retention takes thousands of those at once,
    and they stand on nobody's screen.
    """

    activity = models.UUIDField()
    source_id = models.BigIntegerField()  # no foreign key: the source may be gone too
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    deleted_at = models.DateTimeField()

    class Meta:
        indexes = [
            # what was deleted lately, for the streams: live/changes.py
            models.Index(fields=["deleted_at", "id"], name="deletions_by_time")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.activity}"


def sources_with_last_seen() -> models.QuerySet[EventSource]:
    """Return the sources, each with the time of its newest activity: one index look-up each."""
    newest = Activity.objects.filter(source=models.OuterRef("pk")).order_by("-occurred_at", "-id")
    return EventSource.objects.annotate(last_seen=models.Subquery(newest.values("occurred_at")[:1]))


class Refusal(models.Model):
    """A body that changed nothing, and why: answered with an error, or older than what we have."""

    class Outcome(models.TextChoices):
        """What became of the body."""

        REFUSED = "refused", "Refused"
        IGNORED = "ignored", "Ignored"

    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    status = models.PositiveSmallIntegerField()
    reason = models.TextField()
    body = models.TextField()
    source = models.ForeignKey(
        EventSource, on_delete=models.CASCADE, null=True, related_name="refusals", db_index=False
    )
    token = models.ForeignKey(
        ApiToken, on_delete=models.CASCADE, null=True, related_name="refusals", db_index=False
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="refusals")
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["source", "-id"], name="refusals_of_source"),  # a source's log
            models.Index(fields=["token", "-id"], name="refusals_of_token"),  # a token's log
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.reason}"
