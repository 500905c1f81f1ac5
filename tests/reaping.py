"""A process that tells news of deployments or closes those that told none, for the races of both.

`python -m tests.reaping held news SUCCESSFUL 2 0 40 1` holds its transaction open until it reads a
line; without `held` each commits by itself. It prints what it did as JSON.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from feeds import actions  # noqa: E402
from feeds.dialects import compass  # noqa: E402
from feeds.models import Activity, EventSource, Role  # noqa: E402
from tests.events import compass_event  # noqa: E402

SILENT = timedelta(hours=24, minutes=1)


def news(state: str, sequence: str, *numbers: str) -> list[str]:
    """Send the deployments in range(NUMBERS) in STATE."""
    sender = actions.Sender(actions.ensure_user("ci", role=Role.BOT))
    bodies = [
        compass_event(
            "deployment", state=state, sequenceNumber=number, updateSequenceNumber=int(sequence)
        )
        for number in range(*map(int, numbers))
    ]
    done = actions.record_many(sender, [compass.parse(body) for body in bodies])
    return [str(getattr(each, "outcome", each)) for each in done]


def silent(count: str) -> list[str]:
    """Make COUNT deployments that began and told nothing for more than a day."""
    if not EventSource.objects.exists():
        actions.create_source("shop/web", kind="deployment")
    done = news("IN_PROGRESS", "1", "0", count)
    last = timezone.now() - SILENT
    Activity.objects.update(touched_at=last, received_at=last, occurred_at=last)
    return done


def abandon() -> int:
    return actions.abandon_runs()


def look() -> list[Any]:
    rows = Activity.objects.order_by("id")
    return [[row.state, row.sequence, row.abandoned_at is not None] for row in rows]


def main(held: bool, order: str, *arguments: str) -> None:
    with transaction.atomic() if held else nullcontext():
        done = {"news": news, "silent": silent, "abandon": abandon, "look": look}[order](*arguments)
        if held:
            print("held", flush=True)
            sys.stdin.readline()
    print(json.dumps(done))


if __name__ == "__main__":
    words = sys.argv[1:]
    main(words[0] == "held", *words[words[0] == "held" :])
