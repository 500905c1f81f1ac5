"""Events out: the upstreams, what people composed, and the letters that carry it there."""

from __future__ import annotations

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from feeds.models.catalogue import Component, EventKind
from feeds.models.events import Activity
from feeds.models.lengths import KEY_LENGTH
from feeds.models.people import User


class Budget(models.Model):
    """How often one user of one upstream may ask; shared by all connections of that user."""

    key = models.CharField(max_length=KEY_LENGTH, unique=True)
    per_minute = models.PositiveIntegerField()  # requests; 0: the upstream has no limit
    # when the next request may go: a step after the last one, or later after a 429
    next_slot_at = models.DateTimeField()
    taken_at = models.DateTimeField()  # when next_slot_at was set: tells a clock that stepped back

    def __str__(self) -> str:
        return self.key


class Connection(models.Model):
    """An upstream, and who we are there."""

    class Dialect(models.TextChoices):
        """What it speaks: a name in dialects.outward.UPSTREAMS."""

        COMPASS = "compass", "Atlassian Compass"
        STREAMS = "streams", "Atlassian Activity Streams"
        TEAMHUB = "teamhub", "Perforce Helix TeamHub"
        PULSEBOARD = "pulseboard", "Another Pulseboard"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    dialect = models.CharField(max_length=16, choices=Dialect.choices)
    base_url = models.TextField()  # without a slash at its end
    account = models.CharField(max_length=KEY_LENGTH, blank=True)  # e-mail or user name
    cloud_id = models.CharField(max_length=64, blank=True)
    company_key = models.CharField(max_length=64, blank=True)
    sealed_secret = models.TextField(editable=False)  # vault.seal(); never shown again
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="connections")
    # null: letters go; else why they wait, in words
    paused_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.TextField(blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)  # no letter got through since
    probe_at = models.DateTimeField(null=True, blank=True)  # when one letter goes before its time
    # reading events from it (TeamHub); null: it is not read
    pull_at = models.DateTimeField(null=True, blank=True)
    pulled_at = models.DateTimeField(null=True, blank=True)  # the last time all went well
    pull_mark = models.JSONField(default=dict, blank=True)  # how far it has been read
    pull_failures = models.PositiveIntegerField(default=0)  # in a row
    pull_error = models.TextField(blank=True)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dialect", "base_url", "account", "cloud_id", "company_key"],
                name="one_connection_for_an_account",
            ),
            models.CheckConstraint(
                condition=Q(dialect__in=["compass", "streams", "teamhub", "pulseboard"]),
                name="connection_speaks_a_known_dialect",
            ),
        ]
        indexes = [
            # which connections are due to be read
            models.Index(
                fields=["pull_at"], condition=Q(pull_at__isnull=False), name="connections_to_pull"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the path of its page."""
        return f"/settings/connections/{self.uuid}/"


class Composition(models.Model):
    """An event that somebody wrote here: sent at once, or when its time comes."""

    class State(models.TextChoices):
        """How far it came."""

        SCHEDULED = "scheduled", "Scheduled"
        SENT = "sent", "Sent"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"  # a rule forbade it when its time came

    #: Made by the form, so that the same form sent twice is one event.
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="compositions")
    wire = models.CharField(max_length=16)  # the dialect of the document
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    title = models.TextField(blank=True)  # for lists
    document = models.JSONField()  # as the wire has it; a sequence number may be left out
    component = models.ForeignKey(
        Component, on_delete=models.SET_NULL, null=True, related_name="compositions"
    )
    connections = models.ManyToManyField(
        Connection, through="Addressee", related_name="compositions", blank=True
    )
    state = models.CharField(max_length=16, choices=State.choices)
    fault = models.TextField(blank=True)
    send_at = models.DateTimeField(null=True, blank=True)  # null: at once
    activity = models.OneToOneField(
        Activity, on_delete=models.SET_NULL, null=True, related_name="composition"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # what is due to be sent
            models.Index(
                fields=["send_at"], condition=Q(state="scheduled"), name="compositions_to_send"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"

    def get_absolute_url(self) -> str:
        """Return the path of the page that edits it while it waits."""
        return f"/compose/{self.uuid}/"


class Addressee(models.Model):
    """One upstream of a composition, and what the component is called there."""

    composition = models.ForeignKey(
        Composition, on_delete=models.CASCADE, related_name="addressees"
    )
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    component = models.CharField(max_length=KEY_LENGTH, blank=True)  # its id there

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["composition", "connection"], name="one_letter_for_a_connection"
            )
        ]


class Lane(models.Model):
    """The queue of one connection for one source: its letters go one at a time, in order.

    `ready_at` is the whole of its state: null, nothing waits; in the past, its first letter may
    go; in the future, it waits for a retry, or for the worker that has it, whose lease this is.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="lanes")
    key = models.CharField(max_length=64)  # what it is a queue for: "source:17"
    ready_at = models.DateTimeField(null=True)
    touched_at = models.DateTimeField()  # when ready_at was set: tells a clock that stepped back
    claims = models.BigIntegerField(default=0)  # fences a worker that wakes up late

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "key"], name="one_lane_for_a_key")
        ]
        indexes = [
            # the next lane of a connection
            models.Index(
                fields=["connection", "ready_at"],
                condition=Q(ready_at__isnull=False),
                name="lanes_with_letters",
            )
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}:{self.key}"


class Deliveries(models.QuerySet["Delivery"]):
    """Letters, by how far they came."""

    def waiting(self) -> Self:
        """Return those that are yet to go."""
        return self.filter(state__in=Delivery.WAITING)

    def of_activity(self, activity: Activity) -> Self:
        """Return the letters about ACTIVITY, the newest first."""
        return self.filter(activity=activity).select_related("connection").order_by("-id")


class Delivery(models.Model):
    """One letter to one connection, sealed: its request is rendered, without the secret."""

    class State(models.TextChoices):
        """How far it came."""

        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        RETRYING = "retrying", "Retrying"
        ACCEPTED = "accepted", "Accepted"
        CONFIRMED = "confirmed", "Confirmed"
        DEAD = "dead", "Dead letter"
        CANCELLED = "cancelled", "Cancelled"
        SUPERSEDED = "superseded", "Superseded"

    class Verb(models.TextChoices):
        """What it asks of the upstream."""

        CREATE = "create", "Create"
        UPDATE = "update", "Update"
        DELETE = "delete", "Delete"

    #: States of a letter that is yet to go: the first of these of a lane is its head.
    WAITING = ("queued", "sending", "retrying")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    lane = models.ForeignKey(
        Lane, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    activity = models.ForeignKey(
        Activity, on_delete=models.SET_NULL, null=True, related_name="deliveries"
    )
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    verb = models.CharField(max_length=8, choices=Verb.choices)
    wire = models.CharField(max_length=16)  # the dialect of the document
    title = models.TextField()  # for people: what it is about
    link = models.TextField()  # the address of the event's page here
    # the request
    method = models.CharField(max_length=8)
    path = models.TextField()  # as Letter.path has it; may hold {receipt}
    headers = models.JSONField(default=dict)
    body = models.JSONField(null=True)
    # how far it came
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    tries = models.PositiveIntegerField(default=0)  # spent of the retry budget
    # an attempt of which we do not know the end: it may have arrived
    uncertain = models.BooleanField(default=False)
    next_try_at = models.DateTimeField(null=True)  # while it waits
    status = models.PositiveSmallIntegerField(null=True)  # of the last answer
    reason = models.TextField(blank=True)  # of the last failure, in words
    receipt = models.CharField(max_length=KEY_LENGTH, blank=True)  # what the upstream called it
    confirm_at = models.DateTimeField(null=True)  # when to read it back; null: not again
    confirm_tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)  # when it came to its end

    objects = Deliveries.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["lane"], condition=Q(state="sending"), name="one_in_flight_per_lane"
            ),
        ]
        indexes = [
            # the head of a lane, and what waits in it
            models.Index(
                fields=["lane", "id"],
                condition=Q(state__in=["queued", "sending", "retrying"]),
                name="letters_waiting_in_lane",
            ),
            models.Index(fields=["state", "-id"], name="deliveries_in_state"),  # outbox ?state=
            models.Index(fields=["connection", "-id"], name="deliveries_of_connection"),  # ditto
            # whether an event that was read there is one of ours
            models.Index(
                fields=["connection", "receipt"],
                condition=~Q(receipt=""),
                name="deliveries_by_receipt",
            ),
            # what is due to be read back
            models.Index(
                fields=["confirm_at"],
                condition=Q(confirm_at__isnull=False),
                name="deliveries_to_confirm",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.title}"

    def get_absolute_url(self) -> str:
        """Return the path of its page."""
        return f"/outbox/{self.uuid}/"


class Attempt(models.Model):
    """One request about a letter, and its end."""

    class Sort(models.TextChoices):
        """What was asked."""

        SEND = "send", "Sent"
        LOOK_UP = "look_up", "Looked for"  # after an attempt whose end we do not know
        CONFIRM = "confirm", "Read back"

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    sort = models.CharField(max_length=8, choices=Sort.choices, default=Sort.SEND)
    claim = models.BigIntegerField()  # which claim of the lane made it
    started_at = models.DateTimeField()
    seconds = models.FloatField(null=True)  # null: its worker was lost
    method = models.CharField(max_length=8)
    url = models.TextField()
    status = models.PositiveSmallIntegerField(null=True)  # null: there was no answer
    error = models.TextField(blank=True)  # what went wrong, in words
    response = models.TextField(blank=True)  # cut at 20 kB

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.sort} {self.status or self.error}"


class EventTemplate(models.Model):
    """A form half filled in, kept for the next time."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="event_templates")
    shared = models.BooleanField(default=False)  # everybody sees it; only its owner changes it
    wire = models.CharField(max_length=16)
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    document = models.JSONField()
    component = models.ForeignKey(Component, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"], name="one_template_for_a_user_and_name"
            )
        ]

    def __str__(self) -> str:
        return self.name
