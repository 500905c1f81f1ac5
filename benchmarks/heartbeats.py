"""Heartbeats: pings beside a bare INSERT, ten thousand that expire at once, the list page."""

from __future__ import annotations

import base64
import itertools
import json
import statistics
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from benchmarks.ingest import ROUNDS, run, show
from benchmarks.load import hammer, request
from benchmarks.place import place_on
from tests.house import House

BEATS = 500  # that are pinged
EXPIRING = 10_000  # in the same second
IDLE = 100_000
LISTED = 2_000
PASSES = 60  # of the monitor
VISITS = 60  # of the page
_SETUP = """
import json, sys, time, django
django.setup()
from datetime import timedelta
from django.db import connection
from django.utils import timezone
from feeds import actions as feed, heap
from feeds.models import Activity, Component, Role
from heartbeats import actions
from heartbeats.models import Flip, Heartbeat, Notification

def fill(count, due, team="ops", component=None):
    first = actions.create_heartbeat(
        actions.ensure_team(team), name="first", interval=5, interval_unit="minutes", now=now,
        component=component)
    rows = [
        Heartbeat(team=first.team, source=first.source, component=component,
                  name=f"nightly backup {n}", interval=5, interval_unit="minutes",
                  period=timedelta(minutes=5), state="Responsive", was="Pending",
                  changed_at=now - timedelta(days=1), last_ping_at=now, due_at=due,
                  alert_message=f"Backup {n} did not come", alert_tags=["critical", "dns"])
        for n in range(count)]
    Heartbeat.objects.bulk_create(rows, batch_size=1000)
    return first.team

def backend():
    if connection.vendor != "postgresql":
        return 0.0
    stat = open(f"/proc/{connection.connection.info.backend_pid}/stat").read().rsplit(")", 1)[1]
    return sum(map(int, stat.split()[11:13])) / 100

now = timezone.now()
"""
_SENDERS = """
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE bench_bare (id text PRIMARY KEY, body text NOT NULL)")
fill(int(sys.argv[1]), now + timedelta(days=1))
tokens = []
for number in range(32):
    user = feed.create_user(f"bot{number}", role=Role.BOT, email=f"bot{number}@example.com")
    tokens.append([user.email, feed.create_token(user, role=Role.BOT)])
print(json.dumps([feed.cloud_id(), tokens]))
"""
_EXPIRE = """
team = fill(int(sys.argv[1]), now - timedelta(seconds=1))
actions.create_channel(team, kind="webhook", address="https://chat.example.com/hook")
connection.ensure_connection()
began, cpu, share = time.perf_counter(), time.process_time(), backend()
flipped = actions.watch(now=now)
ended = time.perf_counter() - began, time.process_time() - cpu, backend() - share
rows = [Flip.objects.filter(state="Unresponsive"), Activity.objects.filter(state="open"),
        Notification.objects.filter(state="queued")]
print(json.dumps([*ended, [flipped, *(each.count() for each in rows)]]))
"""
_IDLE = """
fill(int(sys.argv[1]), now + timedelta(days=1))
times = []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    moment = timezone.now()
    actions.watch(now=moment)
    actions.remind(now=moment)
    times.append(1000 * (time.perf_counter() - began))
print(json.dumps(times))
"""
_PAGES = """
from django.test import Client
user = feed.create_user("bench", role=Role.ADMIN)
fill(int(sys.argv[1]), now + timedelta(days=1))
Flip.objects.bulk_create([
    Flip(heartbeat_id=pk, was="Responsive" if down else "Unresponsive",
         state="Unresponsive" if down else "Responsive",
         at=now - timedelta(hours=2 * step, minutes=30 * down), reason="bench")
    for pk in Heartbeat.objects.values_list("pk", flat=True)
    for step in range(5, 0, -1) for down in (True, False)], batch_size=5000)
client = Client(headers={"host": "127.0.0.1"})
client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
times, cpu = [], 0.0
for visit in range(int(sys.argv[2]) + 3):
    began = time.perf_counter()
    answer = client.get("/heartbeats/")
    if visit >= 3:
        times.append(1000 * (time.perf_counter() - began))
        cpu = cpu or time.process_time()
    else:  # the first ones warm the caches; then the heap is as feeds/wsgi.py leaves it
        heap.settle()
    assert answer.status_code == 200
cpu = 1000 * (time.process_time() - cpu) / (len(times) - 1)
print(json.dumps([times, cpu, len(answer.content)]))
"""


def ask(place: House, code: str, *arguments: object) -> Any:
    """Run CODE in a process of its own, and return what it prints last."""
    return json.loads(place.run("-c", _SETUP + code, *map(str, arguments)).splitlines()[-1])


def pings(database: str) -> None:
    """Print the rate of pings, the bare view's beside it."""
    with place_on(database) as place:
        cloud_id, tokens = ask(place, _SENDERS, BEATS)
        pairs = [base64.b64encode(":".join(token).encode()).decode() for token in tokens]
        headers = [{"Authorization": f"Basic {pair}"} for pair in pairs]
        numbers = itertools.count(1)
        address = f"/compass/cloud/{cloud_id}/ops/v1/teams/ops/heartbeats/ping"

        def ping() -> bytes:
            number = next(numbers)
            query = urlencode({"name": f"nightly backup {number % BEATS}"})
            return request(f"{address}?{query}", b"", headers[number % len(headers)])

        def bare() -> bytes:
            return request("/bench/insert", b"x" * 400, headers[next(numbers) % len(headers)])

        with place.served(workers=2) as served:
            hammer(served.port, bare, seconds=2)
            hammer(served.port, ping, seconds=2)
            found = [(run(served.port, bare), run(served.port, ping)) for _ in range(ROUNDS)]
    ratio = statistics.median(ours.rate / theirs.rate for theirs, ours in found)
    print(f"  pings of {BEATS}, 2 workers, 16 connections, median of {ROUNDS} pairs")
    show("bare INSERT view", [theirs for theirs, _ in found])
    show("POST ping", [ours for _, ours in found])
    print(f"  ratio              {ratio:.2f}  (at least 0.6)")


def expiry(database: str) -> None:
    """Print how long the monitor takes with many that expire in the same second."""
    with place_on(database) as place:
        seconds, cpu, share, counts = ask(place, _EXPIRE, EXPIRING)
    if set(counts) != {EXPIRING}:
        raise RuntimeError(f"not all were flipped, alerted and queued: {counts}")
    print(
        f"  {EXPIRING} that expire at once: {seconds:.1f} s (under 5); "
        f"CPU: {cpu:.1f} s, and {share:.1f} s of PostgreSQL"
    )


def idle(database: str) -> None:
    """Print what a pass of the monitor costs where nothing is due."""
    with place_on(database) as place:
        times = ask(place, _IDLE, IDLE, PASSES)
    print(f"  a pass over {IDLE} idle ones: {_spread(times)} (under 20)")


def pages(database: str) -> None:
    """Print what the list page costs."""
    with place_on(database) as place:
        times, cpu, size = ask(place, _PAGES, LISTED, VISITS)
    print(
        f"  the list of {LISTED}: {_spread(times)} (under 150), {cpu:.0f} ms of CPU, "
        f"{size / 1000:.0f} kB"
    )


def _spread(times: Sequence[float]) -> str:
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"


if __name__ == "__main__":
    for name in sys.argv[1:] or ["postgresql", "sqlite"]:
        print(f"heartbeats, {name}")
        pings(name)
        expiry(name)
        idle(name)
        pages(name)
