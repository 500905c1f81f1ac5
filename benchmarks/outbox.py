"""The outbox: letters a second, the cost of a claim, the use of a rate limit, and memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

import requests

from benchmarks.place import place_on
from tests.house import ROOT, House
from tests.outbox.hand import compose_by_hand, sign_in
from tests.upstream import Rule, busiest, upstream_process

CONNECTIONS = 100
LETTERS = 6000  # drained by two processes
PENDING = 20_000  # letters that wait while claims are timed
LIMIT, LIMITED_FOR = 600, 75  # requests a minute, and seconds
COMPOSED = 200  # events
WORKER = (
    "celery",
    "--app",
    "feeds",
    "--quiet",
    "worker",
    "--pool",
    "threads",
    "--concurrency",
    "4",
    "--loglevel",
    "error",
)
MANY = 50_000  # letters of one process, whose memory is looked at

_SETUP = """
import json, logging, os, resource, sys, time, django
django.setup()
logging.getLogger("feeds").setLevel(logging.WARNING)
from datetime import timedelta
from django.db import connection as database, transaction
from django.utils import timezone
from feeds import actions, outbox
from feeds.models import Delivery
from feeds.outbox import claims, drain
"""
#: Letters to the address given, as many as given, over lanes as many as given and 100 connections.
_FILL = """
url, letters, lanes, per_minute = sys.argv[1], *map(int, sys.argv[2:5])
now = timezone.now()
here = int(sys.argv[5])
connections = [
    actions.create_connection(f"c{n}", dialect="compass", base_url=url, secret="s",
                              account=f"a{n}@example.com", cloud_id="c", per_minute=per_minute)
    for n in range(here)
]
event = {"displayName": "web #1", "description": "Tests " * 20, "url": "https://ci.example.com/1",
         "lastUpdated": "2026-11-21T14:03:07Z", "updateSequenceNumber": 1,
         "externalEventSourceId": "web"}
with transaction.atomic():
    held = [outbox.lock(connections, f"source:{n}", now=now) for n in range(lanes // here or 1)]
    rows = []
    for n in range(letters):
        connection = connections[n % here]
        custom = {**event, "customEventProperties": {"id": f"e{n}", "icon": "INFO"}}
        rows.append(Delivery(
            lane=held[n // here % len(held)][connection.pk], connection=connection, verb="create",
            wire="compass", title="web #1", link=f"https://here/{n}", method="POST",
            path="/gateway/api/compass/v1/events", next_try_at=now, created_at=now,
            body={"cloudId": "c", "event": {"custom": custom}}))
    Delivery.objects.bulk_create(rows, batch_size=1000)
    outbox.wake([lane.pk for lanes in held for lane in lanes.values()], now=now)
database.cursor().execute("ANALYZE")  # as PostgreSQL does by itself a minute later
"""
#: Sends all there is; reading back is for later.
_DRAIN = """
claims.READ_BACK_AFTER = timedelta(days=1)
drain.RUN = float(sys.argv[1])
began, cpu = time.perf_counter(), time.process_time()
outbox.drain(linger=float(sys.argv[2]))
print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]))
"""
_CLAIM = """
times = []
for _ in range(60):
    now = timezone.now()
    began = time.perf_counter()
    taken = outbox.claim(1, now=now)
    times.append(time.perf_counter() - began)
    assert len(taken) == 1
print(json.dumps(times))
"""
_MEMORY = """
claims.READ_BACK_AFTER = timedelta(days=1)
drain.RUN = 10.0
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
seen = {}
while outbox.drain(linger=0) or Delivery.objects.waiting().exists():
    seen[Delivery.objects.filter(state="accepted").count()] = resident()
seen[Delivery.objects.filter(state="accepted").count()] = resident()
print(json.dumps(seen))
"""


def run(place: House, code: str, *arguments: object) -> str:
    """Run CODE in a process of its own."""
    return place.run("-c", _SETUP + code, *map(str, arguments))


def begin(place: House, code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start CODE in a process of its own."""
    command = [sys.executable, "-c", _SETUP + code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=place.env, stdout=subprocess.PIPE, text=True)


def throughput(database: str) -> None:
    """Print how many letters two processes send in a second."""
    with upstream_process("") as up, place_on(database) as place:
        place.env["PRIVATE_UPSTREAMS"] = "1"
        run(place, _FILL, up.url, LETTERS, 300, 0, CONNECTIONS)
        workers = [begin(place, _DRAIN, 600, 0) for _ in range(2)]
        ends = [json.loads(worker.communicate()[0].splitlines()[-1]) for worker in workers]
        assert up.counts["requests"] == LETTERS, up.counts
    seconds = max(end[0] for end in ends)
    print(f"  {LETTERS / seconds:6.0f} letters/s over {CONNECTIONS} connections (at least 200)")


def claim(database: str) -> None:
    """Print what a claim costs while many letters wait."""
    with place_on(database) as place:
        place.env["PRIVATE_UPSTREAMS"] = "1"
        run(place, _FILL, "http://127.0.0.1:9", PENDING, 3000, 0, CONNECTIONS)
        times = [1000 * each for each in json.loads(run(place, _CLAIM).splitlines()[-1])]
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    print(f"  a claim among {PENDING} letters: p50 {p50:.1f} ms, p95 {p95:.1f} ms (under 10)")


def limited(database: str) -> None:
    """Print how much of a rate limit is used, as the upstream counts it."""
    with upstream_process("") as up, place_on(database) as place:
        place.env["PRIVATE_UPSTREAMS"] = "1"
        run(place, _FILL, up.url, LIMIT, 50, LIMIT, 1)
        worker = begin(place, _DRAIN, LIMITED_FOR, 1)
        worker.communicate()
        moments = [request.wall for request in up.requests]
    window = 60.0  # seconds, as Compass counts
    allowed = LIMIT * window / 60
    used = len(moments) / (moments[-1] - moments[0]) * 60 / LIMIT
    print(
        f"  a limit of {LIMIT} a minute: {100 * used:.1f} % used (at least 95), at most "
        f"{busiest(moments, window)} of {allowed:.0f} in any {window:.0f} s"
    )


def memory(database: str) -> None:
    """Print the memory of one process over many letters."""
    with ExitStack() as stack:
        up = stack.enter_context(upstream_process(""))
        place = stack.enter_context(place_on(database))
        place.env["PRIVATE_UPSTREAMS"] = "1"
        run(place, _FILL, up.url, MANY, 300, 0, CONNECTIONS)
        seen = json.loads(run(place, _MEMORY).splitlines()[-1])
    print("  memory by letters sent: " + ", ".join(f"{n}: {mb:.0f} MB" for n, mb in seen.items()))


def composing(database: str) -> None:
    """Print how long the form takes to answer while the upstream does not."""
    with ExitStack() as stack:
        up = stack.enter_context(upstream_process("", [Rule(fault="hang")]))
        place = stack.enter_context(place_on(database))
        place.env["PRIVATE_UPSTREAMS"] = "1"
        place.manage("bootstrap", "--no-demo")
        run(place, _FILL, up.url, 100, 100, 0, 1)
        stack.enter_context(place.running(*WORKER))
        stack.enter_context(place.served(workers=2))
        browser = stack.enter_context(requests.Session())
        sign_in(browser, place)
        times = []
        for number in range(COMPOSED):
            answer = compose_by_hand(browser, place, title=f"Event {number}")
            assert answer.status_code == 303, answer.text
            times.append(1000 * answer.elapsed.total_seconds())
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    print(f"  composing while the upstream hangs: p50 {p50:.0f} ms, p95 {p95:.0f} ms (under 50)")


if __name__ == "__main__":
    for name in sys.argv[1:] or ["postgresql", "sqlite"]:
        print(f"outbox, {name}, {time.strftime('%Y-%m-%d')}")
        throughput(name)
        claim(name)
        limited(name)
        composing(name)
        memory(name)
