"""One event beside the feed: opened, closed, linked to, on wide screens and on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.visitor import Open, address, rows

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

PHONE = {"viewport": {"width": 390, "height": 780}}


def click_row(page: Page, number: int) -> str:
    """Click beside everything that is in a row; return the uuid of its event."""
    page.locator("article.row").nth(number).click(position={"x": 3, "y": 3})
    expect(page.locator("#drawer")).to_be_visible()
    return rows(page)[number].removeprefix("ev-")


def title(page: Page, number: int) -> str:
    return page.locator("article.row").nth(number).locator(".object").inner_text()


def expect_open(page: Page, number: int) -> None:
    """Expect the drawer to show the event of row NUMBER, and the address to name it."""
    row = page.locator("article.row").nth(number)
    expect(row).to_have_attribute("aria-current", "true")
    expect(page.locator("article[aria-current]")).to_have_count(1)
    expect(page.locator("#drawer-title")).to_contain_text(title(page, number))
    assert address(page).endswith(f"event={rows(page)[number].removeprefix('ev-')}")


def expect_closed(page: Page) -> None:
    expect(page.locator("#drawer")).to_be_hidden()
    expect(page.locator("article[aria-current]")).to_have_count(0)
    assert "event=" not in address(page)


def test_a_click_on_a_row_opens_it_beside_the_list_and_escape_gives_the_focus_back(
    desk: Open,
) -> None:
    page = desk("/?type=build")
    before = rows(page)
    page.evaluate("window.stays = true")
    click_row(page, 2)
    expect_open(page, 2)
    expect(page.locator("#drawer")).to_be_focused()
    assert not page.evaluate("document.querySelector('#drawer').matches(':modal')")
    drawer, feed = (page.locator(name).bounding_box() for name in ("#drawer", ".feed"))
    assert drawer
    assert feed
    assert feed["x"] + feed["width"] <= drawer["x"], "the list stands beside it"
    page.keyboard.press("ArrowDown")
    expect_open(page, 3)
    page.keyboard.press("ArrowUp")
    page.get_by_role("button", name="Newer").click()
    expect_open(page, 1)
    page.keyboard.press("Escape")
    expect_closed(page)
    expect(page.locator("article.row").nth(1)).to_be_focused()
    assert address(page) == "/?type=build"
    assert rows(page) == before
    assert page.evaluate("window.stays"), "the page was not loaded anew"


def test_the_back_button_closes_and_forward_opens_again(desk: Open) -> None:
    page = desk("/")
    page.locator("#f-type").click()
    page.get_by_role("checkbox", name="Build").check()
    page.wait_for_url("**/?type=build")
    page.keyboard.press("Escape")
    page.evaluate("scrollTo(0, 400)")
    click_row(page, 9)
    click_row(page, 8)  # another one takes its place: one step back closes
    expect_open(page, 8)
    place = page.evaluate("scrollY")
    page.go_back()
    expect_closed(page)
    assert address(page) == "/?type=build"
    assert page.evaluate("scrollY") == place, "the list stays where it is"
    page.go_forward()
    expect_open(page, 8)
    page.locator("#drawer-close").click()
    expect_closed(page)
    page.go_back()
    page.wait_for_url(re.compile(r"/$"))
    expect(page.locator(".chip")).to_have_count(0)
    expect_closed(page)
    click_row(page, 0)
    expect_open(page, 0)


def test_a_click_on_the_text_of_a_row_opens_it_too(desk: Open) -> None:
    page = desk("/?type=build&generator=ci.example.com&state=succeeded&collapse=off")
    page.locator("article.row").nth(2).locator(".verb").click()
    expect_open(page, 2)


def test_links_modifiers_and_selected_text_open_nothing(desk: Open) -> None:
    page = desk("/?type=build&state=succeeded&collapse=off")  # short lines, whose ends are no links
    line = page.locator("article.row .line").nth(4)
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, middle, steps=4)
    page.mouse.up()
    assert page.evaluate("getSelection().toString()")
    expect_closed(page)
    page.evaluate("getSelection().removeAllRanges()")
    row = page.locator("article.row").nth(4)
    row.click(position={"x": 2, "y": 2}, modifiers=["Control"])
    row.click(position={"x": 2, "y": 2}, modifiers=["Shift"])
    page.evaluate("getSelection().removeAllRanges()")
    expect_closed(page)
    row.locator(".source").click()
    page.wait_for_url("**/sources/**")


def test_a_pasted_permalink_shows_the_event_in_its_feed_with_and_without_a_script(
    desk: Open,
) -> None:
    page = desk("/?type=deployment")
    identity = click_row(page, 1)
    expect_open(page, 1)
    link, told = address(page), page.locator("#event").inner_text()
    fresh = desk(link)
    expect_open(fresh, 1)
    assert rows(fresh) == rows(page)
    fresh.keyboard.press("Escape")
    expect_closed(fresh)
    for options in ({}, PHONE):
        plain = desk(link, java_script_enabled=False, **options)
        drawer = plain.locator("#drawer")
        expect(drawer).to_be_visible()
        missing = [line for line in words(told) if line not in words(drawer.inner_text())]
        assert missing == [], "the same is there without a script"
        drawer.get_by_role("link", name="Page").click()
        assert address(plain) == f"/activities/{identity}/"
        plain.go_back()
        plain.get_by_role("link", name="Close").click()
        assert address(plain) == "/?type=deployment"
        expect(plain.locator("#drawer")).to_be_hidden()


def words(text: str) -> set[str]:
    """Return the lines of TEXT but for what a script adds to them: ages, and the copy button.

    What a clock has counted of something that runs is one word, whenever it is read.
    """
    lines = (
        re.sub(r"^(\d+ %, )?\d+(:\d\d)+(, .*)?$", r"\1a clock", line) for line in text.splitlines()
    )
    return {line for line in lines if not re.search(r"ago|now|Copy|UTC|^\s*$", line)}


def test_on_a_phone_it_is_a_dialog_over_everything(desk: Open) -> None:
    page = desk("/?collapse=off", **PHONE)
    click_row(page, 1)
    expect_open(page, 1)
    assert page.evaluate("document.querySelector('#drawer').matches(':modal')")
    box = page.locator("#drawer").bounding_box()
    assert box
    assert (box["x"], box["y"], box["width"]) == (0, 0, 390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.keyboard.press("ArrowDown")
    expect_open(page, 2)
    page.keyboard.press("Escape")
    expect_closed(page)
    expect(page.locator("article.row").nth(2)).to_be_focused()
    click_row(page, 0)
    page.go_back()
    expect_closed(page)
    fresh = desk(f"/?collapse=off&event={rows(page)[0].removeprefix('ev-')}", **PHONE)
    expect_open(fresh, 0)
    assert fresh.evaluate("document.querySelector('#drawer').matches(':modal')")


def test_a_key_opens_a_row_by_its_event_and_filtering_closes_it(desk: Open) -> None:
    page = desk("/")
    row = page.locator("article.row").nth(3)
    row.evaluate("row => row.dispatchEvent(new CustomEvent('row:open', {bubbles: true}))")
    expect_open(page, 3)
    page.locator("#f-type").click()
    page.get_by_role("checkbox", name="Build").check()
    page.wait_for_url("**/?type=build")
    expect_closed(page)


def test_unread_fields_are_marked_in_words_and_not_in_what_is_copied(desk: Open) -> None:
    page = desk("/?type=push&generator=git.example.com")
    click_row(page, 0)
    raw = page.locator("#raw")
    expect(raw).to_be_visible()
    assert "○" not in raw.inner_text()
    page.evaluate("document.querySelector('#raw').scrollIntoView()")
    button = page.locator("#event button[data-copy=raw]")
    button.click()  # nothing lies over it
    expect(button).to_contain_text(re.compile("Copied|Selected"))


def test_an_event_that_is_gone_is_said_to_be(desk: Open) -> None:
    page = desk("/?event=00000000-0000-4000-8000-000000000000")
    expect(page.locator("#drawer")).to_contain_text("There is no such event.")
    page = desk("/?event=nonsense")
    expect(page.locator("#f-error")).to_contain_text("event: must be the id of an activity")
