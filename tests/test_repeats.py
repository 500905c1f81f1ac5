"""What stands between the rows: heads over adjacent repeats, and the line of the last visit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions
from feeds.models import Activity, EventSource, User
from tests.pages import START, Html, record, signed_in

MINUTE = timedelta(minutes=1)


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


def at(*minutes: float, **fields: Any) -> list[Activity]:
    """Record an activity at each of MINUTES, which are all later than those before."""
    found = []
    for minute in minutes:
        before = Activity.objects.count()
        found += record(1, before=before, occurred_at=START + minute * MINUTE, **fields)
    return found


def heads(page: Html) -> list[str]:
    return [head.text for head in page.all("article.repeat h2")]


def grouped(page: Html) -> dict[str, str]:
    """Return the group of each row that is in one, by its title."""
    rows = page.all("article.row")
    return {
        title: row["data-in"]
        for row, title in zip(rows, page.titles, strict=True)
        if "data-in" in row.attrs
    }


# ---- adjacent repeats


def test_three_of_a_kind_within_ten_minutes_stand_under_one_head(reader: Client) -> None:
    at(0, 4, 10, state="failed", actor_key="ci", actor_name="CI")
    page = Html(reader.get("/"))
    assert heads(page) == ["3 builds from shop/web by CI, 12:00 to 12:10"]
    assert page.one("article.repeat .said").text == "3 failed"
    assert len(page.all("article.repeat .cells i")) == 3
    assert list(grouped(page).values()) == ["1", "1", "1"]
    places = [article["aria-posinset"] for article in page.all(".feed article")]
    assert places == ["1", "2", "3", "4"]


def test_twelve_in_twenty_minutes_are_one_group_named_by_their_component(reader: Client) -> None:
    rows = at(*[1.5 * number for number in range(13)], state="succeeded")
    actions.attach(actions.create_component("Cache"), EventSource.objects.get())
    Activity.objects.filter(pk=rows[0].pk).update(state="failed")
    page = Html(reader.get("/"))
    assert heads(page) == ["13 builds from Cache by recorder, 12:00 to 12:18"]
    assert page.one("article.repeat .said").text == "1 failed, 12 succeeded"
    assert len(page.all("article.repeat .cells i")) == 12
    assert page.all("article.repeat .cells i")[0]["class"] == "ink-danger"


@pytest.mark.parametrize(
    ("minutes", "in_groups"),
    [
        ((0, 5), 0),
        ((0, 6, 12), 0),
        ((0, 9, 11, 13), 3),
        ((0, 1, 2, 12, 13, 14), 6),
        ((0, 1, 2, 20), 3),
    ],
)
def test_only_what_is_close_is_collapsed(
    reader: Client, minutes: tuple[float, ...], in_groups: int
) -> None:
    at(*minutes)
    assert len(grouped(Html(reader.get("/")))) == in_groups


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "push"},
        {"actor_key": "maria"},
        {"source_id": "shop/api"},
        {"state": "running", "progress": 40},
    ],
)
def test_another_type_actor_or_component_and_what_runs_part_a_group(
    reader: Client, other: dict[str, Any]
) -> None:
    at(0, 1)
    at(2, **other)
    at(3, 4)
    assert heads(Html(reader.get("/"))) == []
    at(5)
    page = Html(reader.get("/"))
    assert len(heads(page)) == 1
    assert set(grouped(page)) == {"build 3", "build 4", "build 5"}


def test_collapsing_is_switched_off_in_the_list_and_in_the_address(reader: Client) -> None:
    at(0, 1, 2)
    form = {"collapse": "off", "next": "/?type=build"}
    page = Html(reader.get("/?collapse=off&type=build"))
    assert heads(page) == []
    kept = page.one(".reading input[name=next]")["value"]
    assert kept == "/?collapse=off&type=build", "another density leaves the list as it is"
    assert reader.post("/settings/reading/", {"density": "cozy", "next": kept})["Location"] == kept
    assert len(heads(Html(reader.get("/")))) == 1
    assert reader.post("/settings/reading/", form)["Location"] == "/?type=build"
    form["next"] = "/?collapse=on&type=build"
    assert reader.post("/settings/reading/", form)["Location"] == "/?type=build"
    page = Html(reader.get("/"))
    assert heads(page) == []
    assert page.one(".reading button[name=collapse]")["aria-pressed"] == "false"
    # it is no filter: no view, row or subscription carries it
    links = [link["href"] for link in Html(reader.get("/?collapse=off")).all("article.row a")]
    assert not [link for link in links if "collapse" in link]
    assert b"collapse" not in reader.get("/feed/rows?collapse=off").content


def test_rows_that_come_later_are_plain(reader: Client) -> None:
    at(0, 1, 2)
    page = Html(reader.get("/feed/rows?after=0"))
    assert len(page.rows) == 3
    assert (heads(page), grouped(page)) == ([], {})


def test_a_component_has_groups_too_and_paging_counts_rows(reader: Client) -> None:
    record(60)
    actions.attach(actions.create_component("Web"), EventSource.objects.get())
    page = Html(reader.get("/components/web/"))
    assert len(page.rows) == 50
    assert heads(page) == ["50 builds from Web by recorder, at 12:00"]
    older = Html(reader.get(page.link(".pager a[rel=next]")))
    assert heads(older) == ["10 builds from Web by recorder, at 12:00"]


# ---- density


def test_a_switch_keeps_the_density_and_comfort_shows_the_first_words(reader: Client) -> None:
    record(1, content="Line one\n\n<b>is</b> text. " + "x" * 500)
    activity = {"kind": "activity", "dialect": "streams", "source_id": "jira"}
    record(1, before=1, content="<p>We <b>moved</b> it<script>alert(1)</script></p>", **activity)
    assert Html(reader.get("/")).all(".words") == []
    assert reader.post("/settings/reading/", {"density": "comfort"})["Location"] == "/"
    for path in ("/", "/feed/rows", "/feed/rows?after=0"):
        moved, plain = (words.text for words in Html(reader.get(path)).all("article.row .words"))
        assert moved == "We moved it"
        assert plain.startswith("Line one <b>is</b> text. xxx")
        assert len(plain) == 301
    assert Html(reader.get("/")).one(".reading button[value=comfort]")["aria-pressed"] == "true"


def test_a_switch_leads_nowhere_else_and_takes_nothing_else(reader: Client) -> None:
    wrong = {"density": "huge", "collapse": "maybe", "next": "https://evil.example/"}
    assert reader.post("/settings/reading/", wrong)["Location"] == "/"
    assert reader.get("/settings/reading/").status_code == 405
    user = User.objects.get(username="viewer")
    assert (user.density, user.collapse) == ("cozy", True)


def test_strangers_keep_their_density_in_a_cookie(db: None, settings: Any) -> None:
    settings.ANONYMOUS_READ = True
    stranger = Client()
    record(3)
    page = Html(stranger.get("/"))
    assert page.one("html")["data-density"] == "cozy"
    off = page.link(".reading a.btn")
    assert heads(Html(stranger.get(off))) == []
    stranger.post("/settings/reading/", {"density": "compact"})
    assert Html(stranger.get("/")).one("html")["data-density"] == "compact"


# ---- since the last visit


def visit(reader: Client, *, ago: timedelta) -> datetime:
    """Let the last look of READER at the feed be so long AGO."""
    reader.get("/")
    then = timezone.now() - ago
    User.objects.filter(username="viewer").update(seen_at=then)
    return then


def came(rows: list[Activity], moment: datetime) -> None:
    Activity.objects.filter(pk__in=[row.pk for row in rows]).update(received_at=moment)


def order(page: Html) -> list[str]:
    """Return the titles of the list, with a line where the last visit ended."""
    return [
        "---" if found.tag == "div" else found.text
        for found in page.elements
        if found.matches(".visit") or found.matches(".object")
    ]


def test_a_line_parts_what_came_since_the_last_visit(reader: Client) -> None:
    old = at(0, 20)
    then = visit(reader, ago=timedelta(hours=8))
    came(old, then - MINUTE)
    at(40, 60)
    page = Html(reader.get("/"))
    assert order(page) == ["build 3", "build 2", "---", "build 1", "build 0"]
    assert (
        page.one(".visit").text == f"Above: new since your last visit, {then:%Y-%m-%d %H:%M:%S} UTC"
    )
    assert order(Html(reader.get("/?q=build"))) == order(page), "filters change nothing about when"
    # the visit goes on, on every device, and the line stays
    phone = Client()
    phone.force_login(User.objects.get(username="viewer"))
    assert order(Html(phone.get("/"))) == order(page)


def test_what_happened_before_and_came_after_stands_below_and_says_so(reader: Client) -> None:
    old = at(0, 40)
    came(old, visit(reader, ago=timedelta(hours=8)) - MINUTE)
    at(20)
    page = Html(reader.get("/"))
    assert order(page) == ["---", "build 1", "build 2", "build 0"]
    new = [row for row in page.all("article.row") if "New" in row.text]
    assert [row["id"] for row in new] == [f"ev-{page.rows[1]}"]
    assert "New" in Html(reader.get(f"/feed/rows?ids={page.rows[1]}")).one(".fresh").text


def test_no_group_reaches_over_the_line(reader: Client) -> None:
    old = at(0, 1, 2)
    came(old, visit(reader, ago=timedelta(hours=8)) - MINUTE)
    at(3, 4, 5)
    page = Html(reader.get("/"))
    assert grouped(page) == {
        **dict.fromkeys(("build 5", "build 4", "build 3"), "1"),
        **dict.fromkeys(("build 2", "build 1", "build 0"), "2"),
    }


def test_older_pages_have_the_line_only_where_it_belongs(reader: Client) -> None:
    old = record(30)
    came(old, visit(reader, ago=timedelta(hours=8)) - MINUTE)
    record(60, before=30)
    first = Html(reader.get("/"))
    assert order(first)[-1] == "---", "all of the first page came since"
    assert first.one(".visit").text.startswith("Above, and on older pages: new since")
    second = Html(reader.get(first.link(".pager a[rel=next]")))
    assert order(second).index("---") == 10
    assert second.one(".visit").text.startswith("Above: new since")


def test_a_first_visit_has_no_line_and_a_visit_lasts_while_one_looks(reader: Client) -> None:
    at(0)
    assert "---" not in order(Html(reader.get("/")))
    visit(reader, ago=29 * MINUTE)
    assert "---" not in order(Html(reader.get("/")))
    visit(reader, ago=31 * MINUTE)
    assert "---" in order(Html(reader.get("/feed/rows") and reader.get("/")))


def test_looking_costs_no_query_but_one_write_a_minute(reader: Client) -> None:
    at(0)
    reader.get("/")

    def writes(path: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            reader.get(path)
        return sum(query["sql"].startswith("UPDATE") for query in asked.captured_queries)

    assert [writes(path) for path in ("/", "/?type=build", "/feed/rows")] == [0, 0, 0]
    visit(reader, ago=2 * MINUTE)
    assert [writes("/feed/rows"), writes("/")] == [1, 0]


def test_two_devices_that_come_back_at_once_agree(db: None) -> None:
    signed_in("viewer")
    then = timezone.now() - timedelta(hours=8)
    User.objects.filter(username="viewer").update(seen_at=then)
    one, other = (User.objects.get(username="viewer") for _ in range(2))
    now = timezone.now()
    actions.look(one, now=now)
    actions.look(other, now=now + timedelta(seconds=1))
    assert one.seen_before == other.seen_before == then
    assert other.seen_at == now
