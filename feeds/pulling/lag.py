"""How far behind a connection's events are, in words."""

from __future__ import annotations

from datetime import datetime, timedelta

from feeds.models import Connection

LATE = timedelta(
    minutes=2
)  # four times the step: nobody reads it, or the worker has too much to do
UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def lag_of(connection: Connection, now: datetime) -> str:
    """Say how old the events of CONNECTION are at NOW, and why they are not newer."""
    read = f"read {_span(now - connection.pulled_at)} ago" if connection.pulled_at else "never read"
    if connection.pull_at is None:
        return f"{read}, and not any more: {connection.pull_error}" if connection.pull_error else (
            "not read"
        )  # fmt: skip
    if connection.paused_at:
        return f"{read}, and not while it is paused"
    if connection.pull_failures:
        again = _span(connection.pull_at - now)
        return f"{read}: {connection.pull_error}; the next try is in {again}"
    if connection.pulled_at is None:
        return "to be read for the first time"
    if now - connection.pulled_at > LATE:
        return f"{read}: is the worker running?"
    return f"{read}; older events are being read" if connection.pull_mark.get("gaps") else read


def _span(time: timedelta) -> str:
    """Say how long TIME is, in its largest unit."""
    seconds = max(0, round(time.total_seconds()))
    unit, size = next(((unit, size) for unit, size in UNITS if seconds >= size), UNITS[-1])
    return f"{seconds // size} {unit}"
