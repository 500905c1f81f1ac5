"""How long a run may take, by the last runs of its pipeline, on every wire; and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions, running
from feeds.dialects import compass, github, gitlab, native, teamhub
from feeds.dialects.mapping import Draft
from feeds.estimates import (
    FEWEST_RUNS,
    LOOKED_AT,
    MOST_PIPELINES,
    Pipeline,
    forget,
    started_at,
    usuals,
)
from feeds.models import Activity, Role
from tests.dialects.documents import load
from tests.events import compass_event
from tests.pages import Html, signed_in

NOW = datetime(2026, 11, 21, 14, 3, tzinfo=UTC)
MINUTES = (4, 5, 6, 5, 5)  # that the finished runs took


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def record(draft: Draft) -> Activity:
    if draft.dialect == "compass":
        actions.create_source(draft.source_id, kind=draft.kind)
    sender = actions.Sender(actions.ensure_user("ci", role=Role.BOT))
    return Activity.objects.get(uuid=actions.record(sender, draft).activity)


def compass_build(number: int, began: datetime, took: timedelta | None, name: str) -> Draft:
    body = compass_event("build", lastUpdated=iso(began + (took or timedelta(0))))
    properties = body["event"]["build"]["buildProperties"]
    properties |= {"startedAt": iso(began), "state": "SUCCESSFUL" if took else "IN_PROGRESS"}
    if took:
        properties["completedAt"] = iso(began + took)
    properties["pipeline"] = {"pipelineId": f"{name}-{number}", "displayName": name}
    return compass.parse(body)


def compass_deployment(number: int, began: datetime, took: timedelta | None, name: str) -> Draft:
    body = compass_event("deployment", lastUpdated=iso(began + (took or timedelta(0))))
    properties = body["event"]["deployment"]["deploymentProperties"]
    properties |= {"startedAt": iso(began), "sequenceNumber": number}
    properties["state"] = "SUCCESSFUL" if took else "IN_PROGRESS"
    properties["pipeline"] = {**properties["pipeline"], "pipelineId": name}
    return compass.parse(body)


def github_run(number: int, began: datetime, took: timedelta | None, name: str) -> Draft:
    document = load("github/workflow-run-completed")
    document["workflow_run"] |= {
        "id": hash(name) % 10**9 + number, "name": name, "run_number": number, "status":
        "completed" if took else "in_progress", "conclusion": "success" if took else None,
        "run_started_at": iso(began), "updated_at": iso(began + (took or timedelta(0))),
    }  # fmt: skip
    return github.parse(document, now=NOW, event="workflow_run")


def gitlab_pipeline(number: int, began: datetime, took: timedelta | None, name: str) -> Draft:
    document = load("gitlab/pipeline-success")
    document["object_attributes"] |= {
        "id": hash(name) % 10**9 + number, "name": name,
        "status": "success" if took else "running", "created_at": f"{began:%Y-%m-%d %H:%M:%S} UTC",
        "finished_at": f"{began + took:%Y-%m-%d %H:%M:%S} UTC" if took else None,
    }  # fmt: skip
    document["builds"] = []
    return gitlab.parse(document, now=NOW, event="pipeline")


def teamhub_build(number: int, began: datetime, took: timedelta | None, name: str) -> Draft:
    document = {
        "id": f"{hash(name) % 16**12:012x}{number:012x}", "target": "build",
        "timestamp": iso(began), "created_at": iso(began),
        "updated_at": iso(began + (took or timedelta(0))),
        "operation": "completed" if took else "created", "progress": 100 if took else 30,
        "objects": {"project": {"id": "shop"}, "repository": {"id": "web"}, "name": name},
    }  # fmt: skip
    return teamhub.parse(document, now=NOW)


WIRES = [compass_build, compass_deployment, github_run, gitlab_pipeline, teamhub_build]


def history(wire: Any, name: str, minutes: tuple[int, ...] = MINUTES) -> None:
    for number, took in enumerate(minutes):
        record(wire(number, NOW - timedelta(hours=number + 2), timedelta(minutes=took), name))


@pytest.mark.django_db
@pytest.mark.parametrize("wire", WIRES)
def test_an_estimate_rests_on_the_same_pipeline_and_on_the_clock_of_its_wire(wire: Any) -> None:
    history(wire, "Nightly")
    history(wire, "Quick", (1, 1, 1))
    began = NOW - timedelta(minutes=2)
    run = record(wire(50, began, None, "Nightly"))
    assert run.state == "running"
    assert started_at(run) == began
    usual = usuals([run])[Pipeline.of(run)]
    assert (usual.runs, usual.median) == (len(MINUTES), timedelta(minutes=5))
    assert timedelta(minutes=4) <= usual.low <= usual.median <= usual.high <= timedelta(minutes=6)
    other = record(wire(51, began, None, "Quick"))
    assert usuals([run, other])[Pipeline.of(other)].median == timedelta(minutes=1)
    stranger = record(wire(52, began, None, "Another"))
    assert usuals([stranger]) == {}


@pytest.mark.django_db
def test_without_times_of_its_wire_our_clock_counts_from_first_news_to_last() -> None:
    def draft(number: int, state: str, sequence: int) -> Draft:
        document = {
            "kind": "build", "title": f"Build {number}", "state": state, "sequence": sequence,
            "external_id": str(number), "source": {"external_id": "shop"},
        }  # fmt: skip
        return native.parse(document, now=NOW, external_id="")

    for number in range(4):
        row = record(draft(number, "running", 1))
        first = timezone.now() - timedelta(minutes=10)
        Activity.objects.filter(pk=row.pk).update(received_at=first)
        record(draft(number, "running", 2))
        record(draft(number, "succeeded", 3))
    record(draft(98, "succeeded", 1))  # came when it was over: nobody knows how long it took
    run = record(draft(99, "running", 1))
    usual = usuals([run])[Pipeline.of(run)]
    assert usual.runs == 4
    assert usual.median == pytest.approx(timedelta(minutes=10), abs=timedelta(seconds=30))
    assert usual.gap == pytest.approx(timedelta(minutes=5), abs=timedelta(seconds=15))


@pytest.mark.django_db
def test_fewer_than_three_runs_and_cancelled_ones_are_no_experience() -> None:
    history(compass_deployment, "deploy", (5,) * (FEWEST_RUNS - 1))
    run = record(compass_deployment(50, NOW, None, "deploy"))
    for number in range(60, 70):
        cancelled = compass_deployment(number, NOW, timedelta(minutes=1), "deploy")
        cancelled.state = "cancelled"
        record(cancelled)
    assert usuals([run]) == {}
    forget()
    record(compass_deployment(70, NOW, timedelta(minutes=5), "deploy"))
    assert usuals([run])[Pipeline.of(run)].runs == FEWEST_RUNS


@pytest.mark.django_db
def test_only_the_last_twenty_runs_count() -> None:
    history(compass_deployment, "deploy", (5,) * 20 + (60,) * 20)
    run = record(compass_deployment(50, NOW, None, "deploy"))
    usual = usuals([run])[Pipeline.of(run)]
    assert (usual.runs, usual.high) == (20, timedelta(minutes=5))


@pytest.mark.django_db
def test_times_that_cannot_be_read_are_no_error() -> None:
    history(github_run, "CI")
    for number, began in enumerate(("yesterday", None, 7, [], "2026-13-45T00:00:00Z")):
        draft = github_run(80 + number, NOW, None, "CI")
        draft.details["workflow_run"]["run_started_at"] = began
        run = record(draft)
        assert started_at(run) == run.received_at
        draft = github_run(90 + number, NOW, timedelta(minutes=1), "CI")
        draft.details["workflow_run"]["run_started_at"] = began
        record(draft)
    assert usuals([run])[Pipeline.of(run)].median == timedelta(minutes=5)


@pytest.mark.django_db
def test_a_page_of_runs_costs_one_query_whatever_their_number(
    django_assert_num_queries: Any,
) -> None:
    history(compass_deployment, "deploy")
    ended = list(Activity.objects.all())
    with django_assert_num_queries(0):
        running.standings(ended, now=NOW)
    runs = [record(compass_deployment(50 + n, NOW, None, f"deploy-{n}")) for n in range(30)]
    with django_assert_num_queries(1):
        assert len(running.standings([*runs, *ended], now=NOW)) == 30
    shown = runs[:MOST_PIPELINES]
    with django_assert_num_queries(0):  # what was learned just now will do
        running.standings(shown, now=NOW)


@pytest.mark.django_db
def test_a_pipeline_that_ran_long_ago_costs_no_walk_through_the_history() -> None:
    history(compass_deployment, "rare")
    history(compass_deployment, "busy", (1,) * LOOKED_AT)
    Activity.objects.filter(object_key="rare").update(occurred_at=NOW - timedelta(days=99))
    run = record(compass_deployment(999, NOW, None, "rare"))
    assert usuals([run]) == {}


# ---- in words


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (100, 140, "about 2 min left"), (60, 240, "1\N{EN DASH}4 min left"),
        (-30, 240, "up to 4 min left"), (-90, 59, "less than 1 min left"), (-90, 0, ""),
        (7000, 7300, "about 2 h left"), (3600, 4 * 3600, "1\N{EN DASH}4 h left"),
    ],
)  # fmt: skip
def test_what_is_left_is_said_as_a_band(low: int, high: int, said: str) -> None:
    assert running.left(low, high) == said


@pytest.mark.parametrize(
    ("seconds", "clock", "span"),
    [
        (0, "0:00", "0 s"), (59, "0:59", "59 s"), (221, "3:41", "3 min"),
        (3821, "1:03:41", "1 h"), (97200, "1 d 3 h", "1 d"),
    ],
)  # fmt: skip
def test_lengths_of_time_are_short(seconds: int, clock: str, span: str) -> None:
    assert (running.clock(seconds), running.span(seconds)) == (clock, span)


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


def test_a_row_says_percent_elapsed_and_what_is_left(reader: Client) -> None:
    now = timezone.now().replace(microsecond=0)
    for number in range(5):
        began = now - timedelta(hours=number + 2)
        record(teamhub_build(number, began, timedelta(seconds=240), "Nightly"))
    run = teamhub_build(50, now - timedelta(seconds=121), None, "Nightly")
    record(run)
    page = Html(reader.get("/?type=build"))
    text = page.one(".feed .run").text
    assert text.startswith("2:0")
    assert text.endswith(", about 2 min left")
    bar = page.one(".feed progress")
    assert (bar["value"], bar["max"]) == ("30", "100")
    assert bar["aria-describedby"] == page.one(".feed .run")["id"]
    assert bar["aria-label"].startswith("Progress of ")


def test_an_unknown_percent_has_a_bar_without_a_value(reader: Client) -> None:
    record(compass_deployment(1, timezone.now() - timedelta(seconds=62), None, "deploy"))
    page = Html(reader.get("/"))
    assert "value" not in page.one(".feed progress").attrs
    assert page.one(".feed .pill").text == "Running"
    assert page.one(".feed .run").text.startswith("1:0")


def test_what_waits_shows_for_how_long_and_no_bar(reader: Client) -> None:
    pending = compass_deployment(1, timezone.now() - timedelta(seconds=62), None, "deploy")
    pending.state = "pending"
    record(pending)
    page = Html(reader.get("/"))
    assert page.one(".feed .pill").text == "Pending"
    assert page.one(".feed .run").text.startswith("1:0")
    assert page.all("progress") == []


def test_longer_than_three_times_the_usual_is_said(reader: Client) -> None:
    now = timezone.now()
    for number in range(4):
        began = now - timedelta(hours=number + 2)
        record(compass_deployment(number, began, timedelta(minutes=2), "deploy"))
    record(compass_deployment(50, now - timedelta(minutes=7), None, "deploy"))
    page = Html(reader.get("/?state=running"))
    assert page.one(".feed .pill").text == "Longer than usual"
    assert page.one(".feed .run").text.endswith(", usually 2 min")


@pytest.mark.django_db
def test_a_page_of_running_builds_costs_no_query_per_row(reader: Client) -> None:
    def queries() -> int:
        forget()
        with CaptureQueriesContext(connection) as found:
            assert reader.get("/").status_code == 200
        return len(found)

    record(teamhub_build(1, timezone.now(), None, "Nightly"))
    queries()
    one = queries()
    for number in range(20):
        record(teamhub_build(100 + number, timezone.now(), None, f"Build {number}"))
    assert queries() == one
