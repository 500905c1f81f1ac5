"""Reading by real processes: several at once, killed at random, and a worker that beat wakes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.clerk import Actor
from tests.house import BIN, ROOT, House, house, stop
from tests.outbox.hubs import pushed, running
from tests.upstream import Remote, Rule, upstream_process

pytestmark = pytest.mark.xdist_group("pull")
PATIENCE = 60  # seconds
FAST = 100  # how much faster than ours the clock of the readers goes
CONNECT = """
import sys
from feeds import actions
from feeds.models import Role
actions.create_connection(
    "hub", dialect="teamhub", base_url=sys.argv[1], account="hub", secret="open-sesame",
    company_key="0" * 32, per_minute=0, pulls=True,
    user=actions.ensure_user("writer", role=Role.COMPOSER),
)
"""
READ = """
import sys, time
from datetime import timedelta
from django.utils import timezone
from feeds import pulling
begin, fast = float(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
while True:
    ahead = timedelta(seconds=(time.time() - begin) * (fast - 1))
    pulling.pull(now=timezone.now() + ahead)
    time.sleep(0.005)
"""
SHOWN = """
import json
from feeds.models import Activity, Connection, Refusal
rows = Activity.objects.filter(source__external_id__startswith="127.0.0.1")
print(json.dumps({
    "events": list(rows.values_list("external_id", "progress")),
    "gaps": Connection.objects.get().pull_mark.get("gaps"),
    "error": Connection.objects.get().pull_error,
}))
"""
PREPARED = "import django; django.setup()\n"


@pytest.fixture
def place() -> Iterator[House]:
    with house(os.environ.get("DATABASE_URL", ""), PRIVATE_UPSTREAMS="1") as made:
        made.migrate()
        yield made


@contextlib.contextmanager
def reading(place: House, begin: float) -> Iterator[Actor]:
    """Read in a process of its own, until the end or a kill."""
    with place.start("-c", PREPARED + READ, str(begin), str(FAST)) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def shown(place: House) -> dict[str, int]:
    """Return the progress of each event that was read; each must be there once."""
    found = json.loads(place.run("-c", PREPARED + SHOWN))
    events = dict(found["events"])
    assert len(events) == len(found["events"])
    return events


def wait_until_shown(place: House, wanted: dict[str, int]) -> None:
    end = time.monotonic() + PATIENCE
    while (events := shown(place)) != wanted:
        assert time.monotonic() < end, (len(events), len(wanted))
        time.sleep(0.2)


def push(up: Remote, wanted: dict[str, int], count: int) -> None:
    for number in range(count):
        wanted[up.push(pushed(number))] = 100


def test_readers_that_race_and_are_killed_at_random_bring_each_event_once(place: House) -> None:
    slow = Rule(delay=0.4, every=7)  # some runs outlive their lease, and wake up late
    broken = Rule(fault="reset-middle", every=11)
    wanted: dict[str, int] = {}
    with upstream_process("teamhub", [slow, broken]) as up:
        place.run("-c", PREPARED + CONNECT, up.url)
        build = up.push(running(0))
        push(up, wanted, 50)
        begin = time.time()
        with reading(place, begin):
            for progress in range(10, 70, 10):
                with reading(place, begin) as victim:
                    push(up, wanted, 90)
                    up.progress(build, progress)
                    time.sleep(random.uniform(0.5, 2.0))
                    victim.kill()
            up.progress(build, 100, "completed")
            wanted[build] = 100
            up.script()
            wait_until_shown(place, wanted)


def test_a_worker_that_beat_wakes_reads_new_events_and_follows_what_runs(place: House) -> None:
    celery = [str(BIN / "celery"), "--app", "feeds", "--quiet"]
    worker = [*celery, "worker", "--pool", "threads", "--concurrency", "2", "--without-gossip",
              "--without-mingle", "--loglevel", "warning"]  # fmt: skip
    beat = [*celery, "beat", "--schedule", f"{place.env['DATA_DIR']}/beat", "--pidfile=",
            "--loglevel", "warning"]  # fmt: skip
    wanted: dict[str, int] = {}
    with upstream_process("teamhub") as up:
        place.run("-c", PREPARED + CONNECT, up.url)
        push(up, wanted, 3)
        build = up.push(running(10))
        with (
            subprocess.Popen(worker, cwd=ROOT, env=place.env) as works,
            subprocess.Popen(beat, cwd=ROOT, env=place.env) as beats,
        ):
            try:
                wait_until_shown(place, {**wanted, build: 10})
                up.progress(build, 70)
                begin = time.monotonic()
                wait_until_shown(place, {**wanted, build: 70})
                assert time.monotonic() - begin < 15  # 5, on a machine that does nothing else
            finally:
                stop(beats)
                stop(works)
