"""When a build still runs, when it has fallen silent, and how the pages say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds.liveness import Liveness, liveness
from feeds.models import Activity
from tests.hub import BUILD, Hub
from tests.pages import Html, signed_in

NOW = datetime(2026, 11, 21, 14, 3, tzinfo=UTC)
AGES = [
    (timedelta(0), timedelta(0), Liveness.LIVE),
    (timedelta(hours=24), timedelta(minutes=10), Liveness.LIVE),
    (timedelta(hours=24, seconds=1), timedelta(0), Liveness.QUIET),
    (timedelta(0), timedelta(minutes=10, seconds=1), Liveness.QUIET),
    (timedelta(hours=-2), timedelta(0), Liveness.LIVE),  # its clock is ahead of ours
]


@pytest.mark.parametrize(("began", "told", "expected"), AGES)
def test_what_began_and_told_lately_is_live(
    began: timedelta, told: timedelta, expected: Liveness
) -> None:
    times = {"occurred_at": NOW - began, "touched_at": NOW - told}
    assert liveness(Activity(state="running", progress=42, **times), now=NOW) == expected
    assert liveness(Activity(state="running", progress=None, **times), now=NOW) == Liveness.LIVE
    for state in ("succeeded", "failed", "unknown", ""):
        assert liveness(Activity(state=state, progress=42, **times), now=NOW) == Liveness.ENDED


def test_both_windows_are_settings(settings: Any) -> None:
    old = Activity(
        state="running", progress=5,
        occurred_at=NOW - timedelta(hours=30), touched_at=NOW - timedelta(minutes=50),
    )  # fmt: skip
    settings.LIVE_WITHIN = timedelta(hours=48)
    assert liveness(old, now=NOW) == Liveness.QUIET
    settings.LIVE_QUIET = timedelta(minutes=60)
    assert liveness(old, now=NOW) == Liveness.LIVE


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
    assert page.one("article.row .pill").text == "Running 42 %"
    assert page.one("article.row progress")["value"] == "42"
    shown = Html(reader.get(running.get_absolute_url()))
    assert shown.one(".head .pill").text == "Running 42 %"
    assert shown.one("progress")["value"] == "42"


@pytest.mark.parametrize(
    ("ago", "written"), [(timedelta(minutes=11), "%H:%M:%S"), (timedelta(days=3), "%Y-%m-%d")]
)
def test_a_build_that_fell_silent_does_not_claim_to_run(
    reader: Client, running: Activity, ago: timedelta, written: str
) -> None:
    last = timezone.now() - ago
    Activity.objects.update(touched_at=last)
    for address in ("/", running.get_absolute_url()):
        page = Html(reader.get(address))
        assert page.one(".pill").text == f"No news since {last:{written}}"
        assert page.one(".pill")["class"] == "pill tone-neutral"
        assert page.all("progress") == []
    assert any("42 %, and no news since" in facts.text for facts in page.all("dl.facts"))


def test_news_bring_it_back_and_its_end_ends_it(reader: Client, running: Activity) -> None:
    Activity.objects.update(touched_at=timezone.now() - timedelta(hours=2))
    hub = Hub.of("bot", "other")
    hub.put(running.external_id, {"progress": 42})
    assert Html(reader.get("/")).one(".pill").text == "Running 42 %"
    hub.put(running.external_id, {"progress": 100, "operation": "completed"})
    assert Html(reader.get("/")).one(".pill").text == "Succeeded"


def test_a_row_reads_as_one_sentence_with_its_actor(reader: Client) -> None:
    hub = Hub.of("bot")
    hub.post({**BUILD, "name": "Nightly"})
    row = Html(reader.get("/")).one("article.row")
    assert "luotsi-ci-bot completed build → luotsi/chef" in row.text
    assert row.text.count("luotsi-ci-bot") == 1
    assert "Nightly" in row.text
