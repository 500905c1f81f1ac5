"""Facets and bars in a browser: what they count, and where a click, a drag and a thumb lead."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from tests.house import House
from tests.visitor import Open, address, rows

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
HOURS = 8  # over which the events of `view` are spread
EVENTS = 40


@pytest.fixture(scope="module")
def view(served: House) -> str:
    """The address of a feed of 40 events of 20 people, half of them builds, five an hour."""
    email = f"facets-{uuid.uuid4().hex[:8]}@example.com"
    token = served.manage("create_token", email, "--role", "bot")
    start = datetime.now(UTC).replace(minute=5, second=0, microsecond=0) - timedelta(hours=HOURS)
    source = f"{uuid.uuid4().hex[:8]}.example.com"
    for number in range(EVENTS):
        body = {
            "kind": ("build", "push")[number % 2],
            "title": f"event {number}",
            "state": ("succeeded", "failed")[number % 2],
            "url": f"https://{source}/{number}",
            "source": {"external_id": f"{source}"},
            "actor": {"key": f"actor-{number // 2:02}"},
            "occurred_at": (start + timedelta(hours=number // 5)).isoformat(),
        }
        answer = requests.post(
            f"{served.url}/api/v1/activities",
            json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30,
        )  # fmt: skip
        assert answer.ok, answer.text
    return f"/?source={source}"


def facet(page: Page, name: str) -> Locator:
    return page.locator(f"[data-facet={name}]")


def counted(page: Page) -> int:
    """Return what "All" says."""
    return int(facet(page, "type").locator(".count").first.inner_text())


def sum_of_bars(page: Page) -> int:
    titles = page.locator(".bars title").all_text_contents()
    return sum(int(number) for title in titles for number in re.findall(r"[:,] (\d+) ", title))


@SCRIPT
def test_a_click_on_a_value_narrows_and_the_counts_agree(
    desk: Open, view: str, script: bool
) -> None:
    page = desk(view, java_script_enabled=script)
    assert counted(page) == sum_of_bars(page) == len(rows(page)) == EVENTS
    build = facet(page, "type").locator("a.value", has_text="Build")
    expect(build.locator(".count")).to_have_text("20")
    build.click()
    page.wait_for_url("**&type=build")
    assert counted(page) == sum_of_bars(page) == len(rows(page)) == 20
    expect(facet(page, "type").locator("li.in")).to_contain_text("Build")
    facet(page, "type").locator("li.in a.value").click()
    page.wait_for_url(f"**{view}")
    push = facet(page, "type").locator("li", has_text="Push")
    push.hover()
    push.locator(".not").click()
    page.wait_for_url("**&type=-push")
    assert counted(page) == sum_of_bars(page) == len(rows(page)) == 20
    expect(facet(page, "type").locator("li.out")).to_contain_text("not Push")


@SCRIPT
def test_a_bar_and_its_line_in_the_table_narrow_the_time(
    desk: Open, view: str, script: bool
) -> None:
    page = desk(f"{view}&stack=type", java_script_enabled=script)
    expect(page.locator(".legend")).to_have_text(re.compile("Build.*Push.*Other"))
    page.locator(".bars a .t").nth(2).click()
    page.wait_for_url("**&since=*&until=*")
    assert counted(page) == sum_of_bars(page) == len(rows(page)) == 5
    page.goto(f"{view}&stack=type")
    page.locator(".as-table summary").click()
    page.locator(".as-table tbody a").nth(2).click()
    page.wait_for_url("**&since=*&until=*")
    assert counted(page) == len(rows(page)) == 5
    assert "stack=type" in address(page)


def test_a_drag_over_bars_selects_their_time(desk: Open, view: str) -> None:
    page = desk(view)
    bars = [bar.bounding_box() for bar in page.locator(".bars a .t").all()]
    first, last = bars[1], bars[3]
    assert first
    assert last
    with page.expect_event("requestfinished", lambda asked: "/explore." in asked.url):
        page.mouse.move(first["x"] + 3, first["y"] + 50)
    page.evaluate("new Promise(requestAnimationFrame)")  # what has come runs
    page.mouse.down()
    page.mouse.move(last["x"] + 3, last["y"] + 60, steps=4)
    expect(page.locator(".bars .picked")).to_be_visible()
    page.mouse.up()
    page.wait_for_url("**&since=*&until=*")
    assert counted(page) == sum_of_bars(page) == len(rows(page)) == 15


def test_facets_and_bars_follow_the_form(desk: Open, view: str) -> None:
    page = desk(view)
    page.evaluate("window.stays = true")
    page.locator("#f-type").click()
    page.get_by_role("checkbox", name="Push").check()
    page.wait_for_url("**type=push**")
    expect(facet(page, "type").locator("li.in")).to_contain_text("Push")
    assert counted(page) == sum_of_bars(page) == 20
    assert page.evaluate("window.stays"), "the page was not loaded anew"
    page.go_back()
    expect(facet(page, "type").locator(".count").first).to_have_text(str(EVENTS))


def test_rare_values_are_found_by_their_beginning(desk: Open, view: str) -> None:
    page = desk(view)
    actors = facet(page, "actor")
    actors.locator(".rarer summary").click()
    expect(actors.locator(".rarer li")).to_have_count(15)
    actors.get_by_label("Find in actor").fill("-13")
    expect(actors.locator("li:visible .word")).to_have_text("actor-13")  # of all of them
    actors.locator(".rarer a.value:visible").click()
    page.wait_for_url("**&actor=actor-13")
    assert counted(page) == 2


@SCRIPT
def test_on_a_phone_the_facets_open_by_a_tap(desk: Open, view: str, script: bool) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    page = desk(view, java_script_enabled=script, **phone)
    expect(facet(page, "type")).not_to_be_visible()
    page.locator(".facets > summary").tap()
    facet(page, "type").locator("a.value", has_text="Build").tap()
    page.wait_for_url("**&type=build")
    assert len(rows(page)) == 20
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360


def test_the_page_does_not_move_while_it_loads(desk: Open, view: str) -> None:
    page = desk("/")
    page.add_init_script("""
        window.moved = 0;
        new PerformanceObserver(list => {
          for (const one of list.getEntries()) window.moved += one.value;
        }).observe({type: "layout-shift", buffered: true});
    """)
    page.goto(view, wait_until="networkidle")
    assert page.evaluate("window.moved") == 0
