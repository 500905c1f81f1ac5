"""The data: who may come in, what sends events, and the events themselves."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

KEY_LENGTH = 255  # characters of any indexed text; dialects.mapping.key() cuts to it
REFUSAL_BODY_LENGTH = 10_000  # characters kept of a body that was refused or ignored


class Role(models.TextChoices):
    """What a person or a program may do; the order is the order of power."""

    VIEWER = "viewer", "Viewer: reads"
    COMPOSER = "composer", "Composer: reads and sends events"
    BOT = "bot", "Bot: a program that sends events, also in the name of others"
    ADMIN = "admin", "Admin: manages sources, components and people too"

    @property
    def writes(self) -> bool:
        """Tell whether this role may send events."""
        return self is not Role.VIEWER


class UserManager(BaseUserManager["User"]):
    """People and programs by name or e-mail."""

    def by_login(self, login: str) -> User | None:
        """Find who LOGIN names, a user name or an e-mail, in any case."""
        if "\x00" in login:
            return None
        column = "email" if "@" in login else "username"
        return self.filter(**{f"{column}__iexact": login}).first()

    def get_by_natural_key(self, username: str | None) -> User:
        """Find who logs in as USERNAME, which may be an e-mail too."""
        user = self.by_login(username or "")
        if user is None:
            raise self.model.DoesNotExist
        return user


class User(AbstractBaseUser):
    """A person or a program, with one role."""

    username = models.CharField(
        max_length=150, unique=True, validators=[UnicodeUsernameValidator()]
    )
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=KEY_LENGTH, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"), condition=~Q(email=""), name="one_user_for_an_email"
            ),
            models.UniqueConstraint(Lower("username"), name="one_user_for_a_name_in_any_case"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_has_a_known_role"),
        ]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def is_staff(self) -> bool:
        """Tell whether this user may open Django's admin."""
        return self.role == Role.ADMIN

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Give admins every permission, and nobody else any."""
        return self.is_active and self.role == Role.ADMIN

    def has_module_perms(self, app_label: str) -> bool:
        """Give admins every app, and nobody else any."""
        return self.has_perm(app_label)


class ApiToken(models.Model):
    """A secret that stands for a user with a role; only its SHA-256 is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="token_has_a_known_role")
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"

    @staticmethod
    def new_secret() -> str:
        """Make the text of a new token."""
        return f"pb_{secrets.token_urlsafe(30)}"

    @staticmethod
    def digest_of(secret: str) -> str:
        """Return what is stored for SECRET."""
        return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class RateWindow(models.Model):
    """How many requests a user has made in the running minute."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True)
    started_at = models.DateTimeField()
    count = models.PositiveIntegerField()


class Site(models.Model):
    """The one site of this installation, made on first use and never changed."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    cloud_id = models.UUIDField(default=uuid.uuid4)
    workspace_id = models.UUIDField(default=uuid.uuid4)
    company_key = models.CharField(max_length=32)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="there_is_one_site")]


class EventKind(models.TextChoices):
    """What sort of event: the ten kinds of Compass, and the activity of the other wires."""

    DEPLOYMENT = "deployment", "Deployment"
    BUILD = "build", "Build"
    PUSH = "push", "Push"
    PULL_REQUEST = "pull_request", "Pull request"
    INCIDENT = "incident", "Incident"
    ALERT = "alert", "Alert"
    FLAG = "flag", "Flag"
    LIFECYCLE = "lifecycle", "Lifecycle"
    VULNERABILITY = "vulnerability", "Vulnerability"
    CUSTOM = "custom", "Custom"
    ACTIVITY = "activity", "Activity"


class EventSource(models.Model):
    """Something that sends events of one kind, as Compass defines it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    external_id = models.CharField(max_length=KEY_LENGTH)
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    name = models.CharField(max_length=KEY_LENGTH, blank=True)
    # owner/name of the repository that external_id names, "" where it names none: what joins a
    # pull request's source to the components of that repository
    repository = models.CharField(max_length=KEY_LENGTH, blank=True, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["external_id", "kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["external_id", "kind"], name="one_source_for_an_external_id_and_kind"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=EventKind.values), name="source_has_a_known_kind"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id

    def get_absolute_url(self) -> str:
        """Return the path of the source's page."""
        return f"/sources/{self.uuid}/"


class Component(models.Model):
    """A service, library or other thing that events are about."""

    class Type(models.TextChoices):
        """The types of Compass."""

        SERVICE = "SERVICE", "Service"
        APPLICATION = "APPLICATION", "Application"
        LIBRARY = "LIBRARY", "Library"
        CAPABILITY = "CAPABILITY", "Capability"
        CLOUD_RESOURCE = "CLOUD_RESOURCE", "Cloud resource"
        DATA_PIPELINE = "DATA_PIPELINE", "Data pipeline"
        MACHINE_LEARNING_MODEL = "MACHINE_LEARNING_MODEL", "Machine learning model"
        UI_ELEMENT = "UI_ELEMENT", "UI element"
        WEBSITE = "WEBSITE", "Website"
        OTHER = "OTHER", "Other"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=64, unique=True)
    type = models.CharField(max_length=32, choices=Type.choices, default=Type.SERVICE)
    description = models.TextField(blank=True, max_length=1000)
    owner_team = models.CharField(max_length=100, blank=True)
    links = models.JSONField(default=list, blank=True)  # [{"name", "url"}]
    created_at = models.DateTimeField(auto_now_add=True)
    sources = models.ManyToManyField(
        EventSource, through="Attachment", related_name="components", blank=True
    )

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Attachment(models.Model):
    """A source whose events show on a component."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="attachments")
    source = models.ForeignKey(EventSource, on_delete=models.CASCADE, related_name="attachments")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["component", "source"], name="attached_once")
        ]


def _newest_first(name: str, *facets: str) -> models.Index:
    return models.Index(fields=[*facets, "-occurred_at", "-id"], name=name)


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
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    author = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="activities", db_index=False
    )
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
