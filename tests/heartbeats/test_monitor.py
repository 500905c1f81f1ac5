"""The monitor as it runs in production: a worker, beat, a web server, and a broker that may be
down."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests

from feeds.celery import app
from heartbeats import tasks
from tests.heartbeats.receiver import receiving
from tests.house import BIN, ROOT, House, house, stop

PATIENCE = 60  # seconds
WORKER = "worker --pool threads --concurrency 4 --without-gossip --without-mingle"
BEAT = "beat --schedule {folder}/beat-schedule --pidfile="


def test_every_task_that_beat_names_exists() -> None:
    assert tasks.watch.name in app.tasks
    named = {entry["task"] for entry in app.conf.beat_schedule.values()}
    app.loader.import_default_modules()
    assert named <= set(app.tasks)
    assert app.conf.beat_schedule["watch"]["schedule"] == 5.0


@contextmanager
def running(home: House) -> Iterator[None]:
    """Run a worker and beat."""
    with ExitStack() as stack:
        for words in (WORKER, BEAT):
            order = words.format(folder=home.env["DATA_DIR"]).split()
            command = [str(BIN / "celery"), "--app", "feeds", "--quiet", *order]
            process = subprocess.Popen([*command, "--loglevel", "error"], cwd=ROOT, env=home.env)
            stack.callback(stop, process)
        yield


def do(home: House, *order: str) -> Any:
    printed = home.run("-m", "tests.heartbeats.actor", *order)
    return json.loads(printed.splitlines()[-1])


@pytest.fixture
def home() -> Iterator[House]:
    environment = {name: os.environ[name] for name in ("REDIS_URL",) if os.environ.get(name)}
    database = os.environ.get("DATABASE_URL", "")
    with house(database, PRIVATE_UPSTREAMS="1", **environment) as found:
        found.migrate()
        yield found


def test_who_is_overdue_is_found_and_told_of_without_anybody_asking(home: House) -> None:
    with receiving() as receiver:
        do(home, "late", receiver.url)
        with running(home):
            assert receiver.arrived.wait(PATIENCE)
    assert receiver.events == ["heartbeat.unresponsive"]
    seen = do(home, "look")
    assert seen["states"] == ["Unresponsive"]
    assert seen["alerts"] == ["open"]


def test_pings_are_answered_while_the_broker_is_down(home: House) -> None:
    home.env["CELERY_BROKER_URL"] = "redis://127.0.0.1:1/0"
    key = do(home, "late", "http://127.0.0.1:9/")
    with home.served():
        for word in ("", "/fail", "/start", "/0", "/7", "/log"):
            answer = requests.post(f"{home.url}/ping/{key}{word}", data=b"x" * 50_000, timeout=5)
            assert (answer.status_code, answer.text) == (200, "OK\n")
    seen = do(home, "look")
    assert seen["states"] == ["Unresponsive"]
    assert seen["alerts"] == ["closed", "open"]


def test_the_live_process_tells_how_many_streams_are_open() -> None:
    from feeds.live.application import application

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    scope = {"type": "http", "path": "/live/metrics", "method": "GET", "headers": []}
    asyncio.run(application(scope, receive, send))
    assert sent[0]["status"] == 200
    assert sent[1]["body"].endswith(b"\npulseboard_live_streams 0\n")
