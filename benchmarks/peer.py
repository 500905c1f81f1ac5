"""The feed's data beside django-activity-stream's, on the same rows, in the same database.

Both load 50 rows with all that a row shows (source, components and author; actor and target
objects): no template on either side.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from actstream import registry  # noqa: E402
from actstream.models import Action, actor_stream, target_stream  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import QueryDict  # noqa: E402

from benchmarks import rows  # noqa: E402
from feeds.filters import Cursor, FeedFilter  # noqa: E402
from feeds.models import Activity, EventSource, User  # noqa: E402
from feeds.pages import page  # noqa: E402

RUNS = 30
SIZE = 50
_COPY = """
INSERT INTO actstream_action (
    actor_content_type_id, actor_object_id, verb, description, target_content_type_id,
    target_object_id, timestamp, public)
SELECT %s, actor.id::text, activity.verb, activity.title, %s, activity.source_id::text,
    activity.occurred_at, true
FROM feeds_activity activity JOIN feeds_user actor ON actor.username = activity.actor_key
"""


def load(size: int) -> None:
    """Make SIZE rows of ours, and the same rows for the peer, with users as actors."""
    rows.make_catalogue()
    rows.make_rows(1, size)
    names = {f"user-{number}" for number in range(rows.ACTORS)}
    User.objects.bulk_create(User(username=name, role="bot") for name in names)
    types = [ContentType.objects.get_for_model(model).pk for model in (User, EventSource)]
    with connection.cursor() as cursor:
        cursor.execute(_COPY, types)
        cursor.execute("ANALYZE")


def pairs(size: int) -> dict[str, tuple[Callable[[int], Any], Callable[[int], Any]]]:
    """Return what is compared: ours and theirs, each by the number of the run."""
    users = {user.username: user for user in User.objects.all()}
    sources = list(EventSource.objects.order_by("id")[:RUNS])
    deep = size // 3
    middle = Activity.objects.order_by("-occurred_at", "-id")[deep]
    before = f"before={Cursor.of(middle)}"

    def ours(query: str) -> Any:
        parameters = QueryDict(query)
        return page(FeedFilter.read(parameters), parameters, size=SIZE).rows

    def theirs(stream: Any, start: int = 0) -> Any:
        # the manager fetches the generic relations of a sliced stream in bulk
        return list(stream[start : start + SIZE].fetch_generic_relations())

    return {
        "first page": (lambda _: ours(""), lambda _: theirs(Action.objects.public())),
        "deep page": (lambda _: ours(before), lambda _: theirs(Action.objects.public(), deep)),
        "by actor": (
            lambda n: ours(f"actor=user-{n}"),
            lambda n: theirs(actor_stream(users[f"user-{n}"])),
        ),
        "by target": (
            lambda n: ours(f"source={sources[n].external_id}"),
            lambda n: theirs(target_stream(sources[n])),
        ),
    }


def main(size: int) -> None:
    """Print p50 and p95 of both in milliseconds, run about run."""
    registry.register(User, EventSource)
    load(size)
    figures = {}
    for name, sides in pairs(size).items():
        times: tuple[list[float], list[float]] = ([], [])
        for run in range(RUNS):
            for side, call in enumerate(sides):
                start = time.perf_counter()
                found = call(run)
                times[side].append((time.perf_counter() - start) * 1000)
                if not found:
                    raise RuntimeError(f"{name}: nothing found in run {run}")
        figures[name] = [
            {"p50": statistics.median(side), "p95": statistics.quantiles(side, n=20)[18]}
            for side in times
        ]
    print(json.dumps({"size": size, "figures": figures}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
