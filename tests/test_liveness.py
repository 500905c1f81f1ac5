"""When a build still runs, when it has fallen silent, and how the pages say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds.estimates import Usual
from feeds.liveness import Liveness, liveness
from feeds.models import Activity
from tests.hub import BUILD, Hub
from tests.pages import Html, signed_in

NOW = datetime(2026, 11, 21, 14, 3, tzinfo=UTC)
AGES = [
    (timedelta(0), timedelta(0), Liveness.RUNNING),
    (timedelta(0), timedelta(seconds=60), Liveness.RUNNING),
    (timedelta(0), timedelta(seconds=61), Liveness.QUIET),
    (timedelta(0), timedelta(minutes=10), Liveness.QUIET),
    (timedelta(0), timedelta(minutes=10, seconds=1), Liveness.STALLED),
    (timedelta(hours=24), timedelta(0), Liveness.RUNNING),
    (timedelta(hours=24, seconds=1), timedelta(0), Liveness.LONG),
    (timedelta(hours=24, seconds=1), timedelta(hours=1), Liveness.STALLED),
    (timedelta(hours=25), timedelta(hours=24, seconds=1), Liveness.ABANDONED),
    (timedelta(hours=-2), timedelta(0), Liveness.RUNNING),  # its clock is ahead of ours
]


def run(began: timedelta, told: timedelta, **fields: Any) -> Activity:
    """Return what began and told its last news so long before NOW."""
    times = {"occurred_at": NOW - began, "touched_at": NOW - told, "received_at": NOW - told}
    return Activity(**{"state": "running", "dialect": "teamhub", **times, **fields})


@pytest.mark.parametrize(("began", "told", "expected"), AGES)
def test_what_began_and_told_lately_is_live(
    began: timedelta, told: timedelta, expected: Liveness
) -> None:
    assert liveness(run(began, told, progress=42), now=NOW) == expected
    for state in ("succeeded", "failed", "unknown", ""):
        assert liveness(run(began, told, progress=42, state=state), now=NOW) == Liveness.ENDED
    assert liveness(run(began, told, state="pending"), now=NOW) == Liveness.QUEUED


def test_the_windows_are_settings(settings: Any) -> None:
    old = run(timedelta(hours=30), timedelta(minutes=50), progress=5)
    assert liveness(old, now=NOW) == Liveness.STALLED
    settings.LIVE_QUIET = timedelta(minutes=60)
    assert liveness(old, now=NOW) == Liveness.LONG
    settings.LIVE_WITHIN = timedelta(hours=48)
    assert liveness(old, now=NOW) == Liveness.QUIET
    settings.LIVE_ABANDONED = timedelta(minutes=49)
    assert liveness(old, now=NOW) == Liveness.ABANDONED


@pytest.mark.parametrize(
    ("silent", "expected"),
    [(5, Liveness.RUNNING), (11, Liveness.QUIET), (49, Liveness.QUIET), (51, Liveness.STALLED)],
)
def test_a_build_that_tells_every_five_minutes_may_be_silent_for_ten(
    silent: int, expected: Liveness
) -> None:
    told = timedelta(minutes=silent)
    seldom = run(timedelta(hours=2), told, progress=40, updates=4)
    seldom.received_at = seldom.touched_at - timedelta(minutes=20)
    assert liveness(seldom, now=NOW) == expected


def test_the_usual_gap_of_a_pipeline_counts_before_a_run_has_one_of_its_own() -> None:
    usual = Usual(20, *[timedelta(minutes=30)] * 3, gap=timedelta(minutes=3))
    silent = run(timedelta(hours=1), timedelta(minutes=5), progress=0)
    assert liveness(silent, now=NOW) == Liveness.QUIET
    assert liveness(silent, now=NOW, usual=usual) == Liveness.RUNNING


@pytest.mark.parametrize("dialect", ["compass", "github", "gitlab"])
@pytest.mark.parametrize(
    ("runs", "unknown", "known"),
    [
        (timedelta(minutes=5), Liveness.RUNNING, Liveness.RUNNING),
        (timedelta(minutes=6, seconds=1), Liveness.RUNNING, Liveness.LONG),
        (timedelta(minutes=19), Liveness.RUNNING, Liveness.LONG),
        (timedelta(minutes=21), Liveness.RUNNING, Liveness.STALLED),
        (timedelta(hours=25), Liveness.ABANDONED, Liveness.ABANDONED),
    ],
)
def test_what_tells_only_its_end_is_judged_by_how_long_it_usually_takes(
    dialect: str, runs: timedelta, unknown: Liveness, known: Liveness
) -> None:
    usual = Usual(20, *[timedelta(minutes=2)] * 3, gap=timedelta(minutes=2))
    progress = 40 if dialect == "gitlab" else None
    silent = run(runs, runs, progress=progress, dialect=dialect)
    assert liveness(silent, now=NOW) == unknown
    assert liveness(silent, now=NOW, usual=usual) == known


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


@pytest.fixture
def running(reader: Client) -> Activity:
    """A build of the TeamHub wire that stands at 42 %."""
    hub = Hub.of("bot")
    hub.put(hub.running(), {"progress": 42})
    return Activity.objects.get()


def test_a_running_build_shows_its_percent(reader: Client, running: Activity) -> None:
    page = Html(reader.get("/"))
    assert page.one(".feed .pill").text == "Running 42 %"
    assert page.one("article.row progress")["value"] == "42"
    shown = Html(reader.get(running.get_absolute_url()))
    assert shown.one(".head .pill").text == "Running 42 %"
    assert shown.one("progress")["value"] == "42"


@pytest.mark.parametrize(
    ("ago", "written", "tone", "bars"),
    [
        (timedelta(minutes=4), "Quiet 4 min", "neutral", 1),
        (timedelta(minutes=12), "Stalled 12 min", "warning", 1),
        (timedelta(hours=5), "Stalled 5 h", "warning", 1),
        (timedelta(days=3), "No end reported", "neutral", 0),
    ],
)
def test_a_build_that_fell_silent_does_not_claim_to_run(
    reader: Client, running: Activity, ago: timedelta, written: str, tone: str, bars: int
) -> None:
    last = timezone.now() - ago
    Activity.objects.update(touched_at=last, received_at=last)
    for address in ("/", running.get_absolute_url()):
        page = Html(reader.get(address))
        pill = page.one(".feed .pill") if address == "/" else page.one(".head .pill")
        assert pill.text == written
        assert pill["class"] == f"pill tone-{tone}"
        assert len(page.all(".feed progress" if address == "/" else "progress")) == bars


def test_news_bring_it_back_and_its_end_ends_it(reader: Client, running: Activity) -> None:
    Activity.objects.update(touched_at=timezone.now() - timedelta(hours=2))
    hub = Hub.of("bot", "other")
    hub.put(running.external_id, {"progress": 42})
    assert Html(reader.get("/")).one(".feed .pill").text == "Running 42 %"
    hub.put(running.external_id, {"progress": 100, "operation": "completed"})
    assert Html(reader.get("/")).one(".feed .pill").text == "Succeeded"


def test_a_row_reads_as_one_sentence_with_its_actor(reader: Client) -> None:
    hub = Hub.of("bot")
    hub.post({**BUILD, "name": "Nightly"})
    row = Html(reader.get("/")).one("article.row")
    assert "luotsi-ci-bot built chef Nightly → luotsi/chef" in row.text
    assert row.text.count("luotsi-ci-bot") == 1
    assert "Nightly" in row.text
