"""The Celery application and its beat schedule."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_shutting_down

from feeds import broker

broker.install()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feeds.settings")

app = Celery("pulseboard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    # Retention is counted in days, so an hour is often enough.
    "prune": {"task": "feeds.tasks.prune", "schedule": 3600.0},
    # Composing nudges a worker; this finds retries that came due, and what no nudge told of. One
    # that waited for long has been followed by others.
    "drain": {"task": "feeds.tasks.drain", "schedule": 5.0, "options": {"expires": 10.0}},
    # Events of others: each connection says when it is due, running ones every time.
    "pull": {"task": "feeds.tasks.pull", "schedule": 5.0, "options": {"expires": 10.0}},
    # Runs whose end nobody told, after hours of waiting.
    "abandon": {"task": "feeds.tasks.abandon", "schedule": 300.0, "options": {"expires": 300.0}},
    # What a busy worker did not begin in time, the next one does as well.
    "watch": {"task": "heartbeats.tasks.watch", "schedule": 5.0, "options": {"expires": 10.0}},
    "notify": {"task": "heartbeats.tasks.notify", "schedule": 5.0, "options": {"expires": 10.0}},
    "prune-heartbeats": {"task": "heartbeats.tasks.prune", "schedule": 3600.0},
}


@worker_shutting_down.connect
def stop_draining(**_: Any) -> None:
    """Let a worker that is told to stop end its drain first."""
    from feeds import outbox  # which imports this module

    outbox.stop()
