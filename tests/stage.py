"""A Pulseboard that runs as in production, web and live as two processes, and what a page shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import requests
from playwright.sync_api import Page

from tests.front import Front
from tests.house import BIN, PATIENCE, ROOT, wait_for
from tests.test_live import SIGN_IN
from tests.test_production import commands_of_compose
from tests.test_races import Site

SOON = 15_000  # milliseconds; a busy machine takes its time
UNSEEN = """(hidden) => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  Object.defineProperty(document, "visibilityState",
    {configurable: true, get: () => hidden ? "hidden" : "visible"});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
_number = count(1)


@dataclass
class Stage:
    """A Pulseboard that runs, and the one address of its two processes."""

    site: Site
    front: Front
    process: subprocess.Popen[bytes] | None = None
    cookie: str = ""
    bot: str = ""  # user:token

    def start(self) -> None:
        """Start the live process by the command of docker-compose.yml."""
        command = next(
            words for words in commands_of_compose() if "feeds.asgi:application" in words
        )
        command[0] = str(BIN / command[0])
        command[command.index("--host") + 1] = "127.0.0.1"
        command[command.index("--port") + 1] = str(self.front.live)
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.site.house.env, start_new_session=True
        )
        wait_for(f"http://127.0.0.1:{self.front.live}/live/healthz")

    def end(self, number: int = signal.SIGTERM) -> None:
        """End the live process: politely, or with SIGKILL, its workers too, as a crash does."""
        assert self.process
        os.killpg(self.process.pid, number)
        self.process.wait(PATIENCE)

    def sign_in(self) -> None:
        """Make a new session for the admin."""
        email = self.site.admin.partition(":")[0]
        command = ("shell", "--verbosity", "0", "-c", SIGN_IN.format(email=email))
        self.cookie = self.site.house.manage(*command)

    def post(self, source: str, number: int = 1, *, kind: str = "custom", **fields: Any) -> None:
        """Send NUMBER events of SOURCE in one request; each happens now."""
        events = []
        for _ in range(number):
            name = next(_number)
            moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            given = {"id": str(name), "displayName": f"event {name}", "lastUpdated": moment}
            events.append(self.site.event(source, kind, **{**given, **fields}))
        self.site.ask("POST", "events", json=events)

    def streams(self) -> int:
        """Count the streams that are open."""
        text = requests.get(f"http://127.0.0.1:{self.front.live}/live/metrics", timeout=9).text
        return int(re.findall(r"^pulseboard_live_streams (\d+)", text, re.MULTILINE)[0])


def heeding(page: Page) -> None:
    """Wait until PAGE has a stream."""
    page.wait_for_selector(".live[data-link=open]")


def chip(page: Page) -> Any:
    return page.locator(".live-chip")


def pill(page: Page) -> Any:
    return page.locator("#live-new")


def top_of(page: Page, row: str) -> float:
    return float(
        page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", row)
    )


def until(true: Callable[[], bool]) -> None:
    """Wait until TRUE."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)
