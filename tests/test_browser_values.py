"""A click on a value filters in, one with Alt out: in rows, in what is in progress, in an event."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.visitor import Open, address, choose_theme, rows

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

FEED = "/?type=-custom&collapse=off"  # which others send to the same place
OF_ROWS = {"type", "actor", "component", "generator", "target", "state", "source", "ref"}
#: Where values are, and which parameters they are of.
PLACES = {
    "a row": OF_ROWS,
    "the strip": {"type", "component", "state", "ref"},
    "the drawer": OF_ROWS,
}


def values_of(page: Page, place: str) -> Locator:
    """Open the feed, and return the values of one event that are in PLACE."""
    page.goto(FEED)
    of_component = page.locator("a[href*='component=']")
    if place == "the strip":
        run = page.locator(".run-row").filter(has=of_component).first
        return run.locator("a[title*='Alt+click']")
    full = page.locator("article.row", has=page.locator("a.badge[href*='target=']"))
    for part in (of_component, page.locator(".pill"), page.locator("a.source")):
        full = full.filter(has=part)
    first = full.first
    if place == "a row":
        return first.locator("a[title*='Alt+click']")
    first.click(position={"x": 3, "y": 3})
    expect(page.locator("#drawer-title")).to_be_visible()
    return page.locator("#drawer :is(.head, .facts) a[title*='Alt+click']")


def filters(page: Page) -> list[tuple[str, str]]:
    return [pair for pair in parse_qsl(urlsplit(page.url).query) if pair[0] != "collapse"]


@pytest.mark.parametrize("place", PLACES)
def test_every_value_says_what_a_click_does_and_does_it(desk: Open, place: str) -> None:
    page = desk()
    names = set()
    for number in range(values_of(page, place).count()):
        value = values_of(page, place).nth(number)
        shows = "Show only" in (value.get_attribute("title") or "")
        before = page.url
        value.click()
        page.wait_for_url(lambda url, before=before: url != before)  # type: ignore[misc]
        assert (urlsplit(page.url).path == "/") == shows
        assert not shows or len(filters(page)) == 2, "the filters in force stay"
        values_of(page, place).nth(number).click(modifiers=["Alt"])
        page.wait_for_url(re.compile("=-.*=-"))
        expect(page.locator(".chip.out")).to_have_count(2)
        names |= {name for name, _ in filters(page)}
    assert names == PLACES[place]


def test_states_and_environments_in_the_story_of_an_open_event_are_filters(desk: Open) -> None:
    page = desk()
    for part, name in ((".badge", "target"), ("li > .pill[href]", "state")):
        for modifiers, sign in (([], ""), (["Alt"], "-")):
            page.goto("/?type=deployment&collapse=off")
            linked = page.locator("article.row", has=page.locator("a.linked")).first
            linked.click(position={"x": 3, "y": 3})
            page.locator(f"#drawer .story {part}").first.click(modifiers=modifiers)  # type: ignore[arg-type]
            page.wait_for_url(re.compile(rf"[?&]{name}={sign}\w"))
            assert ("type", "deployment") in filters(page), "the filters in force stay"


def test_alt_on_a_chip_leaves_out_and_a_click_on_its_words_turns_it(desk: Open) -> None:
    page = desk("/?type=build&q=checkout")
    chip = page.locator(".chip").first
    chip.locator(".chip-label").click(modifiers=["Alt"])
    page.wait_for_url("**/?type=-build&q=checkout")
    chip.locator("b").click(modifiers=["Alt"])
    page.locator(".chip").last.locator("b").click(modifiers=["Alt"])  # text has no opposite
    assert address(page) == "/?type=-build&q=checkout"
    chip.locator("b").click()
    page.wait_for_url("**/?type=build&q=checkout")
    chip.locator("b").click(modifiers=["Alt"])
    page.wait_for_url("**/?type=-build&q=checkout")
    assert rows(page)
    assert len(page.context.pages) == 1


# ---- the theme, which goes to the server with a click


def heard(page: Page) -> Any:
    return page.request.get("/api/v1/me").json()["preferences"]["theme"]


def test_quick_clicks_reach_the_server_one_by_one_and_the_last_wins(desk: Open) -> None:
    page = desk("/")
    choose_theme(page, "system")
    held: list[Route] = []
    page.route("**/api/v1/me", lambda route: held.append(route))
    button = page.locator("#theme")
    for _ in range(5):  # light, dark, system, light, dark
        button.click()
    page.wait_for_timeout(500)
    assert [route.request.post_data_json["preferences"]["theme"] for route in held] == ["light"]
    held[0].continue_()
    page.wait_for_timeout(500)
    assert [route.request.post_data_json["preferences"]["theme"] for route in held[1:]] == ["dark"]
    held[1].continue_()
    page.wait_for_function("() => localStorage.getItem('theme-sent') === null")
    assert heard(page) == "dark"
    assert len(held) == 2


def test_what_a_page_could_not_send_any_more_the_next_one_sends(desk: Open) -> None:
    page = desk("/")
    page.route("**/api/v1/me", lambda route: route.fulfill(status=429))
    choice = "light" if heard(page) != "light" else "dark"
    while page.locator("#theme").get_attribute("title") != f"Theme: {choice}":
        page.locator("#theme").click()
    page.wait_for_timeout(300)
    page.unroute("**/api/v1/me")
    assert heard(page) != choice
    page.goto("/components/")
    page.wait_for_function("() => localStorage.getItem('theme-sent') === null")
    assert heard(page) == choice
    choose_theme(page, "system")  # for whoever comes next
