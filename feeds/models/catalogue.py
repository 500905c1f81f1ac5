"""The site, its components, and the sources that send events about them."""

from __future__ import annotations

import hashlib
import uuid

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from feeds.models.lengths import ALIAS_LENGTH, KEY_LENGTH


class Site(models.Model):
    """The one site of this installation, made on first use; its ids never change."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    cloud_id = models.UUIDField(default=uuid.uuid4)
    workspace_id = models.UUIDField(default=uuid.uuid4)
    company_key = models.CharField(max_length=32)
    name = models.CharField(max_length=60, blank=True)
    # What admins set on a page wins over the environment; "" and null leave it to that.
    adopted_cloud_id = models.CharField(max_length=64, blank=True)
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    rate_limit = models.PositiveIntegerField(null=True, blank=True)

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

    @cached_property
    def places(self) -> list[Component]:
        """The components that it is attached to, read once by whoever holds this object."""
        return list(self.components.all())


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

    class LinkType(models.TextChoices):
        """What a link of a component leads to, as Compass sorts them."""

        CHAT_CHANNEL = "CHAT_CHANNEL", "Chat channel"
        DASHBOARD = "DASHBOARD", "Dashboard"
        DOCUMENT = "DOCUMENT", "Document"
        ON_CALL = "ON_CALL", "On call"
        OTHER_LINK = "OTHER_LINK", "Other"
        PROJECT = "PROJECT", "Project"
        REPOSITORY = "REPOSITORY", "Repository"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=64, unique=True)
    type = models.CharField(max_length=32, choices=Type.choices, default=Type.SERVICE)
    description = models.TextField(blank=True, max_length=1000)
    owner_team = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=32, default="ACTIVE")  # Compass: also PENDING, or a custom
    labels = models.JSONField(default=list, blank=True)  # lower case words, in order
    links = models.JSONField(default=list, blank=True)  # [{"id", "type", "name", "url"}]
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    sources = models.ManyToManyField(
        EventSource, through="Attachment", related_name="components", blank=True
    )

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Alias(models.Model):
    """A component's name in another system: what Compass calls an external alias."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="aliases")
    source = models.CharField(max_length=ALIAS_LENGTH)
    external_id = models.CharField(max_length=ALIAS_LENGTH)
    url = models.TextField(blank=True)
    # SHA-256 of source and external id, which together may be longer than an index entry
    digest = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return f"{self.source}: {self.external_id}"

    @staticmethod
    def digest_of(source: str, external_id: str) -> str:
        """Return what finds the alias EXTERNAL_ID in SOURCE."""
        return hashlib.sha256(f"{source}\x00{external_id}".encode(errors="replace")).hexdigest()


class Attachment(models.Model):
    """A source whose events show on a component."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="attachments")
    source = models.ForeignKey(EventSource, on_delete=models.CASCADE, related_name="attachments")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["component", "source"], name="attached_once")
        ]
