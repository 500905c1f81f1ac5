"""An upstream that does as it is told: a real HTTP server on loopback, for faults and for figures.

In a test:

    with upstream("compass", script=[Rule(status=503, times=2)]) as up:
        ...  # up.url, up.requests, up.events, up.script(...)

A Rule says which requests it is for (method, path, lane, how many go by first, how many then, each
how many-th) and what happens to them; the first rule that wants a request has it, and what no rule
wants is answered as the mode does. As a process, `python -m tests.upstream --mode compass`, it
prints `ready PORT`, and says what it saw at GET /_log; upstream_process() starts one and looks the
same. Nothing here needs Django.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.upstream_wires import MODES, Event, Reply, Request, lane_of

ROOT = Path(__file__).resolve().parent.parent
BIG = 20 * 1024 * 1024  # bytes of the body of fault "big"
MOST_HEAD = 1 << 20  # bytes of a request's head
PATIENCE = 10  # seconds for a process to start
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends RST
FAULTS = (
    "",  # none: the answer goes out as it is
    "trickle-head", "trickle-body",  # a byte, and then a rest of `pace` seconds
    "reset-before",  # read, not taken in, no answer
    "reset-after",  # read and taken in, no answer
    "reset-middle",  # taken in, and the answer breaks in the middle
    "hang",  # no answer until the client goes
    "big",  # a body of 20 MB
    "garbage",  # what comes back is not HTTP
)  # fmt: skip


@dataclass
class Rule:
    """What happens to some requests. A status of 0 is what the mode answers."""

    fault: str = ""
    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    method: str = ""  # "" is any
    path: str = ""  # a regular expression that is found in it
    lane: str = ""
    skip: int = 0  # requests that go by first
    times: int | None = None  # how many it takes then; None: all
    every: int = 1  # takes each so many-th of them
    delay: float = 0.0  # seconds before the answer
    pace: float = 0.05  # seconds between the bytes of a trickle
    takes: bool | None = None  # whether the event is taken in; None: as fault and status suggest
    seen: int = 0
    taken: int = 0

    def __post_init__(self) -> None:
        assert self.fault in FAULTS, self.fault

    def wants(self, request: Request) -> bool:
        """Tell whether this rule has REQUEST, and count it."""
        if self.method not in ("", request.method) or self.lane not in ("", request.lane):
            return False
        if self.path and not re.search(self.path, request.path):
            return False
        self.seen += 1
        place = self.seen - self.skip
        if place <= 0 or place % self.every or self.taken == self.times:
            return False
        self.taken += 1
        return True

    @property
    def takes_in(self) -> bool:
        if self.takes is not None:
            return self.takes
        return self.fault not in ("reset-before", "hang", "garbage") and self.status < 300


class Upstream:
    """The server, its memory, and its script."""

    def __init__(
        self, mode: str = "", script: Iterable[Rule] = (), *, port: int = 0, **options: Any
    ) -> None:
        self.mode = MODES[mode](**options)
        self.requests: list[Request] = []
        self.rules: list[Rule] = list(script)
        self.port = port
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def events(self) -> list[Event]:
        """What was taken in, in order of arrival; what came twice is here twice."""
        return self.mode.events

    def script(self, *rules: Rule) -> None:
        """Put RULES in place of those before."""
        self.rules = list(rules)

    def push(self, document: Any) -> str:
        """Put an event in, to be pulled; returns its id."""
        return self.mode.push(document)

    def progress(self, identity: str, progress: int, operation: str = "created") -> None:
        """Let a build that was pushed come further."""
        self.mode.progress(identity, progress, operation)  # type: ignore[attr-defined]

    # ---- the server

    async def serve(self, started: threading.Event, stopped: asyncio.Event) -> None:
        server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, limit=MOST_HEAD, backlog=1024
        )
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await stopped.wait()
        # Who was let in at this moment begins before the end, or their socket stays open.
        asyncio.get_running_loop().remove_reader(server.sockets[0].fileno())
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(others, timeout=0.05)
        await asyncio.sleep(0.01)  # and what was aborted ends
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        number = self.connections
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went, or the test is over
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> bool:
        """Read one request and answer it; False if the connection is to be closed."""
        request = await self._read(reader, connection)
        if request is None:
            return False
        if request.path.startswith("/_"):
            known = self._of_the_test(request)
            if known is not None:
                await _write(writer, known)
                return True
        self.requests.append(request)
        rule = next((rule for rule in self.rules if rule.wants(request)), None)
        if rule is None:
            reply = self.mode.answer(request)
            request.status = reply.status
            await _write(writer, reply)
            return True
        request.fault = rule.fault
        reply = self.mode.answer(request) if rule.takes_in else Reply()
        if rule.status:
            reply = Reply(rule.status, rule.body)
        reply.headers.update(rule.headers)
        if rule.delay:
            await asyncio.sleep(rule.delay)
        return await _suffer(rule, reply, request, reader, writer)

    async def _read(self, reader: asyncio.StreamReader, connection: int) -> Request | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return None
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        monotonic, wall = time.monotonic(), time.time()
        number = len(self.requests) + 1
        request = Request(number, connection, method, path, headers, body, monotonic, wall)
        with suppress(ValueError):
            request.document = json.loads(body) if body else None
        request.lane = lane_of(request.document)
        return request

    # ---- what the test asks of a process

    def _of_the_test(self, request: Request) -> Reply | None:
        name = request.path.partition("?")[0]
        if name == "/_log":
            return Reply(200, {"requests": self.log(), "events": [asdict(e) for e in self.events]})
        if name == "/_counts":
            return Reply(200, {"requests": len(self.requests), "events": len(self.events)})
        if name == "/_script":
            self.script(*(Rule(**each) for each in request.document))
        elif name == "/_push":
            return Reply(200, {"id": self.push(request.document)})
        elif name == "/_progress":
            self.progress(**request.document)
        elif name == "/_forget":
            self.requests.clear()
            self.events.clear()
        else:
            return None
        return Reply(200, {})

    def log(self) -> list[dict[str, Any]]:
        """Return the requests as JSON has them."""
        return [
            {
                each.name: getattr(request, each.name)
                for each in fields(request)
                if each.name not in ("document", "body")
            }
            | {"body": request.body.decode(errors="replace")}
            for request in list(self.requests)
        ]


async def _suffer(
    rule: Rule,
    reply: Reply,
    request: Request,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> bool:
    """Answer REQUEST with REPLY as badly as RULE says."""
    fault = rule.fault
    if fault in ("reset-before", "reset-after"):
        return _reset(writer)
    if fault == "hang":
        await reader.read()
        return False
    if fault == "garbage":
        writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        await writer.drain()
        return False
    request.status = reply.status
    if fault == "big":
        reply.body = b"x" * BIG
    head, body = _encoded(reply, at_least=2 if fault in ("reset-middle", "trickle-body") else 0)
    if fault == "reset-middle":
        writer.write(head + body[: len(body) // 2])
        await writer.drain()
        await asyncio.sleep(0.01)  # so that the half arrives before the reset
        return _reset(writer)
    slow = {"trickle-head": head + body, "trickle-body": body}.get(fault, b"")
    if fault != "trickle-head":
        writer.write(head if slow else head + body)
    for place in range(len(slow)):
        writer.write(slow[place : place + 1])
        await writer.drain()
        await asyncio.sleep(rule.pace)
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> bool:
    link = writer.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
    return False


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    head, body = _encoded(reply)
    writer.write(head + body)
    await writer.drain()


def _encoded(reply: Reply, *, at_least: int = 0) -> tuple[bytes, bytes]:
    """Return head and body; a body that is too short for its fault is filled up with spaces."""
    body = reply.encoded().ljust(at_least)
    headers = {"Content-Type": "application/json", **reply.headers, "Content-Length": len(body)}
    lines = [f"HTTP/1.1 {reply.status} Said", *(f"{n}: {v}" for n, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), body


# ---- in a test, or as a process


@contextmanager
def upstream(
    mode: str = "", script: Iterable[Rule] = (), *, port: int = 0, **options: Any
) -> Iterator[Upstream]:
    """Run an upstream on a thread; OPTIONS are those of the mode, such as rate=100."""
    up = Upstream(mode, script, port=port, **options)
    started, loop, stopped = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        try:
            loop.run_until_complete(up.serve(started, stopped))
        finally:
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(PATIENCE), "the upstream did not start"
    try:
        yield up
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(PATIENCE)


@dataclass
class Remote:
    """An upstream in a process of its own."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        return [
            Request(**{**each, "body": each["body"].encode()})
            for each in self.ask("/_log")["requests"]
        ]

    @property
    def events(self) -> list[Event]:
        return [Event(**each) for each in self.ask("/_log")["events"]]

    @property
    def counts(self) -> dict[str, int]:
        """How many requests and events there were: quicker than to read them all."""
        found: dict[str, int] = self.ask("/_counts")
        return found

    def script(self, *rules: Rule) -> None:
        self.ask("/_script", [asdict(rule) for rule in rules])

    def push(self, document: Any) -> str:
        return str(self.ask("/_push", document)["id"])

    def progress(self, identity: str, progress: int, operation: str = "created") -> None:
        change = {"identity": identity, "progress": progress, "operation": operation}
        self.ask("/_progress", change)

    def forget(self) -> None:
        self.ask("/_forget", {})

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}{path}", data, timeout=60) as response:
            return json.load(response)


@contextmanager
def upstream_process(
    mode: str = "", script: Sequence[Rule] = (), *, port: int = 0, **options: Any
) -> Iterator[Remote]:
    """Run an upstream as a process, and end it at the end."""
    command = [sys.executable, "-m", "tests.upstream", "--port", str(port), "--mode", mode]
    command += ["--script", json.dumps([asdict(rule) for rule in script])]
    command += ["--options", json.dumps(options)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            word, _, number = process.stdout.readline().strip().partition(" ")
            assert word == "ready", "the upstream did not start"
            yield Remote(int(number))
        finally:
            process.kill()


def busiest(moments: Iterable[float], window: float = 60.0) -> int:
    """Return the most of MOMENTS that any WINDOW seconds hold: how an upstream counts."""
    ordered = sorted(moments)
    most = begin = 0
    for end, moment in enumerate(ordered):
        while moment - ordered[begin] >= window:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def by_the_minute(moments: Iterable[float], window: float = 60.0) -> dict[int, int]:
    """Count MOMENTS, wall clock, in each minute that begins at a full one."""
    counts: dict[int, int] = {}
    for moment in moments:
        counts[int(moment // window)] = counts.get(int(moment // window), 0) + 1
    return counts


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mode", choices=sorted(MODES), default="")
    parser.add_argument("--script", default="[]", help="JSON list of rules, or @file")
    parser.add_argument("--options", default="{}", help='JSON object, such as {"rate": 100}')
    given = parser.parse_args()
    text = Path(given.script[1:]).read_text() if given.script[:1] == "@" else given.script
    rules = [Rule(**each) for each in json.loads(text)]
    with upstream(given.mode, rules, port=given.port, **json.loads(given.options)) as up:
        print(f"ready {up.port}", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    _main()
