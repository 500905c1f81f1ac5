"""One process of a race: `python -m tests.heartbeats.actor ORDER ...` in a house of its own.

It says that it is ready, and then, as JSON, what came of its order. Orders that hold their
transaction open say "held" in between, and commit at a line on standard input.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django
from django.db import connection, transaction


def make(count: str, url: str = "") -> int:
    """Make COUNT heartbeats of 5 minutes, pinged at noon, and a channel to URL."""
    from heartbeats import actions
    from tests.heartbeats import beats

    if url:
        actions.create_channel(actions.ensure_team("ops"), kind="webhook", address=url)
    with transaction.atomic():
        for number in range(int(count)):
            beats.ping(beats.make(f"beat-{number}"), 0)
    return int(count)


def late(url: str) -> str:
    """Make a heartbeat that has been overdue for 5 minutes by the clock on the wall."""
    from datetime import timedelta

    from django.utils import timezone

    from heartbeats import actions
    from tests.heartbeats import beats

    actions.create_channel(actions.ensure_team("ops"), kind="webhook", address=url)
    now = timezone.now() - timedelta(minutes=10)
    beat = beats.make(now=now)
    actions.ping(beat.ping_key, beats.SUCCESS, now=now)
    return str(beat.ping_key)


def ping(minutes: str, run: str = "") -> bool:
    """Ping the first heartbeat, by the short way unless it names a RUN."""
    from heartbeats import actions
    from heartbeats.models import Heartbeat
    from tests.heartbeats import beats

    key = Heartbeat.objects.order_by("id").values_list("ping_key", flat=True)[0]
    return actions.ping(key, actions.Signal(run_id=run), now=beats.at(float(minutes)))


def watch(minutes: str) -> int:
    """Let the monitor pass."""
    from heartbeats import actions
    from tests.heartbeats import beats

    return actions.watch(now=beats.at(float(minutes)))


def send(minutes: str, seconds: str = "30") -> int:
    """Send what is due."""
    from heartbeats import notices
    from tests.heartbeats import beats

    moment = beats.at(float(minutes))
    return notices.send_due(clock=lambda: moment, seconds=float(seconds))


def held(order: str, *rest: str) -> Any:
    """Follow ORDER, and commit when told."""
    with transaction.atomic():
        done = ORDERS[order](*rest)
        print("held", flush=True)
        sys.stdin.readline()
    return done


def dying(table: str, order: str, *rest: str) -> Any:
    """Follow ORDER, and be killed when it is about to write to TABLE."""

    def killer(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith("INSERT") and table in sql:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(killer):
        return ORDERS[order](*rest)


def look() -> dict[str, Any]:
    """Tell what the database holds."""
    from feeds.models import Activity
    from heartbeats.models import Flip, Heartbeat, Notification

    letters = Notification.objects.order_by("id")
    return {
        "states": list(Heartbeat.objects.order_by("id").values_list("state", flat=True)),
        "flips": [
            [flip.heartbeat_id, flip.was, flip.state, flip.at.isoformat(), str(flip.activity)]
            for flip in Flip.objects.exclude(was="").order_by("id")
        ],
        "alerts": list(Activity.objects.order_by("id").values_list("state", flat=True)),
        "letters": list(letters.values_list("heartbeat_id", "event", "state")),
        "tries": [[one["answer"] for one in letter.attempts] for letter in letters],
    }


ORDERS: dict[str, Callable[..., Any]] = {
    "make": make, "late": late, "ping": ping, "watch": watch, "send": send, "held": held,
    "dying": dying, "look": look,
}  # fmt: skip

if __name__ == "__main__":
    django.setup()
    print("ready", flush=True)
    print(json.dumps(ORDERS[sys.argv[1]](*sys.argv[2:])))
