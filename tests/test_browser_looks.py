"""How the pages look and whom they serve: themes, narrow screens, keyboards, screen readers."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.house import House
from tests.visitor import Open, choose_theme

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

AA = 4.5  # contrast of text, WCAG 2.2
TARGET = 24  # pixels of a target, WCAG 2.2
PAPER = "rgb(249, 250, 252)"
NIGHT = "rgb(14, 16, 21)"
PAGES = {
    "feed": "/",
    "a filtered feed": "/?type=build&state=-failed&q=a*&actor=-nobody",
    "a fault": "/?since=whenever",
    "a fault of a query": "/?query=type:build+stat:failed+-web",
    "activity": "",  # found in the feed
    "components": "/components/",
    "component": "/components/payments-api/",
    "component form": "/components/new/",
    "sources": "/sources/",
    "source": "",  # found in the list
    "source form": "/sources/new/",
    "settings": "/settings/",
    "tokens": "/settings/tokens/",
    "webhooks": "/settings/webhooks/",
    "connections": "/settings/connections/",
    "new connection": "/settings/connections/new/",
    "connection form": "/settings/connections/new/?dialect=compass",
    "outbox": "/outbox/",
    "scheduled": "/outbox/?state=scheduled",
    "dead letters": "/outbox/?state=dead",
    "replay": "/outbox/replay/",
    "people": "/people/",
    "a person": "/people/maria/",
    "an issue": "/issues/ONE-1/",
    "an issue beside no event": "/issues/ONE-2/?event=00000000-0000-4000-8000-000000000000",
    "a project": "/projects/ONE/",
    "a repository": "/repositories/shop/checkout/",
    "views": "/views/",
    "view form": "/views/new/?type=build",
    "sign in": "/sign-in/",
    "nothing": "/nothing/",
}
#: Every control, and what a screen reader would call it.
NAMELESS = """() => {
  const spoken = (element) => element.labels?.length
    || element.getAttribute("aria-label")
    || document.getElementById(element.getAttribute("aria-labelledby"))
    || element.textContent.trim()
    || element.querySelector("[aria-label]");
  const found = [];
  for (const one of document.querySelectorAll("input, select, textarea"))
    if (one.type !== "hidden" && !one.labels?.length && !one.ariaLabel) found.push(one.outerHTML);
  for (const one of document.querySelectorAll("a, button, summary"))
    if (!spoken(one)) found.push(one.outerHTML);
  for (const one of document.querySelectorAll("svg"))
    if (!one.ariaHidden && !one.ariaLabel) found.push(one.outerHTML);
  for (const one of document.querySelectorAll("img"))
    if (!one.hasAttribute("alt")) found.push(one.outerHTML);
  for (const one of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
    for (const name of ["aria-labelledby", "aria-describedby"])
      for (const id of (one.getAttribute(name) || "").split(" "))
        if (id && !document.getElementById(id)) found.push(`${name}=${id}`);
  return found;
}"""
TWICE = """() => {
  const ids = [...document.querySelectorAll("[id]")].map(one => one.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}"""
#: The contrast of every piece of text on what lies behind it.
FAINT = """(least) => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !one.checkVisibility()) continue;
    const [a, b] = [light(rgba(getComputedStyle(one).color)), light(behind(one))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < least)
      found.add(`${one.tagName}.${one.className}: ${walker.currentNode.data} ${contrast}`);
  }
  return [...found];
}"""


@pytest.fixture(scope="module")
def paths(served: House) -> dict[str, str]:
    """Where each of PAGES is."""
    token = served.manage("create_token", "looker@example.com", "--role", "viewer")
    answer = requests.get(
        f"{served.url}/api/v1/activities?type=deployment&limit=1",
        headers={"Authorization": f"Bearer {token}"}, timeout=10,
    )  # fmt: skip
    (event,) = answer.json()["results"]
    found = {"activity": f"/activities/{event['uuid']}/"}
    found["a component beside an event"] = f"/components/payments-api/?event={event['uuid']}"
    found["source"] = f"/sources/{event['source']['uuid']}/"
    return {**PAGES, **found}


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def focused(page: Page) -> str:
    """Describe what has the focus by what it is inside of."""
    return str(
        page.evaluate("""() => {
          const one = document.activeElement;
          const part = one.closest(".skip, .nav, .who, form, .chips, article, .pager, main");
          return part?.id || part?.className.split(" ")[0] || one.tagName;
        }""")
    )


# ---- themes


@pytest.mark.parametrize(("scheme", "colour"), [("light", PAPER), ("dark", NIGHT)])
def test_the_colours_follow_the_system(desk: Open, scheme: str, colour: str) -> None:
    for script in (True, False):
        page = desk("/", color_scheme=scheme, java_script_enabled=script)
        assert background(page) == colour


def test_a_theme_that_was_chosen_stays(desk: Open) -> None:
    page = desk("/", color_scheme="light")
    button = page.locator("#theme")
    for name, colour in (("light", PAPER), ("dark", NIGHT)):
        button.click()
        expect(button).to_have_attribute("aria-label", f"Theme: {name}")
        assert background(page) == colour
    page.reload()
    assert background(page) == NIGHT
    expect(button).to_have_attribute("aria-label", "Theme: dark")
    page.goto("/components/")
    assert background(page) == NIGHT
    button.click()
    expect(button).to_have_attribute("aria-label", "Theme: system")
    assert background(page) == PAPER
    choose_theme(page, "system")  # and the server has heard of it, for whoever comes next


def test_the_chosen_theme_is_there_before_anything_is_painted(desk: Open) -> None:
    page = desk("/sign-in/", stranger=True, color_scheme="light")
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.add_init_script("""
      new MutationObserver((changes, observer) => {
        if (!document.body) return;
        observer.disconnect();
        window.themeAtFirst = document.documentElement.dataset.theme;
      }).observe(document, {childList: true, subtree: true});
    """)
    page.reload()
    assert page.evaluate("window.themeAtFirst") == "dark"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_text_of_open_menus_can_be_read(desk: Open, scheme: str) -> None:
    page = desk("/", color_scheme=scheme)
    for menu in ("#f-type", "#f-state", ".menu.more summary"):
        page.locator(menu).click()
        assert page.evaluate(FAINT, AA) == [], menu


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tokens_of_text_have_contrast_on_every_surface(desk: Open, scheme: str) -> None:
    page = desk("/sign-in/", color_scheme=scheme)
    read = """(name) => {
      document.body.style.setProperty("color", `var(${name})`);
      return getComputedStyle(document.body).color;
    }"""
    for text, ground in itertools.product(
        ("--text", "--text-2", "--text-3", "--accent"), ("--bg", "--surface", "--surface-2")
    ):
        pair = page.evaluate(read, text), page.evaluate(read, ground)
        assert contrast(*pair) >= AA, (text, ground)


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(p * weight for p, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


# ---- sizes


@pytest.mark.parametrize("width", [320, 768])
def test_no_menu_reaches_beyond_the_screen(desk: Open, width: int) -> None:
    page = desk("/", viewport={"width": width, "height": 640})
    for menu in ("#f-type", "#f-state", ".menu.more summary"):
        page.locator(menu).click()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width, menu
        box = page.locator("details.menu[open] .menu-body").bounding_box()
        assert box
        assert box["x"] >= 0, menu
        assert box["x"] + box["width"] <= width, menu


def test_the_menus_work_with_a_thumb_on_a_narrow_screen(desk: Open) -> None:
    page = desk("/", viewport={"width": 320, "height": 640}, has_touch=True)
    page.locator("#f-type").tap()
    page.get_by_role("checkbox", name="Build").tap()
    page.wait_for_url("**/?type=build")
    expect(page.locator(".chip")).to_have_count(1)


@pytest.mark.parametrize("width", [320, 1280])
def test_targets_are_big_enough(desk: Open, width: int) -> None:
    page = desk("/?type=build&collapse=off", viewport={"width": width, "height": 640})
    if page.locator(".menu-button").is_visible():
        page.locator(".menu-button").click()
    for part in (".nav a", ".who button", "#filters summary", "#filters .primary:visible",
                 ".chip-x", "article.row a.rail", ".pager a"):  # fmt: skip
        for target in page.locator(part).all():
            box = target.bounding_box()
            assert box, part
            assert min(box["width"], box["height"]) >= TARGET, part


def test_paper_shows_the_events_and_no_controls(desk: Open) -> None:
    page = desk("/?type=build&collapse=off")
    page.emulate_media(media="print")
    expect(page.locator(".nav")).to_be_hidden()
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator("article.row").first).to_be_visible()


# ---- keyboards and screen readers


def test_the_keyboard_reaches_everything_in_order(desk: Open) -> None:
    page = desk("/?type=build")
    page.keyboard.press("Tab")
    expect(page.locator(".skip").first).to_be_focused()
    expect(page.locator(".skip").first).to_be_in_viewport()
    order = ["skip"]
    for _ in range(200):  # the facets are many
        page.keyboard.press("Tab")
        if focused(page) != order[-1]:
            order.append(focused(page))
        if order[-1].startswith("ev-"):
            break
    named = ["nav", "who", "ask", "filters", "chips"]
    assert [part for part in order if part in named] == named
    assert order[-1].startswith("ev-")


def test_the_second_skip_link_leads_past_filters_and_facets(desk: Open) -> None:
    page = desk("/?type=build&collapse=off")
    for key in ("Tab", "Tab", "Enter", "Tab"):
        page.keyboard.press(key)
    assert focused(page).startswith("ev-")


def test_the_skip_link_leads_past_the_bar(desk: Open) -> None:
    page = desk("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) == "ask"


def test_what_has_the_focus_can_be_seen(desk: Open) -> None:
    page = desk("/")
    unseen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen = page.evaluate("""() => {
          let one = document.activeElement;
          const around = (it) => {
            const style = getComputedStyle(it);
            return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
          };
          for (; one && one !== document.body; one = one.parentElement)
            if (around(one) || getComputedStyle(one).boxShadow !== "none") return "";
          return document.activeElement.outerHTML.slice(0, 80);
        }""")
        unseen += [seen] if seen else []
    assert unseen == []


def test_page_up_and_down_walk_from_event_to_event(desk: Open) -> None:
    page = desk("/")
    every = page.locator("[role=feed] > article:visible")  # heads too; no hidden repeats
    every.nth(0).focus()
    page.keyboard.press("PageDown")
    expect(every.nth(1)).to_be_focused()
    page.keyboard.press("PageUp")
    expect(every.nth(0)).to_be_focused()
    page.keyboard.press("Control+Home")
    expect(page.locator("#f-query")).to_be_focused()


def test_escape_closes_a_menu_and_gives_the_focus_back(desk: Open) -> None:
    page = desk("/")
    page.locator("#f-type").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_url(re.compile("type="))
    expect(page.locator("[role=feed] > article").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#f-type")).to_be_focused()
    expect(page.locator("details.menu[open]")).to_have_count(0)


def test_every_page_can_be_heard(desk: Open, paths: dict[str, str]) -> None:
    page = desk()
    stranger = desk(stranger=True)
    titles = set()
    for name, path in paths.items():
        page_of = stranger if name == "sign in" else page
        page_of.goto(path)
        assert page_of.locator("html").get_attribute("lang") == "en", name
        assert page_of.locator("h1").count() == 1, name
        assert page_of.locator("main").count() == 1, name
        assert page_of.evaluate(NAMELESS) == [], name
        assert page_of.evaluate(TWICE) == [], name
        titles.add(page_of.title())
        assert page_of.title().endswith(" · Pulseboard")
    assert len(titles) >= len(paths) - 4, "pages are told apart by their titles"


def test_a_fault_in_a_form_is_tied_to_its_field(desk: Open) -> None:
    page = desk("/components/new/")
    page.get_by_role("button", name="Make component").click()
    expect(page.locator(".summary")).to_be_focused()
    field: Any = page.get_by_label("Name")
    expect(field).to_have_attribute("aria-invalid", "true")
    page.locator(".summary a").click()
    expect(field).to_be_focused()
    described = str(field.get_attribute("aria-describedby")).split()
    words = [page.locator(f"#{one}").inner_text() for one in described]
    assert any("required" in text for text in words)


def test_a_long_title_gives_way_to_what_stands_behind_it(desk: Open) -> None:
    page, title = desk("/compose/new/deployment/"), " ".join(["longtitle", *"abcdefgh" * 15])
    page.get_by_label("Title").fill(title)
    page.get_by_label("State").select_option("SUCCESSFUL")
    page.get_by_label("Environment", exact=True).fill("Production")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("h1")).to_contain_text("longtitle")
    for width in (1280, 700, 360):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto("/?q=longtitle")
        line, badge = page.locator(".row .line").first, page.locator(".row a.badge").first
        outer, inner = line.bounding_box(), badge.bounding_box()
        assert outer
        assert inner
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"], width
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 2, width
        assert line.evaluate(CUT), "the title ends in an ellipsis"
        badge.click(trial=True)  # nothing lies over it
    expect(badge).to_have_attribute("href", re.compile("target=production"))


CUT = """line => { const title = line.querySelector(".said");
  return title.scrollWidth > title.clientWidth || title.scrollHeight > title.clientHeight; }"""
