"""Searches over a long history, through the page: what is found, how far it was looked, and on."""

from __future__ import annotations

import pytest
from django.test import Client

from benchmarks.rows import make_catalogue, make_rows
from feeds.looks import LIMITS
from feeds.models import Activity
from tests.conftest import Caller
from tests.pages import Html, signed_in

ROWS = LIMITS.held + LIMITS.looked_at  # the newest and as many as are taken from the index
#: What no row of rows.py passes. To change all the rows instead takes PostgreSQL half a minute.
NOT_OF_OURS = "&".join(f"generator=-ci-{number}.example.com" for number in range(12))
pytestmark = pytest.mark.django_db(transaction=True)  # rows.py drops indexes, and makes them again


@pytest.fixture
def reader(db: None) -> Client:
    """Let somebody read a history in which every row holds "build", and one in eight "checkout"."""
    make_catalogue()
    make_rows(1, ROWS)
    return signed_in("viewer")


def followed(reader: Client, address: str, rel: str = "next") -> list[Html]:
    pages = []
    while address:
        pages.append(Html(reader.get(address)))
        address = pages[-1].link(f".pager a[rel={rel}]")
        assert len(pages) < 20
    return pages


def oldest() -> Activity:
    return Activity.objects.order_by("occurred_at", "id")[0]


def test_words_that_are_rare_are_found_however_old_they_are(reader: Client) -> None:
    row = oldest()
    row.title = "a zebra crossing at the checkout"
    row.save(update_fields=["title"])
    for words in ("zebra", "checkout zebra", '"zebra crossing"', "zeb*", "build* zebra"):
        found = Html(reader.get("/", {"q": words}))
        wanted = [] if "build" in words else [str(row.uuid)]
        assert found.rows == wanted, words
        assert found.all(".looked") + found.all(".pager") == [], words


def test_common_words_that_never_meet_find_nothing_and_leave_nothing_open(reader: Client) -> None:
    found = Html(reader.get("/", {"q": "checkout payments"}))
    assert found.one(".empty h2").text == "Nothing matches these filters"
    assert not found.all(".looked")
    assert not found.all(".pager")


def test_the_pages_of_a_word_hold_every_row_once_both_ways(reader: Client) -> None:
    older = followed(reader, "/?q=w11*")
    wanted = [str(row.uuid) for row in Activity.objects.filter(title__contains=" w11")]
    assert len(wanted) > 100
    assert [row for page in older for row in page.rows] == wanted
    address = older[-1].link(".pager a[rel=prev]")
    newer = followed(reader, address, "prev")
    assert [row for page in newer[::-1] for row in page.rows] == wanted[: -len(older[-1].rows)]


def test_where_it_stops_looking_it_says_so_and_looks_further_until_the_end(
    reader: Client, bot: Caller
) -> None:
    row = oldest()
    Activity.objects.filter(pk=row.pk).update(generator="elsewhere")
    address = f"/?q=build&{NOT_OF_OURS}"
    pages = followed(reader, address)
    assert len(pages) > 3
    for page in pages[:-1]:
        assert page.rows == []
        assert page.one(".empty h2").text == "Nothing found so far"
        assert page.one(".looked").text.startswith("Looked through 3,000 events, back to 20")
        assert page.one(".pager a[rel=next]").text == "Look further"
    assert "0 among the newest 3,000" in pages[0].one(".histogram").text
    assert pages[-1].rows == [str(row.uuid)]
    assert not pages[-1].all(".looked")
    assert Html(reader.get(f"/?{NOT_OF_OURS}")).rows == pages[-1].rows, (
        "no words: it goes to the end"
    )
    answer = bot.get(f"/api/v1/activities{address[1:]}").json()
    assert answer["results"] == []
    assert "before=" in answer["next"]


def test_looking_for_newer_ones_goes_further_too(reader: Client) -> None:
    newest = Activity.objects.order_by("-occurred_at", "-id")[0]
    Activity.objects.filter(pk=newest.pk).update(generator="elsewhere")
    last = followed(reader, f"/?q=build&{NOT_OF_OURS}")[-1]
    pages = followed(reader, last.link(".pager a[rel=prev]"), "prev")
    assert pages[0].one(".pager a[rel=prev]").text == "Look further"
    assert pages[0].one(".looked").text.startswith("Looked through 3,000 events, on to 20")
    assert pages[-1].rows == [str(newest.uuid)]


def test_what_only_leaves_words_out_is_found_by_a_walk_that_says_how_far_it_went(
    reader: Client, bot: Caller
) -> None:
    newest = Html(reader.get("/?q=-checkout"))
    without = Activity.objects.exclude(title__contains="checkout").order_by("-occurred_at", "-id")
    assert newest.rows == [str(row.uuid) for row in without[:50]]
    assert not newest.all(".looked"), "the first page has it all the same"
    row = oldest()
    row.title = "a zebra crossing"
    row.save(update_fields=["title"])
    for address in ("/?q=-build", "/?q=-build*", '/?q=-"build w*"'):
        pages = followed(reader, address)
        assert len(pages) > 3
        assert [page.rows for page in pages[:-1]] == [[]] * (len(pages) - 1)
        assert pages[0].one(".looked").text.startswith("Looked through 3,000 events, back to 20")
        assert pages[-1].rows == [str(row.uuid)]
    answer = bot.get("/api/v1/activities", query="-build").json()
    assert answer["results"] == []
    assert "query=-build&before=" in answer["next"]


def test_a_rare_word_without_another_is_found_however_old_it_is(reader: Client) -> None:
    row = oldest()
    row.title = "a zebra crossing at the checkout"
    row.save(update_fields=["title"])
    for words, expected in (
        ("zebra -build", True), ("zebra -checkout", False), ('zebra -"at checkout"', True),
        ("zeb* -build", True), ('"zebra crossing" -build*', True), ("zebra -check*", False),
        ("checkout -build", True),
    ):  # fmt: skip
        found = Html(reader.get("/", {"q": words}))
        assert found.rows == ([str(row.uuid)] if expected else []), words
        assert found.all(".looked") + found.all(".pager") == [], words


def test_an_emoji_is_looked_for_row_by_row_and_beside_a_rare_word_at_once(reader: Client) -> None:
    row = oldest()
    row.title = "🚀 a zebra crossing"
    row.save(update_fields=["title"])
    assert Html(reader.get("/", {"q": "zebra 🚀"})).rows == [str(row.uuid)]
    assert Html(reader.get("/", {"q": "zebra -🚀"})).all(".empty h2")[0].text == (
        "Nothing matches these filters"
    )
    pages = followed(reader, "/?q=🚀")
    assert pages[0].one(".looked").text.startswith("Looked through 3,000 events, back to 20")
    assert pages[-1].rows == [str(row.uuid)]
