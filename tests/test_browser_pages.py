"""Every page there is, found by the routes: axe finds nothing, nothing shifts or is cut off."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from playwright.sync_api import Browser, Page, Response, expect

from tests.house import ROOT, House
from tests.visitor import Open

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

AXE = ROOT / "tests/npm/node_modules/axe-core/axe.min.js"
#: What axe asks of each theme: everything once, and of the other what colours can break.
THEMES: Any = (("light", None), ("dark", ["color-contrast"]))
FIRST_LOAD = 60_000  # bytes of page, styles, scripts and icons together, compressed
WIDTHS = (320, 2560)  # pixels
DESK = {"width": 1280, "height": 800}
#: One of everything, as JSON: what stands in addresses, by the first word of a route's name.
FURNISH = """
import json, uuid
from django.utils import timezone
from feeds import actions
from feeds.models import *
from heartbeats import actions as hearts
admin = User.objects.get(username="admin")
now = timezone.now()
tag = uuid.uuid4().hex[:6]
team = hearts.ensure_team("ops-" + tag)
beat = hearts.create_heartbeat(team, name="backup", interval=5, interval_unit="minutes", now=now,
                               enabled=True)
channel, _ = hearts.create_channel(team, kind="email", address="ops@example.com")
webhook, _ = actions.create_webhook("Forge " + tag, dialect="github", user=admin)
connection = actions.create_connection(
    "Stage " + tag, dialect="pulseboard", base_url=f"https://{tag}.example.com", secret="x")
token, _ = actions.issue_token(admin, role=Role.VIEWER, name="Reader")
view = actions.save_view(admin, name="Builds " + tag, query="type=build")
composition = actions.compose(
    admin, role=Role.ADMIN, identity=uuid.uuid4(), wire="streams",
    document={"id": "https://wiki.example.com/" + tag, "title": "wrote a page",
              "generator": {"id": "https://wiki.example.com", "displayName": "Wiki"},
              "object": {"id": "https://wiki.example.com/1"}},
    addresses=[actions.Address(connection)])
print(json.dumps({
    "activity": str(Activity.objects.filter(kind="deployment").latest("id").uuid),
    "component": "payments-api", "component-need-not": ["payments-api", "web"],
    "source": str(EventSource.objects.first().uuid), "repository": "shop/web",
    "person": "maria", "issue": "ONE-1", "project": "ONE", "compose": "deployment",
    "view": str(view.uuid), "token": token.pk, "webhook": str(webhook.uuid),
    "connection": str(connection.uuid), "composition": str(composition.uuid),
    "delivery": str(Delivery.objects.latest("id").uuid), "user": admin.pk,
    "heartbeat": str(beat.uuid), "team": team.pk, "channel": str(channel.uuid),
    "invitation": ["MQ", "used-up"],
}))
"""
#: Routes with parameters that lead to no page of ours: what only changes something, other words
#: for what others show, and what is for programs.
NO_PAGES = {
    "activity-as2", "api", "badge", "component-detach", "compose-check", "compose-choose",
    "compose-preview", "compose-snippets", "compose-template", "heartbeat-ping", "hook",
    "notification", "source-attach", "source-detach", "streams-activity", "teamhub-event",
    "view-default", "window",
}  # fmt: skip
#: Pages that a state of theirs makes another.
STATES = [
    "/?type=build&state=-failed&q=a*&actor=-nobody", "/?since=yesterday", "/?q=nothing-is-so-named",
    "/nothing/", "/components/payment-api/", "/settings/audit/?kind=user",
    "/settings/tokens/?unused=on", "/outbox/?state=dead",
    "/settings/connections/new/?dialect=compass", "/views/new/?type=build",
    "/settings/feed-addresses/",
]  # fmt: skip
PAINTED = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput)
      window.shifts.push([one.value, ...one.sources.map(it => it.node?.outerHTML?.slice(0, 80))]);
  }).observe({type: "layout-shift", buffered: true});
"""
FOUND = """async (rules) => {
  const sizes = {"target-size": {enabled: true}};  // which is off by itself
  const options = {resultTypes: ["violations"], ...(rules ? {runOnly: rules} : {rules: sizes})};
  const {violations} = await axe.run(document, options);
  // what floats over a page lies over something
  const under = (node) => node.any[0]?.data?.messageKey?.startsWith("partiallyObscured");
  const found = violations.map(({id, nodes}) => ({id, nodes: nodes.filter(one => !under(one))}));
  return found.filter(({nodes}) => nodes.length).map(({id, nodes}) =>
    `${id}: ${nodes.map(node => `${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`)}`);
}"""


def routes(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """Yield our routes that have a name."""
    for found in (resolver or get_resolver()).url_patterns:
        if isinstance(found, URLPattern) and found.name:
            yield found
        elif isinstance(found, URLResolver) and found.app_name != "admin":
            yield from routes(found)


def key_of(name: str, known: Any) -> str | None:
    """Return the first of the words that NAME begins with that KNOWN has."""
    words = name.split("-")
    starts = ("-".join(words[:count]) for count in range(len(words), 0, -1))
    return next((start for start in starts if start in known), None)


@pytest.fixture(scope="module")
def things(served: House) -> dict[str, Any]:
    return dict(json.loads(served.manage("shell", "-v", "0", "-c", FURNISH).splitlines()[-1]))


@pytest.fixture(scope="module")
def pages(served: House, things: dict[str, Any], cookies: Any) -> list[str]:
    """The address of every page: what a route shows, with parameters out of THINGS."""
    session = requests.Session()
    for cookie in cookies["cookies"]:
        session.cookies.set(cookie["name"], cookie["value"])
    found = [*STATES, f"/components/payments-api/?event={things['activity']}"]
    for route in routes():
        name = str(route.name)
        arguments: list[Any] = []
        if key_of(name, NO_PAGES):
            continue
        if route.pattern.regex.groups:
            key = key_of(name, things)
            assert key, f"say in FURNISH how to come to {name!r}, or in NO_PAGES that it is no page"
            arguments = things[key] if isinstance(things[key], list) else [things[key]]
        path = reverse(name, args=arguments)
        answer = session.get(served.url + path, timeout=20, allow_redirects=False)
        assert answer.status_code not in {403, 404, 500}, f"{name}: {answer.status_code}"
        if answer.status_code != 405 and "text/html" in answer.headers.get("Content-Type", ""):
            whole = "Location" not in answer.headers and "<html" in answer.text[:200]
            found += [path] if whole else []
    return sorted(set(found))


@pytest.fixture(scope="module")
def seen(chromium: Browser, served: House, cookies: Any, pages: list[str]) -> dict[str, list[str]]:
    """What is to be found fault with on PAGES: each is loaded once, and looked at in every way."""
    faults: dict[str, list[str]] = {"axe": [], "shifts": [], "cut off": []}
    axe = AXE.read_text() if AXE.exists() else ""
    with contextlib.closing(
        chromium.new_context(base_url=served.url, storage_state=cookies, reduced_motion="reduce")
    ) as context:
        page = context.new_page()
        page.add_init_script(SHIFTS)
        for path in pages:
            page.emulate_media(color_scheme="light")
            page.set_viewport_size(DESK)
            page.goto(path, wait_until="load")
            page.evaluate(
                "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
            )
            faults["shifts"] += [f"{path}: {shift}" for shift in page.evaluate("window.shifts")]
            page.evaluate(axe)
            for scheme, rules in THEMES if axe else ():
                page.emulate_media(color_scheme=scheme)
                faults["axe"] += [f"{path} {scheme}: {one}" for one in page.evaluate(FOUND, rules)]
            for width in WIDTHS:
                page.set_viewport_size({**DESK, "width": width})
                wide = page.evaluate("document.scrollingElement.scrollWidth")
                faults["cut off"] += [f"{path}: {wide} of {width}"] if wide > width else []
    return faults


def test_every_route_was_looked_at(pages: list[str]) -> None:
    assert len(pages) > 60


def test_axe_finds_nothing_on_any_page_in_both_themes(seen: dict[str, list[str]]) -> None:
    if not AXE.exists():
        reason = "npm's axe-core is not installed: no page was looked at by it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    assert not seen["axe"], "\n".join(seen["axe"])


def test_nothing_shifts_on_any_page(seen: dict[str, list[str]]) -> None:
    assert not seen["shifts"], "\n".join(seen["shifts"])


def test_no_page_scrolls_sideways_from_the_narrowest_to_the_widest_screen(
    seen: dict[str, list[str]],
) -> None:
    assert not seen["cut off"], "\n".join(seen["cut off"])


def test_the_first_load_of_the_feed_is_small(
    chromium: Browser, served: House, cookies: Any
) -> None:
    sizes: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if urlsplit(response.url).path.startswith(("/live/", "/feed/")):
            return  # what happens later
        compressed = response.header_value("content-encoding")
        body = response.body()
        sizes[urlsplit(response.url).path] = (
            int(response.header_value("content-length") or 0)
            if compressed
            else len(gzip.compress(body, 6))  # as the proxy does it
        )

    with contextlib.closing(
        chromium.new_context(base_url=served.url, storage_state=cookies)
    ) as context:
        page = context.new_page()
        answers: list[Response] = []
        page.on("response", lambda answer: answers.append(answer))
        page.goto("/", wait_until="load")
        for answer in answers:
            weigh(answer)
    assert "/" in sizes
    assert len(sizes) > 8
    assert sum(sizes.values()) <= FIRST_LOAD, sorted(sizes.items(), key=lambda one: -one[1])


# ---- phones, paper, colours of one's own


def test_the_menu_of_a_phone_leads_everywhere_without_a_script(desk: Open) -> None:
    page = desk("/", viewport={"width": 360, "height": 640}, java_script_enabled=False)
    expect(page.locator(".nav")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    for name in ("Feed", "Components", "Sources", "Compose", "Outbox", "Heartbeats", "Settings"):
        expect(page.locator(".nav").get_by_role("link", name=name)).to_be_in_viewport()
    page.locator(".nav").get_by_role("link", name="Heartbeats").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Heartbeats")


@pytest.mark.parametrize("path", ["/", "activity", "/heartbeats/"])
def test_paper_is_black_on_white_with_words_and_without_controls(
    desk: Open, things: dict[str, Any], path: str
) -> None:
    page = desk(path if "/" in path else f"/activities/{things[path]}/", color_scheme="dark")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print")
    seen = page.evaluate(PRINTED)
    assert seen["controls"] == []
    assert seen["ground"] == "rgb(255, 255, 255)"
    assert seen["ink"] == "rgb(0, 0, 0)"
    assert page.locator("main").inner_text().strip()


PRINTED = """() => ({
  controls: [...document.querySelectorAll("button, input, select, .btn, .nav, .bar")]
    .filter(one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 80)),
  ground: getComputedStyle(document.body).backgroundColor,
  ink: getComputedStyle(document.querySelector("h1")).color,
})"""


def test_with_colours_of_ones_own_states_keep_their_frames(desk: Open) -> None:
    page: Page = desk("/", forced_colors="active")
    for part, drawn in ((".pill", "borderStyle"), (".nav a[aria-current]", "outlineStyle")):
        style = page.locator(part).first.evaluate(f"one => getComputedStyle(one).{drawn}")
        assert style == "solid", part


def test_a_feed_that_is_paused_stands_still(desk: Open) -> None:
    page = desk()
    page.clock.install()
    page.goto("/")
    clock = page.locator(".run[data-elapsed]").first
    expect(clock).to_have_text(clock.inner_text())
    page.locator(".live-chip").click()
    expect(page.locator(".live-chip")).to_contain_text("Paused")
    before = clock.inner_text()
    page.clock.run_for(5000)
    assert clock.inner_text() == before
    page.locator(".live-chip").click()
    page.clock.run_for(1000)
    expect(clock).not_to_have_text(before)
