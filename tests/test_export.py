"""Export: CSV and NDJSON of any view, whole, and harmless to those who open it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.signals import request_finished
from django.db import DatabaseError, close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as moderately
from hypothesis import strategies as st

from feeds import actions, feedtoken, pages
from feeds.api import export
from feeds.models import Activity
from tests.conftest import Caller
from tests.pages import START, record, signed_in

DOORS = [
    "/feed.ndjson",
    "/feed.csv",
    "/api/v1/activities/export",
    "/api/v1/activities/export?format=csv",
]


def lines(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]


def table(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200, response.content
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def listed(reader: Caller, **query: Any) -> list[dict[str, Any]]:
    """Walk the pages of the API's list."""
    found: list[dict[str, Any]] = []
    page = reader.get("/api/v1/activities", **query, limit=7).json()
    while True:
        found += page["results"]
        if not page["next"]:
            return found
        page = reader.get(page["next"]).json()


def leave(response: Any) -> None:
    """Go away as a client does, and leave the test its connection to the database."""
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)


def variety() -> None:
    for number in range(40):
        record(
            before=number,
            kind=("build", "push", "deployment")[number % 3],
            state=("failed", "succeeded", "")[number % 3],
            source_id=f"shop/{number % 2}",
            actor_key=("maria", "-ci", "jonas", "")[number % 4],
            target_key=("prod", "stage")[number % 2],
            title=("deploy web", "fix the search", "roll back")[number % 3],
            occurred_at=START + timedelta(seconds=number // 4),  # several at one moment
        )
    component = actions.create_component("Web")
    actions.attach(component, Activity.objects.filter(source__external_id="shop/0")[0].source)


VALUES = {
    "type": ["build", "push", "-push", "-deployment"],
    "state": ["failed", "-succeeded"],
    "actor": ["maria", "\\-ci", "-maria", "--ci"],
    "target": ["prod", "-prod"],
    "environment": ["prod", "-prod"],
    "component": ["web", "-web"],
    "source": ["shop/1", "-shop/0"],
    "q": ["deploy", "ro*", "fix the"],
    "since": [(START + timedelta(seconds=3)).isoformat()],
    "until": [(START + timedelta(seconds=7)).isoformat()],
}
queries = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(st.sampled_from(values), max_size=1 if name in "q since until" else 2)
        for name, values in VALUES.items()
    },
)


@moderately(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(queries)
def test_an_export_is_what_the_list_shows_under_every_filter(
    viewer: Caller, monkeypatch: pytest.MonkeyPatch, query: dict[str, list[str]]
) -> None:
    if not Activity.objects.exists():
        variety()
    monkeypatch.setattr(pages, "STRIDE", 6)  # so that a few rows take several steps
    wanted = listed(viewer, **query)
    assert lines(viewer.get("/feed.ndjson", **query)) == wanted
    assert lines(viewer.get("/api/v1/activities/export", **query)) == wanted
    rows = table(viewer.get("/feed.csv", **query))
    assert [row["uuid"] for row in rows] == [row["uuid"] for row in wanted]


@pytest.mark.parametrize("door", ["/feed.ndjson", "/feed.csv"])
def test_what_comes_changes_and_goes_while_it_runs_neither_shifts_nor_doubles_a_row(
    viewer: Caller, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    monkeypatch.setattr(pages, "STRIDE", 10)
    rows = record(30)
    response = viewer.get(door)
    pieces, text = iter(response.streaming_content), b""
    while text.count(b"\n") < 10:
        text += next(pieces)
    record(5, before=100)  # newer than all
    record(5, before=200, occurred_at=START - timedelta(hours=1))  # older than all
    record(1, before=300, occurred_at=rows[25].occurred_at)  # among what is written already
    rows[3].delete()
    Activity.objects.filter(pk=rows[2].pk).update(title="changed meanwhile")
    text += b"".join(pieces)
    old = [row for row in reversed(rows) if row.title != "build 3"]
    kept = Activity.objects.filter(external_id__gte="200", external_id__lt="205").order_by("-id")
    positions = [text.find(str(row.uuid).encode()) for row in [*old, *kept]]
    assert positions == sorted(positions)
    assert positions[0] > 0
    assert text.count(b"\n") == len(positions) + door.endswith("csv")
    assert b"changed meanwhile" in text


def test_the_text_of_the_box_filters_exports_and_subscriptions_too(viewer: Caller) -> None:
    variety()
    asked = {"query": "type:build -actor:maria", "state": "failed"}
    wanted = listed(viewer, type="build", actor="-maria", state="failed")
    assert 0 < len(wanted) < 14
    assert lines(viewer.get("/feed.ndjson", **asked)) == wanted
    assert lines(viewer.get("/api/v1/activities/export", **asked)) == wanted
    items = viewer.get("/feed.json", **asked).json()["items"]
    assert [item["id"].removeprefix("urn:uuid:") for item in items] == [
        row["uuid"] for row in wanted
    ]
    for door in ("/feed.json", "/feed.csv", "/api/v1/activities/export"):
        wrong = viewer.get(door, query="type:castle")
        assert wrong.status_code == 400
        assert b"query: " in wrong.content


def test_lines_are_the_json_of_the_api_whatever_stands_in_them(viewer: Caller) -> None:
    odd = {"huge": 2**70, "text": 'a\u2028b\x7f"\\', "deep": {"n": [1.5, None, True]}}
    record(1, details=odd, raw='{"as": "sent"}\n', content="two\nlines", progress=None)
    record(1, before=1, occurred_at=datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=UTC))
    assert lines(viewer.get("/feed.ndjson")) == listed(viewer)


def test_a_table_keeps_commas_quotes_lines_and_letters_and_writes_times_in_utc(
    viewer: Caller,
) -> None:
    title = 'a, "b"\r\nc\nd — żółć 🚀'
    record(1, title=title, content="x,y", occurred_at=START)
    response = viewer.get("/feed.csv")
    assert response["Content-Type"].startswith("text/csv; charset=utf-8")
    text = b"".join(response.streaming_content).decode()
    assert text.startswith("uuid,occurred_at,received_at,touched_at,kind,")
    assert '"a, ""b""\r\nc\nd — żółć 🚀"' in text
    assert text.endswith("\r\n")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["title"], row["content"]) == (title, "x,y")
    assert row["occurred_at"] == "2026-11-21T12:00:00Z"


def test_a_moment_is_written_with_all_of_its_digits(viewer: Caller) -> None:
    moment = datetime(2026, 1, 1, 1, 2, 3, 120000, tzinfo=UTC)
    record(1, occurred_at=moment)
    (row,), (line,) = table(viewer.get("/feed.csv")), lines(viewer.get("/feed.ndjson"))
    assert row["occurred_at"] == line["occurred_at"] == "2026-01-01T01:02:03.120000Z"


def test_sources_and_their_components_are_asked_for_once_however_many_rows(viewer: Caller) -> None:
    component = actions.create_component("Web")
    rows = record(2 * export.NDJSON.batch + 1)
    actions.attach(component, rows[0].source)
    with CaptureQueriesContext(connection) as asked:
        found = lines(viewer.get("/feed.ndjson"))
    assert len(found) == len(rows)
    assert all(row["components"][0]["slug"] == "web" for row in found)
    questions = [one["sql"] for one in asked if "feeds_component" in one["sql"]]
    assert len(questions) == 1


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff20x"]
)
def test_no_text_of_strangers_is_a_formula(viewer: Caller, text: str) -> None:
    record(1, title=text, content=text, actor_key=f"{text}x", target_key=text)
    (row,) = table(viewer.get("/feed.csv"))
    assert row["title"] == row["content"] == f"'{text}"
    assert row["actor_key"] == f"'{text}x"
    (line,) = lines(viewer.get("/feed.ndjson"))
    assert line["content"] == text  # programs get what was sent


def test_the_file_is_named_after_the_view_and_the_day(viewer: Caller, admin: Caller) -> None:
    day = f"{timezone.now():%Y-%m-%d}"
    mine = actions.save_view(viewer.user, name="Größe / failed builds", query="type=build")
    hidden = actions.save_view(admin.user, name="Secret plans")
    named = {
        f"/feed.csv?view={mine.uuid}": f"pulseboard-größe-failed-builds-{day}.csv",
        f"/feed.ndjson?view={hidden.uuid}": f"pulseboard-feed-{day}.ndjson",
        "/feed.csv?view=all": f"pulseboard-feed-{day}.csv",
        "/api/v1/activities/export": f"pulseboard-feed-{day}.ndjson",
    }
    for address, name in named.items():
        response = viewer.get(address)
        header = unquote(response["Content-Disposition"])
        leave(response)
        assert header.startswith("attachment; ")
        assert header.endswith((f"''{name}", f'"{name}"')), header


@pytest.mark.parametrize("door", DOORS)
def test_only_readers_export_and_a_wrong_filter_is_named(viewer: Caller, door: str) -> None:
    assert Client().get(door).status_code == 401
    token = feedtoken.token_of(viewer.user)
    assert Client().get(door, {"token": token}).status_code in {400, 401}
    wrong = (
        viewer.get(door, type="castle") if "?" not in door else viewer.get(f"{door}&type=castle")
    )
    assert wrong.status_code == 400
    assert b"type: 'castle' is not one of" in wrong.content


def test_a_format_that_there_is_not_is_a_problem_that_names_the_others(viewer: Caller) -> None:
    answer = viewer.get("/api/v1/activities/export", format="xlsx")
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"field": "format", "message": "must be one of csv, ndjson"}]
    headers = {"authorization": viewer.basic, "accept": "text/csv"}
    accepted = viewer.client.get("/api/v1/activities/export?format=csv", headers=headers)
    assert accepted.status_code == 200


def test_an_export_that_breaks_off_says_so_in_its_last_line(
    viewer: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "STRIDE", 2)
    record(6)

    def run(door: str) -> bytes:
        pieces = iter(viewer.get(door).streaming_content)
        text = next(pieces) + next(pieces)

        def fail(execute: Any, *args: Any) -> Any:
            raise DatabaseError("the server closed the connection")

        with connection.execute_wrapper(fail):
            return text + b"".join(pieces)

    assert json.loads(run("/feed.ndjson").splitlines()[-1]) == {"error": export.BROKEN}
    assert run("/feed.csv").splitlines()[-1].decode() == export.BROKEN


def test_a_process_writes_two_exports_at_once_and_gives_the_place_of_one_that_ended(
    viewer: Caller,
) -> None:
    record(1)
    first, second = viewer.get("/feed.csv"), viewer.get("/feed.ndjson")
    for door in DOORS:
        refused = viewer.get(door)
        assert refused.status_code == 503
        assert refused["Retry-After"] == "30"
    assert (
        viewer.client.head("/feed.csv", headers={"authorization": viewer.basic}).status_code == 200
    )
    leave(first)
    leave(first)
    third = viewer.get("/feed.csv")
    assert viewer.get("/feed.csv").status_code == 503
    assert len(table(third)) == len(lines(second)) == 1
    leave(third)
    leave(second)
    assert len(table(viewer.get("/feed.csv"))) == 1


def test_a_person_who_is_signed_in_gets_a_file(db: None) -> None:
    record(3)
    response = signed_in().get("/feed.csv")
    assert len(table(response)) == 3
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "no-referrer"
