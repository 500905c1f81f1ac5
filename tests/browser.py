"""A real Chromium for the tests, in front of the Pulseboard of the fixture `served`.

A test module asks for it with `pytest_plugins = ["tests.browser"]`. The browser lives as long as
the module: playwright keeps an event loop in the thread, in which Django refuses its database.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.house import House
from tests.visitor import Open, sign_in

#: The first is the same engine without windows that it hides.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 8000  # milliseconds for whatever a page should do
DELIBERATE = "Failed to load resource: the server responded with a status of 4"  # Chromium's words


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; without one the tests are skipped, but not on a CI machine."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        reason = "no Chromium is installed, so nothing was tried in a browser"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        with contextlib.closing(browser):
            yield browser


@pytest.fixture(scope="module")
def cookies(chromium: Browser, served: House) -> Any:
    """What a browser keeps of an admin who has signed in through the form."""
    with contextlib.closing(chromium.new_context(base_url=served.url)) as context:
        page = context.new_page()
        sign_in(page, served)
        return context.storage_state()


@pytest.fixture
def desk(chromium: Browser, served: House, cookies: Any) -> Iterator[Open]:
    """Open pages as the signed-in admin: desk("/"), desk("/", color_scheme="dark").

    `stranger=True` has no cookies. Whatever a page of the test complained of fails the test.
    """
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(DELIBERATE):
            complaints.append(f"{message.type} at {message.page and message.page.url}: {message}")

    def open_page(path: str = "", *, stranger: bool = False, **options: Any) -> Page:
        if not stranger:
            options.setdefault("storage_state", cookies)
        context = chromium.new_context(base_url=served.url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("console", heard)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = context.new_page()
        if path:
            page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
