"""`POST .../compass/v1/events` beside a bare INSERT, and the bulk form beside the single one."""

from __future__ import annotations

import base64
import itertools
import json
import statistics
import sys
from collections.abc import Callable

from benchmarks.load import Result, hammer, request
from benchmarks.place import place_on
from tests.house import House

SENDERS = 32  # users; each has a rate window of its own, as in life
ROUNDS = 5
BULK_REQUESTS = 120  # more than 5 seconds can use
_MAKE = """
import json
from feeds import actions
from feeds.models import Role
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE bench_bare (id text PRIMARY KEY, body text NOT NULL)")
tokens = []
for number in range({senders}):
    user = actions.create_user(f"bot{{number}}", role=Role.BOT, email=f"bot{{number}}@example.com")
    tokens.append([user.email, actions.create_token(user, role=Role.BOT)])
for number in range(20):
    actions.create_source(f"shop/service-{{number}}", kind="build")
print(json.dumps([actions.cloud_id(), tokens]))
"""


def body(cloud_id: str, number: int) -> bytes:
    """Write a new build of one of twenty repositories."""
    event = {
        "displayName": f"service-{number % 20} #{number}",
        "description": "Unit tests, integration tests and the image",
        "url": f"https://ci.example.com/shop/service-{number % 20}/{number}",
        "lastUpdated": "2026-11-21T14:03:07.123Z",
        "updateSequenceNumber": number,
        "externalEventSourceId": f"shop/service-{number % 20}",
        "buildProperties": {
            "state": "SUCCESSFUL",
            "startedAt": "2026-11-21T13:58:01Z",
            "completedAt": "2026-11-21T14:03:07Z",
            "pipeline": {"pipelineId": f"pipeline-{number}", "displayName": "main"},
        },
    }
    return json.dumps({"cloudId": cloud_id, "event": {"build": event}}).encode()


def prepare(place: House) -> tuple[str, list[dict[str, str]]]:
    """Make senders and sources; return the cloudId and each sender's headers."""
    cloud_id, tokens = json.loads(place.manage("shell", "-v0", "-c", _MAKE.format(senders=SENDERS)))
    headers = []
    for login, secret in tokens:
        pair = base64.b64encode(f"{login}:{secret}".encode()).decode()
        headers.append({"Authorization": f"Basic {pair}", "Content-Type": "application/json"})
    return cloud_id, headers


def measure(database: str) -> None:
    """Print the rates of one database, the bare view's beside ours."""
    with place_on(database) as place:
        cloud_id, headers = prepare(place)
        numbers = itertools.count(1)

        def single() -> bytes:
            number = next(numbers)
            path = "/gateway/api/compass/v1/events"
            return request(path, body(cloud_id, number), headers[number % SENDERS])

        def bare() -> bytes:
            number = next(numbers)
            return request("/bench/insert", body(cloud_id, number), headers[number % SENDERS])

        def bulk() -> bytes:
            lines = b"\n".join(body(cloud_id, next(numbers)) for _ in range(1000))
            return request("/api/v1/events", lines, headers[next(numbers) % SENDERS])

        with place.served(workers=2) as served:
            port = served.port
            hammer(port, bare, seconds=2)
            hammer(port, single, seconds=2)
            pairs = [(run(port, bare), run(port, single)) for _ in range(ROUNDS)]
            bulks = []
            for _ in range(ROUNDS):
                alone = run(port, single)
                # written beforehand: writing 1,000 events would take time from the server
                ready = iter([bulk() for _ in range(BULK_REQUESTS)])
                bulks.append((alone, run(port, ready.__next__, connections=4, seconds=5)))
    ratio = statistics.median(ours.rate / theirs.rate for theirs, ours in pairs)
    print(f"ingest, {database}, 2 workers, 16 connections, median of {ROUNDS} pairs")
    show("bare INSERT view", [theirs for theirs, _ in pairs])
    show("POST compass event", [ours for _, ours in pairs])
    print(f"  ratio              {ratio:.2f}  (at least 0.5)")
    rate = statistics.median(result.rate * 1000 for _, result in bulks)
    times = statistics.median(result.rate * 1000 / alone.rate for alone, result in bulks)
    print(
        f"  bulk of 1000      {rate:6.0f} events/s, {times:.1f} times the single form (at least 10)"
    )


def run(
    port: int, next_request: Callable[[], bytes], *, connections: int = 16, seconds: float = 4
) -> Result:
    """Hammer once; anything but success is a failed measurement."""
    result = hammer(port, next_request, connections=connections, seconds=seconds)
    if set(result.statuses) - {200, 201, 202}:
        raise RuntimeError(f"unexpected answers: {result.statuses}")
    return result


def show(name: str, results: list[Result]) -> None:
    """Print the medians of RESULTS."""
    rate = statistics.median(result.rate for result in results)
    p50, p99 = (statistics.median(r.percentile(n) for r in results) for n in (50, 99))
    print(f"  {name:18} {rate:6.0f} requests/s   p50 {p50:5.1f} ms   p99 {p99:5.1f} ms")


if __name__ == "__main__":
    for name in sys.argv[1:] or ["postgresql", "sqlite"]:
        measure(name)
