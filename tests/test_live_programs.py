"""GET /api/v1/activities/stream: the activities themselves, for programs."""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live import AT_ONCE, Live, live_beside, living, transaction

PATH = "/api/v1/activities/stream"
WRITERS = 6
ROUNDS = 8  # transactions of a writer
STREAMS = 200


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with living() as found:
        yield found


class Lines:
    """An open NDJSON stream."""

    def __init__(self, response: requests.Response) -> None:
        assert response.status_code == 200, response.text
        self.lines = response.iter_lines(chunk_size=65536)  # at most; each piece at once
        self.last = ""

    def next(self) -> dict[str, Any] | None:
        """Return the next event that is no silence, None at the end."""
        for line in self.lines:
            if line:
                event: dict[str, Any] = json.loads(line)
                self.last = event.get("id", self.last)
                return event
        return None

    def activity(self) -> dict[str, Any]:
        """Return the next activity; pings come after a catch-up and in silence."""
        event = self.next()
        while event and event["event"] == "ping":
            event = self.next()
        assert event is not None
        assert event["event"] == "activity", event
        found: dict[str, Any] = event["data"]
        return found


@contextlib.contextmanager
def lines(live: Live, *, fresh: bool = True, **query: str) -> Iterator[Lines]:
    """Open a stream, and if it is FRESH read the ping by which it begins."""
    query["format"] = "ndjson"
    with live.get(login=live.site.admin, path=PATH, params=query) as response:
        opened = Lines(response)
        if fresh:
            first = opened.next()
            assert first is not None
            assert first["event"] == "ping"
        yield opened


def test_new_changed_and_deleted_activities_come_as_the_api_answers_them(live: Live) -> None:
    source = live.site.source()
    with lines(live, source=source) as stream:
        live.post(source, "1")
        (stored,) = live.site.activities(source)
        assert stream.activity() == stored
        event = live.site.event(source, id="1", updateSequenceNumber=2, displayName="changed")
        assert live.site.ask("POST", "events", json=[event])["updated"] == 1
        changed = stream.activity()
        assert (changed["uuid"], changed["title"]) == (stored["uuid"], "changed")
        with transaction(live) as writer:
            writer.execute("DELETE FROM feeds_activity WHERE uuid = %s", hexed(stored["uuid"]))
            writer.commit()
        gone = stream.next()
        assert gone is not None
        assert (gone["event"], gone["data"]) == ("deleted", {"uuid": stored["uuid"]})


def hexed(identity: str) -> str:
    return identity.replace("-", "")


def test_accept_and_format_choose_between_events_and_lines(live: Live) -> None:
    for headers, query, expected in [
        ({}, {}, "text/event-stream; charset=utf-8"),
        ({"Accept": "application/x-ndjson"}, {}, "application/x-ndjson"),
        ({"Accept": "application/x-ndjson"}, {"format": "sse"}, "text/event-stream; charset=utf-8"),
        ({}, {"format": "ndjson"}, "application/x-ndjson"),
    ]:
        with live.get(login=live.site.admin, path=PATH, headers=headers, params=query) as response:
            assert response.headers["Content-Type"] == expected
            assert "Content-Encoding" not in response.headers
    source = live.site.source()
    with live.stream(path=PATH, params={"source": source}) as stream:
        live.post(source, "1")
        event = stream.next()
        assert event is not None
        assert event.name == "activity"
        assert event.data == live.site.activities(source)[0]


def test_a_stream_goes_on_where_it_was_though_the_process_is_another(live: Live) -> None:
    source = live.site.source()
    place, site = live.site.house, live.site
    with live_beside(place, site) as first, lines(first, source=source) as stream:
        live.post(source, "1")
        assert stream.activity()["external_id"] == "1"
        assert first.process
        first.process.terminate()
        bye = stream.next()
        assert bye is not None
        assert bye["event"] == "bye"
        assert bye["data"]["retry_ms"] > 0
        assert stream.next() is None
    live.post(source, "2", "3")
    event = site.event(source, id="1", updateSequenceNumber=2)
    assert site.ask("POST", "events", json=[event])["updated"] == 1
    with (
        live_beside(place, site) as second,
        lines(second, fresh=False, source=source, after=stream.last) as resumed,
    ):
        found = [resumed.activity() for _ in range(3)]
        assert (found[0]["external_id"], found[0]["sequence"]) == ("1", 2)
        assert {row["external_id"] for row in found} == {"1", "2", "3"}
        live.post(source, "4")
        while (row := resumed.activity())["external_id"] != "4":
            assert row["external_id"] in {"2", "3"}  # those above a hole may come again


def test_nothing_is_missed_whatever_the_order_of_commits(live: Live) -> None:
    """Writers insert and update, and hold their transactions open for as long as they like."""
    source = live.site.source()
    live.post(source, "seed")
    seed = random.randrange(10**6)
    print(f"seed {seed}")

    def write(number: int) -> None:
        chance = random.Random(seed + number)
        for attempt in range(ROUNDS):
            with transaction(live) as writer:
                writer.insert(source, f"{number}-{attempt}")
                if attempt:
                    writer.touch(f"{number}-{chance.randrange(attempt)}")
                time.sleep(chance.choice([0, 0, 0.1, 0.4, 1.5]) / (4 if on_sqlite() else 1))
                writer.commit()
            time.sleep(chance.random() / 5)

    heard: dict[str, int] = {}
    with lines(live, source=source) as stream:
        threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        ended = time.monotonic() + 60
        while any(thread.is_alive() for thread in threads) or not complete(live, source, heard):
            assert time.monotonic() < ended, "something was missed"
            event = stream.next()
            assert event is not None
            if event["event"] == "activity":
                row = event["data"]
                assert row["sequence"] >= heard.get(row["external_id"], 0)
                heard[row["external_id"]] = row["sequence"]
    again: dict[str, int] = {}
    with lines(live, fresh=False, source=source, after="0") as stream:
        while not complete(live, source, again):
            row = stream.activity()
            again[row["external_id"]] = row["sequence"]


def test_who_does_not_read_is_told_to_come_again_and_misses_nothing(live: Live) -> None:
    source, last = live.site.source(), ""
    with lines(live, source=source) as stream:
        for batch in range(6):  # 24 MB
            big = [live.site.event(source, id=f"{batch}-{n}", description="x" * 200_000)
                   for n in range(10)]  # fmt: skip
            assert live.site.ask("POST", "events", json=big)["created"] == 10
            time.sleep(0.5)
        heard = set()
        while (event := stream.next()) and event["event"] != "bye":
            heard.add(event["data"].get("external_id"))
        assert event
        assert event["event"] == "bye"
        assert len(heard) < 60
        last = stream.last
    with lines(live, fresh=False, source=source, after=last) as stream:
        while len(heard) < 60:
            heard.add(stream.activity()["external_id"])


def on_sqlite() -> bool:
    return not os.environ.get("DATABASE_URL", "").startswith("postgres")


def complete(live: Live, source: str, heard: dict[str, int]) -> bool:
    """Tell whether HEARD has all of SOURCE but the seed, each as it stands now."""
    if len(heard) < WRITERS * ROUNDS:
        return False
    stored = {row["external_id"]: row["sequence"] for row in live.site.activities(source)}
    return {**stored, **heard} == stored


@pytest.mark.parametrize(
    ("name", "value"),
    [("type", "party"), ("after", "x"), ("format", "xml"), ("sauce", "1"), ("before", "1_1")],
)
def test_a_wrong_parameter_is_400_and_named(live: Live, name: str, value: str) -> None:
    with live.get(login=live.site.admin, path=PATH, params={name: value}) as response:
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == name


def test_nobody_is_401_and_both_kinds_of_stream_count_together(live: Live) -> None:
    with live.get(path=PATH) as response:
        assert response.status_code == 401
    bot = live.site.bot()
    with contextlib.ExitStack() as stack:
        for number in range(AT_ONCE):
            path = PATH if number % 2 else "/live/feed"
            opened = stack.enter_context(live.get(login=bot, path=path))
            assert opened.status_code == 200
        with live.get(login=bot, path=PATH) as ninth:
            assert ninth.status_code == 429


def test_200_streams_cost_neither_threads_nor_connections() -> None:
    with living(ANONYMOUS_READ="1") as live, contextlib.ExitStack() as stack:
        source = live.site.source()
        first = stack.enter_context(live.get(path=PATH, params={"source": source}))
        next(first.iter_lines(chunk_size=1))
        begun = threads_of(live)
        paths = (PATH, "/live/feed")
        opened = [
            stack.enter_context(live.get(path=paths[n % 2], params={"source": source}))
            for n in range(STREAMS)
        ]
        streams = [response.iter_lines(chunk_size=1) for response in opened]
        for stream in streams:
            assert next(stream) == b"event: ping"
        assert threads_of(live) - begun <= 6  # the door's and the desk's, however many come
        assert connections_of(live) <= 1 + 1  # the one that looks, and one that closes
        live.post(source, "1")
        for n, stream in enumerate(streams):
            expected = (b"event: activity", b"event: hint")[n % 2]
            assert any(line == expected for line in stream)


def threads_of(live: Live) -> int:
    return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in processes_of(live))


def connections_of(live: Live) -> int:
    """Count the connections of the live process to its database."""
    database = live.site.house.env["DATABASE_URL"]
    name = "pulseboard.sqlite3" if database.startswith("sqlite") else ":5432"
    if name == "pulseboard.sqlite3":
        targets = [
            os.readlink(link)
            for pid in processes_of(live)
            for link in Path(f"/proc/{pid}/fd").iterdir()
            if link.is_symlink()
        ]
        return sum(target.endswith(name) for target in targets)
    with transaction(live) as writer:
        found = writer.execute(
            "SELECT client_port FROM pg_stat_activity WHERE datname = current_database()"
        )
    ports = {port for (port,) in found if port}
    return len(ports & local_ports(processes_of(live)))


def local_ports(pids: list[int]) -> set[int]:
    """Return the ports from which PIDS talk to others."""
    sockets = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(os.readlink(link))
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [row.split() for row in table]
    return {int(row[1].partition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in sockets}


def processes_of(live: Live) -> list[int]:
    """Return the live process and those that it started."""
    assert live.process
    parent = live.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *map(int, children)]
