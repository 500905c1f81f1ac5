"""Celery entry points."""

from feeds import actions
from feeds.celery import app


@app.task
def prune() -> None:
    """Delete what is older than the retention allows."""
    actions.prune()
