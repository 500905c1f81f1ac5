"""A Pulseboard of its own to measure: a fresh database, and granian as in production."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = os.environ.get("BENCH_POSTGRES", "postgres://postgres@127.0.0.1")  # may create databases


@dataclass
class House:
    """A database, and the environment that points a process at it."""

    database: str  # "postgresql" or "sqlite"
    env: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """Run manage.py and return what it prints."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    @contextlib.contextmanager
    def served(self, *, workers: int = 2) -> Iterator[int]:
        """Serve it with the production command; yield the port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi"]
        command += ["--workers", str(workers), "--port", str(port), "--no-ws", "--log-level", "error"]
        with subprocess.Popen([*command, "feeds.wsgi:application"], cwd=ROOT, env=self.env) as server:
            try:
                _wait_for(f"http://127.0.0.1:{port}/healthz")
                yield port
            finally:
                server.terminate()
                server.wait(20)


@contextlib.contextmanager
def house(database: str) -> Iterator[House]:
    """Make a database, migrated and empty, and remove it at the end."""
    name = f"pulseboard_bench_{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.sqlite3"
        if database == "postgresql":
            url = f"{POSTGRES}/{name}"
            _execute(f"CREATE DATABASE {name}")
        env = {
            **os.environ,
            "DATA_DIR": folder,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "DEBUG": "",
        }
        found = House(database, env)
        try:
            found.manage("migrate", "-v0")
            found.manage("collectstatic", "--no-input", "-v0")
            yield found
        finally:
            if database == "postgresql":
                _execute(f"DROP DATABASE {name} WITH (FORCE)")


def _execute(statement: str) -> None:
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


def _wait_for(url: str) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"no answer from {url}")
