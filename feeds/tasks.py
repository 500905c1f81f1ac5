"""Celery entry points."""

from django.utils import timezone

from feeds import actions, outbox, pulling
from feeds.celery import app


@app.task
def prune() -> None:
    """Delete what is older than the retention allows."""
    actions.prune()


@app.task
def drain() -> None:
    """Send what has come to its time, and go on as long as there is something to send."""
    actions.release_due(now=timezone.now())
    if outbox.drain():
        drain.delay()


@app.task
def pull() -> None:
    """Read the connections whose turn it is."""
    pulling.pull()


@app.task
def abandon() -> None:
    """Close what runs and told no news for long."""
    actions.abandon_runs()
