"""What a person does in a browser: a real Chromium in front of a real server."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.events import compass_event
from tests.house import House
from tests.visitor import Open, address, choose_theme, rows, sign_in, unfold

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")


def token(served: House, role: str = "admin") -> str:
    """Make a program that may write, and return its Authorization header."""
    email = f"{role}-{uuid.uuid4().hex[:8]}@example.com"
    return f"Bearer {served.manage('create_token', email, '--role', role)}"


def send(served: House, authorization: str, body: Any, path: str) -> requests.Response:
    answer = requests.post(
        served.url + path, json=body, headers={"Authorization": authorization}, timeout=10
    )
    assert answer.ok, answer.text
    return answer


def cloud_id(served: House) -> str:
    return str(json.loads(served.manage("site"))["cloud_id"])


# ---- in and out


def test_sign_in_lands_on_the_page_that_was_asked_for_and_sign_out_leaves(
    desk: Open, served: House
) -> None:
    page = desk(stranger=True)
    sign_in(page, served, "/components/")
    assert address(page) == "/components/"
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/")
    assert address(page) == "/sign-in/?next=/"


def test_a_wrong_password_is_said_and_takes_the_focus(desk: Open) -> None:
    page = desk("/sign-in/", stranger=True)
    page.get_by_label("User name or e-mail").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator(".summary")).to_be_focused()
    expect(page.locator(".summary")).to_contain_text("do not go together")


# ---- the feed


def test_the_form_filters_in_place_and_the_address_says_it(desk: Open) -> None:
    page = desk("/")
    whole = rows(page)
    page.evaluate("window.stays = true")
    page.locator("#f-type").click()
    page.get_by_role("checkbox", name="Build").check()
    page.wait_for_url("**/?type=build")
    expect(page.locator(".chip")).to_have_text(re.compile(r"Type\s+is\s+Build"))
    assert page.evaluate("window.stays"), "the page was not loaded anew"
    icons = page.locator("article.row a.rail svg").evaluate_all(
        "icons => [...new Set(icons.map(icon => icon.getAttribute('aria-label')))]"
    )
    assert icons == ["Build"]
    expect(page.locator("#announce")).to_contain_text("events shown")
    page.locator("#f-query").fill("no such thing")
    page.keyboard.press("Enter")
    expect(page.locator(".empty")).to_contain_text("Nothing matches these filters")
    page.get_by_role("link", name="Clear all").click()
    page.wait_for_url(re.compile(r"/$"))
    assert rows(page) == whole


def test_a_click_on_a_value_narrows_and_its_chip_widens_again(desk: Open) -> None:
    page = desk("/?type=deployment")
    actor = page.locator("article.row .actor").first
    name = actor.inner_text()
    actor.click()
    page.wait_for_url("**/?type=deployment&actor=*")
    assert set(page.locator("article.row .actor").all_inner_texts()) == {name}
    chip = page.locator(".chip", has_text="Actor")
    chip.locator(".flip").click()
    page.wait_for_url(re.compile("actor=-"))
    assert name not in page.locator("article.row .actor").all_inner_texts()
    page.locator(".chip", has_text="Actor").locator(".chip-x").click()
    page.wait_for_url(re.compile(r"/\?type=deployment$"))


def test_going_back_brings_the_whole_page_with_its_rows(desk: Open) -> None:
    page = desk("/")
    first = rows(page)
    page.locator(".pager a[rel=next]").click()
    page.wait_for_url("**/?before=*")
    expect(page.locator(".pager a[rel=prev]")).to_be_visible()
    second = rows(page)
    assert not set(first) & set(second)
    page.goto("/components/")
    page.go_back()
    expect(page.locator("form#filters")).to_be_visible()
    assert rows(page) == second
    page.go_back()
    expect(page.locator(f"#{first[0]}")).to_be_attached()
    expect(page.locator(".feed > article").first).to_be_visible()
    expect(page.locator("header.bar")).to_be_visible()
    assert rows(page) == first
    page.go_forward()
    expect(page.locator(f"#{second[0]}")).to_be_attached()
    expect(page.locator(".feed > article").first).to_be_visible()
    expect(page.locator("header.bar")).to_be_visible()
    assert rows(page) == second
    page.go_back()
    expect(page.locator(f"#{first[0]}")).to_be_attached()


def test_the_theme_is_told_after_going_back(desk: Open) -> None:
    page = desk("/")
    choose_theme(page, "dark")
    page.locator(".pager a[rel=next]").click()
    page.wait_for_url("**/?before=*")
    expect(page.locator(".pager a[rel=prev]")).to_be_visible()
    page.go_back()
    expect(page.locator(".pager a[rel=prev]")).to_have_count(0)
    expect(page.locator("#theme")).to_have_attribute("title", "Theme: dark")
    choose_theme(page, "system")  # for whoever comes next


def test_older_and_newer_walk_there_and_back(desk: Open) -> None:
    page = desk("/")
    pages = [rows(page)]
    while page.locator(".pager a[rel=next]").count():
        page.locator(".pager a[rel=next]").click()
        expect(page.locator(f"#{pages[-1][0]}")).to_have_count(0)
        pages.append(rows(page))
    assert len(pages) > 1
    for earlier in reversed(pages[:-1]):
        page.locator(".pager a[rel=prev]").click()
        expect(page.locator(f"#{earlier[0]}")).to_be_attached()
        expect(page.locator(".feed > article").first).to_be_visible()
        assert rows(page) == earlier
    assert len({row for found in pages for row in found}) == sum(map(len, pages))


def test_a_fault_in_a_filter_is_shown_at_the_list(desk: Open) -> None:
    page = desk("/")
    page.locator(".menu.more summary").click()
    page.locator("#f-since").fill("whenever")
    page.keyboard.press("Enter")
    expect(page.locator("#f-error")).to_contain_text("since: must be a date")
    assert rows(page) == []
    page.locator("#f-since").fill("2001-01-01")
    page.keyboard.press("Enter")
    expect(page.locator(".feed > article").first).to_be_visible()
    assert rows(page)


def test_an_address_gives_another_browser_the_same_rows(desk: Open) -> None:
    page = desk("/?type=push&type=build&state=-failed&q=a*")
    page.locator("#f-query").fill("type:push type:build -state:failed")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^[^&]*(&(?!q=)[^&]*)*$"))
    expect(page.locator(".chip")).to_have_count(3)
    assert rows(page)
    assert rows(desk(address(page))) == rows(page)


def test_a_running_build_has_a_progress_bar(desk: Open) -> None:
    page = desk("/?type=build&state=running")
    bars = page.locator("article.row").get_by_role("progressbar", name="Progress")
    assert bars.count() == page.locator("article.row").count() > 0
    # the demo's builds send no news: a few minutes later they are quiet
    expect(page.locator("article.row .pill").first).to_contain_text(re.compile("Running|Quiet"))
    page.locator("article.row a.object").first.click()
    shown = page.locator("#drawer").get_by_role("progressbar", name="Progress")
    expect(shown).to_be_visible()


def test_text_of_a_row_can_be_selected(desk: Open) -> None:
    page = desk("/?type=push")
    unfold(page)
    verb = page.locator("article.row .verb").first
    verb.dblclick()
    assert page.evaluate("getSelection().toString().trim()") == "pushed"
    assert address(page) == "/?type=push"


# ---- one event


def test_a_permalink_shows_the_event_and_copies_its_body(desk: Open) -> None:
    address = "/?type=deployment&generator=git.example.com"  # the demo's: of Compass
    page = desk(address, permissions=["clipboard-read", "clipboard-write"])
    title = page.locator("article.row a.object").first.inner_text()
    page.locator("article.row a.when").first.click()
    page.wait_for_url("**/activities/*/")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.locator("[data-copy=raw]").click()
    expect(page.locator("[data-copy=raw]")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "deployment" in json.loads(copied)["event"]
    assert copied == page.locator("#raw").inner_text()


def test_where_the_clipboard_is_closed_the_body_is_selected(desk: Open) -> None:
    page = desk("/?type=deployment")
    page.locator("article.row a.object").first.click()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(Error('no')) }")
    page.locator("[data-copy=raw]").click()
    expect(page.locator("[data-copy=raw]")).to_contain_text("Selected")
    assert page.evaluate("getSelection().toString()") == page.locator("#raw").inner_text()


def test_the_marks_of_a_timeline_are_reached_by_keyboard_and_open_events(desk: Open) -> None:
    phone = {"width": 360, "height": 740}
    page = desk("/components/payments-api/?window=7d", viewport=phone)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
    page.get_by_role("link", name="Skip the marks").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".lane-name a").first).to_be_focused()
    page.keyboard.press("Tab")
    mark = page.locator("a.mark").first
    expect(mark).to_be_focused()
    opens = str(mark.get_attribute("href")).split("/")[-2]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**?window=7d&event={opens}")


# ---- from nothing to a feed


def test_a_component_gets_a_source_and_shows_what_it_sends(desk: Open, served: House) -> None:
    name = f"Till {uuid.uuid4().hex[:6]}"
    page = desk("/components/")
    page.get_by_role("link", name="New component").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make component").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    component = page.url
    page.goto("/sources/new/")
    page.get_by_label("External id").fill(name)
    page.get_by_label("Kind").select_option("custom")
    page.get_by_role("button", name="Make source").click()
    source = page.url
    page.goto(component)
    page.get_by_role("link", name="Attach a source").click()
    page.locator("form#attach select").select_option(source.rstrip("/").rpartition("/")[2])
    page.get_by_role("button", name="Attach").click()
    expect(page.locator("#messages .message")).to_contain_text("is attached")
    expect(page.locator(".empty")).to_contain_text("No events yet")
    event = compass_event(
        cloud_id=cloud_id(served), externalEventSourceId=name, displayName="<b>The till</b> opens",
        lastUpdated=datetime.now(UTC).isoformat(),
    )  # fmt: skip
    send(served, token(served, "bot"), event, "/gateway/api/compass/v1/events")
    page.reload()
    expect(page.locator("article.row .object")).to_have_text("<b>The till</b> opens")
    page.get_by_role("button", name=re.compile("^Detach")).click()
    expect(page.locator("article.row")).to_have_count(0)
    page.goto(source)
    expect(page.locator("article.row")).to_have_count(1)
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete source and 1 event").click()
    expect(page.locator("#messages .message")).to_contain_text("is deleted with its events")


def test_a_token_is_made_copied_used_and_revoked(desk: Open, served: House) -> None:
    page = desk("/settings/tokens/", permissions=["clipboard-read", "clipboard-write"])
    name = f"CI {uuid.uuid4().hex[:6]}"
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Make token").click()
    expect(page.locator(".secret")).to_be_focused()
    page.locator("[data-copy=secret]").click()
    expect(page.locator("[data-copy=secret]")).to_contain_text("Copied")
    secret = page.evaluate("navigator.clipboard.readText()")
    headers = {"Authorization": f"Bearer {secret}"}
    read = f"{served.url}/api/v1/activities?limit=1"
    assert requests.get(read, headers=headers, timeout=10).status_code == 200
    page.get_by_role("button", name=f"Revoke {name}").click()
    expect(page.locator("#messages .message")).to_contain_text("is revoked")
    assert requests.get(read, headers=headers, timeout=10).status_code == 401


# ---- without JavaScript


def test_everything_works_with_javascript_off(desk: Open, served: House) -> None:
    page = desk(stranger=True, java_script_enabled=False)
    sign_in(page, served, "/?type=build")
    assert page.url.endswith("/?type=build")
    expect(page.locator("#theme")).to_be_hidden()
    page.goto("/")
    first = page.locator("article.row").first.get_attribute("id")
    page.locator(".pager a[rel=next]").click()
    expect(page.locator("form#filters")).to_be_visible()
    expect(page.locator(f"#{first}")).to_have_count(0)
    page.locator(".pager a[rel=prev]").click()
    expect(page.locator(f"#{first}")).to_be_attached()
    unfold(page)
    expect(page.locator(f"#{first}")).to_be_visible()
    page.locator("#f-type").click()
    page.get_by_role("checkbox", name="Push").check()
    page.locator("form#filters .primary").click()
    expect(page.locator(".chip")).to_have_count(1)
    page.locator("#f-query").press("End")
    page.keyboard.type(" the")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_count(2)
    page.locator(".chip-x").last.click()
    expect(page.locator(".chip")).to_have_count(1)
    unfold(page)
    page.locator("article.row a.when").first.click()
    expect(page.locator("#raw")).to_be_visible()
    expect(page.locator("[data-copy=raw]")).to_be_hidden()
