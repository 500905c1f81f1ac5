"""A feed that is open while things happen: a real Chromium, and web and live as two processes."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, TimeoutError, expect

from tests.front import Front
from tests.house import BIN, PATIENCE, ROOT, free_port, house, wait_for
from tests.live import Live, transaction
from tests.test_live import SIGN_IN
from tests.test_production import commands_of_compose
from tests.test_races import Site
from tests.visitor import Open, address, rows

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

SOON = 15_000  # milliseconds; a busy machine takes its time
SOAK = float(os.environ.get("LIVE_SOAK_SECONDS", "20"))
AT_A_TIME = 40  # events of the soak that are there: no page of them is left out
NETWORK = ("Failed to load resource", "Access to fetch")  # Chromium's words for what we cut
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


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with house(os.environ.get("DATABASE_URL", ""), RATE_LIMIT="0") as place:
        place.migrate()
        place.manage("collectstatic", "--no-input", "--verbosity", "0")
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


# ---- new rows


def test_an_idle_reader_at_the_top_sees_what_comes(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 2)
    page = watch(f"/?source={source}")
    before = rows(page)
    stage.post(source, 3)
    expect(page.locator("article.row")).to_have_count(5, timeout=SOON)
    assert rows(page)[3:] == before
    expect(pill(page)).to_be_hidden()
    expect(chip(page)).to_have_text("Live")
    expect(page.locator("#announce")).to_have_text("3 new events")
    places = page.locator("article.row").evaluate_all("all => all.map(one => one.ariaPosInSet)")
    assert places == ["1", "2", "3", "4", "5"]
    shown = rows(page)
    page.reload()
    assert rows(page) == shown


def test_an_empty_feed_fills(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    page = watch(f"/?source={source}")
    expect(page.locator(".empty")).to_be_visible()
    stage.post(source)
    expect(page.locator("article.row")).to_have_count(1, timeout=SOON)
    expect(page.locator(".empty")).to_have_count(0)


def test_two_hundred_rows_do_not_move_what_is_read(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 60)
    page = watch(f"/?source={source}")
    page.evaluate("scrollTo(0, 900)")
    shown = rows(page)
    before = top_of(page, shown[25])
    for _ in range(4):
        stage.post(source, 50)
    expect(pill(page)).to_have_text("50+ new", timeout=SOON)
    page.wait_for_timeout(1500)
    assert top_of(page, shown[25]) == before
    assert rows(page) == shown
    pill(page).click()
    expect(page.locator(f"#{shown[0]}")).to_have_count(0)
    assert page.evaluate("scrollY") == 0
    assert len(rows(page)) == 50


def test_who_reads_gets_a_pill_and_a_key_that_shows_what_waits(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 60)
    page = watch(f"/?source={source}")
    page.evaluate("scrollTo(0, 700)")
    shown = rows(page)
    before = top_of(page, shown[20])
    stage.post(source, 2)
    expect(pill(page)).to_have_text("2 new", timeout=SOON)
    stage.post(source, 1)
    expect(pill(page)).to_have_text("3 new", timeout=SOON)
    assert top_of(page, shown[20]) == before
    page.keyboard.press(".")
    expect(page.locator("article.row")).to_have_count(53)
    assert rows(page)[3:] == shown
    expect(pill(page)).to_be_hidden()
    assert page.evaluate("scrollY") == 0
    expect(page.locator("article.row").first).to_be_focused()


def test_a_row_that_happened_before_comes_to_its_place(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    for day in ("10", "12"):
        stage.post(source, displayName=f"of {day}", lastUpdated=f"2026-11-{day}T12:00:00Z")
    page = watch(f"/?source={source}")
    stage.post(source, displayName="of 11", lastUpdated="2026-11-11T12:00:00Z")
    titles = page.locator("article.row .object")
    expect(titles).to_have_text(["of 12", "of 11", "of 10"], timeout=SOON)


def test_no_more_than_300_rows_are_kept_and_older_goes_on_below_them(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source()
    stage.post(source, 60)
    page = watch(f"/?source={source}")
    for number in range(1, 8):
        stage.post(source, 45)
        expect(page.locator("article.row")).to_have_count(
            min(50 + 45 * number, 300), timeout=4 * SOON
        )
    shown = rows(page)
    page.locator(".pager a[rel=next]").click()
    expect(page.locator(f"#{shown[0]}")).to_have_count(0)
    older = rows(page)
    assert older[0] == shown[-1], "the next page begins where this one ends"


def test_a_hint_that_counts_what_is_shown_already_keeps_nothing_back(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source()
    stage.post(source, 3)
    page = watch()
    told = 'event: hint\ndata: {"seq": 1, "new": 90}\n\n'
    page.route(
        "**/live/feed**",
        lambda route: route.fulfill(content_type="text/event-stream", body=told),
        times=1,
    )
    with page.expect_response(re.compile("/feed/rows")):
        page.goto(f"/?source={source}")
    heeding(page)
    stage.post(source, 1)
    expect(page.locator("article.row")).to_have_count(4, timeout=SOON)
    expect(pill(page)).to_be_hidden()


def test_nothing_is_missed_between_the_page_and_its_stream(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    stage.post(source, kind="incident", state="OPEN", id="gap", displayName="gap")
    page = watch()

    def meanwhile(route: Any) -> None:
        stage.post(source, 2, kind="incident", state="OPEN")
        stage.post(
            source, kind="incident", state="RESOLVED", id="gap", displayName="gap",
            updateSequenceNumber=2,
        )  # fmt: skip
        route.continue_()

    page.route("**/live/feed**", meanwhile, times=1)
    page.goto(f"/?source={source}")
    expect(page.locator("article.row")).to_have_count(3, timeout=SOON)
    expect(page.locator("article.row", has_text="gap").locator(".pill")).to_have_text("Resolved")


def test_what_comes_live_breaks_no_group_of_repeats(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    for number in range(3):
        moment = f"2026-11-10T12:0{2 * number}:00Z"
        stage.post(source, kind="incident", state="OPEN", id=f"fire-{number}", lastUpdated=moment)
    page = watch(f"/?source={source}&collapse=on")
    head = page.locator("article.repeat")
    expect(head).to_contain_text("3 incidents")
    # one above, one between what is hidden, and a change of what is hidden
    stage.post(source, kind="incident", state="OPEN", displayName="above")
    stage.post(
        source, kind="incident", state="OPEN", displayName="between",
        lastUpdated="2026-11-10T12:03:00Z",
    )  # fmt: skip
    stage.post(
        source, kind="incident", state="RESOLVED", id="fire-0", displayName="over",
        updateSequenceNumber=2, lastUpdated="2026-11-10T12:00:00Z",
    )  # fmt: skip
    seen = page.locator("article.row:visible .object")
    expect(seen).to_have_text(["above", "between"], timeout=SOON)
    expect(page.locator("article.row .object", has_text="over")).to_have_count(1, timeout=SOON)
    names = page.locator(".feed > article").evaluate_all("all => all.map(one => one.className)")
    assert [name.split()[0] for name in names] == ["row", "repeat", "row", "row", "row", "row"]
    places = page.locator(".feed > article").evaluate_all("all => all.map(one => one.ariaPosInSet)")
    assert places == ["1", "2", "3", "4", "5", "6"]
    expect(page.locator("#announce")).to_have_text(re.compile("new event"))
    head.locator("summary").click()
    expect(page.locator("article.row:visible")).to_have_count(5)
    assert page.locator("article.row .object").last.inner_text() == "over"
    page.mouse.move(0, 0)
    page.reload()
    expect(head).to_contain_text("4 incidents")


# ---- changed rows


def build(stage: Stage, progress: int, identity: str = "") -> str:
    """Report the PROGRESS of a build, a new one without IDENTITY, and return its identity."""
    user, _, token = stage.bot.partition(":")
    body = {"target": "build", "progress": progress, "project": "shop", "repository": "web"}
    body |= {"operation": "completed"} if progress == 100 else {}
    answer = requests.request(
        "PUT" if identity else "POST",
        f"{stage.site.house.url}/api/events{'/' + identity if identity else ''}",
        json=body,
        auth=(user, token),
        timeout=PATIENCE,
    )
    assert answer.ok, answer.text
    return str(answer.json()["id"])


def test_a_build_moves_and_a_reload_shows_the_same_and_goes_on(watch: Open, stage: Stage) -> None:
    page = watch("/?type=build")
    identity = build(stage, 10)
    bar = page.locator("article.row progress").first
    expect(bar).to_have_attribute("value", "10", timeout=SOON)
    build(stage, 35, identity)
    expect(bar).to_have_attribute("value", "35", timeout=SOON)
    page.reload()
    assert bar.get_attribute("value") == "35"
    heeding(page)
    build(stage, 60, identity)
    expect(bar).to_have_attribute("value", "60", timeout=SOON)
    build(stage, 100, identity)
    expect(page.locator("article.row progress")).to_have_count(0, timeout=SOON)


def test_a_change_leaves_focus_and_open_menus_alone(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    incident = {"kind": "incident", "id": "1", "displayName": "a fire"}
    stage.post(source, state="OPEN", **incident)
    page = watch(f"/?source={source}")
    link = page.locator("article.row a.object")
    link.focus()
    stage.post(source, state="RESOLVED", updateSequenceNumber=2, **incident)
    expect(page.locator("article.row .pill")).to_have_text("Resolved", timeout=SOON)
    expect(link).to_be_focused()
    page.locator("#f-type").click()
    box = page.get_by_role("checkbox", name="Build")
    box.focus()
    stage.post(source, kind="incident", state="OPEN")
    expect(pill(page)).to_have_text("1 new", timeout=SOON)
    expect(box).to_be_focused()
    expect(box).to_be_visible()
    expect(page.locator("article.row")).to_have_count(1)


def test_a_row_that_passes_the_filters_no_more_goes(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    for name in ("1", "2"):
        stage.post(source, kind="incident", id=name, state="OPEN", displayName=name)
    page = watch(f"/?source={source}&state=open")
    stage.post(
        source, kind="incident", id="1", state="RESOLVED", displayName="1", updateSequenceNumber=2
    )
    expect(page.locator("article.row .object")).to_have_text(["2"], timeout=SOON)


def test_rows_that_go_or_grow_above_do_not_move_what_is_read(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    for number in range(1, 41):
        stage.post(source, kind="incident", id=str(number), state="OPEN", displayName="short")
    page = watch(f"/?source={source}&state=open", viewport={"width": 600, "height": 600})
    page.evaluate("scrollTo(0, 1500)")
    shown = rows(page)
    before = top_of(page, shown[-5])
    change = {"kind": "incident", "updateSequenceNumber": 2}
    stage.post(source, id="40", state="RESOLVED", displayName="gone", **change)
    stage.post(source, id="39", state="OPEN", displayName="long " * 60, **change)
    expect(page.locator("article.row", has_text="long")).to_have_count(1, timeout=SOON)
    expect(page.locator("article.row")).to_have_count(39, timeout=SOON)
    assert top_of(page, shown[-5]) == pytest.approx(before, abs=1)


def test_the_page_of_a_source_is_live_too(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source)
    page = watch(f"/?source={source}")
    page.locator("article.row a.source").click()
    page.wait_for_url("**/sources/*/")
    heeding(page)
    stage.post(source)
    expect(page.locator("article.row")).to_have_count(2, timeout=SOON)


def test_the_open_event_changes_beside_the_list_and_on_its_page(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, id="open", updateSequenceNumber=1, displayName="as it began")
    (made,) = stage.site.activities(source)
    identity = made["uuid"]
    page = watch(f"/?source={source}&event={identity}")
    alone = watch()
    with alone.expect_response(re.compile("/live/feed")):  # the stream has begun
        alone.goto(f"/activities/{identity}/")
    place = page.locator("#drawer")
    expect(place.locator("#drawer-title")).to_have_text("as it began")
    place.evaluate("one => { one.dataset.stays = 'yes'; one.scrollTop = 120; }")
    stage.post(source, id="open", updateSequenceNumber=2, displayName="as it went on")
    for where in (place, alone.locator("#event")):
        expect(where.locator("h1, h2").first).to_have_text("as it went on", timeout=SOON)
        expect(where.locator(".revisions")).to_contain_text("as it began")
    expect(page.locator("article[aria-current]")).to_have_attribute("id", f"ev-{identity}")
    assert place.evaluate("one => one.scrollTop") == 120, "it is read on where it was"
    expect(page.locator("#announce")).not_to_contain_text("shown")


def test_trimming_leaves_the_row_whose_event_is_open(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 50)
    page = watch(f"/?source={source}")
    oldest = rows(page)[-1]
    page.locator(f"#{oldest}").click(position={"x": 3, "y": 3})
    expect(page.locator("#drawer")).to_be_visible()
    for number in range(1, 8):
        stage.post(source, 45)
        expect(pill(page)).to_be_visible(timeout=4 * SOON)  # who reads an event is not disturbed
        pill(page).click()
        expect(page.locator("article.row")).to_have_count(min(50 + 45 * number, 300))
    assert rows(page)[-1] == oldest
    expect(page.locator(f"#{oldest}")).to_have_attribute("aria-current", "true")


# ---- pause, and a page that nobody sees


def test_pause_is_remembered_and_counts_what_waits(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 2)
    page = watch(f"/?source={source}")
    chip(page).click()
    expect(chip(page)).to_have_text("Paused")
    stage.post(source, 2)
    expect(chip(page)).to_have_text("Paused, 2 waiting", timeout=SOON)
    expect(page.locator("article.row")).to_have_count(2)
    page.reload()
    expect(chip(page)).to_have_text("Paused")
    heeding(page)
    stage.post(source, 1)
    expect(chip(page)).to_have_text("Paused, 1 waiting", timeout=SOON)
    chip(page).click()
    expect(page.locator("article.row")).to_have_count(5)
    expect(chip(page)).to_have_text("Live")


def test_a_page_hidden_for_five_minutes_lists_what_it_missed_and_inserts_nothing(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source()
    stage.post(source, 2)
    page = watch()
    page.clock.install()
    with page.expect_response(re.compile("/feed/rows")):  # a question would not survive the jump
        page.goto(f"/?source={source}")
    heeding(page)
    shown = rows(page)
    open_before = stage.streams()
    page.evaluate(UNSEEN, True)
    page.clock.fast_forward("00:20")
    assert stage.streams() == open_before, "it is kept for half a minute"
    page.clock.fast_forward("04:40")
    until(lambda: stage.streams() < open_before)
    stage.post(source, 3)
    page.clock.fast_forward("00:05")
    assert rows(page) == shown
    page.evaluate(UNSEEN, False)
    expect(pill(page)).to_have_text("3 new", timeout=SOON)
    until(lambda: stage.streams() >= open_before)
    page.clock.fast_forward("00:05")
    stage.post(source, 1)
    expect(pill(page)).to_have_text("4 new", timeout=SOON)
    assert rows(page) == shown
    pill(page).click()
    assert rows(page)[4:] == shown


def until(true: Callable[[], bool]) -> None:
    """Wait until TRUE."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


# ---- what may break


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_restarts_costs_no_row(watch: Open, stage: Stage, number: int) -> None:
    source = stage.site.source()
    stage.post(source, 2)
    page = watch(f"/?source={source}")
    stage.end(number)
    stage.post(source, 3)
    stage.start()
    expect(page.locator("article.row")).to_have_count(5, timeout=60_000)
    page.evaluate("dispatchEvent(new Event('online'))")  # no need to wait for the next try
    expect(chip(page)).to_have_text("Live", timeout=60_000)
    expect(chip(page)).to_have_attribute("title", re.compile(r"Caught up to \d+, 0 missed"))
    stage.post(source, 1)
    expect(page.locator("article.row")).to_have_count(6, timeout=SOON)


def test_without_a_stream_it_polls_and_says_so(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 1)
    page = watch()
    page.clock.install()
    page.route("**/live/feed**", lambda route: route.abort())
    page.goto(f"/?source={source}")
    for _ in range(6):  # half a second, one, two
        page.clock.run_for(1000)
        page.wait_for_timeout(300)
    expect(chip(page)).to_have_text("Polling", timeout=SOON)
    stage.post(source, 2)
    page.clock.run_for(31_000)
    expect(page.locator("article.row")).to_have_count(3, timeout=SOON)
    page.unroute("**/live/feed**")
    page.clock.run_for(31_000)
    expect(chip(page)).to_have_text("Live", timeout=SOON)


def test_without_a_network_it_says_up_to_when_it_knows_and_tries_again(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source()
    stage.post(source, 1)
    page = watch(f"/?source={source}")
    stage.front.open = False
    try:
        page.context.set_offline(True)
        expect(chip(page)).to_have_text(
            re.compile(r"Offline, data to \d\d:\d\d:\d\d, Retry"), timeout=SOON
        )
        page.context.set_offline(False)
        stage.post(source, 1)
    finally:
        stage.front.open = True
    with contextlib.suppress(TimeoutError):  # it may have come back by itself
        page.locator(".live-chip[data-state=offline]").click(timeout=1000)
    expect(page.locator("article.row")).to_have_count(
        2, timeout=60_000
    )  # the longest wait for a try is 39 s


def test_a_session_that_ends_is_said_and_the_address_kept(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 1)
    page = watch(f"/?source={source}")
    clear = "from django.contrib.sessions.models import Session; Session.objects.all().delete()"
    stage.site.house.manage("shell", "--verbosity", "0", "-c", clear)
    try:
        stage.post(source, 1)
        expect(chip(page)).to_have_text("Session ended, sign in", timeout=SOON)
        expect(page.locator("article.row")).to_have_count(1)
        chip(page).click()
        page.wait_for_url("**/sign-in/**")
        assert address(page) == f"/sign-in/?next=%2F%3Fsource%3D{source.replace('/', '%2F')}"
    finally:
        stage.sign_in()


def test_without_javascript_the_page_is_as_it_was(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 60)
    page = watch(java_script_enabled=False)
    page.goto(f"/?source={source}")
    expect(page.locator("article.row")).to_have_count(50)
    expect(chip(page)).to_be_hidden()
    expect(pill(page)).to_be_hidden()
    page.locator(".pager a[rel=next]").click()
    expect(page.locator("article.row")).to_have_count(10)


# ---- for a while


@dataclass
class Churn:
    """Somebody who sends events, and changes and takes back some, until told to stop."""

    stage: Stage
    source: str
    ended: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    gone: int = 0

    def run(self) -> None:
        chance = random.Random(6)
        while not self.ended.wait(chance.uniform(0.1, 0.6)):
            self.sent += 1
            incident = {"kind": "incident", "id": str(self.sent), "displayName": f"n {self.sent}"}
            self.stage.post(self.source, state="OPEN", **incident)
            if self.sent - self.gone > AT_A_TIME:
                self._take_back()
            known = str(chance.randint(self.gone + 1, self.sent))
            if chance.random() < 0.5:
                self.stage.post(
                    self.source, kind="incident", id=known, displayName=f"n {known}",
                    state="RESOLVED", updateSequenceNumber=1 + self.sent,
                )  # fmt: skip

    def _take_back(self) -> None:
        self.gone += 1
        with transaction(Live(self.stage.site, 0, None)) as writer:
            (source,) = writer.execute(
                "SELECT id FROM feeds_eventsource WHERE external_id = %s", self.source
            )
            [(pk,)] = writer.execute(
                "SELECT id FROM feeds_activity WHERE source_id = %s AND external_id = %s",
                *source, str(self.gone),
            )  # fmt: skip
            writer.execute("DELETE FROM feeds_correlation WHERE activity_id = %s", pk)
            writer.execute("DELETE FROM feeds_activity WHERE id = %s", pk)
            writer.commit()


def test_after_a_while_of_churn_the_page_shows_what_the_database_holds(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source("incident")
    page = watch(f"/?source={source}")
    churn = Churn(stage, source)
    sender = threading.Thread(target=churn.run)
    sender.start()
    end = time.monotonic() + SOAK
    try:
        while time.monotonic() < end:
            page.evaluate(random.choice(["scrollTo(0, 0)", "scrollTo(0, 400)"]))
            page.wait_for_timeout(random.uniform(500, 3000))
            if pill(page).is_visible() and random.random() < 0.5:
                pill(page).click()
    finally:
        churn.ended.set()
        sender.join()
    page.wait_for_timeout(3000)
    if pill(page).is_visible():
        pill(page).click()
    page.wait_for_timeout(1500)
    found = {(one["uuid"], one["state"]) for one in stage.site.activities(source)}
    shown = page.locator("article.row").evaluate_all(
        "all => all.map(one => [one.id.slice(3), one.querySelector('.pill').textContent])"
    )
    assert len({identity for identity, _ in shown}) == len(shown)
    assert {(identity, word.strip().lower()) for identity, word in shown} == found
    expect(chip(page)).to_have_attribute("title", re.compile("0 missed"))
