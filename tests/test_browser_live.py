"""A feed that is open while things happen: what is new, and who pauses or looks elsewhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.stage import SOON, UNSEEN, Stage, chip, heeding, pill, top_of, until
from tests.visitor import Open, rows

pytest_plugins = ["tests.staged"]
pytestmark = pytest.mark.xdist_group("browser")


# ---- new rows


def test_an_idle_reader_at_the_top_sees_what_comes(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 2)
    page = watch(f"/?source={source}")
    before = rows(page)
    stage.post(source, 3)
    expect(page.locator("article.row")).to_have_count(5, timeout=SOON)
    assert rows(page)[3:] == before
    expect(pill(page)).to_be_hidden()
    expect(chip(page)).to_have_text("Live")
    expect(page.locator("#announce")).to_have_text("3 new events")
    places = page.locator("article.row").evaluate_all("all => all.map(one => one.ariaPosInSet)")
    assert places == ["1", "2", "3", "4", "5"]
    shown = rows(page)
    page.reload()
    assert rows(page) == shown


def test_an_empty_feed_fills(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    page = watch(f"/?source={source}")
    expect(page.locator(".empty")).to_be_visible()
    stage.post(source)
    expect(page.locator("article.row")).to_have_count(1, timeout=SOON)
    expect(page.locator(".empty")).to_have_count(0)


def test_two_hundred_rows_do_not_move_what_is_read(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 60)
    page = watch(f"/?source={source}")
    page.evaluate("scrollTo(0, 900)")
    shown = rows(page)
    before = top_of(page, shown[25])
    for _ in range(4):
        stage.post(source, 50)
    expect(pill(page)).to_have_text("50+ new", timeout=SOON)
    page.wait_for_timeout(1500)
    assert top_of(page, shown[25]) == before
    assert rows(page) == shown
    pill(page).click()
    expect(page.locator(f"#{shown[0]}")).to_have_count(0)
    assert page.evaluate("scrollY") == 0
    assert len(rows(page)) == 50


def test_who_reads_gets_a_pill_and_a_key_that_shows_what_waits(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 60)
    page = watch(f"/?source={source}")
    page.evaluate("scrollTo(0, 700)")
    shown = rows(page)
    before = top_of(page, shown[20])
    stage.post(source, 2)
    expect(pill(page)).to_have_text("2 new", timeout=SOON)
    stage.post(source, 1)
    expect(pill(page)).to_have_text("3 new", timeout=SOON)
    assert top_of(page, shown[20]) == before
    page.keyboard.press(".")
    expect(page.locator("article.row")).to_have_count(53)
    assert rows(page)[3:] == shown
    expect(pill(page)).to_be_hidden()
    assert page.evaluate("scrollY") == 0
    expect(page.locator("article.row").first).to_be_focused()


def test_a_row_that_happened_before_comes_to_its_place(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    for day in ("10", "12"):
        stage.post(source, displayName=f"of {day}", lastUpdated=f"2026-11-{day}T12:00:00Z")
    page = watch(f"/?source={source}")
    stage.post(source, displayName="of 11", lastUpdated="2026-11-11T12:00:00Z")
    titles = page.locator("article.row .object")
    expect(titles).to_have_text(["of 12", "of 11", "of 10"], timeout=SOON)


def test_no_more_than_300_rows_are_kept_and_older_goes_on_below_them(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source()
    stage.post(source, 60)
    page = watch(f"/?source={source}")
    for number in range(1, 8):
        stage.post(source, 45, displayName=f"lot {number}")
        lot = page.locator("article.row", has_text=f"lot {number}")
        expect(lot).to_have_count(45, timeout=4 * SOON)
        expect(page.locator("article.row")).to_have_count(min(50 + 45 * number, 300))
    shown = rows(page)
    page.locator(".pager a[rel=next]").click()
    expect(page.locator(f"#{shown[0]}")).to_have_count(0)
    older = rows(page)
    assert older[0] == shown[-1], "the next page begins where this one ends"


def test_a_hint_that_counts_what_is_shown_already_keeps_nothing_back(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source()
    stage.post(source, 3)
    page = watch()
    told = 'event: hint\ndata: {"seq": 1, "new": 90}\n\n'
    page.route(
        "**/live/feed**",
        lambda route: route.fulfill(content_type="text/event-stream", body=told),
        times=1,
    )
    with page.expect_response(re.compile("/feed/rows")):
        page.goto(f"/?source={source}")
    heeding(page)
    stage.post(source, 1)
    expect(page.locator("article.row")).to_have_count(4, timeout=SOON)
    expect(pill(page)).to_be_hidden()


def test_nothing_is_missed_between_the_page_and_its_stream(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    stage.post(source, kind="incident", state="OPEN", id="gap", displayName="gap")
    page = watch()

    def meanwhile(route: Any) -> None:
        stage.post(source, 2, kind="incident", state="OPEN")
        stage.post(
            source, kind="incident", state="RESOLVED", id="gap", displayName="gap",
            updateSequenceNumber=2,
        )  # fmt: skip
        route.continue_()

    page.route("**/live/feed**", meanwhile, times=1)
    page.goto(f"/?source={source}")
    expect(page.locator("article.row")).to_have_count(3, timeout=SOON)
    expect(page.locator("article.row", has_text="gap").locator(".pill")).to_have_text("Resolved")


def test_what_comes_live_breaks_no_group_of_repeats(watch: Open, stage: Stage) -> None:
    source = stage.site.source("incident")
    for number in range(3):
        moment = f"2026-11-10T12:0{2 * number}:00Z"
        stage.post(source, kind="incident", state="OPEN", id=f"fire-{number}", lastUpdated=moment)
    page = watch(f"/?source={source}&collapse=on")
    head = page.locator("article.repeat")
    expect(head).to_contain_text("3 incidents")
    # one above, one between what is hidden, and a change of what is hidden
    stage.post(source, kind="incident", state="OPEN", displayName="above")
    stage.post(
        source, kind="incident", state="OPEN", displayName="between",
        lastUpdated="2026-11-10T12:03:00Z",
    )  # fmt: skip
    stage.post(
        source, kind="incident", state="RESOLVED", id="fire-0", displayName="over",
        updateSequenceNumber=2, lastUpdated="2026-11-10T12:00:00Z",
    )  # fmt: skip
    seen = page.locator("article.row:visible .object")
    expect(seen).to_have_text(["above", "between"], timeout=SOON)
    expect(page.locator("article.row .object", has_text="over")).to_have_count(1, timeout=SOON)
    names = page.locator(".feed > article").evaluate_all("all => all.map(one => one.className)")
    assert [name.split()[0] for name in names] == ["row", "repeat", "row", "row", "row", "row"]
    places = page.locator(".feed > article").evaluate_all("all => all.map(one => one.ariaPosInSet)")
    assert places == ["1", "2", "3", "4", "5", "6"]
    expect(page.locator("#announce")).to_have_text(re.compile("new event"))
    head.locator("summary").click()
    expect(page.locator("article.row:visible")).to_have_count(5)
    assert page.locator("article.row .object").last.inner_text() == "over"
    page.mouse.move(0, 0)
    page.reload()
    expect(head).to_contain_text("4 incidents")


def test_without_javascript_the_page_is_as_it_was(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 60)
    page = watch(java_script_enabled=False)
    page.goto(f"/?source={source}")
    expect(page.locator("article.row")).to_have_count(50)
    expect(chip(page)).to_be_hidden()
    expect(pill(page)).to_be_hidden()
    page.locator(".pager a[rel=next]").click()
    expect(page.locator("article.row")).to_have_count(10)


# ---- pause, and a page that nobody sees


def test_pause_is_remembered_and_counts_what_waits(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 2)
    page = watch(f"/?source={source}")
    chip(page).click()
    expect(chip(page)).to_have_text("Paused")
    stage.post(source, 2)
    expect(chip(page)).to_have_text("Paused, 2 waiting", timeout=SOON)
    expect(page.locator("article.row")).to_have_count(2)
    page.reload()
    expect(chip(page)).to_have_text("Paused")
    heeding(page)
    stage.post(source, 1)
    expect(chip(page)).to_have_text("Paused, 1 waiting", timeout=SOON)
    chip(page).click()
    expect(page.locator("article.row")).to_have_count(5)
    expect(chip(page)).to_have_text("Live")


def test_a_page_hidden_for_five_minutes_lists_what_it_missed_and_inserts_nothing(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source()
    stage.post(source, 2)
    page = watch()
    page.clock.install()
    with page.expect_response(re.compile("/feed/rows")):  # a question would not survive the jump
        page.goto(f"/?source={source}")
    heeding(page)
    shown = rows(page)
    open_before = stage.streams()
    page.evaluate(UNSEEN, True)
    page.clock.fast_forward("00:20")
    assert stage.streams() == open_before, "it is kept for half a minute"
    page.clock.fast_forward("04:40")
    until(lambda: stage.streams() < open_before)
    stage.post(source, 3)
    page.clock.fast_forward("00:05")
    assert rows(page) == shown
    page.evaluate(UNSEEN, False)
    expect(pill(page)).to_have_text("3 new", timeout=SOON)
    until(lambda: stage.streams() >= open_before)
    page.clock.fast_forward("00:05")
    stage.post(source, 1)
    expect(pill(page)).to_have_text("4 new", timeout=SOON)
    assert rows(page) == shown
    pill(page).click()
    assert rows(page)[4:] == shown
