"""The drawer on pages of components, sources, people, repositories, issues and projects."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.house import House
from tests.visitor import Open, address

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

COMPONENT = "/components/payments-api/"
PLACES = (
    COMPONENT, "/people/ci-bot/?collapse=off", "/repositories/shop/checkout/", "/issues/DESK-1/",
    "/projects/DESK/", "source",
)  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 780}}


@pytest.fixture(scope="module")
def source(served: House) -> str:
    """Send activities about an issue; return the address of their source's page."""
    token = served.manage("create_token", "desk@example.com", "--role", "bot")
    send = {"Authorization": f"Bearer {token}"}
    for number in range(9):  # the oldest first; of 2 to 5 one stands for all
        when = datetime.now(UTC) - timedelta(minutes=90 if number < 2 else 60 if number < 6 else 5)
        answer = requests.post(
            f"{served.url}/api/v1/activities", timeout=10, headers=send,
            json={
                "kind": "custom", "title": f"desk {number}", "source": {"external_id": "desk"},
                "actor": {"key": f"one{number}" if not 2 <= number < 6 else "same"},
                "project": "DESK", "target": {"key": "DESK-1"},
                "occurred_at": (when + timedelta(seconds=number)).isoformat(),
            },
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
    return f"/sources/{answer.json()['source']['uuid']}/"


def event_of(page: Page) -> str:
    """Return the event that the address names."""
    found = re.search(r"[?&]event=([0-9a-f-]{36})", address(page))
    return found[1] if found else ""


def expect_shown(page: Page, title: str) -> None:
    expect(page.locator("#drawer")).to_be_visible()
    expect(page.locator("#drawer-title")).to_have_text(title)
    assert event_of(page)


def named(page: Page, title: str) -> Any:
    return page.locator("article.row").filter(has=page.get_by_text(title, exact=True))


@pytest.mark.parametrize("path", PLACES)
def test_a_row_of_any_page_opens_beside_it_with_an_address_of_its_own(
    desk: Open, source: str, path: str
) -> None:
    path = source if path == "source" else path
    page = desk(path)
    rows = page.locator("article.row:visible")
    first = rows.nth(0).get_attribute("id")
    rows.nth(0).click(position={"x": 3, "y": 3})
    title = rows.nth(0).locator(".object").inner_text()
    expect_shown(page, title)
    link = f"{path}{'&' if '?' in path else '?'}event={str(first)[3:]}"
    assert address(page) == link
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Newer").click()
    expect_shown(page, title)
    page.reload()
    expect_shown(page, title)
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    assert page.locator("[id]").evaluate_all("all => new Set(all.map(one => one.id)).size") == (
        page.locator("[id]").count()
    ), "no id is there twice"
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    expect(rows.nth(0)).to_be_focused()
    assert address(page) == path
    for options in ({}, PHONE):
        plain = desk(link, java_script_enabled=False, **options)
        expect(plain.locator("#drawer-title")).to_have_text(title)
        plain.get_by_role("link", name="Close").click()
        assert address(plain) == path
        expect(plain.locator("#drawer")).to_be_hidden()


def test_marks_of_the_timeline_open_beside_it_and_arrows_go_on_along_the_lane(desk: Open) -> None:
    page = desk(f"{COMPONENT}?window=7d")
    lane = page.locator(".lane").filter(has_text="Build").locator("a.mark")
    last = lane.last.get_attribute("href")
    lane.last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).to_be_visible()
    assert address(page) == f"{COMPONENT}?window=7d&event={str(last)[12:-1]}"
    expect(lane.last).to_have_attribute("aria-current", "true")
    expect(page.locator("#event dl").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(lane.nth(lane.count() - 2)).to_have_attribute("aria-current", "true")
    page.keyboard.press("Escape")
    expect(lane.nth(lane.count() - 2)).to_be_focused()
    assert address(page) == f"{COMPONENT}?window=7d"
    lane.last.click()
    expect(lane.last).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(page.locator("#drawer")).to_be_hidden()
    with page.context.expect_page() as opened:
        lane.last.click(modifiers=["Control"])
    expect(page.locator("#drawer")).to_be_hidden()
    opened.value.wait_for_url("**/activities/*/")
    with page.context.expect_page() as opened:
        lane.last.click(button="middle")
    opened.value.wait_for_url("**/activities/*/")


def test_a_mark_leads_to_its_event_without_a_script(desk: Open) -> None:
    page = desk(f"{COMPONENT}?window=7d", java_script_enabled=False)
    page.locator("a.mark").last.click()
    page.wait_for_url("**/activities/**")


def test_arrows_step_over_what_is_folded_and_into_what_is_open(desk: Open, source: str) -> None:
    page = desk(source)
    named(page, "desk 6").click(position={"x": 3, "y": 3})
    expect_shown(page, "desk 6")
    page.keyboard.press("ArrowDown")
    expect_shown(page, "desk 1")
    page.keyboard.press("ArrowUp")
    expect_shown(page, "desk 6")
    page.keyboard.press("Escape")
    page.locator(".repeat summary").click()
    named(page, "desk 6").click(position={"x": 3, "y": 3})
    expect_shown(page, "desk 6")
    for title in ("desk 5", "desk 4"):
        page.get_by_role("button", name="Older").click()
        expect_shown(page, title)
    page.locator(".repeat summary").click()  # folded over the event that is shown
    page.get_by_role("button", name="Older").click()
    expect_shown(page, "desk 1")


def test_the_link_to_a_folded_event_unfolds_it(desk: Open, source: str) -> None:
    page = desk(f"{source}?collapse=off")
    named(page, "desk 3").click(position={"x": 3, "y": 3})
    link = f"{source}?event={event_of(page)}"
    fresh = desk(link)
    expect_shown(fresh, "desk 3")
    expect(named(fresh, "desk 3")).to_be_visible()
    fresh.locator(".repeat summary").click()
    expect(named(fresh, "desk 3")).to_be_hidden()
    fresh.locator("#drawer-close").click()
    expect(fresh.locator(".repeat")).to_be_focused()


def test_what_is_no_event_is_named_and_one_that_is_gone_is_said_to_be(desk: Open) -> None:
    page = desk(f"{COMPONENT}?event=00000000-0000-4000-8000-000000000000")
    expect(page.locator("#drawer")).to_contain_text("There is no such event.")
    page = desk(f"{COMPONENT}?event=nonsense")
    expect(page.locator("#f-error")).to_contain_text("event: must be the id of an activity")
