"""Heartbeats, their pings and flips, and who is told.

A heartbeat holds its state and the deadline of the running countdown. A `Ping` is one line of its
event log; a `Flip` is one change of its state, with the exact moment; a `Notification` is one
letter about a flip to one channel.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.db import models
from django.db.models import F, Q

from feeds.models import KEY_LENGTH, Component, Connection, EventSource, User

NAME_LENGTH = 200  # characters, as the vendor has it
DESCRIPTION_LENGTH = 10_000  # characters, as the vendor has it
MESSAGE_LENGTH = 130  # characters of an alert message, as the vendor has it
TAGS_LIMIT = 20  # of an alert, and of a heartbeat
TAG_LENGTH = 50  # characters
BODY_LIMIT = 10_000  # bytes of a ping's body that are kept
RUN_LENGTH = 100  # characters of a run id
CRON_LENGTH = 100
ZONE_LENGTH = 64
LONGEST_PERIOD = timedelta(days=36_500)  # what is awaited for longer awaits nothing


class Team(models.Model):
    """Who owns heartbeats: the identifier of the vendor's paths, a name, and members.

    A team without members is open to everybody who may send; one with members only to them and to
    admins.
    """

    identifier = models.CharField(max_length=KEY_LENGTH, unique=True)
    name = models.CharField(max_length=100, blank=True)
    members = models.ManyToManyField(User, related_name="teams", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["identifier"]

    def __str__(self) -> str:
        return self.name or self.identifier


class Heartbeat(models.Model):
    """A dead man's switch: who pings it says "I live"; whoever stops is reported.

    What changes with every ping is last_ping_at, started_at, pings and due_at, and of these only
    due_at is in an index.
    """

    class State(models.TextChoices):
        """Where a heartbeat stands, in the vendor's words."""

        PENDING = "Pending", "Pending"  # enabled and not pinged since: never an alert
        RESPONSIVE = "Responsive", "Responsive"
        UNRESPONSIVE = "Unresponsive", "Unresponsive"  # its alert is open
        OFF = "Off", "Off"  # nothing is watched

    class Unit(models.TextChoices):
        """What an interval counts; senders spell it in any case."""

        MINUTES = "minutes", "minutes"
        HOURS = "hours", "hours"
        DAYS = "days", "days"

    class Priority(models.TextChoices):
        """How urgent an alert is; P1 is the most urgent."""

        P1 = "P1", "P1"
        P2 = "P2", "P2"
        P3 = "P3", "P3"
        P4 = "P4", "P4"
        P5 = "P5", "P5"

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    ping_key = models.UUIDField(default=uuid4, unique=True, editable=False)  # a secret
    badge_key = models.UUIDField(default=uuid4, unique=True, editable=False)  # may be public
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="heartbeats")
    name = models.CharField(max_length=NAME_LENGTH)
    description = models.TextField(blank=True, max_length=DESCRIPTION_LENGTH)
    tags = models.JSONField(default=list, blank=True)  # words to filter by
    component = models.ForeignKey(
        Component, on_delete=models.SET_NULL, null=True, blank=True, related_name="heartbeats"
    )
    # whose activities its alerts are; null: somebody deleted it, and the next alert makes it again
    source = models.ForeignKey(
        EventSource, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )

    # where it is made, changed, pinged and deleted as it is here; null: nowhere
    mirror = models.ForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, blank=True, related_name="heartbeats"
    )
    mirror_team = models.CharField(max_length=KEY_LENGTH, blank=True)  # its team there; "": as here

    # when it is due
    interval = models.PositiveIntegerField()
    interval_unit = models.CharField(max_length=7)  # as spelled: "minutes", "Minutes"
    period = models.DurationField()  # interval and unit, computed by schedule.period_of()
    grace = models.DurationField(default=timedelta())
    cron = models.CharField(max_length=CRON_LENGTH, blank=True)  # "": the interval counts
    time_zone = models.CharField(max_length=ZONE_LENGTH, default="UTC")  # of cron

    # what is sent when it is overdue
    alert_message = models.CharField(max_length=MESSAGE_LENGTH, blank=True)
    alert_tags = models.JSONField(default=list, blank=True)
    alert_priority = models.CharField(max_length=2, choices=Priority.choices, default=Priority.P3)
    repeat_minutes = models.PositiveIntegerField(default=0)  # while it is down; 0: told once
    snoozed_until = models.DateTimeField(null=True, blank=True)  # nobody is told until then

    # where it stands
    state = models.CharField(max_length=12, choices=State.choices)
    was = models.CharField(max_length=12, blank=True)  # its state before; "" if it is new
    changed_at = models.DateTimeField()  # when it came into its state
    due_at = models.DateTimeField(null=True)  # the deadline; null: no countdown runs
    last_ping_at = models.DateTimeField(null=True)  # the last sign of life, successful or plain
    started_at = models.DateTimeField(null=True)  # of the run under way; null: none is known
    pings = models.PositiveBigIntegerField(default=0)  # how many were logged: the last number
    outages = models.PositiveIntegerField(default=0)  # how many there were: names the alert
    announced = models.BooleanField(default=False)  # somebody was told of the running outage
    remind_at = models.DateTimeField(null=True)  # when to tell (again); null: not at all

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)  # by people, not by pings

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"], name="one_heartbeat_of_a_name_in_a_team"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["Pending", "Responsive", "Unresponsive", "Off"]),
                name="heartbeat_has_a_known_state",
            ),
            models.CheckConstraint(
                condition=Q(alert_priority__in=["P1", "P2", "P3", "P4", "P5"]),
                name="alert_has_a_known_priority",
            ),
            models.CheckConstraint(
                condition=Q(due_at__isnull=True) | Q(state__in=["Pending", "Responsive"]),
                name="only_what_is_watched_is_due",
            ),
            models.CheckConstraint(
                condition=Q(remind_at__isnull=True) | Q(state="Unresponsive"),
                name="only_what_is_down_is_repeated",
            ),
        ]
        indexes = [
            # how many are down, in the navigation of every page
            models.Index(
                fields=["id"], condition=Q(state="Unresponsive"), name="heartbeats_that_are_down"
            ),
            # watch(): whose deadline has passed
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="heartbeats_due"
            ),
            # remind(): of which outage to tell again
            models.Index(
                fields=["remind_at"], condition=Q(remind_at__isnull=False), name="heartbeats_down"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the path of the heartbeat's page."""
        return f"/heartbeats/{self.uuid}/"

    @property
    def enabled(self) -> bool:
        """Tell whether it is watched, or waits to be: all but Off."""
        return self.state != self.State.OFF

    @property
    def title(self) -> str:
        """What its alert says."""
        return self.alert_message or f"{self.name} is expired"


class Ping(models.Model):
    """One line of a heartbeat's event log; written once, pruned by number."""

    class Kind(models.TextChoices):
        """What the program said."""

        SUCCESS = "success", "Success"
        START = "start", "Start"
        FAIL = "fail", "Failure"
        LOG = "log", "Log"
        EXIT = "exit", "Exit status"
        IGNORED = "ignored", "Ignored"  # it came while the heartbeat was Off

    heartbeat = models.ForeignKey(
        Heartbeat, on_delete=models.CASCADE, related_name="log", db_index=False
    )
    number = models.PositiveBigIntegerField()  # 1 is the heartbeat's first
    kind = models.CharField(max_length=8, choices=Kind.choices)
    at = models.DateTimeField()
    exit_status = models.BigIntegerField(null=True)  # null: none was sent
    run_id = models.CharField(max_length=RUN_LENGTH, blank=True)
    duration = models.DurationField(null=True)  # since the start of the run; null: none is known
    body = models.TextField(blank=True)  # cut at BODY_LIMIT
    method = models.CharField(max_length=7, blank=True)
    remote_addr = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            # serves the log of a heartbeat, newest first, and prune()
            models.UniqueConstraint(fields=["heartbeat", "number"], name="one_ping_of_a_number")
        ]
        indexes = [
            # ping(): when the run that ends here started
            models.Index(
                fields=["heartbeat", "run_id", "-number"],
                condition=Q(kind="start"),
                name="starts_of_a_run",
            )
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.kind}"


class Flip(models.Model):
    """A change of a heartbeat's state: the history that strips and uptime are drawn from."""

    heartbeat = models.ForeignKey(
        Heartbeat, on_delete=models.CASCADE, related_name="flips", db_index=False
    )
    was = models.CharField(max_length=12, choices=Heartbeat.State.choices, blank=True)
    state = models.CharField(max_length=12, choices=Heartbeat.State.choices)
    at = models.DateTimeField()  # an expiry's is the exact deadline
    reason = models.CharField(max_length=200)  # in words
    activity = models.UUIDField(null=True)  # of the alert it opened or closed

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(was=F("state")), name="a_flip_changes_the_state")
        ]
        indexes = [
            # the strip and the uptime of a heartbeat, its history
            models.Index(fields=["heartbeat", "at"], name="flips_of_heartbeat"),
            models.Index(fields=["at"], name="flips_by_age"),  # prune()
        ]

    def __str__(self) -> str:
        return f"{self.was or 'New'} → {self.state}"


class MaintenanceWindow(models.Model):
    """A time in which nobody is told: once, or again and again by a cron schedule."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="windows")
    # null: all heartbeats of the team
    heartbeat = models.ForeignKey(
        Heartbeat, on_delete=models.CASCADE, null=True, blank=True, related_name="windows"
    )
    name = models.CharField(max_length=100, blank=True)
    starts_at = models.DateTimeField()  # of a recurring one: none begins before
    duration = models.DurationField()
    cron = models.CharField(max_length=CRON_LENGTH, blank=True)  # when each begins; "": once
    time_zone = models.CharField(max_length=ZONE_LENGTH, default="UTC")  # of cron
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(duration__gt=timedelta()), name="a_window_lasts_some_time"
            )
        ]

    def __str__(self) -> str:
        return self.name or f"{self.duration} from {self.starts_at:%Y-%m-%d %H:%M} UTC"


class Channel(models.Model):
    """Where notifications go: a webhook or a mailbox, of a team or of one heartbeat."""

    class Kind(models.TextChoices):
        """How a notification travels."""

        WEBHOOK = "webhook", "Webhook"
        EMAIL = "email", "E-mail"

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="channels")
    # null: it hears of all heartbeats of the team
    heartbeat = models.ForeignKey(
        Heartbeat, on_delete=models.CASCADE, null=True, blank=True, related_name="channels"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=100, blank=True)
    address = models.CharField(max_length=2000)  # the URL, or the e-mail address
    sealed_secret = models.TextField(blank=True, editable=False)  # webhooks: vault.seal("whsec_…")
    enabled = models.BooleanField(default=True)
    rests_until = models.DateTimeField(null=True, editable=False)  # it failed: others go first
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["webhook", "email"]), name="channel_has_a_known_kind"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.address


class Notification(models.Model):
    """One letter about a heartbeat to one channel: sealed when made, sent at least once.

    Whoever sends it takes it by raising `claims` and setting `next_at` to the end of a lease; one
    that wakes up after its lease finds the number changed and settles nothing.
    """

    class Event(models.TextChoices):
        """What it tells."""

        DOWN = "heartbeat.unresponsive", "Unresponsive"
        REMINDER = "heartbeat.still_unresponsive", "Still unresponsive"
        UP = "heartbeat.responsive", "Responsive"
        OFF = "heartbeat.off", "Off"
        TEST = "heartbeat.test", "Test"

    class State(models.TextChoices):
        """How far it came."""

        QUEUED = "queued", "Queued"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"  # for good; `attempts` says why

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="notifications")
    # null: it is deleted
    heartbeat = models.ForeignKey(
        Heartbeat, on_delete=models.SET_NULL, null=True, related_name="notifications"
    )
    channel = models.ForeignKey(
        Channel, on_delete=models.SET_NULL, null=True, related_name="notifications"
    )
    event = models.CharField(max_length=32, choices=Event.choices)
    recipient = models.CharField(max_length=2000)  # the channel's address, when it was made
    body = models.TextField()  # the JSON that webhooks get; e-mails are written from it
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    next_at = models.DateTimeField()  # when to send it; of one that is being sent: the lease's end
    claims = models.PositiveIntegerField(default=0)
    attempts = models.JSONField(default=list)  # [{"at", "seconds", "status", "answer"}], in order
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "sending", "sent", "failed"]),
                name="notification_has_a_known_state",
            )
        ]
        indexes = [
            # claim(): what is due, oldest first
            models.Index(
                fields=["next_at"],
                condition=Q(state__in=["queued", "sending"]),
                name="notifications_due",
            ),
            # claim(): is an earlier one about this heartbeat on its way to this channel?
            models.Index(
                fields=["channel", "heartbeat", "id"],
                condition=Q(state__in=["queued", "sending"]),
                name="notifications_ahead",
            ),
            models.Index(fields=["created_at"], name="notifications_by_age"),  # prune()
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} to {self.recipient}"
