"""The Celery application and its beat schedule."""

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import (
    beat_init,
    before_task_publish,
    task_postrun,
    worker_init,
    worker_shutting_down,
)

from feeds import broker

broker.install()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feeds.settings")

log = logging.getLogger(__name__)
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


@worker_init.connect
def sign_as_worker(**_: Any) -> None:
    """Leave a sign of life after each task."""
    task_postrun.connect(_worked)


@beat_init.connect
def sign_as_beat(**_: Any) -> None:
    """Leave a sign of life with each task that is sent."""
    before_task_publish.connect(_told)


def _worked(**_: Any) -> None:
    _sign("worker")


def _told(**_: Any) -> None:
    _sign("beat")


def _sign(process: str) -> None:
    """Write down that PROCESS works; a database that is gone must not stop it."""
    from django.db import DatabaseError, close_old_connections

    from feeds import actions
    from feeds.models import Sign

    close_old_connections()
    try:
        actions.leave_sign(Sign.Process(process))
    except DatabaseError:
        log.warning("%s cannot leave a sign of life", process, exc_info=True)
