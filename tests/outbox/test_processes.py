"""The outbox with real processes: workers that are killed, a broker and a database that go away."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from tests.house import BIN, ROOT, House, free_port, house
from tests.outbox.hand import compose_by_hand, sign_in
from tests.upstream import Remote, Rule, upstream_process

POSTGRES = os.environ.get("DATABASE_URL", "").startswith("postgres")
LETTERS = 500
KILLING = 60 if POSTGRES else 20  # seconds
WORKER = (
    "celery", "--app", "feeds", "--quiet", "worker", "--pool", "threads", "--concurrency", "2",
    "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "error",
)  # fmt: skip
#: Composes events to connections at the three addresses given, each in lanes of its own.
COMPOSE = """
import sys, time
from tests.outbox import office
compass, streams, teamhub = (
    office.connect(url, name) for url, name in zip(sys.argv[1:4], ("compass", "streams", "teamhub"))
)
for number in range(int(sys.argv[4])):
    sort = number % 5
    if sort < 3:
        office.compose(office.custom(number, source=f"lane-{number % 7}"), compass)
    elif sort == 3:
        office.compose(office.activity(number), streams)
    else:
        build = office.build(name=f"build {number}", repository=f"shop-{number % 3}")
        office.compose(build, teamhub)
    time.sleep(float(sys.argv[5]))
"""
COUNT = """
from collections import Counter
from feeds.models import Delivery
import json
print(json.dumps(Counter(Delivery.objects.values_list("state", flat=True))))
"""


@contextmanager
def office(**env: str) -> Iterator[House]:
    """A Pulseboard with an outbox; nobody works yet."""
    if POSTGRES and (redis := os.environ.get("REDIS_URL")):
        # a queue of its own: what another test's worker takes from ours is lost to us
        env.setdefault(
            "REDIS_URL", urlsplit(redis)._replace(path=f"/{random.randint(1, 15)}").geturl()
        )
    with house(os.environ.get("DATABASE_URL", ""), PRIVATE_UPSTREAMS="1", UPSTREAM_TIMEOUT="1",
               PYTHONPATH=str(ROOT), **env) as place:  # fmt: skip
        place.migrate()
        yield place


def shell(place: House, code: str, *arguments: str) -> str:
    """Run CODE with Django set up, and return what it prints."""
    return place.run("-c", f"import django; django.setup()\n{code}", *arguments)


def worker(place: House, name: str) -> subprocess.Popen[bytes]:
    command = [str(BIN / WORKER[0]), *WORKER[1:], "--hostname", f"{name}@localhost"]
    return subprocess.Popen(command, cwd=ROOT, env=place.env, stderr=subprocess.DEVNULL)


@contextmanager
def beat(place: House) -> Iterator[None]:
    schedule = place.folder / "beat"
    with place.running(
        "celery", "--app", "feeds", "--quiet", "beat", "--schedule", str(schedule), "--pidfile=",
        "--loglevel", "error",
    ):  # fmt: skip
        yield


def until_all_are_settled(place: House, letters: int, seconds: float) -> Counter[str]:
    """Wait until no letter waits; return how many are in each state."""
    end = time.monotonic() + seconds
    while True:
        states = Counter(json.loads(shell(place, COUNT)))
        if states["accepted"] + states["confirmed"] + states["dead"] >= letters:
            return states
        assert time.monotonic() < end, states
        time.sleep(1)


@contextmanager
def composer(place: House, ups: list[Remote], *, letters: int, pause: float) -> Iterator[None]:
    """Compose LETTERS events in a process of its own, and wait for it at the end."""
    code = f"import django; django.setup()\n{COMPOSE}"
    arguments = [*(up.url for up in ups), str(letters), str(pause)]
    with place.start("-c", code, *arguments) as process:
        yield
        assert process.wait(300) == 0


@contextmanager
def three_upstreams(script: list[Rule]) -> Iterator[list[Remote]]:
    with ExitStack() as stack:
        modes = ("compass", "streams", "teamhub")
        yield [stack.enter_context(upstream_process(mode, script)) for mode in modes]


def check(ups: list[Remote], letters: int) -> None:
    """Check that every event arrived, in order, and nothing twice where it would show."""
    compass, streams, teamhub = ups
    assert sum(len({event.identity for event in up.events}) for up in ups) == letters
    in_order(compass, lambda body: body["event"]["custom"]["displayName"])
    in_order(streams, lambda body: body["title"])
    in_order(teamhub, lambda body: body["name"])
    # a wire with an identity makes nothing of a duplicate; on the others we look before we repeat
    for up in (streams, teamhub):
        count = Counter(event.identity for event in up.events)
        assert [name for name, times in count.items() if times > 1] == []


def test_with_workers_killed_at_random_every_event_arrives_once_and_in_order() -> None:
    flaky = [
        Rule(status=503, every=61),
        Rule(fault="reset-after", method="POST", every=37),
        Rule(fault="reset-before", method="POST", every=43),
        Rule(fault="trickle-head", method="POST", every=97, pace=0.5),
    ]
    pause = 0.5 * KILLING / LETTERS
    with three_upstreams(flaky) as ups, office() as place, beat(place):
        with composer(place, ups, letters=LETTERS, pause=pause):
            kills = kill_at_random(place, seconds=KILLING)
        with place.running(*WORKER, "--hostname", "last@localhost"):
            states = until_all_are_settled(place, LETTERS, seconds=120)
        assert kills > KILLING / 6
        assert states["dead"] == 0, states
        check(ups, LETTERS)


@pytest.mark.skipif(not POSTGRES, reason="SQLite has no server that could go away")
def test_a_database_that_goes_away_for_a_while_loses_and_doubles_nothing() -> None:
    slow = [Rule(delay=0.3)]
    with three_upstreams(slow) as ups, office() as place, beat(place):
        with place.running(*WORKER, "--hostname", "only@localhost"):
            with composer(place, ups, letters=30, pause=0):
                pass
            with database_gone(place.env["DATABASE_URL"]):
                time.sleep(3)
            states = until_all_are_settled(place, 30, seconds=90)
        assert states["dead"] == 0, states
        check(ups, 30)


@contextmanager
def database_gone(url: str) -> Iterator[None]:
    """End all connections to the database, and let nobody in, as a restart does."""
    name = urlsplit(url).path[1:]
    server = urlsplit(url)._replace(path="/postgres", scheme="postgresql").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


def in_order(up: Remote, name_of: Callable[..., str]) -> None:
    """Check that in each lane of UP the numbers of the events rise."""
    lanes: dict[str, list[int]] = defaultdict(list)
    seen = set()
    for event in up.events:
        if event.identity not in seen:
            seen.add(event.identity)
            lanes[event.lane].append(int(name_of(event.body).split()[-1]))
    for numbers in lanes.values():
        assert numbers == sorted(numbers)


def kill_at_random(place: House, *, seconds: float) -> int:
    """Keep two workers running, and kill one every now and then; return how often."""
    choice = random.Random(7)
    workers = [worker(place, f"w{number}") for number in range(2)]
    end, kills = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end:
            time.sleep(choice.uniform(1.0, 5.0))
            position = choice.randrange(2)
            os.kill(workers[position].pid, signal.SIGKILL)
            workers[position].wait()
            kills += 1
            workers[position] = worker(place, f"w{kills + 2}")
    finally:
        for each in workers:
            each.kill()
            each.wait()
    return kills


def test_without_a_broker_the_form_still_answers_and_the_letters_go_later() -> None:
    with upstream_process("compass") as up, office() as place:
        place.bootstrap()
        shell(
            place,
            "import sys; from tests.outbox import office; office.connect(sys.argv[1])",
            up.url,
        )
        working = dict(place.env)
        place.env |= {"CELERY_BROKER_URL": f"redis://127.0.0.1:{free_port()}/0"}
        with place.served(), requests.Session() as browser:
            sign_in(browser, place)
            for number in range(3):
                answer = compose_by_hand(browser, place, title=f"Event {number}")
                assert answer.status_code == 303, answer.text
        assert up.events == []
        place.env = working  # it is back
        with beat(place), place.running(*WORKER, "--hostname", "w@localhost"):
            until_all_are_settled(place, 3, seconds=60)
        titles = [event.body["event"]["custom"]["displayName"] for event in up.events]
        assert sorted(titles) == ["Event 0", "Event 1", "Event 2"]
