"""A Pulseboard of its own, for tests and benchmarks: its own data, and real processes."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import dj_database_url
import psycopg
import requests

from tests.clerk import Actor, Clerk

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
#: Of the environment, as make exports it, what a house has of its own.
OF_THE_HOUSE = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY", "SITE_URL"}
PATIENCE = 60  # seconds for a process to start or to stop on a busy machine


@dataclass
class House:
    """A database and a data directory, and the environment that points a process at them."""

    env: dict[str, str]
    _clerk: Clerk | None = None

    @property
    def port(self) -> int:
        """The port that is kept for its web server."""
        return int(self.env["PORT"])

    @property
    def folder(self) -> Path:
        """Its data directory."""
        return Path(self.env["DATA_DIR"])

    @property
    def url(self) -> str:
        """Where the running web server answers."""
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it prints; raises CalledProcessError."""
        return self.run("manage.py", *arguments)

    def run(self, *arguments: str) -> str:
        """Run Python and return what it prints; raises CalledProcessError."""
        with tempfile.TemporaryFile("w+") as complaints:
            with self.start(*arguments, errors=complaints.fileno()) as actor:
                printed, _ = actor.communicate()
            complaints.seek(0)
            if code := actor.wait():
                raise subprocess.CalledProcessError(code, arguments, printed, complaints.read())
        return printed.strip()

    def start(self, *arguments: str, errors: int = 2) -> Actor:
        """Start Python in the background, with pipes to write to and to read from."""
        if self._clerk is None or self._clerk.env != self.env:
            self.close()
            self._clerk = Clerk(self.env)
        return self._clerk.start(arguments, errors=errors)

    def close(self) -> None:
        """Let the clerk go who starts its processes."""
        if self._clerk:
            self._clerk.close()
            self._clerk = None

    def migrate(self) -> None:
        """Put a migrated database in the place of the empty one: a copy, which takes no time."""
        self._take_database(_model(self._server, "migrate"))

    def bootstrap(self) -> None:
        """Make it as `manage.py bootstrap` makes a new one: a copy too. Nothing may run yet."""
        self.close()
        model = _model(self._server, "bootstrap")
        shutil.copytree(model.folder, self.folder, dirs_exist_ok=True)
        self._take_database(model)

    def collect(self) -> None:
        """Collect the static files: a copy too."""
        static = _model(self._server, "bootstrap").folder / "static"
        shutil.copytree(static, self.folder / "static")

    def _take_database(self, model: House) -> None:
        url, other = self.env["DATABASE_URL"], model.env["DATABASE_URL"]
        if url.startswith("sqlite"):
            shutil.copyfile(other.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
            return
        name, template = urlsplit(url).path[1:], urlsplit(other).path[1:]
        _execute(url, f"DROP DATABASE {name}")
        _execute(url, f"CREATE DATABASE {name} TEMPLATE {template}")

    @property
    def _server(self) -> str:
        url = self.env["DATABASE_URL"]
        if url.startswith("sqlite"):
            return ""
        return urlunsplit(urlsplit(url)._replace(path="/postgres"))

    @contextlib.contextmanager
    def running(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program of the virtual environment in the background, and end it at the end."""
        with subprocess.Popen([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=self.env) as it:
            try:
                yield it
            finally:
                stop(it)

    @contextlib.contextmanager
    def served(
        self, *, workers: int = 1, threads: int = 4, one_port: bool = False
    ) -> Iterator[House]:
        """Serve it as in production, or pages and streams on ONE_PORT as `make run` does."""
        command = [
            "granian",
            "--interface",
            "asgi" if one_port else "wsgi",
            "--no-ws",
            "--log-level",
            "error",
            "--respawn-failed-workers",
            # a worker that is told to stop while it starts does not hear it, and would stay
            *("--workers-kill-timeout", "10"),
        ]
        command += ["--workers", str(workers)]
        command += [] if one_port else ["--blocking-threads", str(threads)]
        application = "feeds.oneport:application" if one_port else "feeds.wsgi:application"
        command += ["--port", str(self.port), application]
        with self.running(*command):
            wait_for(f"{self.url}/healthz")
            yield self


@contextlib.contextmanager
def house(database_url: str = "", **env: str) -> Iterator[House]:
    """Make a database like the one of DATABASE_URL (default: SQLite), and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="pulseboard-house-") as folder:
        url = f"sqlite:///{folder}/pulseboard.sqlite3"
        name = f"pulseboard_{uuid.uuid4().hex[:12]}"
        if database_url.startswith("postgres"):
            url = urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
            _execute(database_url, f"CREATE DATABASE {name}")
        outside = {key: value for key, value in os.environ.items() if key not in OF_THE_HOUSE}
        settings = {
            "DJANGO_SETTINGS_MODULE": "feeds.settings",
            "DATA_DIR": folder,
            "DATABASE_URL": url,
            "PORT": str(free_port()),
        }
        place = House({**outside, **settings, **env})
        try:
            yield place
        finally:
            place.close()
            if database_url.startswith("postgres"):
                _execute(database_url, f"DROP DATABASE {name} WITH (FORCE)")


@functools.cache
def _model(server: str, command: str) -> House:
    """Make a house like those of SERVER ready by COMMAND, from which others are copied."""
    place = _until_the_end.enter_context(house(server))
    if command != "migrate":
        place.migrate()
    place.manage(command, "--verbosity", "0")
    place.close()
    return place


_until_the_end = contextlib.ExitStack()
atexit.register(_until_the_end.close)


def _execute(database_url: str, statement: str) -> None:
    config = dj_database_url.parse(database_url)
    with psycopg.connect(
        host=config["HOST"], port=config["PORT"] or 5432, user=config["USER"],
        password=config["PASSWORD"], dbname="postgres", autocommit=True,
    ) as connection:  # fmt: skip
        connection.execute(statement.encode())


def stop(server: subprocess.Popen[Any]) -> None:
    """End SERVER politely, and if it takes too long, at once."""
    server.terminate()
    try:
        server.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    """Wait until URL answers."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(requests.RequestException):
            requests.get(url, timeout=1)
            return
        time.sleep(0.05)
    raise RuntimeError(f"no answer from {url} in {PATIENCE} s")
