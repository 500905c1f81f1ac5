"""The feed page: its order, its pages, its queries, and the list alone for htmx."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feeds import actions, mentions
from feeds.models import Activity, EventSource
from tests.pages import START, Html, record, signed_in

HTMX = {"HX-Request": "true"}


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


def walk(reader: Client, address: str, rel: str) -> list[list[str]]:
    """Follow the links of one direction, and return the rows of each page."""
    pages = []
    while address:
        page = Html(reader.get(address))
        pages.append(page.rows)
        address = page.link(f".pager a[rel={rel}]")
        assert len(pages) < 20
    return pages


def last_page(reader: Client, address: str = "/") -> str:
    while following := Html(reader.get(address)).link(".pager a[rel=next]"):
        address = following
    return address


def flat(pages: list[list[str]]) -> list[str]:
    return [row for page in pages for row in page]


def query(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


# ---- order and pages


def test_the_newest_is_first_and_a_tie_goes_to_the_row_that_came_last(reader: Client) -> None:
    record(3)
    record(3, before=3, occurred_at=START)
    assert Html(reader.get("/")).titles == [
        "build 2", "build 1", "build 5", "build 4", "build 3", "build 0",
    ]  # fmt: skip


@pytest.mark.parametrize("same_second", [True, False])
@pytest.mark.parametrize("filters", ["/", "/?type=build&actor=recorder&q=build"])
def test_links_walk_the_whole_set_both_ways(
    reader: Client, same_second: bool, filters: str
) -> None:
    rows = record(130, **({"occurred_at": START} if same_second else {}))
    expected = [str(row.uuid) for row in reversed(rows)]
    older = walk(reader, filters, "next")
    assert [len(page) for page in older] == [50, 50, 30]
    assert flat(older) == expected
    newer = walk(reader, last_page(reader, filters), "prev")
    assert flat(newer[::-1]) == expected


def test_rows_that_arrive_between_two_pages_neither_shift_nor_double_any(reader: Client) -> None:
    expected = [str(row.uuid) for row in reversed(record(120, occurred_at=START))]
    seen: list[str] = []
    address, number = "/", 120
    while address:
        page = Html(reader.get(address))
        seen += page.rows
        address = page.link(".pager a[rel=next]")
        record(7, before=number, occurred_at=START)  # in the very same second
        number += 7
    assert seen == expected
    whole = flat(walk(reader, last_page(reader), "prev")[::-1])
    assert whole == [str(row.uuid) for row in Activity.objects.order_by("-occurred_at", "-id")]


def test_a_page_of_exactly_fifty_has_no_link_to_older_ones(reader: Client) -> None:
    record(50)
    page = Html(reader.get("/"))
    assert len(page.rows) == 50
    assert page.all(".pager") == []


def test_filters_stay_in_the_links_between_pages(reader: Client) -> None:
    record(60)
    older = Html(reader.get("/?type=build&type=push&q=build")).link(".pager a[rel=next]")
    assert query(older)["type"] == ["build", "push"]
    assert query(older)["q"] == ["build"]
    page = Html(reader.get(older))
    assert page.link(".pager a[rel=first]") == "/?type=build&type=push&q=build"
    assert "before" not in query(page.link(".chip-x")), "a filter changed starts at the newest"


# ---- how many queries


def queries(reader: Client, address: str) -> int:
    mentions.known()  # asked for once in a while, whatever the page
    with CaptureQueriesContext(connection) as captured:
        assert reader.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("address", ["/", "/?component=web-0&type=build&q=build", "/?source=a"])
def test_the_number_of_queries_does_not_grow_with_rows_or_components(
    reader: Client, address: str
) -> None:
    record(1)
    few = queries(reader, address)
    source = EventSource.objects.get()
    record(200, before=1)
    for number in range(20):
        actions.attach(actions.create_component(f"web {number}"), source)
        record(1, before=201 + number, source_id=f"shop/{number}")
    many = queries(reader, address)
    assert many <= few + 6, "queries that had nothing to ask for, once each"
    for number in range(20, 40):
        actions.attach(actions.create_component(f"web {number}"), source)
    assert queries(reader, address) == many <= 15
    assert queries(reader, address.replace("source=a", "source=shop/web")) <= 15


@pytest.mark.parametrize("path", ["/components/web/", "/components/", "/sources/"])
def test_lists_and_the_pages_of_components_need_few_queries(reader: Client, path: str) -> None:
    web = actions.create_component("web")
    record(1)
    actions.attach(web, EventSource.objects.get())
    few = queries(reader, path)
    for number in range(12):
        record(3, before=1 + 3 * number, source_id=f"shop/{number}")
        source = EventSource.objects.get(external_id=f"shop/{number}")
        actions.attach(web, source)
        actions.attach(actions.create_component(f"other {number}"), source)
    assert queries(reader, path) == few <= 16


# ---- the list alone


def without_keys(response: Any) -> str:
    """Return the page without the tokens of its forms, which are written anew each time."""
    return re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", response.content.decode())


def test_htmx_gets_the_list_of_the_page_alone(reader: Client) -> None:
    record(60)
    whole, part = reader.get("/?type=build"), reader.get("/?type=build", headers=HTMX)
    _, _, listed = without_keys(part).partition("</form>")  # of the box, which goes with it
    assert listed.strip() in without_keys(whole)
    assert len(Html(part).rows) == 50
    assert b"<html" not in part.content
    assert b"pager" in part.content
    assert b"chip-x" in part.content
    assert part["Cache-Control"] == "no-store"
    for response in (whole, part):
        assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("extra", [{"HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}])
def test_boosted_links_and_the_back_button_get_the_page(
    reader: Client, extra: dict[str, str]
) -> None:
    response = reader.get("/", headers={**HTMX, **extra})
    assert b"<html" in response.content


@pytest.mark.parametrize("path", ["/components/web/", "/sources/{source}/"])
def test_the_feeds_of_components_and_sources_answer_htmx_too(reader: Client, path: str) -> None:
    record(60)
    source = EventSource.objects.get()
    actions.attach(actions.create_component("web"), source)
    older = Html(reader.get(path.format(source=source.uuid))).link(".pager a[rel=next]")
    part = reader.get(older, headers=HTMX)
    assert b"<html" not in part.content
    assert len(Html(part).rows) == 10


def test_a_session_that_ended_reloads_the_page_instead_of_showing_a_form_in_it(db: None) -> None:
    response = Client().get("/", headers=HTMX)
    assert response["HX-Refresh"] == "true"
