"""The numbers beside a feed that is open: they follow the rows, and disturb nobody."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Request, expect

from tests.stage import SOON, UNSEEN, Stage, chip, heeding, pill, top_of, until
from tests.visitor import Open, rows

pytest_plugins = ["tests.staged"]
pytestmark = pytest.mark.xdist_group("browser")

CALM = 10  # seconds between two questions
LOOKS = 2500  # milliseconds in which a question that may be put is put
OPENED = "all => all.filter(one => one.open).map(one => one.dataset.facet ?? one.className)"
SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => shifts.push(...list.getEntries().map(({value}) => value)))
    .observe({type: "layout-shift"});
}"""


def questions(page: Page) -> list[float]:
    """Return when PAGE asks for the counts, from now on."""
    asked: list[float] = []

    def note(request: Request) -> None:
        if "/feed/counts" in request.url:
            asked.append(time.monotonic())

    page.on("request", note)
    return asked


def values(page: Page, facet: str) -> dict[str, int]:
    """Return what FACET counts."""
    items = page.locator(f"[data-facet={facet}] li:has(.count)").evaluate_all(
        "all => all.map(one => ['.word', '.count'].map(it => one.querySelector(it).textContent))"
    )
    return {word: int(number) for word, number in items}


def sum_of_bars(page: Page) -> int:
    titles = page.locator(".bars title").all_text_contents()
    return sum(int(number) for title in titles for number in re.findall(r"[:,] (\d+) ", title))


def agree(page: Page, number: int) -> None:
    """Check that rows, words, facets and bars all say NUMBER."""
    expect(page.locator(".counted")).to_have_text(f"Counts of all {number}", timeout=2 * SOON)
    types = values(page, "type")
    assert types.pop("All") == sum(types.values()) == sum_of_bars(page) == number
    expect(page.locator(".histogram figcaption")).to_contain_text(f"All {number},")
    expect(page.locator("article.row")).to_have_count(number)


def test_facets_and_bars_follow_the_rows_that_come(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    page = watch(f"/?source={source}")
    expect(page.locator(".empty")).to_be_visible()
    stage.post(source, 3)
    agree(page, 3)
    expect(page.locator("#announce")).to_have_text("3 new events")
    early = datetime.now(UTC) - timedelta(days=2)
    stage.post(source, 1, lastUpdated=early.isoformat().replace("+00:00", "Z"))
    width = page.locator(".bars").get_attribute("data-each")
    agree(page, 4)
    assert page.locator(".bars").get_attribute("data-each") != width, "the bars are wider"
    page.locator(".as-table summary").click()
    page.reload()
    agree(page, 4)


def test_however_much_comes_the_counts_are_asked_for_every_ten_seconds(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source()
    page = watch(f"/?source={source}")
    asked = questions(page)
    posted = 0
    end = time.monotonic() + CALM + 3
    while time.monotonic() < end:
        stage.post(source, 1)
        posted += 1
        page.wait_for_timeout(700)
    assert len(asked) == 2
    assert asked[1] - asked[0] > CALM - 0.5
    agree(page, posted)


Act = Callable[[Page], object]
USES: dict[str, tuple[Act, Act]] = {
    "the pointer is over the facets": (
        lambda page: page.locator("[data-facet=type] summary").hover(),
        lambda page: page.mouse.move(640, 2),
    ),
    "the pointer is over the bars": (
        lambda page: page.locator(".bars").hover(),
        lambda page: page.mouse.move(640, 2),
    ),
    "the focus is in the facets": (
        lambda page: page.locator("[data-facet=type] a.value").first.focus(),
        lambda page: page.evaluate("document.activeElement.blur()"),
    ),
    "a find box holds a word": (
        lambda page: page.evaluate(
            "document.querySelector('.facets').insertAdjacentHTML("
            "'beforeend', '<input data-narrows placeholder=Find value=web>')"
        ),
        lambda page: page.locator(".facets > [data-narrows]").evaluate("one => one.remove()"),
    ),
    "it is paused": (lambda page: chip(page).click(), lambda page: chip(page).click()),
    "nobody sees the page": (
        lambda page: page.evaluate(UNSEEN, True),
        lambda page: page.evaluate(UNSEEN, False),
    ),
}


@pytest.mark.parametrize("use", USES)
def test_numbers_do_not_change_while(watch: Open, stage: Stage, use: str) -> None:
    begin, end = USES[use]
    source = stage.site.source("incident")
    fire = {"kind": "incident", "id": "fire"}
    stage.post(source, state="OPEN", **fire)
    page = watch(f"/?source={source}")
    asked = questions(page)
    begin(page)
    stage.post(source, state="RESOLVED", updateSequenceNumber=2, **fire)
    expect(page.locator("article.row .pill")).to_have_text("Resolved", timeout=SOON)
    page.wait_for_timeout(LOOKS)
    assert asked == []
    assert values(page, "state") == {"Open": 1}
    end(page)
    page.wait_for_timeout(LOOKS)
    assert len(asked) == 1
    assert values(page, "state") == {"Resolved": 1}


def test_what_is_open_stays_and_what_is_read_does_not_move(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    fire = {"kind": "incident", "state": "OPEN"}
    stage.post(source, 20, **fire)
    stage.post(source, id="fire", **fire)
    stage.post(source, 19, **fire)
    page = watch(f"/?source={source}", viewport={"width": 1200, "height": 700})
    page.locator("[data-facet=state] > summary").click()
    page.locator("[data-facet=generator] > summary").click()
    page.locator(".as-table summary").click()
    page.evaluate("document.activeElement.blur(); document.querySelector('.facets').kept = true")
    page.mouse.move(640, 2)
    before = page.locator("#feed :is(.facets, .histogram) details").evaluate_all(OPENED)
    assert "generator" in before
    assert "state" not in before
    page.evaluate("scrollTo(0, 600)")
    read = rows(page)[25]
    top = top_of(page, read)
    page.evaluate(SHIFTS)
    stage.post(source, kind="incident", id="fire", state="RESOLVED", updateSequenceNumber=2)
    until(lambda: values(page, "state") == {"Open": 39, "Resolved": 1})
    assert top_of(page, read) == pytest.approx(top, abs=1)
    assert page.locator("#feed :is(.facets, .histogram) details").evaluate_all(OPENED) == before
    assert page.locator(".facets").evaluate("one => one.kept"), "it is the same element"
    assert page.evaluate("shifts") == []
    stage.post(source, 2, **fire)
    expect(pill(page)).to_have_text("2 new", timeout=SOON)
    page.wait_for_timeout(LOOKS)
    expect(page.locator(".counted")).to_have_text("Counts of all 40")  # of the rows that are shown
    pill(page).click()
    page.mouse.move(640, 2)
    agree(page, 42)


def test_only_the_newest_page_follows(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    stage.post(source, kind="incident", id="0", state="OPEN")
    stage.post(source, 51, kind="incident", state="OPEN")
    page = watch(f"/?source={source}")
    page.locator(".pager a[rel=next]").click()
    expect(page.locator("article.row")).to_have_count(2)
    heeding(page)
    asked = questions(page)
    stage.post(source, kind="incident", id="0", state="RESOLVED", updateSequenceNumber=2)
    expect(page.locator("article.row .pill", has_text="Resolved")).to_have_count(1, timeout=SOON)
    page.mouse.move(640, 2)
    page.wait_for_timeout(LOOKS)
    assert asked == []
