"""The list of heartbeats: its order, filters, strips, and who sees which buttons."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions as feed
from heartbeats import actions
from heartbeats.models import Flip, Heartbeat
from tests.heartbeats.beats import FAIL, SUCCESS, make
from tests.pages import Html, person, signed_in

PATH = "/heartbeats/"
EVIL = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture
def ana(db: None) -> Client:
    """The browser of somebody who may send."""
    return signed_in("composer", "ana")


def page(client: Client, query: str = "") -> Html:
    response = client.get(query if query.startswith("/") else PATH + query)
    assert response.status_code == 200
    return Html(response)


def names(found: Html) -> list[str]:
    return [link.text for link in found.all("li.beat a.name")]


def pinged(name: str, **fields: Any) -> Heartbeat:
    """Make a heartbeat that was pinged just now."""
    now = timezone.now()
    beat = make(name, now=now - timedelta(days=3), **fields)
    actions.ping(beat.ping_key, SUCCESS, now=now)
    return beat


def broken(name: str, **fields: Any) -> Heartbeat:
    """Make a heartbeat that is down for an hour."""
    now = timezone.now()
    beat = make(name, now=now - timedelta(days=3), **fields)
    actions.ping(beat.ping_key, SUCCESS, now=now - timedelta(hours=6))
    actions.ping(beat.ping_key, FAIL, now=now - timedelta(hours=1))
    return beat


def test_an_empty_page_says_what_a_heartbeat_is_and_how_to_make_one(ana: Client) -> None:
    text = page(ana).one(".empty").text
    assert "dead man's switch" in text
    assert "New heartbeat" in text
    assert "New heartbeat" not in page(signed_in("viewer")).one("main").text


def test_those_that_are_down_come_first_and_then_names(ana: Client) -> None:
    for name in ("zebra", "apple"):
        pinged(name)
    broken("mango")
    make("banana")
    found = page(ana)
    assert names(found) == ["mango", "apple", "banana", "zebra"]
    words = [state.text for state in found.all(".beat-state .pill")]
    assert words == ["Unresponsive", "Responsive", "Pending", "Responsive"]
    tabs = [link.text for link in found.all(".tabs a") if "state=" in link["href"]]
    assert tabs == ["Unresponsive 1", "Responsive 2", "Pending 1", "Off 0"]
    assert found.one(".nav-count").text == "1 unresponsive"


def test_a_row_says_when_it_is_due_in_words(ana: Client) -> None:
    shop = feed.create_component("Checkout")
    pinged("backup", grace=timedelta(minutes=1), component=shop, alert_priority="P2", tags=["prod"])
    make("report", cron="30 2 * * *", time_zone="Europe/Berlin", grace=timedelta(hours=2))
    make("off", enabled=False)
    rows = {row["id"]: row.text for row in page(ana).all("li.beat")}
    backup, off, report = (rows[f"hb-{beat.uuid}"] for beat in Heartbeat.objects.order_by("name"))
    assert "every 5 min + 1 min grace" in backup
    assert "next due" in backup
    assert "last ping" in backup
    assert "Checkout P2 ops#prod" in backup
    assert "30 2 * * * (Europe/Berlin) + 2 h grace" in report
    assert "waits for its first ping" in report
    assert "not watched" in off


def test_one_that_is_in_its_grace_is_late_and_not_down(ana: Client) -> None:
    beat = make("backup", now=timezone.now() - timedelta(hours=1), grace=timedelta(minutes=9))
    actions.ping(beat.ping_key, SUCCESS, now=timezone.now() - timedelta(minutes=6))
    assert [pill.text for pill in page(ana).all(".beat-state .pill")] == ["Responsive", "Late"]


def test_one_of_which_nobody_is_told_says_until_when(ana: Client) -> None:
    beat, now = pinged("backup"), timezone.now()
    actions.snooze(beat, until=now + timedelta(minutes=30), now=now)
    assert "Nobody is told until" in page(ana).one("li.beat").text
    actions.snooze(beat, until=None, now=now)
    actions.create_window(beat.team, starts_at=now, duration=timedelta(hours=1))
    assert "Nobody is told until" in page(ana).one("li.beat").text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?team=ops", ["apple", "cherry"]),
        ("?team=ops&team=web", ["apple", "banana", "cherry"]),
        ("?team=-ops", ["banana"]),
        ("?state=Off", ["cherry"]),
        ("?state=Off&state=Pending", ["apple", "banana", "cherry"]),
        ("?state=-Off", ["apple", "banana"]),
        ("?tag=prod", ["apple", "banana"]),
        ("?tag=prod&tag=-eu", ["banana"]),
        ("?tag=-prod", ["cherry"]),
        ("?tag=pro", []),
        ("?component=checkout", ["apple"]),
        ("?component=-checkout", ["banana", "cherry"]),
        ("?q=AN", ["banana"]),
        ("?team=ops&tag=prod&q=a", ["apple"]),
        ("?team=&tag=&q=", ["apple", "banana", "cherry"]),
    ],
)
def test_filters_narrow_the_list(ana: Client, query: str, expected: list[str]) -> None:
    shop = feed.create_component("Checkout")
    make("apple", component=shop, tags=["prod", "eu"])
    make("banana", team="web", tags=["prod"])
    make("cherry", enabled=False)
    assert names(page(ana, query)) == expected


def test_each_filter_in_force_is_a_chip_that_can_be_removed(ana: Client) -> None:
    make("apple", tags=["prod"])
    found = page(ana, "?team=ops&tag=prod&tag=-eu&window=7d")
    chips = [chip.text.replace("Remove the filter ", "") for chip in found.all(".chip")]
    assert chips == ["Team is ops", "Tag is prod", "Tag is not eu"]
    removed = [link["href"] for link in found.all("a.chip-x")]
    assert removed[1] == "?team=ops&tag=-eu&window=7d"
    assert names(page(ana, found.all("a.flip")[0]["href"])) == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?state=Broken", "state: 'Broken' is not one of Unresponsive, Responsive, Pending, Off"),
        ("?window=1y", "window: '1y' is not one of 24h, 7d, 30d, 90d"),
        ("?tag=%00", "tag: must not contain the NUL character"),
        ("?" + "&".join(f"team={n}" for n in range(51)), "team: must not be given more than 50"),
    ],
)
def test_a_wrong_filter_is_named(ana: Client, query: str, words: str) -> None:
    response = ana.get(PATH + query)
    assert response.status_code == 400
    assert words in Html(response).one("#f-error").text


def test_strips_show_the_window_and_say_it_in_words(ana: Client) -> None:
    beat = broken("mango")
    for window, bars in (("24h", 48), ("7d", 42), ("30d", 30), ("90d", 45)):
        found = page(ana, f"?window={window}")
        assert len(found.all("svg.strip a")) == bars
        assert len(found.all("svg.strip title")) == bars
        assert found.one(".tabs a[aria-current=true]")["href"] == f"?window={window}"
        link = found.all("svg.strip a")[-1]["href"]
        assert link.startswith(f"{beat.get_absolute_url()}?since=")
        assert ana.get(link).status_code == 200
    found = page(ana, "?window=24h")
    spoken = found.one("svg.strip")["aria-label"]
    assert re.fullmatch(r"Last 24 hours: 83\.3\d % up, 1 outage, down 1 h( \d s)?", spoken)
    assert found.one("summary.uptime").text in spoken
    tall = [int(bar["height"]) for bar in found.all("svg.strip rect.down")]
    assert tall
    assert max(tall) == 20, "the bar of half an hour that was down all the time is full"
    assert all(height >= 4 for height in tall)
    table = found.one("li.beat table").text
    assert "Unresponsive1 h" in table
    assert "Responsive5 h" in table


def test_uptime_is_never_rounded_up_to_100(ana: Client) -> None:
    beat, now = pinged("backup"), timezone.now()
    Flip.objects.filter(heartbeat=beat).delete()
    at = now - timedelta(days=10)
    for was, state, after in (("Responsive", "Unresponsive", 0), ("Unresponsive", "Responsive", 1)):
        moment = at + timedelta(seconds=after)
        Flip.objects.create(heartbeat=beat, was=was, state=state, at=moment, reason="a second")
    assert page(ana).one("summary.uptime").text == "99.99 %"


def test_a_heartbeat_without_history_has_no_data(ana: Client) -> None:
    make("backup", now=timezone.now())
    found = page(ana)
    assert found.one("summary.uptime").text == "no data"
    assert len(found.all("svg.strip rect.none")) == 30


def test_the_list_comes_in_pages_that_keep_the_filters(ana: Client) -> None:
    for number in range(51):
        make(f"beat {number:02}", tags=["prod"])
    found = page(ana, "?tag=prod")
    assert len(names(found)) == 50
    following = found.link("a[rel=next]")
    assert following == "?tag=prod&page=2"
    assert names(page(ana, following)) == ["beat 50"]
    assert page(ana, following).link("a[rel=prev]") == "?tag=prod&page=1"
    assert "page=2" in page(ana).link("a[rel=next]")


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as found:
        assert client.get(path).status_code == 200
    return len(found)


def test_more_rows_need_no_more_queries(ana: Client) -> None:
    shop = feed.create_component("Checkout")
    broken("first", component=shop, tags=["prod"])
    few = queries(ana, PATH)
    for number in range(12):
        broken(f"beat {number}", component=shop, tags=["prod"], team=f"team {number}")
    assert queries(ana, PATH) == few
    assert few <= 16


def test_htmx_gets_the_rows_alone_and_nobody_keeps_them(ana: Client) -> None:
    pinged("backup")
    response = ana.get(PATH, headers={"HX-Request": "true"})
    found = Html(response)
    assert names(found) == ["backup"]
    assert not found.all("header.bar")
    assert response["Cache-Control"] == "no-store"
    assert "HX-Request" in response["Vary"]
    assert page(ana).one("#live")["hx-trigger"] == "every 10s"


def test_everybody_signed_in_reads_and_only_some_find_buttons(ana: Client) -> None:
    beat = pinged("backup")
    url = str(beat.ping_key)
    assert "Ping now" in page(ana).one("li.beat").text
    assert url in ana.get(PATH).content.decode()
    eve = signed_in("viewer", "eve")
    assert names(page(eve)) == ["backup"]
    assert "Ping now" not in page(eve).one("li.beat").text
    assert url not in eve.get(PATH).content.decode()
    actions.change_team(beat.team, name="Operations", members=[person("composer", "ben")])
    assert names(page(ana)) == ["backup"]
    assert url not in ana.get(PATH).content.decode()
    assert "Ping now" in page(signed_in("admin")).one("li.beat").text
    assert Client().get(PATH)["Location"] == "/sign-in/?next=/heartbeats/"


def test_names_and_tags_are_text_and_no_html(ana: Client) -> None:
    make(EVIL, tags=[EVIL[:50]], team=EVIL)
    found = page(ana)
    assert names(found) == [EVIL]
    assert not found.all("main img")
    assert page(ana, found.all(".beat .sub a")[-1]["href"]).all("li.beat")
    assert page(ana, found.all(".beat .sub a")[0]["href"]).all("li.beat")
