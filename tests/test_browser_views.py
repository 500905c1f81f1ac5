"""Saved views, subscriptions and exports in a browser, with and without JavaScript."""

from __future__ import annotations

import re
import uuid

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.house import House
from tests.visitor import Open, rows

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")


def save(page: Page, query: str) -> str:
    """Save what QUERY asks for under a name of its own, and land on it."""
    name = f"View {uuid.uuid4().hex[:6]}"
    page.goto(f"/?{query}")
    page.locator("a.save").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/?view=*")
    return name


def test_the_menus_follow_the_filters_and_what_they_offer_works(desk: Open, served: House) -> None:
    page = desk("/", viewport={"width": 1280, "height": 900})
    name = save(page, "type=build")
    page.get_by_text("Subscribe", exact=True).click()
    followed = page.locator("#take-atom").inner_text()
    assert "/views/" in followed
    page.get_by_role("button", name="Copy the address of the Atom feed").click()
    # without a clipboard the address is selected, to be copied by hand
    expect(page.locator(".addresses .code").first).to_contain_text(re.compile("Copied|Selected"))
    page.keyboard.press("Escape")
    page.locator("#f-type").click()
    page.get_by_role("checkbox", name="Push").check()
    expect(page.locator(".changed")).to_contain_text(f"{name} (changed)")
    page.keyboard.press("Escape")
    page.get_by_text("Subscribe", exact=True).click()
    changed = page.locator("#take-atom").inner_text()
    assert "type=build&type=push" in changed
    for address in (followed, changed):
        path = address.partition("/")[2].partition("/")[2].partition("/")[2]
        assert requests.get(f"{served.url}/{path}", timeout=10).ok
    page.keyboard.press("Escape")
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as begun:
        page.locator(".take").get_by_role("link", name="CSV").click()
    assert begun.value.suggested_filename.startswith(f"pulseboard-{name.lower().replace(' ', '-')}")
    text = begun.value.path().read_text()
    assert text.startswith("uuid,occurred_at,")
    assert text.count("\n") > len(rows(page)) / 2
    page.locator(".changed").get_by_role("link", name="Reset").click()
    expect(page.locator(".changed")).to_have_count(0)


def test_a_view_lives_its_life_without_javascript(desk: Open) -> None:
    page = desk("/", java_script_enabled=False)
    name = save(page, "type=push")
    page.get_by_text("Views", exact=True).click()
    page.locator(".viewbar").get_by_role("link", name="All views").click()
    page.get_by_role("button", name=f"Star {name}").click()
    page.get_by_role("button", name=f"Make default: {name}").click()
    page.goto("/")
    tab = page.locator("nav.tabs [aria-current]")
    expect(tab).to_contain_text(f"{name} (default)")
    page.locator("#f-type").click()
    page.get_by_role("checkbox", name="Build").check()
    page.get_by_role("button", name="Filter", exact=True).click()
    page.locator(".changed").get_by_role("button", name="Save").click()
    expect(page.locator("#messages")).to_contain_text(f"The view {name} is saved.")
    expect(page.locator(".changed")).to_have_count(0)
    expect(page.locator(".chip")).to_have_count(2)
    page.locator("nav.tabs").get_by_role("link", name="Everything").click()
    expect(page.locator(".chip")).to_have_count(0)
    page.goto("/views/")
    page.get_by_role("link", name=f"Delete {name}", exact=True).click()
    page.get_by_role("button", name="Delete view").click()
    page.goto("/")
    expect(tab).to_have_text("Everything")
