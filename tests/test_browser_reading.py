"""How a person reads the feed in a browser: by keyboard, collapsed, densely, and after a break."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.events import compass_event
from tests.house import House
from tests.test_browser import cloud_id, send, token
from tests.visitor import Open, address, rows

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

READER = """
from django.test import Client
from feeds import actions
from feeds.models import Role, User
user = actions.create_user("{name}", role=Role.COMPOSER)
client = Client()
client.force_login(user, "django.contrib.auth.backends.ModelBackend")
print(client.cookies["sessionid"].value)
"""
LEFT = """
from datetime import timedelta
from django.utils import timezone
from feeds.models import Activity, User
then = timezone.now() - timedelta(hours=8)
User.objects.filter(username="{name}").update(seen_at=then)
rows = Activity.objects.filter(source__external_id="{source}")
rows.update(received_at=then - timedelta(hours=1))
"""


@dataclass
class Reader:
    """Somebody of their own, whose preferences no other test has."""

    name: str
    storage: dict[str, Any]
    served: House
    desk: Open

    def open(self, path: str, **options: Any) -> Page:
        """Open PATH on another device."""
        return self.desk(path, storage_state=self.storage, **options)

    def leave(self, source: str) -> None:
        """Let the last look be hours ago, and all of SOURCE have come before it."""
        code = LEFT.format(name=self.name, source=source)
        self.served.manage("shell", "--verbosity", "0", "-c", code)


@pytest.fixture
def reader(chromium: Browser, served: House, desk: Open) -> Reader:
    name = f"reader-{uuid.uuid4().hex[:8]}"
    key = served.manage("shell", "--verbosity", "0", "-c", READER.format(name=name))
    cookie = {"name": "sessionid", "value": key, "url": served.url}
    with_cookie = chromium.new_context()
    with_cookie.add_cookies([cookie])  # type: ignore[list-item]
    storage: Any = with_cookie.storage_state()
    with_cookie.close()
    return Reader(name, storage, served, desk)


@pytest.fixture
def post(served: House) -> Callable[..., str]:
    """Send events of a source of its own, a minute apart, the last one NOW: post(3)."""
    authorization = token(served)
    name = f"till-{uuid.uuid4().hex[:8]}"
    source = {"external_id": name, "kind": "custom"}
    send(served, authorization, source, "/api/v1/sources")
    site = cloud_id(served)
    sent = iter(range(1000))

    def post(number: int, **fields: Any) -> str:
        now = datetime.now(UTC).replace(microsecond=0)
        for back in reversed(range(number)):
            event = compass_event(
                cloud_id=site, externalEventSourceId=name, id=str(next(sent)),
                lastUpdated=(now - timedelta(minutes=back)).isoformat(), **fields,
            )  # fmt: skip
            send(served, authorization, event, "/gateway/api/compass/v1/events")
        return name

    return post


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.className"))


# ---- by keyboard


def test_the_feed_is_read_without_a_mouse(reader: Reader) -> None:
    page = reader.open("/?type=deployment&collapse=off")
    shown = rows(page)
    for key, row in (("j", 0), ("j", 1), ("k", 0), ("k", 0), ("j", 1)):
        page.keyboard.press(key)
        assert focused(page) == shown[row]
    page.keyboard.press("o")
    page.wait_for_url(f"**event={shown[1].removeprefix('ev-')}")
    expect(page.locator("#drawer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(f"#{shown[1]}")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/components/")
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.wait_for_url(re.compile(r"//[^/]+/$"))
    page.keyboard.press("/")
    page.keyboard.type("jo?g.s")
    assert page.locator("#f-query, #f-q").first.input_value() == "jo?g.s"
    assert address(page) == "/"


def test_a_question_mark_lists_the_keys_and_leaves_them_alone_meanwhile(reader: Reader) -> None:
    page = reader.open("/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_be_visible()
    keys = dialog.locator("kbd").all_inner_texts()
    assert keys == ["j", "k", "o", "x", ".", "/", "?", "g f", "g c", "g p", "g o", "g h", "g s"]
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Keyboard").click()
    expect(dialog.locator("kbd")).to_have_count(len(keys))


def test_the_keys_are_switched_off_by_preference(reader: Reader) -> None:
    page = reader.open("/settings/")
    page.get_by_label("Shortcuts of a single letter").uncheck()
    page.get_by_role("button", name="Save preferences").click()
    expect(page.locator("#messages .message")).to_contain_text("are kept")
    page.goto("/")
    for key in ("j", "?", "/", "."):
        page.keyboard.press(key)
    assert focused(page) in ("", "BODY")
    expect(page.locator("dialog.keys")).to_be_hidden()
    every = page.locator("[role=feed] > article:visible")
    every.first.focus()
    page.keyboard.press("PageDown")
    expect(every.nth(1)).to_be_focused()


# ---- collapsed


@pytest.mark.parametrize("script", [True, False])
def test_repeats_collapse_and_open_by_a_click_with_scripts_and_without(
    reader: Reader, post: Callable[..., str], script: bool
) -> None:
    page = reader.open(f"/?source={post(4)}", java_script_enabled=script)
    head = page.locator("article.repeat")
    words = re.compile(r"4 events from till-\w+ by admin-\w+, [\d:]+ to [\d:]+")
    expect(head).to_contain_text(words)
    row = page.locator("article.row")
    expect(row).to_have_count(4)
    expect(row.first).to_be_hidden()
    head.locator("summary").click()
    expect(row.first).to_be_visible()
    expect(row.last).to_be_visible()
    page.get_by_role("button", name="Collapse repeats").click()
    expect(head).to_have_count(0)
    expect(row.first).to_be_visible()


def test_a_group_is_opened_and_closed_by_keyboard(reader: Reader, post: Callable[..., str]) -> None:
    page = reader.open(f"/?source={post(3)}")
    shown = rows(page)
    page.keyboard.press("j")
    assert focused(page) == "repeat"
    for key in ("j", "PageDown"):
        page.keyboard.press(key)
        assert focused(page) == "repeat", "what is hidden is passed over"
    page.keyboard.press("Enter")
    page.keyboard.press("PageDown")
    page.keyboard.press("j")
    assert focused(page) == shown[1]
    page.keyboard.press("x")
    assert focused(page) == "repeat"
    expect(page.locator(f"#{shown[1]}")).to_be_hidden()


# ---- density, theme, times


def test_the_density_is_there_at_once_and_moves_nothing(reader: Reader) -> None:
    page = reader.open("/?collapse=off&type=-build&state=-running")
    heights = {}
    for name in ("Compact", "Cozy", "Comfort"):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
        tall = page.locator("article.row").evaluate_all(
            "rows => Math.min(...rows.map((row) => row.offsetHeight))"
        )
        heights[name] = round(tall)
    assert heights["Compact"] == 32
    assert heights["Cozy"] == 48
    assert heights["Comfort"] >= 60
    page = reader.open("/", java_script_enabled=False)
    assert page.locator("html").get_attribute("data-density") == "comfort"


def test_theme_and_zone_follow_to_another_device(reader: Reader) -> None:
    desk, phone = reader.open("/settings/"), reader.open("/", java_script_enabled=False)
    assert phone.locator("html").get_attribute("data-theme") is None
    desk.get_by_label("Theme", exact=True).select_option("dark")
    desk.get_by_label("Time zone").fill("Asia/Tokyo")
    desk.get_by_role("button", name="Save preferences").click()
    expect(desk.locator("html")).to_have_attribute("data-theme", "dark")
    phone.reload()
    assert phone.locator("html").get_attribute("data-theme") == "dark"
    expect(phone.locator(".foot")).to_contain_text("times are in Asia/Tokyo (JST)")
    expect(phone.locator("article.row .when").first).to_have_attribute("title", re.compile("JST$"))
    desk.get_by_label("Time zone").fill("Tokio")
    desk.get_by_role("button", name="Save preferences").click()
    expect(desk.locator(".summary")).to_be_focused()
    expect(desk.locator(".summary")).to_contain_text("Must be the name of a time zone")


# ---- since the last visit


def test_the_line_of_the_last_visit_is_the_same_on_two_devices(
    reader: Reader, post: Callable[..., str]
) -> None:
    source = post(2)
    desk = reader.open(f"/?source={source}")
    expect(desk.locator(".visit")).to_have_count(0)
    reader.leave(source)
    post(1)
    desk.reload()
    phone = reader.open(f"/?source={source}", viewport={"width": 360, "height": 700})
    for page in (desk, phone):
        expect(page.locator(".visit")).to_contain_text("new since your last visit")
        children = page.locator(".feed > *").evaluate_all("all => all.map(one => one.className)")
        assert children == ["row", "visit", "row", "row"]
        expect(page.locator(".fresh").first).to_be_hidden()


def test_strangers_have_the_keys_in_the_list_alone(desk: Open, served: House) -> None:
    page = desk("/sign-in/", stranger=True)
    page.locator("body").press("?")
    expect(page.locator("dialog.keys")).to_be_hidden()
    assert requests.get(f"{served.url}/settings/reading/", timeout=10).status_code == 405
