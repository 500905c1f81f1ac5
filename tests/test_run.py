"""`make run`, as a newcomer types it: one command, one address, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.house import ROOT, free_port

pytestmark = [
    pytest.mark.xdist_group("run"),
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]
PATIENCE = 60  # seconds for a start: the first one fills the database
MARK = "PULSEBOARD_TEST_RUN"  # in the environment of everything that a run starts
#: What the run must not inherit from the suite.
OURS = {
    "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY",
    "SITE_URL", "ALLOWED_HOSTS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS",
}  # fmt: skip
# Sends what expired long ago, then asks for the prune as anybody may.
EXPIRED = """
from datetime import UTC, datetime
from feeds.models import Activity
old = Activity.objects.order_by("id").first()
Activity.objects.filter(pk=old.pk).update(
    occurred_at=datetime(2001, 1, 1, tzinfo=UTC), received_at=datetime(2001, 1, 1, tzinfo=UTC))
print(old.uuid)
"""
# beat remembers when it sent each task; an hour ago makes the hourly one due.
FORGET = """
import shelve, sys
from datetime import timedelta
with shelve.open(sys.argv[1]) as schedule:
    entries = schedule["entries"]
    entries["prune"].last_run_at -= timedelta(hours=2)
    schedule["entries"] = entries
"""


@dataclass
class Run:
    """A `make run` and what it prints."""

    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.env['PORT']}"

    @property
    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def everything(self) -> list[int]:
        """Return every process of this run, by the mark in its environment."""
        mark = f"{MARK}={self.env[MARK]}".encode()
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                status = (environ.parent / "stat").read_text().rpartition(")")[2].split()[0]
                if mark in environ.read_bytes().split(b"\0") and status != "Z":
                    found.append(int(environ.parent.name))
        return found

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit status; raises TimeoutExpired."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(20)


def python(run: Run, *arguments: str) -> str:
    # Not a part of the run: it must not carry its mark.
    env = {name: value for name, value in run.env.items() if name != MARK}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, env=env, check=True, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    return done.stdout.strip()


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until CONDITION holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def status_of(url: str) -> int:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=2).status_code
    return 0


@contextlib.contextmanager
def make_run(folder: Path, *, wait: bool = True, **settings: str) -> Iterator[Run]:
    """Type `make run`; whatever the test does, nothing is left at the end."""
    outside = {name: value for name, value in os.environ.items() if name not in OURS}
    env = outside | {
        "DATA_DIR": str(folder / "data"),
        "PORT": str(free_port()),
        MARK: uuid.uuid4().hex,
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    log = folder / f"log-{env[MARK]}"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            ["make", "run"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process,
    ):  # fmt: skip
        run = Run(env, log, process)
        try:
            if wait:
                until(
                    lambda: process.poll() is not None or status_of(f"{run.url}/healthz") == 200,
                    "the first page",
                )
                assert process.poll() is None, run.printed
            yield run
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.interrupt()
            for pid in run.everything():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def sign_in(run: Run) -> requests.Session:
    """Sign in as the log tells."""
    shown = re.search(r"Sign in as\s+(\S+)\s+(\S+)", run.printed)
    assert shown, run.printed
    session = requests.Session()
    page = session.get(f"{run.url}/sign-in/", timeout=5)
    field = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert field
    answer = session.post(
        f"{run.url}/sign-in/",
        {"csrfmiddlewaretoken": field[1], "username": shown[1], "password": shown[2]},
        headers={"Referer": f"{run.url}/sign-in/"},
        timeout=5,
    )
    assert answer.status_code == 200
    assert answer.url == f"{run.url}/"
    return session


def test_make_run_serves_a_demo_works_ends_whole_and_starts_again(tmp_path: Path) -> None:
    with make_run(tmp_path) as run:
        assert f"{run.url}/" in run.printed
        assert [status_of(f"{run.url}/{name}") for name in ("healthz", "readyz")] == [200, 200]
        assert "Sign in" in requests.get(run.url, timeout=5).text
        with sign_in(run) as session:
            feed = session.get(run.url, timeout=5).text
        assert feed.count('<article class="row"') == 50
        assert "Pulseboard" in feed
        assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o077 == 0
        assert (tmp_path / "data" / "admin-password").stat().st_mode & 0o077 == 0

        # the worker works: what expired goes once somebody asks for it
        expired = python(run, "manage.py", "shell", "--verbosity", "0", "-c", EXPIRED)
        page = f"{run.url}/activities/{expired}/"
        with sign_in(run) as session:
            assert session.get(page, timeout=5).status_code == 200
            ask = "from feeds.tasks import prune; prune.delay()"
            python(run, "manage.py", "shell", "--verbosity", "0", "-c", ask)
            until(lambda: session.get(page, timeout=5).status_code == 404, "the worker prunes", 15)

        assert len(run.everything()) >= 5  # make, honcho, web, worker, beat
        with (
            sign_in(run) as session,
            session.get(f"{run.url}/live/feed", stream=True, timeout=PATIENCE) as stream,
        ):
            lines = stream.iter_lines(chunk_size=1, decode_unicode=True)
            assert next(lines) == "event: ping"  # pages and streams have one port
            run.interrupt()
            assert "event: bye" in list(lines)
        until(lambda: not run.everything(), "all processes end", 5)
        assert status_of(f"{run.url}/healthz") == 0
        assert "Traceback" not in run.printed
        first = run

    # beat works: what is due is sent, and the worker does it
    expired = python(first, "manage.py", "shell", "--verbosity", "0", "-c", EXPIRED)
    count = "from feeds.models import Activity; print(Activity.objects.count())"
    before = int(python(first, "manage.py", "shell", "--verbosity", "0", "-c", count))
    python(first, "-c", FORGET, str(tmp_path / "data" / "beat-schedule"))
    with make_run(tmp_path) as second:
        with sign_in(second) as session:  # the same password
            page = f"{second.url}/activities/{expired}/"
            until(lambda: session.get(page, timeout=5).status_code == 404, "beat prunes", 20)
            assert session.get(second.url, timeout=5).text.count('<article class="row"') == 50
        after = int(python(second, "manage.py", "shell", "--verbosity", "0", "-c", count))
        assert after == before - 1  # no second demo, and all else is kept
        second.interrupt()
        until(lambda: not second.everything(), "all processes end", 5)


def test_a_port_that_is_taken_ends_everything_and_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with make_run(tmp_path, PORT=str(port), wait=False) as run:
            until(lambda: run.process.poll() is not None, "it gives up")
            assert run.process.returncode != 0
            assert f"something answers on {port} already" in run.printed, run.printed
            until(lambda: not run.everything(), "all processes end", 5)
