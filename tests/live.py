"""Clients of the streams, and the live process beside a Pulseboard that runs."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dj_database_url
import psycopg
import requests

from tests.house import BIN, PATIENCE, ROOT, House, free_port, house, wait_for
from tests.test_production import commands_of_compose
from tests.test_races import Site

SOON = 5  # seconds for a hint
AT_ONCE = 8  # streams of one user


@dataclass
class Event:
    """One server-sent event."""

    name: str
    data: dict[str, Any]
    id: str


@dataclass
class Stream:
    """An open stream."""

    response: requests.Response
    last: str = ""  # the id to resume after
    lines: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.response.iter_lines(chunk_size=1, decode_unicode=True)

    def next(self) -> Event | None:
        """Return the next event, None at the end of the stream."""
        found: dict[str, str] = {}
        for line in self.lines:
            if not line and found:
                self.last = found.get("id", self.last)
                return Event(found["event"], json.loads(found["data"]), found.get("id", ""))
            name, _, found[name] = line.partition(": ") if line else ("", "", "")
        return None

    def hint(self) -> Event:
        """Return the next event, which must be a hint and come soon."""
        begun = time.monotonic()
        event = self.next()
        assert event is not None
        assert event.name == "hint", event
        assert time.monotonic() - begun < SOON
        return event

    def changed(self) -> set[str]:
        """Return the ids of the next event, which must tell of changes and come soon."""
        begun = time.monotonic()
        event = self.next()
        assert event is not None
        assert event.name == "row", event
        assert time.monotonic() - begun < SOON
        return set(event.data["ids"])

    def count(self, expected: int) -> None:
        """Read hints until they amount to EXPECTED, which takes no more than EXPECTED hints."""
        total = 0
        for _ in range(expected):
            total += self.hint().data["new"]
            if total >= expected:
                break
        assert total == expected


@dataclass
class Live:
    """The live process of a Pulseboard."""

    site: Site
    port: int
    process: subprocess.Popen[bytes] | None  # None: it is the one of the pages

    def get(self, *, login: str = "", path: str = "/live/feed", **fields: Any) -> requests.Response:
        """Ask for the stream as LOGIN (user:token), without reading it."""
        user, _, token = login.partition(":")
        return requests.get(
            f"http://127.0.0.1:{self.port}{path}",
            auth=(user, token) if login else None,
            stream=True,
            timeout=PATIENCE,
            **fields,
        )

    @contextlib.contextmanager
    def stream(self, login: str = "", *, fresh: bool = True, **fields: Any) -> Iterator[Stream]:
        """Open a stream, and if it is FRESH wait for the ping by which it begins."""
        with self.get(login=login or self.site.admin, **fields) as response:
            assert response.status_code == 200, response.text
            stream = Stream(response)
            if fresh:
                first = stream.next()
                assert first is not None
                assert first.name == "ping"
            yield stream

    def post(self, source: str, *names: str) -> None:
        """Send events of SOURCE in one request."""
        result = self.site.ask(
            "POST", "events", json=[self.site.event(source, id=name) for name in names]
        )
        assert result["created"] == len(names), result


@contextlib.contextmanager
def live_beside(place: House, site: Site) -> Iterator[Live]:
    """Serve the stream by the command of docker-compose.yml."""
    port = free_port()
    command = next(words for words in commands_of_compose() if "feeds.asgi:application" in words)
    command[0] = str(BIN / command[0])
    command[command.index("--host") + 1] = "127.0.0.1"
    command[command.index("--port") + 1] = str(port)
    with subprocess.Popen(command, cwd=ROOT, env=place.env) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/live/healthz")
            yield Live(site, port, server)
        finally:
            server.terminate()
            server.wait(PATIENCE)


@contextlib.contextmanager
def living(**env: str) -> Iterator[Live]:
    """Serve a Pulseboard of its own, and its streams beside it."""
    with house(os.environ.get("DATABASE_URL", ""), RATE_LIMIT="0", **env) as place:
        place.migrate()
        with place.served():
            site = Site.of(place)
            with live_beside(place, site) as found:
                yield found


# ---- writers beside our own, whose transactions stay open as long as a test wants


@dataclass
class Writer:
    """A transaction on the database of a Pulseboard."""

    connection: Any
    paramstyle: str

    def execute(self, statement: str, *values: Any) -> list[Any]:
        """Run STATEMENT, whose values are %s, and return its rows."""
        cursor = self.connection.execute(statement.replace("%s", self.paramstyle), values)
        return list(cursor.fetchall()) if cursor.description else []

    def commit(self) -> None:
        self.connection.commit()

    def insert(self, source: str, name: str) -> int:
        """Copy an activity of SOURCE under another NAME and title, as new; return the id."""
        changed = {"id", "uuid", "external_id", "title", "received_at", "touched_at"}
        columns = ", ".join(name for name in self._columns() if name not in changed)
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
        [(pk,)] = self.execute(
            f"""INSERT INTO feeds_activity
                ({columns}, uuid, external_id, title, received_at, touched_at)
            SELECT {columns}, %s, %s, %s, %s, %s FROM feeds_activity WHERE source_id =
                (SELECT id FROM feeds_eventsource WHERE external_id = %s) LIMIT 1 RETURNING id""",
            uuid.uuid4().hex, name, name, now, now, source,
        )  # fmt: skip
        return int(pk)

    def touch(self, name: str) -> None:
        """Change the activity NAME as an update does."""
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
        self.execute(
            "UPDATE feeds_activity SET sequence = sequence + 1, touched_at = %s "
            "WHERE external_id = %s RETURNING id",
            now, name,
        )  # fmt: skip

    def _columns(self) -> list[str]:
        if self.paramstyle == "?":
            return [row[1] for row in self.execute("PRAGMA table_info(feeds_activity)")]
        return [name for (name,) in self.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s",
            "feeds_activity",
        )]  # fmt: skip


@contextlib.contextmanager
def transaction(live: Live) -> Iterator[Writer]:
    """Open a transaction; on SQLite it waits for the lock of the others."""
    url = live.site.house.env["DATABASE_URL"]
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as own:
            own.execute("BEGIN IMMEDIATE")
            yield Writer(own, "?")
            if own.in_transaction:
                own.commit()
        return
    config = dj_database_url.parse(url)
    with psycopg.connect(
        host=config["HOST"], port=config["PORT"] or 5432, user=config["USER"],
        password=config["PASSWORD"], dbname=config["NAME"], options="-c timezone=UTC",
    ) as connection:  # fmt: skip
        yield Writer(connection, "%s")
