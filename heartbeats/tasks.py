"""Celery entry points; how often they run stands in feeds/celery.py."""

import threading

from django.utils import timezone

from feeds.celery import app
from heartbeats import actions, notices

#: Of the worker's threads only so many wait for slow receivers, and the monitor finds one free.
SENDERS = threading.BoundedSemaphore(2)


@app.task
def watch() -> None:
    """Flip what is overdue, and tell again of what stays down."""
    now = timezone.now()
    actions.watch(now=now)
    actions.remind(now=now)


@app.task
def notify() -> None:
    """Send the letters that are due."""
    if SENDERS.acquire(blocking=False):
        try:
            notices.send_due()
        finally:
            SENDERS.release()


@app.task
def prune() -> None:
    """Delete old pings, flips and letters."""
    actions.prune()
