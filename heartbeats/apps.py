"""The heartbeats app."""

from django.apps import AppConfig


class HeartbeatsConfig(AppConfig):
    """Dead man's switches: who pings, who stopped, and who must learn it."""

    name = "heartbeats"
    verbose_name = "Heartbeats"
