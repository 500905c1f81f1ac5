"""The races that a monitor must win, run for real: several processes and a database of their own.

Those of docs: a ping between the monitor's look and its write, a crash between the state and the
alert, a sender that is killed, a receiver that is down (test_notifications.py), and a thousand that
expire in the same second.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clerk import Actor
from tests.heartbeats.receiver import receiving
from tests.house import House, house

PATIENCE = 60  # seconds
DOWN = "Unresponsive"


@pytest.fixture
def home() -> Iterator[House]:
    with house(os.environ.get("DATABASE_URL", ""), PRIVATE_UPSTREAMS="1") as found:
        found.migrate()
        yield found


def command(*order: object) -> list[str]:
    return ["-m", "tests.heartbeats.actor", *map(str, order)]


def do(home: House, *order: object) -> Any:
    return json.loads(home.run(*command(*order)).splitlines()[-1])


def start(home: House, *order: object) -> Actor:
    """Start ORDER, and wait until it is about to begin."""
    actor = home.start(*command(*order))
    assert actor.stdout.readline() == "ready\n"
    return actor


def hold(home: House, *order: object) -> Actor:
    """Start ORDER, and wait until it holds its transaction open."""
    actor = start(home, "held", *order)
    assert actor.stdout.readline() == "held\n"
    return actor


def finish(actor: Actor) -> Any:
    """Let ACTOR go on, and return what came of it."""
    printed, _ = actor.communicate("go\n", timeout=PATIENCE)
    assert actor.returncode == 0
    return json.loads(printed)


@pytest.mark.parametrize("run", ["", "r1"], ids=["the short way", "under the lock"])
def test_a_ping_between_the_look_and_the_write_keeps_its_heartbeat_up(
    home: House, run: str
) -> None:
    do(home, "make", 1)
    pinger = hold(home, "ping", 5.5, run)
    monitor = start(home, "watch", 6)
    time.sleep(1)  # the monitor meets the row while the ping's transaction is open
    assert finish(pinger) is True
    assert finish(monitor) == 0
    seen = do(home, "look")
    assert seen["states"] == ["Responsive"]
    assert [flip[2] for flip in seen["flips"]] == ["Responsive"]
    assert seen["alerts"] == []
    assert do(home, "watch", 10) == 0
    assert do(home, "watch", 10.5) == 1


@pytest.mark.parametrize("run", ["", "r1"], ids=["the short way", "under the lock"])
def test_a_ping_that_meets_a_monitor_at_work_ends_the_outage(home: House, run: str) -> None:
    do(home, "make", 1)
    monitor = hold(home, "watch", 6)
    pinger = start(home, "ping", 6, run)
    time.sleep(1)
    assert finish(monitor) == 1
    assert finish(pinger) is True
    seen = do(home, "look")
    assert [flip[1:3] for flip in seen["flips"]] == [
        ["Pending", "Responsive"], ["Responsive", DOWN], [DOWN, "Responsive"],
    ]  # fmt: skip
    assert seen["alerts"] == ["closed"]


def test_two_monitors_flip_once(home: House) -> None:
    do(home, "make", 1)
    first = hold(home, "watch", 6)
    second = start(home, "watch", 6)
    time.sleep(1)
    assert finish(first) + finish(second) == 1
    assert len(do(home, "look")["alerts"]) == 1


@pytest.mark.parametrize("table", ["feeds_activity", "heartbeats_flip", "heartbeats_notification"])
@pytest.mark.parametrize("order", [("watch", 6), ("ping", 7)], ids=["expiry", "recovery"])
def test_a_crash_on_the_way_leaves_all_or_nothing(
    home: House, table: str, order: tuple[str, float]
) -> None:
    do(home, "make", 1, "http://127.0.0.1:9/")
    if order[0] == "ping":
        do(home, "watch", 6)
    before = do(home, "look")
    actor = start(home, "dying", table, *order)
    assert actor.wait(PATIENCE) == -signal.SIGKILL
    actor.communicate()
    assert do(home, "look") == before
    do(home, *order)
    after = do(home, "look")
    assert len(after["flips"]) == len(before["flips"]) + 1
    assert len(after["letters"]) == len(before["letters"]) + 1
    assert after["alerts"] == ["open" if order[0] == "watch" else "closed"]


def test_a_sender_that_is_killed_in_the_middle_sends_at_least_once(home: House) -> None:
    with receiving() as receiver:
        do(home, "make", 1, receiver.url)
        do(home, "watch", 6)
        receiver.hold = threading.Event()
        sender = start(home, "send", 6)
        assert receiver.arrived.wait(PATIENCE)
        sender.kill()
        sender.communicate()
        receiver.hold.set()
        assert do(home, "look")["letters"][0][2] == "sending"
        assert do(home, "send", 6.5) == 0  # the lease still runs: nobody takes it
        assert do(home, "send", 8) == 1
        assert do(home, "send", 60) == 0
    first, second = receiver.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    seen = do(home, "look")
    assert seen["letters"][0][2] == "sent"
    interrupted = "the sender was interrupted: whether it arrived is not known"
    assert seen["tries"] == [[interrupted, "fine"]]


def test_a_sender_that_wakes_up_late_settles_nothing(home: House) -> None:
    with receiving() as receiver:
        do(home, "make", 1, receiver.url)
        do(home, "watch", 6)
        receiver.hold = threading.Event()
        late = start(home, "send", 6)
        assert receiver.arrived.wait(PATIENCE)
        late.send_signal(signal.SIGSTOP)
        receiver.hold.set()
        receiver.hold = None
        receiver.answers = [(200, {})]
        assert do(home, "send", 8) == 1
        late.send_signal(signal.SIGCONT)
        late.communicate(timeout=PATIENCE)
    seen = do(home, "look")
    assert seen["letters"][0][2] == "sent"
    assert len(seen["tries"][0]) == 2


def test_a_thousand_that_expire_in_the_same_second_are_flipped_once_by_many_monitors(
    home: House,
) -> None:
    do(home, "make", 1200, "http://127.0.0.1:9/")
    monitors = [start(home, "watch", 6) for _ in range(3)]
    assert sum(finish(monitor) for monitor in monitors) == 1200
    seen = do(home, "look")
    assert Counter(seen["states"]) == {DOWN: 1200}
    flips = [flip for flip in seen["flips"] if flip[2] == DOWN]
    assert len({flip[0] for flip in flips}) == len(flips) == 1200
    assert {flip[3] for flip in flips} == {"2026-11-21T12:05:00+00:00"}
    assert len({flip[4] for flip in flips}) == len(seen["alerts"]) == 1200
    assert len({letter[0] for letter in seen["letters"]}) == len(seen["letters"]) == 1200
