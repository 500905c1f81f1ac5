"""Rows without a page: what an open page asks for, new ones and changed ones."""

from __future__ import annotations

import os
import threading
import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from feeds.models import Activity
from feeds.news import LATE, watermark
from tests.pages import START, Html, record, signed_in


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


def ask(reader: Client, query: str = "") -> Any:
    answer = reader.get(f"/feed/rows{query}")
    assert answer.status_code == 200, answer.content
    return answer


def seq_of(page: Any) -> str:
    return Html(page).one("div.live")["data-seq"]


def uuids(rows: list[Activity]) -> list[str]:
    """Return the uuids of ROWS, newest first."""
    return [str(row.uuid) for row in reversed(rows)]


# ---- new rows


def test_what_comes_after_the_page_is_what_its_number_asks_for(reader: Client) -> None:
    record(3)
    seq = seq_of(reader.get("/"))
    assert Html(ask(reader, f"?after={seq}")).rows == []
    new = record(2, before=3)
    answer = ask(reader, f"?after={seq}")
    assert Html(answer).rows == uuids(new)
    assert Html(ask(reader, f"?after={answer['X-Feed-Seq']}")).rows == []


def test_new_rows_pass_the_filters_of_the_page_and_keep_its_links(reader: Client) -> None:
    query = "type=build&q=build"
    seq = seq_of(reader.get(f"/?{query}"))
    builds = record(2)
    record(2, before=2, kind="push", title="no build")
    answer = ask(reader, f"?{query}&after={seq}")
    assert Html(answer).rows == uuids(builds)
    # the links are those of the whole page
    assert reader.get(f"/?{query}").content.find(b"generator=Jenkins") > 0
    links = {link["href"] for link in Html(answer).all("article.row a")}
    assert links <= {link["href"] for link in Html(reader.get(f"/?{query}")).all("article.row a")}


def test_rows_stand_by_when_they_happened_not_by_when_they_came(reader: Client) -> None:
    record(1, before=5)
    late = record(1, before=1)
    assert Html(ask(reader, "?after=0")).titles == ["build 5", "build 1"]
    assert Html(ask(reader, f"?after={late[0].pk - 1}")).titles == ["build 1"]


def test_an_answer_holds_fifty_and_says_where_the_rest_begins(reader: Client) -> None:
    rows = record(120)
    found: list[str] = []
    more = ""
    for size in (50, 50, 20):
        answer = ask(reader, f"?after=0&below={more}")
        page = Html(answer).rows
        assert len(page) == size
        found += page
        more = answer.get("X-Feed-More", "")
    assert sorted(found) == sorted(uuids(rows))
    assert more == ""


def test_without_a_question_it_answers_with_the_first_page(reader: Client) -> None:
    record(60)
    assert Html(ask(reader)).rows == Html(reader.get("/")).rows


# ---- changed rows


def test_named_rows_come_as_they_are_now_or_not_at_all(reader: Client) -> None:
    first, second = record(2, state="running", progress=30)
    record(1, sequence=2, state="failed", progress=None)
    named = f"ids={first.uuid},{second.uuid},{uuid.uuid4()}"
    assert Html(ask(reader, f"?{named}")).rows == [str(second.uuid), str(first.uuid)]
    assert Html(ask(reader, f"?state=running&{named}")).rows == [str(second.uuid)]
    assert b"Failed" in ask(reader, f"?ids={first.uuid}").content


def test_one_question_may_ask_for_both_and_gets_no_row_twice(reader: Client) -> None:
    known = record(2)
    seq = seq_of(reader.get("/"))
    new = record(1, before=2)
    answer = ask(reader, f"?after={seq}&ids={known[0].uuid},{new[0].uuid}")
    assert Html(answer).rows == [str(new[0].uuid), str(known[0].uuid)]


# ---- who may ask, and how


def test_it_is_never_kept_and_is_no_page(reader: Client) -> None:
    answer = ask(reader)
    assert answer["Cache-Control"] == "no-store"
    assert b"<html" not in answer.content


def test_nobody_in_particular_is_401_and_not_led_to_the_sign_in_page(db: None) -> None:
    assert Client().get("/feed/rows").status_code == 401


def test_with_anonymous_read_everybody_may_ask(db: None, settings: Any) -> None:
    settings.ANONYMOUS_READ = True
    rows = record(1)
    assert Html(ask(Client())).rows == uuids(rows)


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=²", f"after={2**63}", "after=1&below=x", "ids=1", "since=whenever"],
)
def test_a_wrong_question_is_400_and_names_the_field(reader: Client, query: str) -> None:
    answer = reader.get(f"/feed/rows?{query}")
    assert answer.status_code == 400
    name = query.rpartition("&")[2].partition("=")[0]
    assert answer.content.decode().startswith(f"{name}: ")


def test_more_than_fifty_ids_are_refused(reader: Client) -> None:
    query = ",".join(str(uuid.uuid4()) for _ in range(51))
    assert reader.get(f"/feed/rows?ids={query}").status_code == 400


def test_only_the_newest_page_shows_new_rows(reader: Client) -> None:
    record(60)
    older = Html(reader.get("/")).link(".pager a[rel=next]")
    (bar,) = Html(reader.get(older)).all("div.live")
    assert "data-first" not in bar.attrs
    assert bar["data-rows"] == "/feed/rows"


# ---- the order of commits


@pytest.mark.skipif(
    not os.environ.get("DATABASE_URL", "").startswith("postgres"),
    reason="SQLite has one writer at a time, so ids are committed in order",
)
@pytest.mark.django_db(transaction=True)
def test_a_lower_id_that_is_committed_later_is_not_passed_over() -> None:
    reader = signed_in("viewer")
    Activity.objects.filter(pk=record(1)[0].pk).update(received_at=START - LATE)
    begun, go = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                record(1, before=1, title="slow")
                begun.set()
                go.wait(20)
        finally:
            connection.close()

    writer = threading.Thread(target=slow)
    writer.start()
    assert begun.wait(20)
    try:
        quick = record(1, before=2, title="quick", source_id="shop/quick")
        page = reader.get("/")
        assert Html(page).titles == ["quick", "build 0"]
        assert int(seq_of(page)) < quick[0].pk, "who goes on from here must hear of the slow one"
    finally:
        go.set()
        writer.join()
    assert Html(ask(reader, f"?after={seq_of(page)}")).titles == ["quick", "slow"]
    assert watermark() == max(Activity.objects.values_list("pk", flat=True))


def test_the_watermark_of_nothing_is_zero(db: None) -> None:
    assert watermark() == 0
