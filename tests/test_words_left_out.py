"""Words that are left out of a feed, wherever it is read: page, API, subscriptions, exports."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from feeds.filters import FeedFilter
from feeds.models import Activity
from tests.conftest import Caller
from tests.pages import Html, record, signed_in

pytestmark = pytest.mark.django_db
QUERY = {"q": 'build -"build 1" -2'}


@pytest.fixture
def builds() -> list[str]:
    """Record "build 0" to "build 3", and return the titles that QUERY shows."""
    record(4)
    return ["build 3", "build 0"]


def test_the_feed_leaves_them_out_and_says_each_in_a_chip(builds: list[str]) -> None:
    page = Html(signed_in().get("/", QUERY))
    assert page.titles == builds
    assert [chip.text for chip in page.all(".chip")] == [
        "Text contains build", 'Text lacks "build 1"', "Text lacks 2",
    ]  # fmt: skip
    assert [chip["href"] for chip in page.all("a.chip-x")] == [
        "/?q=-%22build+1%22+-2", "/?q=build+-2", "/?q=build+-%22build+1%22",
    ]  # fmt: skip
    assert [chip["href"] for chip in page.all("a.flip")] == [
        "/?q=build+-2+%22build+1%22", "/?q=build+-%22build+1%22+2",
    ]  # fmt: skip
    assert page.one("#f-query")["value"] == QUERY["q"]


def test_the_box_leads_to_the_address(builds: list[str]) -> None:
    client = signed_in()
    address = client.get("/", {"query": 'type:build -2 -text:"build 1"'})["Location"]
    assert address == "/?type=build&q=-2+-%22build+1%22"
    assert Html(client.get(address)).titles == builds


def test_programs_subscriptions_and_exports_leave_them_out(
    builds: list[str], viewer: Caller
) -> None:
    answer = viewer.get("/api/v1/activities", query=QUERY["q"]).json()
    assert [row["title"] for row in answer["results"]] == builds
    client: Client = signed_in("admin")
    atom = client.get("/feed.atom", QUERY).content.decode()
    lines = b"".join(client.get("/feed.ndjson", QUERY)).decode().splitlines()  # type: ignore[arg-type]
    table = b"".join(client.get("/feed.csv", QUERY)).decode()  # type: ignore[arg-type]
    assert [json.loads(line)["title"] for line in lines] == builds
    for number in range(4):
        wanted = f"build {number}" in builds
        assert (f">build {number}<" in atom, f"build {number}" in table) == (wanted, wanted)
    counts = viewer.get("/api/v1/activities/facets", **QUERY).json()
    assert counts["window"]["counted"] == len(builds)


def test_a_view_keeps_them(builds: list[str]) -> None:
    client = signed_in()
    client.post("/views/new/", {"name": "Without two", "query": "?q=-2"})
    page = Html(client.get("/?q=-2"))
    assert page.titles == ["build 3", "build 1", "build 0"]
    assert "Without two" in page.one("main").text


def test_what_comes_in_is_matched_row_by_row(builds: list[str]) -> None:
    two = Activity.objects.get(title="build 2")
    three = Activity.objects.get(title="build 3")
    filter: Any = FeedFilter(q="-2")
    assert list(filter.rows().filter(id__in=[two.pk, three.pk])) == [three]
