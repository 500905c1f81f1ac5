"""The query page, in a browser: it runs a query, shows the documentation, and keeps quiet."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.house import House
from tests.visitor import Open, choose_theme

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

ADDRESS = "/gateway/api/graphql"


def run(page: Page) -> Locator:
    """Press the button that runs the query, and return where the answer shows."""
    page.get_by_role("button", name="Execute query").click()
    return page.locator(".result-window")


def editor_background(page: Page) -> str:
    read = "one => getComputedStyle(one).backgroundColor"
    return str(page.locator(".graphiql-editors").evaluate(read))


@pytest.mark.parametrize("path", [ADDRESS, "/graphql"])
def test_the_query_that_stands_there_can_be_run_at_once(desk: Open, path: str) -> None:
    answer = run(desk(path, viewport={"width": 1280, "height": 2000}))
    expect(answer).to_contain_text('"cloudId"')
    expect(answer).to_contain_text('"ari:cloud:compass:')
    expect(answer).to_contain_text('"eventType"')
    expect(answer).not_to_contain_text('"errors"')
    expect(answer).not_to_contain_text('"message"')


def test_the_documentation_can_be_browsed(desk: Open) -> None:
    page = desk(ADDRESS)
    page.get_by_role("button", name="Show Documentation Explorer").click()
    page.locator(".graphiql-plugin").get_by_text("Mutation", exact=True).first.click()
    expect(page.locator(".graphiql-plugin")).to_contain_text("CompassCatalogMutationApi")


def test_a_query_that_cannot_be_is_underlined_before_it_is_sent(desk: Open) -> None:
    page = desk(ADDRESS)
    page.locator(".graphiql-query-editor .CodeMirror").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("{ nonsense")
    expect(page.locator(".CodeMirror-lint-mark-error").first).to_contain_text("nonsense")


def test_the_policy_lets_its_dialogs_be(chromium: Browser, served: House, cookies: Any) -> None:
    """Not at the desk: a dialog of GraphiQL warns its own developers in the console."""
    with closing(chromium.new_context(base_url=served.url, storage_state=cookies)) as context:
        errors: list[str] = []
        context.on("console", lambda said: errors.append(said.text) if said.type == "error" else 0)
        page = context.new_page()
        page.goto(ADDRESS)
        page.get_by_role("button", name="Open short keys dialog").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        expect(page.locator("body")).to_have_css("overflow", "hidden")
        page.get_by_role("button", name="Close dialog").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert errors == []


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_it_wears_the_theme_of_the_page(desk: Open, scheme: str, other: str) -> None:
    page = desk(ADDRESS, color_scheme=scheme)
    system = editor_background(page)
    choose_theme(page, other)
    expect(page.locator(".graphiql-editors")).not_to_have_css("background-color", system)
    chosen = editor_background(page)
    page.reload()
    expect(page.locator(".graphiql-editors")).to_have_css("background-color", chosen)
    choose_theme(page, "system")  # for whoever comes next


@pytest.mark.parametrize("width", [320, 390])
def test_it_fits_a_narrow_screen(desk: Open, width: int) -> None:
    page = desk(ADDRESS, viewport={"width": width, "height": 844})
    expect(run(page)).to_contain_text('"cloudId"')
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.locator(".graphiql-plugin")).to_contain_text("Root Types")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    for part in (".graphiql-plugin", ".graphiql-query-editor", ".result-window"):
        box = page.locator(part).bounding_box()
        assert box
        assert box["width"] > width * 0.8, part
        assert box["height"] > 150, part


def test_one_can_go_back_to_the_feed(desk: Open) -> None:
    page = desk(ADDRESS)
    page.get_by_role("link", name="Feed").click()
    expect(page.locator(".feed > article").first).to_be_visible()
    expect(page.locator("article.row")).not_to_have_count(0)


def test_it_opens_again_after_signing_out_and_in(desk: Open) -> None:
    page = desk(ADDRESS, stranger=True)
    expect(page.get_by_label("Password")).to_be_visible()
    assert page.url.endswith(f"/sign-in/?next={ADDRESS}")
