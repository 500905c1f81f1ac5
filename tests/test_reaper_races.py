"""News that come while beat closes a run: they win, whoever was first. Real processes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clerk import Actor
from tests.house import House, house

PATIENCE = 60  # seconds
BLOCKED = 1.5  # seconds after which who still waits is waiting for the other


@pytest.fixture(scope="module")
def home() -> Iterator[House]:
    with house(os.environ.get("DATABASE_URL", "")) as found:
        found.migrate()
        yield found


def do(home: House, *order: object) -> Any:
    return json.loads(home.run("-m", "tests.reaping", *map(str, order)).splitlines()[-1])


def start(home: House, *order: object) -> Actor:
    return home.start("-m", "tests.reaping", *map(str, order))


def hold(home: House, *order: object) -> Actor:
    """Start ORDER, and wait until it holds its transaction open."""
    actor = start(home, "held", *order)
    assert actor.stdout.readline() == "held\n"
    return actor


def end(actor: Actor) -> Any:
    """Let ACTOR go on, and return what it did."""
    out, _ = actor.communicate("\n", PATIENCE)
    assert actor.returncode == 0
    return json.loads(out.splitlines()[-1])


@pytest.fixture
def silent(home: House) -> House:
    """Three deployments that told nothing for more than a day."""
    home.manage("shell", "-c", "from feeds.models import Activity; Activity.objects.all().delete()")
    do(home, "silent", 3)
    return home


def test_news_that_are_not_committed_yet_win(silent: House) -> None:
    news = hold(silent, "news", "SUCCESSFUL", 2, 0, 1)
    beat = start(silent, "abandon")
    postgresql = silent.env["DATABASE_URL"].startswith("postgres")
    if postgresql:  # beat passes over the row; on SQLite it waits for the database
        assert end(beat) == 2
    assert end(news) == ["updated"]
    if not postgresql:
        assert end(beat) == 2
    assert do(silent, "abandon") == 0
    assert do(silent, "look") == [["succeeded", 2, False]] + [["unknown", 1, True]] * 2


def test_an_end_that_comes_while_its_run_is_being_closed_waits_and_wins(silent: House) -> None:
    beat = hold(silent, "abandon")
    news = start(silent, "news", "FAILED", 2, 1, 2)
    with pytest.raises(subprocess.TimeoutExpired):
        news.wait(BLOCKED)
    assert end(beat) == 3
    assert end(news) == ["updated"]
    assert do(silent, "look")[1] == ["failed", 2, False]


def test_of_two_beats_one_closes_a_run(silent: House) -> None:
    beats = [start(silent, "abandon") for _ in range(3)]
    assert sorted(end(beat) for beat in beats)[-1] <= 3
    assert do(silent, "look") == [["unknown", 1, True]] * 3


def test_a_storm_of_ends_and_beats_loses_no_end(home: House, silent: House) -> None:
    do(home, "silent", 60)
    actors = [start(home, "news", "SUCCESSFUL", 2, at, 40, 4) for at in range(4)]
    actors += [start(home, "abandon") for _ in range(3)]
    for actor in actors:
        end(actor)
    do(home, "abandon")
    found = do(home, "look")
    assert sorted(found) == [["succeeded", 2, False]] * 40 + [["unknown", 1, True]] * 20
