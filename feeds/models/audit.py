"""What people and programs changed, and who they were."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.urls import NoReverseMatch, reverse

from feeds.models.lengths import KEY_LENGTH

#: The page of what an entry is about, by its kind; each takes the entry's key.
PAGES = {
    "component": "component", "source": "source", "attachment": "component", "token": "token",
    "webhook": "webhook", "connection": "connection", "user": "user", "heartbeat": "heartbeat",
    "team": "team", "channel": "channel",
}  # fmt: skip


class AuditEntries(models.QuerySet["AuditEntry"]):
    """Entries, by what one looks for."""

    def about(self, text: str) -> Self:
        """Return the entries whose subject, or whose author, has TEXT in its name."""
        return self.filter(models.Q(subject__icontains=text) | models.Q(who__icontains=text))


class AuditEntry(models.Model):
    """A change: who made it, when, from where, and what was otherwise before; never changed."""

    class Kind(models.TextChoices):
        """What sort of thing was changed."""

        SITE = "site", "Site"
        USER = "user", "User"
        TOKEN = "token", "Token"
        COMPONENT = "component", "Component"
        SOURCE = "source", "Source"
        ATTACHMENT = "attachment", "Attachment"
        CONNECTION = "connection", "Connection"
        WEBHOOK = "webhook", "Webhook"
        HEARTBEAT = "heartbeat", "Heartbeat"
        TEAM = "team", "Team"
        CHANNEL = "channel", "Notification channel"
        WINDOW = "window", "Maintenance window"

    class Verb(models.TextChoices):
        """What was done to it."""

        CREATED = "created", "made"
        CHANGED = "changed", "changed"
        DELETED = "deleted", "deleted"
        REVOKED = "revoked", "revoked"
        PAUSED = "paused", "paused"
        RESUMED = "resumed", "resumed"

    at = models.DateTimeField(db_index=True)  # prune(), and entries since and until a moment
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    who = models.CharField(max_length=KEY_LENGTH)  # as the user was called then
    via = models.CharField(max_length=KEY_LENGTH)  # the pages, a token, a command
    address = models.CharField(max_length=45, blank=True)  # IP, "" of what happens on the server
    kind = models.CharField(max_length=16, choices=Kind.choices)
    verb = models.CharField(max_length=16, choices=Verb.choices)
    subject = models.CharField(max_length=KEY_LENGTH)  # its name then
    key = models.CharField(max_length=KEY_LENGTH, blank=True)  # what its page is found by
    changes = models.JSONField(default=list)  # [["role", "viewer", "admin"], …] in words

    objects: ClassVar = AuditEntries.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # the newest entries of one kind
            models.Index(fields=["kind", "-id"], name="audit_of_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.who} {self.verb} {self.kind} {self.subject}"

    def get_absolute_url(self) -> str:
        """Return the page of what was changed, "" where it has none any more."""
        name = PAGES.get(self.kind)
        if not name or not self.key or self.verb == self.Verb.DELETED:
            return ""
        try:
            return reverse(name, args=[self.key])
        except NoReverseMatch:
            return ""
