"""The strip of what is in progress, above the first page of a feed and by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions, estimates
from feeds.dialects import teamhub
from feeds.models import Activity, Component, Role
from tests.pages import Html, signed_in


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


def begin(
    name: str, *, minutes: float = 1, silent: float = 0, repository: str = "web", progress: int = 40
) -> Activity:
    """Record a build that began MINUTES ago, with its last news SILENT minutes ago."""
    now = timezone.now()
    document = {
        "id": f"{Activity.objects.count() + 1:024x}", "target": "build", "operation": "created",
        "progress": progress, "timestamp": (now - timedelta(minutes=minutes)).isoformat(),
        "objects": {"project": {"id": "shop"}, "repository": {"id": repository}, "name": name},
    }  # fmt: skip
    sender = actions.Sender(actions.ensure_user("ci", role=Role.BOT))
    uuid = actions.record(sender, teamhub.parse(document, now=now)).activity
    last = now - timedelta(minutes=silent)
    Activity.objects.filter(uuid=uuid).update(touched_at=last, received_at=last)
    return Activity.objects.get(uuid=uuid)


def shown(response: Any) -> list[str]:
    """Return the ids of the rows of the strip."""
    return [row["id"].removeprefix("run-") for row in Html(response).all(".run-row")]


def test_it_shows_the_latest_begun_first_and_counts_all(reader: Client) -> None:
    rows = [begin(f"Build {number}", minutes=number + 1) for number in range(7)]
    page = reader.get("/")
    assert shown(page) == [str(row.uuid) for row in rows[:5]]
    assert Html(page).one(".running summary").text == "In progress (7)"
    assert Html(page).link(".running .aside a") == "/?state=running", "the two that are not here"
    assert Html(page).one("details.running")["open"] == ""
    first = Html(page).all(".run-row")[0]
    assert "Build 0" in first.text
    assert "Running 40 %" in first.text
    assert "1:0" in first.text
    assert len(Html(page).all("article.row")) == 7  # they stand in the list too


def test_only_what_is_live_is_in_progress(reader: Client) -> None:
    running = begin("Running")
    quiet = begin("Quiet", minutes=5, silent=4)
    begin("Stalled", minutes=60, silent=15)
    begin("Abandoned", minutes=60 * 30, silent=60 * 25)
    begin("Over", minutes=60 * 25)
    begin("Ended", progress=100)
    waiting = begin("Waiting")
    Activity.objects.filter(pk=waiting.pk).update(state="pending")
    assert shown(reader.get("/")) == [str(running.uuid), str(quiet.uuid)]


def test_it_keeps_the_filters_of_the_feed(reader: Client) -> None:
    web, maps = begin("Web"), begin("Maps", minutes=2, repository="maps")
    component = Component.objects.create(name="Maps", slug="maps", type="SERVICE")
    actions.attach(component, maps.source)
    for address in ("/", "/feed/running"):
        assert shown(reader.get(address)) == [str(web.uuid), str(maps.uuid)]
        assert shown(reader.get(address, {"component": "maps"})) == [str(maps.uuid)]
        assert shown(reader.get(address, {"source": "-shop/maps"})) == [str(web.uuid)]
        assert shown(reader.get(address, {"state": "failed"})) == []
        assert shown(reader.get(address, {"type": "push"})) == []
    address = Html(reader.get("/", {"component": "maps"})).one("#running")["data-address"]
    assert address == "/feed/running?component=maps"


def test_only_the_first_page_has_it(reader: Client) -> None:
    for number in range(60):
        begin(f"Build {number}", minutes=number + 1, progress=100)
    begin("Running", minutes=0.5)
    first = Html(reader.get("/"))
    assert len(first.all(".run-row")) == 1
    older = Html(reader.get(first.one(".pager [rel=next]")["href"]))
    assert older.all("#running") == []


def test_without_anything_in_progress_only_its_place_is_there(reader: Client) -> None:
    begin("Ended", progress=100)
    for address in ("/", "/feed/running"):
        place = Html(reader.get(address)).one("#running")
        assert place.attrs["hidden"] == ""
        assert place.text == ""


def test_the_list_that_htmx_asks_for_has_it_too(reader: Client) -> None:
    row = begin("Running")
    assert shown(reader.get("/", headers={"HX-Request": "true"})) == [str(row.uuid)]


def test_more_than_fifty_are_not_counted(reader: Client) -> None:
    for number in range(52):
        begin(f"Build {number}")
    assert Html(reader.get("/")).one(".running summary").text == "In progress (50+)"


def test_the_fragment_says_who_may_not_and_what_it_cannot_read(reader: Client) -> None:
    answer = reader.get("/feed/running")
    assert answer["Cache-Control"] == "no-store"
    wrong = reader.get("/feed/running?state=sideways")
    assert wrong.status_code == 400
    assert wrong.content.startswith(b"state: 'sideways' is not one of")
    stranger = Client().get("/feed/running")
    assert (stranger.status_code, stranger.content) == (401, b"Sign in first.\n")
    assert reader.post("/feed/running").status_code == 405


@pytest.mark.django_db
def test_with_anonymous_reading_everybody_sees_it(settings: Any) -> None:
    settings.ANONYMOUS_READ = True
    row = begin("Running")
    assert shown(Client().get("/feed/running")) == [str(row.uuid)]


def test_it_costs_the_same_whatever_runs(reader: Client) -> None:
    def queries() -> int:
        estimates.forget()
        with CaptureQueriesContext(connection) as found:
            reader.get("/feed/running")
        return len(found)

    begin("Running", repository="web")
    queries()
    one = queries()
    for number in range(10):
        begin(f"Build {number}", repository=f"repository-{number}")
    assert queries() == one
