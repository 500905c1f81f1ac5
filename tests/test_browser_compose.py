"""Composing in a real browser: the draft, the preview, one press of Send, and no JavaScript."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.composed import NEEDED
from tests.test_browser_looks import AA, FAINT, NAMELESS, TWICE
from tests.visitor import Open, address

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")
NEW = "/compose/new/custom/"
SAVED = 1300  # milliseconds after which a draft is kept
EVENT = re.compile(r"/activities/[0-9a-f-]+/$")
PAGES = {
    "kinds": "/compose/",
    **{key: f"/compose/new/{key}/" for key in ("deployment", "activity", "teamhub-build")},
    "of a component": "/compose/new/incident/?component=payments-api",
}


def title() -> str:
    return f"composed{uuid.uuid4().hex[:8]}"


def send(page: Page) -> None:
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url(EVENT)


def fill(page: Page) -> None:
    """Give what the form asks for, so that it could be sent."""
    key = address(page).removeprefix("/compose/new/").partition("/")[0]
    for name, value in NEEDED[key].items():
        field = page.locator(f"#id_{name}")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def events(page: Page, text: str) -> int:
    page.goto(f"/?q={text}")
    return page.locator("article.row").count()


# ---- the draft


def test_a_draft_is_offered_and_never_forced(desk: Open) -> None:
    page, text = desk(NEW), title()
    page.get_by_label("Title").fill(text)
    identity = page.locator("[name=identity]").input_value()
    page.wait_for_timeout(SAVED)
    page.goto("/")
    page.goto(NEW)
    expect(page.locator("#draft")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("")
    page.get_by_role("button", name="Restore the draft").click()
    expect(page.get_by_label("Title")).to_have_value(text)
    expect(page.locator("#preview .object")).to_have_text(text)
    assert page.locator("[name=identity]").input_value() == identity, "it is the same event"
    send(page)
    page.goto(NEW)
    expect(page.locator("#preview article")).to_be_visible()
    expect(page.locator("#draft")).to_be_hidden()
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('draft'))") == []


def test_a_draft_can_be_discarded_and_each_kind_has_its_own(desk: Open) -> None:
    page = desk(NEW)
    page.get_by_label("Title").fill(title())
    page.wait_for_timeout(SAVED)
    page.goto("/compose/new/flag/")
    expect(page.locator("#draft")).to_be_hidden()
    page.goto(NEW)
    page.get_by_role("button", name="Discard it").click()
    expect(page.locator("#draft")).to_be_hidden()
    page.reload()
    expect(page.locator("#preview article")).to_be_visible()
    expect(page.locator("#draft")).to_be_hidden()


def test_a_draft_holds_no_token(desk: Open) -> None:
    page = desk(NEW)
    page.get_by_label("Title").fill(title())
    page.wait_for_timeout(SAVED)
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "identity" in kept
    assert "csrf" not in kept


def test_what_was_refused_is_still_a_draft(desk: Open) -> None:
    page, text = desk(NEW), title()
    page.get_by_label("Description").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".summary")).to_be_focused()
    expect(page.locator("#draft")).to_be_hidden()
    page.goto(NEW)
    expect(page.locator("#draft")).to_be_visible()


# ---- sending


def test_a_double_click_makes_one_event(desk: Open) -> None:
    page, text = desk(NEW), title()
    page.get_by_label("Title").fill(text)
    page.get_by_role("button", name="Send", exact=True).dblclick()
    page.wait_for_url(EVENT)
    assert events(page, text) == 1


def test_going_back_and_sending_again_makes_one_event(desk: Open) -> None:
    page, text = desk(NEW), title()
    page.get_by_label("Title").fill(text)
    send(page)
    event = address(page)
    page.go_back()
    button = page.get_by_role("button", name="Send", exact=True)
    expect(button).to_be_enabled()
    button.click()
    page.wait_for_url(f"**{event}")
    assert events(page, text) == 1


def test_enter_sends_and_presses_no_other_button(desk: Open) -> None:
    for script in (True, False):
        page, text = desk(NEW, java_script_enabled=script), title()
        page.get_by_label("Title").fill(text)
        page.get_by_label("Title").press("Enter")
        page.wait_for_url(EVENT)
        expect(page.locator("h1")).to_have_text(text)


# ---- while it is filled in


def test_the_preview_follows_the_keys(desk: Open) -> None:
    page, text = desk(NEW), title()
    expect(page.locator("#preview .object")).to_have_text("…")
    page.get_by_label("Title").fill(text)
    expect(page.locator("#preview .object")).to_have_text(text)
    expect(page.locator("#preview")).not_to_contain_text("as soon as")
    page.get_by_label("Title").fill("")
    expect(page.locator("#preview")).to_contain_text("as soon as this is given: Title")
    expect(page.locator("#preview .object")).to_have_text("…")


def test_a_form_that_nobody_filled_in_is_not_sent(desk: Open) -> None:
    page, text = desk("/compose/new/deployment/"), title()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".summary")).to_be_focused()
    expect(page.locator(".summary a")).to_have_text(
        [f"{name}: This field is required." for name in ("Title", "State", "Environment")]
    )
    page.locator(".summary a").first.click()
    page.keyboard.type(text)
    page.get_by_label("State").select_option("FAILED")
    page.get_by_label("Environment", exact=True).fill("Staging")
    expect(page.locator("#preview .pill")).to_have_text("Failed")
    expect(page.locator("#preview .badge")).to_have_text("Staging")
    send(page)
    expect(page.locator("h1")).to_contain_text(text)


def test_a_field_is_checked_when_it_is_left_and_the_next_one_keeps_the_focus(desk: Open) -> None:
    page = desk("/compose/new/teamhub-build/")
    progress = page.get_by_role("spinbutton", name="Progress")
    page.evaluate("window.field = document.getElementById('id_progress')")
    progress.fill("101")
    progress.press("Tab")
    expect(page.locator("#id_progress_error")).to_contain_text("less than or equal to 100")
    expect(progress).to_have_attribute("aria-invalid", "true")
    expect(progress).not_to_be_focused()
    assert page.evaluate("document.activeElement !== document.body")
    progress.fill("40")
    page.get_by_label("State").select_option("created")
    progress.blur()
    expect(page.locator("#id_progress_error")).to_be_empty()
    expect(progress).not_to_have_attribute("aria-invalid", "true")
    assert page.evaluate("window.field === document.getElementById('id_progress')")


def test_another_kind_keeps_the_words_and_the_focus(desk: Open) -> None:
    page, text = desk(NEW), title()
    page.get_by_label("Title").fill(text)
    page.get_by_label("Kind").focus()
    page.get_by_label("Kind").select_option("incident")
    expect(page.locator("h1")).to_have_text("Incident")
    expect(page.get_by_label("Title")).to_have_value(text)
    expect(page.get_by_label("Kind")).to_be_focused()
    expect(page.locator("#preview .object")).to_have_text(text)
    page.get_by_label("State").select_option("OPEN")
    assert address(page).startswith("/compose/new/incident/?form=")
    page.get_by_label("Component", exact=False).first.select_option("payments-api")
    expect(page.locator("[name=was_component]")).to_have_value("payments-api")
    expect(page.get_by_label("Title")).to_have_value(text)
    send(page)
    expect(page.locator("main")).to_contain_text("Payments API")


def test_the_request_for_scripts_is_of_the_form_as_it_stands(desk: Open) -> None:
    page, text = desk(NEW), title()
    page.get_by_label("Title").fill(text)
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("#curl-1")).to_contain_text(text)
    page.get_by_text("GitHub Actions step", exact=True).click()
    expect(page.locator("#step-1")).to_contain_text("secrets.PULSEBOARD_SECRET")
    expect(page.get_by_label("Title")).to_have_value(text)


def test_a_fault_leads_to_its_field_in_the_details(desk: Open) -> None:
    page = desk(NEW)
    fill(page)
    page.get_by_text("Details: link").click()
    page.get_by_label("Link").fill("")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".summary")).to_be_focused()
    page.locator(".summary a").click()
    expect(page.get_by_label("Link")).to_be_focused()
    expect(page.get_by_label("Link")).to_be_in_viewport()


def test_all_of_it_works_without_javascript(desk: Open) -> None:
    page, text = desk("/compose/", java_script_enabled=False), title()
    page.get_by_role("link", name="Custom").click()
    page.get_by_label("Kind").select_option("alert")
    page.get_by_role("button", name="Choose").click()
    expect(page.locator("h1")).to_have_text("Alert")
    page.get_by_label("Title").fill(text)
    page.get_by_label("Status").select_option("OPENED")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview .object")).to_have_text(text)
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("#curl-1")).to_contain_text(text)
    send(page)
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_label("Status").select_option("CLOSED")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator(".head .pill")).to_contain_text("Closed")
    page.get_by_role("link", name="Duplicate").click()
    expect(page.get_by_label("Title")).to_have_value(text)
    page.go_back()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete event").click()
    assert events(page, text) == 0


# ---- looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_of_it_can_be_read_and_heard(desk: Open, scheme: str) -> None:
    page = desk(color_scheme=scheme)
    for name, path in PAGES.items():
        page.goto(path)
        if name != "kinds":
            fill(page)
            page.get_by_text("Details: link").click()
            expect(page.locator("#preview article")).to_be_visible()
        assert page.evaluate(FAINT, AA) == [], name
        assert page.evaluate(NAMELESS) == [], name
        assert page.evaluate(TWICE) == [], name
        assert page.locator("h1").count() == 1, name


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_page_of_it_scrolls_sideways(desk: Open, width: int) -> None:
    page = desk(viewport={"width": width, "height": 700})
    for name, path in PAGES.items():
        page.goto(path)
        if name != "kinds":
            fill(page)
            page.get_by_role("button", name="Show it").click()
            expect(page.locator("#curl-1")).to_be_visible()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width, name
