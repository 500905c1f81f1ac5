"""Runs whose end nobody told are closed as unknown, until news come after all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds import actions, tasks
from feeds.models import Activity
from tests.conftest import Caller
from tests.hub import Hub
from tests.pages import Html, signed_in

LONG_AGO = timedelta(hours=24, seconds=5)


def silence(ago: timedelta = LONG_AGO) -> None:
    """Let the last news of everything be so old."""
    last = timezone.now() - ago
    Activity.objects.update(touched_at=last, received_at=last, occurred_at=last)


@pytest.fixture
def build(db: None) -> tuple[Hub, str]:
    """A build at 40 % that told nothing for more than a day."""
    hub = Hub.of("bot")
    identity = hub.running()
    silence()
    return hub, identity


def test_a_run_without_news_for_a_day_is_closed_as_unknown(build: tuple[Hub, str]) -> None:
    before = Activity.objects.get()
    tasks.abandon()
    after = Activity.objects.get()
    assert after.state == "unknown"
    assert after.abandoned_at is not None
    assert after.touched_at > before.touched_at  # so open pages hear of it
    same = ("raw", "details", "sequence", "progress", "verb", "occurred_at")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    assert Html(signed_in("viewer").get("/")).one(".feed .pill").text == "No end reported"
    assert actions.abandon_runs() == 0


def test_what_told_news_within_the_day_or_has_ended_or_waits_stays(bot: Caller) -> None:
    actions.create_source("shop/web", kind="deployment")
    for number, state in enumerate(("PENDING", "SUCCESSFUL", "FAILED", "CANCELLED", "UNKNOWN")):
        bot.event("deployment", state=state, sequenceNumber=number)
    silence(timedelta(days=30))
    bot.event("deployment", state="IN_PROGRESS", sequenceNumber=9)
    before = set(Activity.objects.values_list("id", "state", "touched_at"))
    assert actions.abandon_runs() == 0
    assert set(Activity.objects.values_list("id", "state", "touched_at")) == before


def test_the_window_is_a_setting(build: tuple[Hub, str], settings: Any) -> None:
    settings.LIVE_ABANDONED = timedelta(hours=48)
    assert actions.abandon_runs() == 0
    settings.LIVE_ABANDONED = timedelta(hours=1)
    assert actions.abandon_runs() == 1


def test_many_are_closed_in_batches(bot: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    actions.create_source("shop/web", kind="deployment")
    for number in range(5):
        bot.event("deployment", state="IN_PROGRESS", sequenceNumber=number)
    silence()
    monkeypatch.setattr("feeds.actions.reaper.BATCH", 2)
    assert actions.abandon_runs() == 5
    assert set(Activity.objects.values_list("state", flat=True)) == {"unknown"}


def test_news_after_all_make_it_run_again(build: tuple[Hub, str]) -> None:
    hub, identity = build
    actions.abandon_runs()
    assert hub.put(identity, {"progress": 50}).status_code == 200
    after = Activity.objects.get()
    assert (after.state, after.progress, after.abandoned_at) == ("running", 50, None)
    assert Html(signed_in("viewer").get("/")).one(".feed .pill").text == "Running over 1 d"


@pytest.mark.parametrize(("said", "state"), [("SUCCESSFUL", "succeeded"), ("UNKNOWN", "unknown")])
def test_its_end_still_comes_after_it_was_closed(bot: Caller, said: str, state: str) -> None:
    actions.create_source("shop/web", kind="build")
    bot.event("build", state="IN_PROGRESS", updateSequenceNumber=7)
    silence()
    actions.abandon_runs()
    bot.event("build", state="IN_PROGRESS", updateSequenceNumber=7)  # sent twice: no news
    assert Activity.objects.get().abandoned_at is not None
    bot.event("build", state=said, updateSequenceNumber=8)
    after = Activity.objects.get()
    assert (after.state, after.sequence, after.abandoned_at) == (state, 8, None)


def test_a_change_by_our_own_api_revives_it(admin: Caller) -> None:
    body = {"kind": "build", "title": "Nightly", "state": "running", "progress": 30,
            "source": {"external_id": "shop"}}  # fmt: skip
    made = admin.post("/api/v1/activities", body)
    address = f"/api/v1/activities/{made.json()['uuid']}"
    silence()
    actions.abandon_runs()
    assert admin.get(address).json()["state"] == "unknown"
    assert admin.patch(address, {"progress": 20}).status_code == 409  # it never went back
    assert Activity.objects.get().state == "unknown"
    assert admin.patch(address, {"progress": 60}).json()["state"] == "running"
    assert Activity.objects.get().abandoned_at is None
    silence()
    actions.abandon_runs()
    assert admin.patch(address, {"state": "failed"}).json()["state"] == "failed"
    assert Activity.objects.get().abandoned_at is None


def test_a_closed_run_reads_so_on_its_page(build: tuple[Hub, str]) -> None:
    actions.abandon_runs()
    reader: Client = signed_in("viewer")
    page = Html(reader.get(Activity.objects.get().get_absolute_url()))
    assert page.one(".head .pill").text == "No end reported"
    assert any("40 %, and then no end" in facts.text for facts in page.all("dl.facts"))
    assert page.all("progress") == []
