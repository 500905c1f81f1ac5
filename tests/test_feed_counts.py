"""Facets and bars without a page: what an open page asks for when its rows have changed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.pages import Html, record, signed_in


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


@pytest.mark.parametrize("query", ["", "?type=build", "?type=-push&stack=type", "?q=build"])
def test_they_are_those_of_the_page_with_the_same_filters(reader: Client, query: str) -> None:
    record(3)
    record(2, before=3, kind="push")
    page = reader.get(f"/{query}")
    again = reader.get(Html(page).one("details.facets")["data-counts"])
    assert again.status_code == 200
    assert again.content.strip()
    for part in re.split(rb"(?=<figure)", again.content.strip()):
        assert part.strip() in page.content
    assert b"<figure" in again.content
    assert b"<html" not in again.content


def test_all_is_the_sum_of_the_types_and_of_the_bars(reader: Client) -> None:
    record(60)
    record(7, before=60, kind="push")
    answer = Html(reader.get("/feed/counts"))
    numbers = [
        int(count.text)
        for count in answer.all("span.count")
        if any(one.matches("details[data-facet=type]") for one in count.parents)
    ]
    assert numbers == [67, 60, 7]
    assert answer.one("p.counted").text == "Counts of all 67"
    rows = re.findall(r"[:,] (\d+) ", " ".join(title.text for title in answer.all("title")))
    assert sum(map(int, rows)) == 67


def test_the_rows_take_one_query_and_their_components_another(reader: Client) -> None:
    record(60)
    reader.get("/feed/counts")
    with CaptureQueriesContext(connection) as found:
        reader.get("/feed/counts?type=build")
    asked = [one["sql"] for one in found if "session" not in one["sql"]]
    assert len([sql for sql in asked if "feeds_activity" in sql]) == 1
    assert len(asked) <= 3, asked  # and who asks


def test_they_are_never_kept(reader: Client) -> None:
    assert reader.get("/feed/counts")["Cache-Control"] == "no-store"


@pytest.mark.parametrize("query", ["type=none", "stack=up", "since=never"])
def test_what_cannot_be_read_is_400_in_words(reader: Client, query: str) -> None:
    answer = reader.get(f"/feed/counts?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "text/plain"
    assert query.partition("=")[0] in answer.content.decode()


def test_who_may_read_the_feed_may_ask(db: None, settings: Any) -> None:
    assert Client().get("/feed/counts").status_code == 401
    assert signed_in("viewer").post("/feed/counts").status_code == 405
    settings.ANONYMOUS_READ = True
    assert Client().get("/feed/counts").status_code == 200
