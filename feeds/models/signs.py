"""Signs of life of the processes that no page would miss."""

from __future__ import annotations

from django.db import models


class Sign(models.Model):
    """When a process last showed that it works; one row a sort of process, however many run."""

    class Process(models.TextChoices):
        """What must run beside the web processes."""

        WORKER = "worker", "Worker"
        BEAT = "beat", "Beat"

    process = models.CharField(max_length=16, choices=Process.choices, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.process
