"""The page of a source: how often it sends, how much, and a test event."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions
from feeds.models import Activity, Delivery, EventKind, EventSource
from tests.pages import Html, record, signed_in


def sent(*ago: timedelta, source_id: str = "shop/web", before: int = 0) -> EventSource:
    """Record an event for each of AGO, and return their source."""
    now = timezone.now()
    for number, each in enumerate(ago):
        record(1, before=before + number, source_id=source_id, occurred_at=now - each)
    return EventSource.objects.get(external_id=source_id)


def hours(*counts: float) -> list[timedelta]:
    return [timedelta(hours=count) for count in counts]


def sub(source: EventSource) -> str:
    return (
        Html(signed_in("viewer", f"r{source.pk}").get(source.get_absolute_url()))
        .one(".head .sub")
        .text
    )


def test_a_source_that_stopped_is_silent_in_words_and_in_the_list(db: None) -> None:
    source = sent(*hours(*range(72, 272, 2)))
    assert "Silent silent for 3 d, usually every 2 h" in sub(source)
    row = Html(signed_in().get("/sources/")).one("tbody tr")
    assert "Silent silent for 3 d, usually every 2 h" in row.text


def test_a_source_that_sends_as_it_does_is_active(db: None) -> None:
    source = sent(*hours(*range(1, 60, 2)))
    assert "Active usually every 2 h" in sub(source)


def test_a_night_like_every_night_is_no_silence(db: None) -> None:
    nights = [*range(10, 24), *range(34, 48), *range(24 * 7 + 10, 24 * 7 + 24)]
    source = sent(
        *(timedelta(hours=hour, minutes=minute) for hour in nights for minute in (0, 20, 40))
    )
    assert "Active" in sub(source)
    loud = sent(*hours(*range(10, 200)), source_id="loud", before=1000)
    assert "Silent silent for 10 h" in sub(loud)


def test_a_source_that_never_sent_and_one_that_hardly_did_are_told_apart(db: None) -> None:
    new = actions.create_source("new", kind="push")
    assert "Nothing yet nothing has come yet" in sub(new)
    few = sent(*hours(50, 60), source_id="few")
    assert "Seen silent for 2 d; 2 events so far, too few" in sub(few)


def test_the_days_add_up_and_each_leads_to_its_events(db: None) -> None:
    source = sent(*[timedelta(days=day) for day in (1, 1, 1, 2, 29, 31)])
    page = Html(signed_in().get(source.get_absolute_url()))
    assert "5 events in 30 days" in page.one("svg.spark")["aria-label"]
    days = page.all("svg.spark a")
    assert len(days) == 30
    fullest = next(day for day in days if "3 events" in day.text)
    assert len(Html(signed_in("viewer", "other").get(fullest["href"])).rows) == 3


def test_of_a_source_that_sends_without_end_the_newest_are_counted_and_that_is_said(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feeds.digests.volume.MOST", 3)
    monkeypatch.setattr("feeds.templatetags.digests.MOST", 3)
    source = sent(*[timedelta(days=day) for day in (0, 1, 2, 3, 4)])
    page = Html(signed_in().get(source.get_absolute_url()))
    assert page.one("svg.spark")["aria-label"].startswith("The newest 3 events reach back to")
    assert len([day for day in page.all("svg.spark a") if "not counted" in day.text]) == 27


# ---- a test event


@pytest.mark.parametrize("kind", EventKind.values)
def test_a_test_event_of_every_kind_comes_in_and_goes_nowhere_else(db: None, kind: str) -> None:
    name = {"activity": "https://ci.example.com@CI", "pull_request": "https://git.example.com/a/b"}
    source = actions.create_source(name.get(kind, "shop/web"), kind=kind)
    client = signed_in("composer", "ann")
    page = Html(client.post(f"{source.get_absolute_url()}test/", follow=True))
    (row,) = Activity.objects.filter(source=source)
    assert page.rows == [str(row.uuid)]
    assert page.link("#messages a") == row.get_absolute_url()
    assert "test" in f"{row.title} {row.external_id}".lower()
    assert row.author
    assert row.author.username == "ann"
    assert row.state not in {"open", "running", "pending", "created", "in_review", "failed"}
    assert not Delivery.objects.exists()
    client.post(f"{source.get_absolute_url()}test/")
    assert Activity.objects.filter(source=source).count() == 2


def test_a_test_event_fits_a_source_whatever_it_is_called(db: None) -> None:
    source = actions.create_source("gh/o@e/x", kind="activity")
    signed_in("bot").post(f"{source.get_absolute_url()}test/")
    assert Activity.objects.get().source == source


def test_who_only_reads_sends_no_test_event(db: None) -> None:
    source = actions.create_source("shop/web", kind="build")
    viewer = signed_in()
    assert Html(viewer.get(source.get_absolute_url())).all(".head-side form") == []
    assert viewer.post(f"{source.get_absolute_url()}test/").status_code == 403
    assert viewer.get(f"{source.get_absolute_url()}test/").status_code == 403
    assert not Activity.objects.exists()


@pytest.mark.parametrize(
    ("kind", "path"),
    [("build", "/gateway/api/compass/v1/events"), ("activity", "/rest/activities/1.0/")],
)
def test_the_curl_line_is_taken_as_it_stands(bot: Any, kind: str, path: str) -> None:
    name = {"activity": "https://ci.example.com@CI"}.get(kind, "shop/web")
    source = actions.create_source(name, kind=kind)
    page = Html(signed_in("composer", "ann").get(source.get_absolute_url()))
    line = shlex.split(page.one("#curl").text.replace("\\ ", ""))
    assert line[line.index("--user") + 1] == "ann@example.com:$PULSEBOARD_TOKEN"
    assert line[3].endswith(path)
    headers = dict(line[at + 1].split(": ") for at, word in enumerate(line) if word == "--header")
    body = line[line.index("--data-raw") + 1]
    answer = bot.post(path, body, headers["Content-Type"])
    assert answer.status_code in {201, 202}, answer.content
    assert Activity.objects.get().source == source


# ---- components, and the cost


def test_an_admin_attaches_and_detaches_on_the_page_of_the_source(db: None) -> None:
    source = actions.create_source("shop/web", kind="build")
    web = actions.create_component("Web")
    boss = signed_in("admin", "boss")
    address = source.get_absolute_url()
    page = Html(boss.post(f"{address}components/", {"component": "web"}, follow=True))
    assert "show on Web" in page.one("#messages").text
    assert list(web.sources.all()) == [source]
    refused = boss.post(f"{address}components/", {"component": "web"})
    assert refused.status_code == 422
    assert Html(refused).one("form#attach .summary")
    boss.post(f"{address}components/web/detach/")
    assert not web.sources.exists()
    composer = signed_in("composer")
    for path in ("components/", "components/web/detach/"):
        assert composer.post(address + path, {"component": "web"}).status_code == 403


def test_the_log_has_pages(bot: Any) -> None:
    source = actions.create_source("shop/web", kind="build")
    for number in range(12):
        bot.event("build", displayName=[number])
    client = signed_in()
    first = Html(client.get(source.get_absolute_url()))
    assert len(first.all(".log li")) == 10
    second = Html(client.get(source.get_absolute_url() + first.link(".card .pager a[rel=next]")))
    assert len(second.all(".log li")) == 2
    assert "must be a string" in second.all(".log li")[0].text
    assert client.get(source.get_absolute_url(), {"log": "x"}).status_code == 200


def test_the_page_and_the_list_cost_a_fixed_number_of_queries(db: None) -> None:
    boss = signed_in("admin", "boss")
    sent(*hours(*range(40, 140)))
    for path, many in ((EventSource.objects.get().get_absolute_url(), 16), ("/sources/", 12)):
        boss.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(path).status_code == 200
        assert len(queries) <= many, [query["sql"] for query in queries]
