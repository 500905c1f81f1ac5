"""Processes of ours that need not load Django first, which takes each a second of a processor.

    with start(["-c", "print(input())"], env=house.env) as actor:
        actor.communicate("hello")

A clerk has loaded what Pulseboard needs and knows no settings yet. For each order it forks, and the
new process becomes what Python makes of the same arguments: `-m module`, `-c code`, or a file.
What runs in production by a command of its own (granian, celery) is started by that command.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 1 << 18  # bytes of an order
#: What takes most of the time to load, and asks for no settings.
PRELOADED = (
    "ariadne", "celery.app.base", "cryptography.fernet", "django.contrib.auth.hashers",
    "django.core.management", "django.db.models", "django.test", "django.views.generic", "jinja2",
    "psycopg", "requests",
)  # fmt: skip


@dataclass
class Actor:
    """A process that a clerk became; what can be done with it is what subprocess.Popen can."""

    arguments: Sequence[str]
    pid: int
    stdin: IO[str]
    stdout: IO[str]
    _status: Connection
    returncode: int | None = None

    def __enter__(self) -> Actor:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self.wait()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status: below 0 it is the signal that ended it."""
        if self.returncode is None:
            if not self._status.poll(timeout):
                raise subprocess.TimeoutExpired(self.arguments, timeout or 0)
            with self._status:
                self.returncode = int(self._status.recv())
        return self.returncode

    def communicate(self, text: str = "", timeout: float | None = None) -> tuple[str, None]:
        """Write TEXT, and return what was printed until the end; who takes too long is killed."""
        late = threading.Timer(timeout or threading.TIMEOUT_MAX, self.kill)
        late.start()
        with contextlib.suppress(BrokenPipeError), self.stdin:
            self.stdin.write(text)
        printed = self.stdout.read()
        self.wait()
        late.cancel()
        self._close()
        return printed, None

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _close(self) -> None:
        for file in (self.stdin, self.stdout):
            with contextlib.suppress(BrokenPipeError):
                file.close()


class Clerk:
    """Where orders are taken for the processes of one environment."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = dict(env)
        self._desk, theirs = _desks()
        with theirs:
            socket.send_fds(_chief(), [json.dumps({"env": env}).encode()], [theirs.fileno()])

    def close(self) -> None:
        """Take no more orders; those who work go on."""
        self._desk.close()

    def start(self, arguments: Sequence[str], *, errors: int = 2) -> Actor:
        """Start what `python ARGUMENTS` would; what it writes to standard error goes to ERRORS."""
        (theirs_in, ours_in), (ours_out, theirs_out) = os.pipe(), os.pipe()
        ours, theirs = os.pipe()
        status = Connection(ours, writable=False)
        files = [theirs_in, theirs_out, errors, theirs]
        socket.send_fds(self._desk, [json.dumps({"arguments": arguments}).encode()], files)
        for file in (theirs_in, theirs_out, theirs):
            os.close(file)
        return Actor(arguments, status.recv(), os.fdopen(ours_in, "w"), os.fdopen(ours_out), status)


def _desks() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@functools.cache
def _chief() -> socket.socket:
    """Start the process from which the clerks of this process come, and return its desk."""
    ours, theirs = _desks()
    with theirs:
        command = [sys.executable, "-m", "tests.clerk", str(theirs.fileno())]
        chief = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])

    def close() -> None:
        ours.close()  # by which it ends
        chief.wait()

    atexit.register(close)
    return ours


# ---- the processes


def _next_order(desk: socket.socket) -> tuple[Any, list[int]]:
    """Return an order and its files, in a process that is there for it alone."""
    gc.freeze()  # what is here now is for ever, and need not be looked at by those who fork
    while True:
        order, files, _, _ = socket.recv_fds(desk, LONGEST, 4)
        if not order:
            sys.exit()
        if not os.fork():
            desk.close()
            return json.loads(order), files
        for file in files:
            os.close(file)


def _wait_for_orders(desk: socket.socket) -> None:
    """Become an actor for each order that comes to DESK."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how those ended who mind an actor
    order, [*streams, status] = _next_order(desk)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if actor := os.fork():
        _mind(actor, Connection(status, readable=False), streams)
    os.close(status)
    for number, file in enumerate(streams):
        os.dup2(file, number)
        os.close(file)
    end = 1

    def leave() -> None:
        """Leave as the last that is done at the end, for to take all apart takes a tenth of a
        second."""
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end)

    atexit.register(leave)
    try:
        _become(order["arguments"])
        end = 0
    except SystemExit as exit:
        end = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
        raise


def _mind(actor: int, status: Connection, streams: Sequence[int]) -> None:
    """Tell who ACTOR is, and how it ends; then end."""
    for file in streams:
        os.close(file)
    with contextlib.suppress(BrokenPipeError):  # nobody may listen any more
        status.send(actor)
        _, end = os.waitpid(actor, 0)
        status.send(os.waitstatus_to_exitcode(end))
    os._exit(0)


def _become(arguments: list[str]) -> None:
    """Do what Python does with ARGUMENTS."""
    first, *rest = arguments
    if first == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    elif first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(first, run_name="__main__")


def _main(desk: socket.socket) -> None:
    for module in PRELOADED:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    order, [file] = _next_order(desk)
    os.environ.clear()
    os.environ.update(order["env"])
    django.setup()
    importlib.import_module(settings.ROOT_URLCONF)
    with socket.socket(fileno=file) as desk:
        _wait_for_orders(desk)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as first:
        _main(first)
