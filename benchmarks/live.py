"""Streams: how soon, at what cost, and how many; PostgreSQL, all processes on this machine.

`python -m benchmarks.live [streams] [seconds]`; the client is one asyncio process.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.ingest import SENDERS, body, prepare, run
from benchmarks.load import request
from benchmarks.place import place_on
from tests.house import BIN, ROOT, House, free_port, stop, wait_for

FILTERS = 20  # distinct ones; each passes one source in twenty, and a program listens to each
RATE = 50  # events a second
PER_USER = 8  # streams
OPENING = 100  # streams that are opened at once
PROGRAMS = "/api/v1/activities/stream"
PAGES = "/live/feed"
_USERS = """
import json
from feeds import actions
from feeds.models import Role
print(json.dumps([
    actions.create_token(actions.create_user(f"viewer{{n}}", role=Role.VIEWER), role=Role.VIEWER)
    for n in range({users})
]))
"""
_COLUMNS = """
SELECT string_agg(column_name::text, ', ') FROM information_schema.columns
WHERE table_name = 'feeds_activity' AND column_name NOT IN
    ('id', 'uuid', 'external_id', 'source_id', 'received_at', 'touched_at', 'occurred_at')
"""


@dataclass
class Writers:
    """Commits events at RATE, and knows when."""

    place: House
    committed: dict[int, list[float]] = field(default_factory=dict)  # source: moments, in order
    by_name: dict[str, float] = field(default_factory=dict)

    async def write(self, seconds: float) -> int:
        """Commit for SECONDS, and return how many."""
        connection = await psycopg.AsyncConnection.connect(self.place.env["DATABASE_URL"])
        async with connection:
            (columns,) = (await (await connection.execute(_COLUMNS)).fetchone()) or ("",)
            copy = f"""INSERT INTO feeds_activity ({columns}, uuid, external_id, source_id,
                    occurred_at, received_at, touched_at)
                SELECT {columns}, gen_random_uuid(), %s, home, now(), now(), now()
                FROM feeds_activity, (
                    SELECT id FROM feeds_eventsource WHERE external_id = %s
                ) source (home)
                LIMIT 1""".encode()
            begun = time.perf_counter()
            for number in range(int(RATE * seconds)):
                await asyncio.sleep(max(0, begun + number / RATE - time.perf_counter()))
                name, source = f"live-{time.time_ns()}", number % FILTERS
                await connection.execute(copy, [name, f"shop/service-{source}"])
                # just before the commit: the figures are upper bounds
                self.by_name[name] = time.perf_counter()
                self.committed.setdefault(source, []).append(self.by_name[name])
                await connection.commit()
        return int(RATE * seconds)


class Stream(asyncio.Protocol):
    """An open stream, which times what comes."""

    def __init__(self, source: int, asked: bytes, writers: Writers) -> None:
        self.source, self._asked, self._writers = source, asked, writers
        self.opened = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.known = len(writers.committed.get(source, ()))  # events that came before
        self._rest = b""
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        """Ask."""
        self.transport = transport
        transport.write(self._asked)

    def data_received(self, data: bytes) -> None:
        """Time each event."""
        now = time.perf_counter()
        *events, self._rest = (self._rest + data).split(b"\n\n")
        for event in events:
            if b"event: ping" in event and not self.opened.done():
                self.opened.set_result(None)
            elif b"event: hint" in event:
                self._hint(json.loads(event.partition(b"data: ")[2].partition(b"\n")[0]), now)
            elif name := re.search(rb'"external_id":"(live-\d+)"', event):
                self.latencies.append(now - self._writers.by_name[name[1].decode()])

    def _hint(self, hint: dict[str, int], now: float) -> None:
        moments = self._writers.committed.get(self.source, [])
        self.latencies += [now - then for then in moments[self.known : self.known + hint["new"]]]
        self.known += hint["new"]

    def connection_lost(self, error: Exception | None) -> None:
        """Remember, for nobody asked for it."""
        self.lost = True
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("refused"))


@dataclass
class Crowd:
    """Many streams on one live process."""

    port: int
    tokens: list[str]
    writers: Writers
    streams: list[Stream] = field(default_factory=list)

    async def open(self, count: int, filters: int = FILTERS, *, programs: int = 0) -> float:
        """Open COUNT streams over FILTERS, of which PROGRAMS want whole activities."""
        begun, gate = time.perf_counter(), asyncio.Semaphore(OPENING)
        users = itertools.cycle(self.tokens[: -(-count // PER_USER)])

        async def one(number: int) -> None:
            path = PROGRAMS if number < programs else PAGES
            source = number % filters
            asked = (
                f"GET {path}?source=shop/service-{source}&type=build HTTP/1.1\r\n"
                f"Host: 127.0.0.1\r\nAuthorization: Bearer {next(users)}\r\n\r\n"
            ).encode()
            async with gate:
                loop = asyncio.get_running_loop()
                _, stream = await loop.create_connection(
                    lambda: Stream(source, asked, self.writers), "127.0.0.1", self.port
                )
                await stream.opened
            self.streams.append(stream)

        await asyncio.gather(*(one(number) for number in range(count)))
        return time.perf_counter() - begun

    def latencies(self) -> list[float]:
        """Return what came in since the last time."""
        found = [late for stream in self.streams for late in stream.latencies]
        for stream in self.streams:
            stream.latencies = []
        return found

    async def close(self) -> None:
        """Hang up."""
        for stream in self.streams:
            stream.transport.close()
        self.streams = []
        await asyncio.sleep(2)


@contextlib.contextmanager
def live_process(place: House) -> Iterator[tuple[int, int]]:
    """Serve the streams; yield the port, and the process that does the work."""
    port = free_port()
    command = [
        str(BIN / "granian"), "--interface", "asgi", "--port", str(port), "--no-ws",
        "--workers", "1", "--backpressure", "6000", "--log-level", "error",
        "feeds.asgi:application",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, env=place.env) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/live/healthz")
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            yield port, max(map(int, children), key=memory)
        finally:
            stop(server)


def memory(pid: int) -> float:
    """Return the megabytes that PID holds."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0


def cpu(pid: int) -> float:
    """Return the seconds that PID has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ingest(port: int, cloud_id: str, headers: list[dict[str, str]]) -> float:
    """Return how many events a second go in, asked by a process of its own."""
    numbers = itertools.count(time.time_ns() // 1000)
    path = "/gateway/api/compass/v1/events"

    def single() -> bytes:
        number = next(numbers)
        return request(path, body(cloud_id, number), headers[number % SENDERS])

    return run(port, single).rate


async def timed(crowd: Crowd, pid: int, seconds: float) -> tuple[list[float], float]:
    """Return the latencies in milliseconds, and the milliseconds of CPU of an event."""
    crowd.latencies()
    before = cpu(pid)
    events = await crowd.writers.write(seconds)
    await asyncio.sleep(1.5)
    spent = cpu(pid) - before
    found = [late * 1000 for late in crowd.latencies()]
    expected = sum(len(crowd.writers.committed.get(stream.source, ())) for stream in crowd.streams)
    if len(found) < 0.5 * expected / max(1, len(crowd.writers.by_name) / events):
        print(f"  only {len(found)} of the events came")
    return found, spent / events * 1000


def show(name: str, found: list[float]) -> None:
    """Print percentiles."""
    cuts = statistics.quantiles(found, n=100)
    print(f"  {name:34} p50 {cuts[49]:4.0f} ms   p99 {cuts[98]:4.0f} ms   {len(found)} times")


async def measure(place: House, many: int, seconds: float) -> None:
    """Print everything."""
    cloud_id, headers = prepare(place)
    most = max(many, 5 * many)
    users = _USERS.format(users=-(-most // PER_USER) + 1)
    tokens = json.loads(place.manage("shell", "-v0", "-c", users))
    loop = asyncio.get_running_loop()
    pool = ProcessPoolExecutor(1, get_context("spawn"))
    with place.served(workers=2) as served, live_process(place) as (port, pid):
        crowd = Crowd(port, tokens, Writers(place))

        async def rate() -> float:
            return await loop.run_in_executor(pool, ingest, served.port, cloud_id, headers)

        await rate()  # a first event, and everybody warm
        taken = await crowd.open(many, programs=FILTERS)
        print(f"streams, postgresql: {many} over {FILTERS} filters, {RATE} events a second")
        print(f"  all open within {taken:.1f} s (goal 10)")
        found, _ = await timed(crowd, pid, seconds)
        show("commit to bytes (goals 200, 750)", found)
        print(f"  memory of the live process {memory(pid):.0f} MB (goal 150)")
        with_streams = []
        alone = []
        for _ in range(3):
            with_streams.append(await rate())
            await crowd.close()
            alone.append(await rate())
            await crowd.open(many, programs=FILTERS)
        ratio = statistics.median(a / b for a, b in zip(with_streams, alone, strict=True))
        print(f"  ingest with streams {statistics.median(with_streams):.0f}/s, without "
              f"{statistics.median(alone):.0f}/s, ratio {ratio:.2f} (goal 0.7)")  # fmt: skip
        await crowd.close()
        for count in (10, many):
            await crowd.open(count, filters=10)
            _, spent = await timed(crowd, pid, seconds)
            print(f"  {count:5} pages over 10 filters: {spent:.1f} ms of CPU an event")
            await crowd.close()
        taken = await crowd.open(most, programs=FILTERS)
        found, _ = await timed(crowd, pid, seconds)
        show(f"{most} streams, open in {taken:.0f} s", found)
        lost = sum(stream.lost for stream in crowd.streams)
        print(f"  of them lost {lost}, memory {memory(pid):.0f} MB")
        await crowd.close()
    pool.shutdown()


def main() -> None:
    """Measure."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with place_on("postgresql") as place:
        asyncio.run(measure(place, many, seconds))


if __name__ == "__main__":
    main()
