"""The pages of heartbeats in a real browser: live, by keyboard, on a phone, without scripts."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.house import House
from tests.test_browser_looks import AA, FAINT, NAMELESS, TWICE
from tests.visitor import Open

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

SOON = 14_000  # milliseconds: longer than a page waits to ask again
NAME = "nightly-backup"


@pytest.fixture(scope="module")
def team(served: House) -> str:
    """A team with a heartbeat that lives, one that is down, and one that was never pinged."""
    token = served.manage("create_token", "beats@example.com", "--role", "bot")
    name = f"team-{uuid.uuid4().hex[:8]}"
    path = f"{served.url}/v1/teams/{name}/heartbeats"
    headers = {"Authorization": f"Bearer {token}"}
    for beat in (NAME, "down", "new"):
        body: Any = {"name": beat, "interval": 5, "intervalUnit": "minutes", "enabled": True}
        assert requests.post(path, json=body, headers=headers, timeout=10).status_code == 201
    requests.post(f"{path}/ping", params={"name": NAME}, headers=headers, timeout=10)
    return name


@pytest.fixture
def listed(desk: Open, team: str) -> Page:
    """The list of the team."""
    return desk(f"/heartbeats/?team={team}")


@pytest.fixture(scope="module")
def paths(team: str) -> dict[str, str]:
    """The pages of heartbeats that are not those of one."""
    return {
        "list": f"/heartbeats/?team={team}",
        "a filtered list": f"/heartbeats/?team={team}&state=-Off&tag=-x&window=24h",
        "nothing": "/heartbeats/?q=nothing-is-called-so",
        "a fault": "/heartbeats/?state=Broken",
        "new": "/heartbeats/new/",
        "teams": "/teams/",
        "new team": "/teams/new/",
    }


def row(page: Page, name: str) -> Any:
    return page.locator("li.beat").filter(has=page.locator(f"a.name:text-is('{name}')"))


def url_of(page: Page, name: str) -> str:
    """Return the ping address that the menu of a row holds."""
    return str(row(page, name).locator("code").text_content())


def every_path(page: Page, paths: dict[str, str]) -> dict[str, str]:
    """Return PATHS, and those of one heartbeat and its team."""
    page.goto(paths["list"])
    beat = str(row(page, NAME).locator("a.name").get_attribute("href"))
    page.goto(beat)
    team = str(page.locator("dl.facts a[href^='/teams/']").get_attribute("href"))
    inner = {word: f"{beat}{word}/" for word in ("edit", "duplicate", "delete")}
    return {**paths, "heartbeat": beat, **inner, "team": team, "edit team": f"{team}edit/"}


# ---- what a person does


def test_a_heartbeat_is_made_pinged_and_seen(desk: Open) -> None:
    page, name = desk("/heartbeats/new/"), f"made {uuid.uuid4().hex[:6]}"
    page.get_by_label("Team", exact=True).fill("browser")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Make heartbeat").click()
    expect(page.locator(".summary")).to_be_focused()
    expect(page.locator("#id_interval")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("A ping every").fill("10")
    page.get_by_role("button", name="Make heartbeat").click()
    expect(page.locator("#messages")).to_contain_text(f"{name} is made.")
    expect(page.locator(".standing")).to_contain_text("Pending")
    page.get_by_role("button", name="Ping now").click()
    expect(page.locator("#messages")).to_contain_text(f"Pinged: {name} is Responsive.")
    expect(page.locator("ul.log")).to_contain_text("#1 Success")
    requests.get(f"{page.locator('#ping-url').text_content()}/fail", timeout=10)
    page.get_by_role("link", name="Refresh").click()
    expect(page.locator(".standing")).to_contain_text("Unresponsive")
    expect(page.locator(".nav-count").last).to_be_visible()


def test_the_menu_of_a_row_acts_and_comes_back(listed: Page, team: str) -> None:
    row(listed, "new").get_by_text("Actions").click()
    row(listed, "new").get_by_role("button", name="Pause").click()
    expect(listed.locator("#messages")).to_contain_text("new is Off")
    expect(row(listed, "new").locator(".beat-state")).to_contain_text("Off")
    assert listed.url.endswith(f"/heartbeats/?team={team}")
    row(listed, "new").get_by_text("Actions").click()
    row(listed, "new").get_by_role("button", name="30 min").click()
    expect(row(listed, "new")).to_contain_text("Nobody is told until")


def test_an_example_is_copied(desk: Open, team: str, listed: Page) -> None:
    path = str(row(listed, NAME).locator("a.name").get_attribute("href"))
    page = desk(path, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the example for crontab").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#example-crontab").text_content()
    assert copied.startswith("*/5 * * * * curl")


def test_the_address_is_copied_from_the_menu(desk: Open, team: str) -> None:
    page = desk(f"/heartbeats/?team={team}", permissions=["clipboard-read", "clipboard-write"])
    row(page, NAME).get_by_text("Actions").click()
    row(page, NAME).get_by_role("button", name="Copy URL").click()
    expect(row(page, NAME).get_by_role("button", name="Copied URL")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert requests.get(copied, timeout=10).status_code == 200


# ---- live


def test_the_list_follows_what_happens_by_itself(listed: Page) -> None:
    expect(row(listed, "down").locator(".beat-state")).to_contain_text("Pending")
    requests.get(f"{url_of(listed, 'down')}/fail", timeout=10)
    listed.locator("#f-q").focus()
    expect(row(listed, "down").locator(".beat-state")).to_contain_text("Unresponsive", timeout=SOON)
    assert listed.locator("a.name").first.text_content() == "down"
    expect(listed.locator("#announce")).to_have_text("1 unresponsive")
    expect(listed.locator("#f-q")).to_be_focused()


def test_an_open_menu_and_the_focus_survive_a_refresh(listed: Page) -> None:
    asked: list[str] = []
    listed.on("request", lambda one: asked.append(one.url))
    link = row(listed, NAME).locator("a.name")
    link.focus()
    with listed.expect_response(lambda one: "hx-request" in one.request.headers, timeout=SOON):
        pass
    listed.wait_for_timeout(300)
    expect(link).to_be_focused()
    row(listed, NAME).get_by_text("Actions").click()
    count = len(asked)
    listed.wait_for_timeout(11_000)
    expect(row(listed, NAME).get_by_role("button", name="Ping now")).to_be_visible()
    assert len(asked) == count, "nothing is asked for while a menu is open"
    listed.keyboard.press("Escape")
    expect(row(listed, NAME).locator("summary", has_text="Actions")).to_be_focused()


def test_updates_can_be_paused_and_stay_so(listed: Page) -> None:
    listed.get_by_role("button", name="Pause updates").click()
    listed.reload()
    button = listed.get_by_role("button", name="Resume updates")
    expect(button).to_have_attribute("aria-pressed", "true")
    asked: list[str] = []
    listed.on("request", lambda one: asked.append(one.url))
    listed.wait_for_timeout(11_000)
    assert asked == []
    button.click()
    expect(listed.get_by_role("button", name="Pause updates")).to_be_visible()


# ---- looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(desk: Open, paths: dict[str, str], scheme: str) -> None:
    page = desk(color_scheme=scheme)
    for name, path in every_path(page, paths).items():
        page.goto(path)
        for one in page.locator("main details").all():
            one.evaluate("one => { one.removeAttribute('name'); one.open = true; }")
        assert page.evaluate(FAINT, AA) == [], name


def test_every_page_can_be_heard(desk: Open, paths: dict[str, str]) -> None:
    page = desk()
    for name, path in every_path(page, paths).items():
        page.goto(path)
        assert page.evaluate(NAMELESS) == [], name
        assert page.evaluate(TWICE) == [], name
        assert page.locator("h1").count() == 1, name


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_page_scrolls_sideways(desk: Open, paths: dict[str, str], width: int) -> None:
    page = desk(viewport={"width": width, "height": 640})
    for name, path in every_path(page, paths).items():
        page.goto(path)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width, name
        for menu in page.locator("main details > summary").all()[:8]:
            if menu.is_visible():
                menu.press("Enter")  # a pointer may find another menu in its way
                assert page.evaluate("document.scrollingElement.scrollWidth") <= width, name


def test_targets_are_big_enough(listed: Page) -> None:
    row(listed, NAME).get_by_text("Actions").click()
    for part in (".tabs a", "li.beat a.name", "li.beat summary", "li.beat .sub a", ".refresh",
                 "#live-pause", "li.beat details[open] .check"):  # fmt: skip
        for target in listed.locator(part).all():
            if not target.is_visible():
                continue
            box = target.bounding_box()
            assert box, part
            assert box["height"] >= 24, part


def test_bars_are_for_the_mouse_and_the_table_for_the_keyboard(listed: Page) -> None:
    stops = listed.locator("svg.strip a").evaluate_all("all => all.map(one => one.tabIndex)")
    assert set(stops) == {-1}
    spoken = listed.locator("svg.strip").first.get_attribute("aria-label")
    assert spoken
    row(listed, NAME).locator("summary.uptime").press("Enter")
    expect(row(listed, NAME).locator("table")).to_contain_text("Responsive")


# ---- without scripts


def test_everything_works_without_scripts(desk: Open, team: str) -> None:
    page = desk(f"/heartbeats/?team={team}", java_script_enabled=False)
    expect(page.locator("#live-pause")).to_be_hidden()
    expect(row(page, NAME).locator(".since time")).to_be_visible()
    page.locator("#filters summary", has_text="State").click()
    page.get_by_role("checkbox", name="Responsive", exact=True).check()
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.locator("li.beat")).to_have_count(1)
    page.get_by_role("link", name="7 d", exact=True).click()
    expect(page.locator("svg.strip a")).to_have_count(42)
    row(page, NAME).get_by_text("Actions").click()
    row(page, NAME).get_by_role("button", name="Ping now").click()
    expect(page.locator("#messages")).to_contain_text("is Responsive")
    assert "window=7d" in page.url
    page.get_by_role("link", name="Refresh").click()
    row(page, NAME).locator("a.name").click()
    page.get_by_text("Add a channel").click()
    page.get_by_label("Address").fill("nobody")
    page.get_by_role("button", name="Add channel").click()
    expect(page.locator(".summary")).to_contain_text("Address")
    page.get_by_text("Add a maintenance window").click()
    page.get_by_role("button", name="Add window").click()
    expect(page.locator("#messages")).to_contain_text("The maintenance window is made.")
    page.get_by_role("button", name="Delete the window").click()
    expect(page.locator("#messages")).to_contain_text("is deleted")
    for word in ("Edit", "Duplicate", "Delete"):
        page.locator(".head-side").get_by_role("link", name=word, exact=True).click()
        page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name=team).first.click()
    expect(page.locator("li.beat").first).to_be_visible()
