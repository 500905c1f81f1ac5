"""A feed that is open while its rows change: they do so in place, and nothing else moves."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import expect

from tests.house import PATIENCE
from tests.stage import SOON, Stage, heeding, pill, top_of
from tests.visitor import Open, rows

pytest_plugins = ["tests.staged"]
pytestmark = pytest.mark.xdist_group("browser")


def build(stage: Stage, progress: int, identity: str = "") -> str:
    """Report the PROGRESS of a build, a new one without IDENTITY, and return its identity."""
    user, _, token = stage.bot.partition(":")
    body = {"target": "build", "progress": progress, "project": "shop", "repository": "web"}
    body |= {"operation": "completed"} if progress == 100 else {}
    answer = requests.request(
        "PUT" if identity else "POST",
        f"{stage.site.house.url}/api/events{'/' + identity if identity else ''}",
        json=body,
        auth=(user, token),
        timeout=PATIENCE,
    )
    assert answer.ok, answer.text
    return str(answer.json()["id"])


def test_a_build_moves_and_a_reload_shows_the_same_and_goes_on(watch: Open, stage: Stage) -> None:
    page = watch("/?type=build")
    identity = build(stage, 10)
    bar = page.locator("article.row progress").first
    expect(bar).to_have_attribute("value", "10", timeout=SOON)
    build(stage, 35, identity)
    expect(bar).to_have_attribute("value", "35", timeout=SOON)
    page.reload()
    assert bar.get_attribute("value") == "35"
    heeding(page)
    build(stage, 60, identity)
    expect(bar).to_have_attribute("value", "60", timeout=SOON)
    build(stage, 100, identity)
    expect(page.locator("article.row progress")).to_have_count(0, timeout=SOON)


def test_a_change_leaves_focus_and_open_menus_alone(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    incident = {"kind": "incident", "id": "1", "displayName": "a fire"}
    stage.post(source, state="OPEN", **incident)
    page = watch(f"/?source={source}")
    link = page.locator("article.row a.object")
    link.focus()
    stage.post(source, state="RESOLVED", updateSequenceNumber=2, **incident)
    expect(page.locator("article.row .pill")).to_have_text("Resolved", timeout=SOON)
    expect(link).to_be_focused()
    page.locator("#f-type").click()
    box = page.get_by_role("checkbox", name="Build")
    box.focus()
    stage.post(source, kind="incident", state="OPEN")
    expect(pill(page)).to_have_text("1 new", timeout=SOON)
    expect(box).to_be_focused()
    expect(box).to_be_visible()
    expect(page.locator("article.row")).to_have_count(1)


def test_a_row_that_passes_the_filters_no_more_goes(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    for name in ("1", "2"):
        stage.post(source, kind="incident", id=name, state="OPEN", displayName=name)
    page = watch(f"/?source={source}&state=open")
    stage.post(
        source, kind="incident", id="1", state="RESOLVED", displayName="1", updateSequenceNumber=2
    )
    expect(page.locator("article.row .object")).to_have_text(["2"], timeout=SOON)


def test_rows_that_go_or_grow_above_do_not_move_what_is_read(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    for number in range(1, 41):
        stage.post(source, kind="incident", id=str(number), state="OPEN", displayName="short")
    page = watch(f"/?source={source}&state=open", viewport={"width": 600, "height": 600})
    page.evaluate("scrollTo(0, 1500)")
    shown = rows(page)
    before = top_of(page, shown[-5])
    change = {"kind": "incident", "updateSequenceNumber": 2}
    stage.post(source, id="40", state="RESOLVED", displayName="gone", **change)
    stage.post(source, id="39", state="OPEN", displayName="long " * 60, **change)
    expect(page.locator("article.row", has_text="long")).to_have_count(1, timeout=SOON)
    expect(page.locator("article.row")).to_have_count(39, timeout=SOON)
    assert top_of(page, shown[-5]) == pytest.approx(before, abs=1)


def test_the_page_of_a_source_is_live_too(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source)
    page = watch(f"/?source={source}")
    page.locator("article.row a.source").click()
    page.wait_for_url("**/sources/*/")
    heeding(page)
    stage.post(source)
    expect(page.locator("article.row")).to_have_count(2, timeout=SOON)


def test_the_open_event_changes_beside_the_list_and_on_its_page(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, id="open", updateSequenceNumber=1, displayName="as it began")
    (made,) = stage.site.activities(source)
    identity = made["uuid"]
    page = watch(f"/?source={source}&event={identity}")
    alone = watch()
    with alone.expect_response(re.compile("/live/feed")):  # the stream has begun
        alone.goto(f"/activities/{identity}/")
    place = page.locator("#drawer")
    expect(place.locator("#drawer-title")).to_have_text("as it began")
    place.evaluate("one => { one.dataset.stays = 'yes'; one.scrollTop = 120; }")
    stage.post(source, id="open", updateSequenceNumber=2, displayName="as it went on")
    for where in (place, alone.locator("#event")):
        expect(where.locator("h1, h2").first).to_have_text("as it went on", timeout=SOON)
        expect(where.locator(".revisions")).to_contain_text("as it began")
    expect(page.locator("article[aria-current]")).to_have_attribute("id", f"ev-{identity}")
    assert place.evaluate("one => one.scrollTop") == 120, "it is read on where it was"
    expect(page.locator("#announce")).not_to_contain_text("shown")


def test_trimming_leaves_the_row_whose_event_is_open(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 50)
    page = watch(f"/?source={source}")
    oldest = rows(page)[-1]
    page.locator(f"#{oldest}").click(position={"x": 3, "y": 3})
    expect(page.locator("#drawer")).to_be_visible()
    for number in range(1, 8):
        stage.post(source, 45)
        expect(pill(page)).to_be_visible(timeout=4 * SOON)  # who reads an event is not disturbed
        pill(page).click()
        expect(page.locator("article.row")).to_have_count(min(50 + 45 * number, 300))
    assert rows(page)[-1] == oldest
    expect(page.locator(f"#{oldest}")).to_have_attribute("aria-current", "true")
