"""What belongs together: events by what they name, and components by what they need."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from feeds.models.catalogue import Component
from feeds.models.events import Activity
from feeds.models.lengths import KEY_LENGTH

REST_LENGTH = 64  # characters of a commit's SHA beyond the first; SHA-256 has 57


class Correlation(models.Model):
    """A commit, pull request or incident that an activity names: dialects/correlation.py."""

    pk = models.CompositePrimaryKey("activity_id", "key", "rest")
    activity = models.ForeignKey(
        Activity, on_delete=models.CASCADE, related_name="correlations", db_index=False
    )
    key = models.CharField(max_length=KEY_LENGTH)
    rest = models.CharField(max_length=REST_LENGTH, blank=True)

    class Meta:
        indexes = [
            # who else names it: story.py; the primary key serves "what does this one name"
            models.Index(fields=["key"], name="correlations_by_key")
        ]

    def __str__(self) -> str:
        return f"{self.key}{self.rest}"


class Dependency(models.Model):
    """A component that needs another one to work."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="dependencies")
    needs = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="dependents")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "dependencies"
        constraints = [
            models.UniqueConstraint(fields=["component", "needs"], name="depends_once"),
            models.CheckConstraint(
                condition=~Q(component=F("needs")), name="nothing_depends_on_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.component} depends on {self.needs}"
