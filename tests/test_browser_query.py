"""The query box and clicks on values, in a real Chromium."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Page, expect

from tests.visitor import Open, address, rows

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")


def chips(page: Page) -> list[str]:
    """Return what the filters in force say."""
    return [" ".join(chip.split()) for chip in page.locator(".chip").all_inner_texts()]


def actors(page: Page) -> list[str]:
    """Return who did what the rows show, as filters call them."""
    found = page.locator("article.row a.actor").evaluate_all(
        "links => links.map(link => [...new URLSearchParams(link.search)].pop()[1])"
    )
    return [str(actor) for actor in found]


@pytest.mark.parametrize("script", [True, False])
def test_a_query_gives_chips_and_rows_and_a_fault_is_explained_in_place(
    desk: Open, script: bool
) -> None:
    page = desk("/", java_script_enabled=script)
    box = page.locator("#f-query")
    box.fill('type:build -actor:nobody is:succeeded "no such words"')
    box.press("Enter")
    expect(page.locator(".empty")).to_contain_text("Nothing matches these filters")
    asked = "/?type=build&actor=-nobody&state=succeeded&q=%22no+such+words%22"
    page.wait_for_url(f"**{asked}")
    assert chips(page) == [
        "Type is Build", "State is Succeeded", "Actor is not nobody",
        'Text contains "no such words"',
    ]  # fmt: skip
    expect(box).to_have_value('type:build state:succeeded -actor:nobody "no such words"')
    expect(page.locator("#filters input[value=build]")).to_be_checked()
    if script:
        expect(box).to_be_focused()
    box.fill("type:build stat:succeeded")
    box.press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("stat:succeeded there is no key stat.")
    expect(box).to_have_value("type:build stat:succeeded")
    expect(box).to_have_attribute("aria-describedby", "f-error")
    assert chips(page) == ["Type is Build"]
    assert rows(page)
    alert.get_by_role("link", name="state:succeeded").click()
    page.wait_for_url("**/?type=build&state=succeeded")
    assert chips(page) == ["Type is Build", "State is Succeeded"]
    box.fill("")
    box.press("Enter")
    expect(page.locator(".chip")).to_have_count(0)
    assert address(page) == "/"


def test_the_menus_write_into_the_box(desk: Open) -> None:
    page = desk("/?actor=-nobody")
    page.locator("#f-type").click()
    page.get_by_role("checkbox", name="Push").check()
    expect(page.locator("#f-query")).to_have_value("type:push -actor:nobody")
    expect(page.locator("details.menu[open]")).to_have_count(1)


def test_suggestions_are_chosen_by_keyboard(desk: Open) -> None:
    page = desk("/")
    box = page.locator("#f-query")
    box.focus()
    page.keyboard.type("-ty")
    option = page.get_by_role("option")
    expect(option.first).to_have_text(re.compile("-type:"))
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "f-option-0")
    page.keyboard.press("Enter")
    expect(box).to_have_value("-type:")
    expect(option).to_have_count(8)
    page.keyboard.type("depl")
    expect(option).to_have_count(1)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(box).to_have_value("-type:deployment ")
    expect(page.get_by_role("listbox")).to_be_hidden()
    page.keyboard.type("compo")
    expect(option).to_have_count(1)
    page.keyboard.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Control+A")
    page.keyboard.type("deploym")
    option.first.click()
    expect(box).to_have_value("type:deployment ")
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/?type=deployment")


def test_a_click_filters_in_and_with_alt_or_shift_out(desk: Open) -> None:
    page = desk("/?state=-failed&collapse=off")
    actor = actors(page)[0]
    assert len(set(actors(page))) > 1
    page.locator("article.row a.actor:visible").first.click(modifiers=["Alt"])
    page.wait_for_url(f"**/?state=-failed&actor={quote_plus('-' + actor)}")
    assert rows(page)
    assert actor not in actors(page)
    page.locator("article.row a.rail:visible").first.focus()
    page.keyboard.press("Shift+Enter")
    page.wait_for_url(re.compile(r"/\?state=-failed&actor=-.*&type=-"))
    page.locator("article.row .actor:visible").first.click()
    page.wait_for_url(re.compile(r"/\?state=-failed&.*&actor=[^-]"))
    assert len(page.context.pages) == 1
    page.goto("/components/payments-api/")
    page.locator("article.row a.rail:visible").first.click(modifiers=["Alt"])
    page.wait_for_url(re.compile(r"/\?component=payments-api&type=-"))
