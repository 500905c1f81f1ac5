"""Fixtures for the tests of what is live: a stage, and a real Chromium in front of it.

A test module asks for them with `pytest_plugins = ["tests.staged"]`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.front import Front
from tests.house import free_port, house
from tests.stage import SOON, Stage, heeding
from tests.test_races import Site
from tests.visitor import Open

pytest_plugins = ["tests.browser"]

NETWORK = ("Failed to load resource", "Access to fetch")  # Chromium's words for what we cut


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with house(os.environ.get("DATABASE_URL", ""), RATE_LIMIT="0") as place:
        place.migrate()
        place.collect()
        with (
            place.served(threads=8),
            Front(web=place.port, live=free_port()).served() as front,
        ):
            stage = Stage(Site.of(place), front)
            stage.bot = stage.site.bot()
            stage.start()
            stage.sign_in()
            stage.site.ask("PATCH", "me", json={"preferences": {"collapse": False}})
            try:
                yield stage
            finally:
                stage.end()


@pytest.fixture
def watch(chromium: Browser, stage: Stage) -> Iterator[Open]:
    """Open a page as the admin; whatever it complained of, but for the network, fails the test."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(NETWORK):
            complaints.append(f"{message.type}: {message.text}")

    def open_page(path: str = "", **options: Any) -> Page:
        context = chromium.new_context(base_url=stage.front.url, **options)
        contexts.append(context)
        context.set_default_timeout(SOON)
        context.add_cookies([{"name": "sessionid", "value": stage.cookie, "url": stage.front.url}])
        context.on("console", heard)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = context.new_page()
        if path:
            page.goto(path)
            heeding(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
