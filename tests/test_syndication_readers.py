"""Who may read the feed elsewhere, how a reader finds it, and what that costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import feedparser
import pytest
import requests
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.http import http_date

from feeds import actions
from feeds.models import Activity, ApiToken
from tests.conftest import Caller
from tests.house import House
from tests.pages import START, Html, person, record, signed_in
from tests.syndicated import (
    ADDRESSES,
    ATOM,
    SITE,
    USER,
    entries_of,
    ids_of,
    text,
)

# ---- who may read


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_are_asked_who_they_are(db: None, client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Basic realm="Pulseboard"'
    wrong = {"authorization": "Basic bm9ib2R5Om5vdGhpbmc="}
    assert client.get(address, headers=wrong).status_code == 401
    assert client.post(address).status_code == 405


@pytest.mark.parametrize("address", ADDRESSES)
def test_members_read_by_any_credentials(viewer: Caller, address: str) -> None:
    record()
    assert len(ids_of(viewer.get(address, os_authType="basic"))) == 1
    bearer = {"authorization": f"Bearer {viewer.secret}"}
    assert viewer.client.get(address, headers=bearer).status_code == 200
    assert signed_in("viewer", "somebody").get(address).status_code == 200
    assert viewer.client.head(address, headers=bearer).content == b""
    actions.revoke_token(ApiToken.objects.get(user=viewer.user))
    assert viewer.get(address).status_code == 401


def test_with_anonymous_read_everybody_reads(db: None, client: Client, settings: Any) -> None:
    settings.ANONYMOUS_READ = True
    record()
    for address in ADDRESSES:
        assert len(ids_of(client.get(address))) == 1
    wrong = {"authorization": "Bearer wrong"}
    assert client.get("/activity", headers=wrong).status_code == 401


def test_e_mail_addresses_are_for_members_alone(
    viewer: Caller, client: Client, settings: Any
) -> None:
    person("viewer", "maria")
    record(actor_key="maria", actor_name="Maria", title="one")
    record(before=1, actor_key="maria@example.com", actor_name="maria@example.com", title="two")
    record(before=2, actor_key="x@example.com", actor_name="x@example.com", title="three")
    record(before=3, actor_key="", actor_name="y@example.com", title="four")
    entries = entries_of(viewer.get("/activity"))
    emails = [entry.findtext(f"{ATOM}author/{ATOM}email") for entry in entries]
    assert emails[1:] == ["x@example.com", "maria@example.com", "maria@example.com"]
    assert text(entries[2], f"{ATOM}author", f"{ATOM}uri") == f"{SITE}/people/maria/"
    settings.ANONYMOUS_READ = True
    one = Activity.objects.get(actor_key="x@example.com")
    for address in (*ADDRESSES, f"/activities/{one.uuid}.as2"):
        body = client.get(address).content.decode()
        assert "example.com" not in body.replace("ci.example.com", ""), address
    (four, three, two, one_) = entries_of(client.get("/activity"))
    assert [text(each, f"{ATOM}author", f"{ATOM}name") for each in (four, three, two, one_)] == [
        "y", "x", "maria", "Maria",
    ]  # fmt: skip
    assert text(two, f"{ATOM}author", f"{USER}username") == "maria"
    assert three.find(f"{ATOM}author/{USER}username") is None


# ---- what it costs

NARROW = {
    "component": "web", "streams": "user CONTAINS a", "thirdparty": "provider_name NOT x@y",
}  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_feed_costs_the_same_few_queries_whatever_its_length(
    viewer: Caller, address: str
) -> None:
    for at in range(20):
        record(10, before=10 * at, source_id=f"shop/{at}", actor_key=f"a{at}", dialect="streams")
    viewer.get(address)
    costs = set()
    for size in (1, 10, 200):
        for query in ({}, NARROW):
            with CaptureQueriesContext(connection) as asked:
                assert viewer.get(address, maxResults=size, **query).status_code == 200
            assert len(asked) <= 8
            if not query:
                costs.add(len(asked))
    assert max(costs) - min(costs) <= 2, "who is known is asked once a second"


def test_the_body_of_an_event_is_never_loaded(viewer: Caller) -> None:
    record(3)
    with CaptureQueriesContext(connection) as asked:
        viewer.get("/activity")
    selects = [query["sql"] for query in asked if '"feeds_activity"."title"' in query["sql"]]
    assert len(selects) == 1
    assert '"feeds_activity"."raw"' not in selects[0]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_reader_that_comes_back_hears_only_what_is_new(viewer: Caller, address: str) -> None:
    record(3)
    Activity.objects.update(touched_at=START)
    first = viewer.get(address)
    headers = {"authorization": viewer.basic}

    def ask(**validators: str) -> Any:
        return viewer.client.get(address, headers={**headers, **validators})

    again = ask(**{"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again["ETag"] == first["ETag"]
    assert ask(**{"if-modified-since": first["Last-Modified"]}).status_code == 304
    record(before=3)
    assert ask(**{"if-none-match": first["ETag"]}).status_code == 200
    assert ask(**{"if-modified-since": first["Last-Modified"]}).status_code == 200
    newest = viewer.get(address)
    Activity.objects.latest("occurred_at").delete()
    assert ask(**{"if-none-match": newest["ETag"]}).status_code == 200
    assert "Authorization" in newest["Vary"]
    assert "private" in newest["Cache-Control"]


def test_what_changed_in_this_second_has_no_date_to_remember(viewer: Caller) -> None:
    record()
    now = timezone.now()
    Activity.objects.update(touched_at=now + timedelta(seconds=5))
    assert "Last-Modified" not in viewer.get("/activity").headers
    Activity.objects.update(touched_at=now - timedelta(seconds=5))
    assert viewer.get("/activity")["Last-Modified"] == http_date(now.timestamp() - 5)


# ---- the page


def test_every_view_of_the_feed_can_be_subscribed_to(db: None) -> None:
    record(3, kind="push")
    client = signed_in()
    page = Html(client.get("/", {"type": ["push", "build"], "q": "a&b"}))
    head = page.one("link[type=application/atom+xml]")
    link = page.one("a.subscribe")
    assert parse_qs(urlsplit(head["href"]).query) == {"type": ["push", "build"], "q": ["a&b"]}
    with_secret = parse_qs(urlsplit(link["href"]).query)
    assert with_secret.pop("token"), "a reader elsewhere cannot sign in"
    assert with_secret == {"type": ["push", "build"], "q": ["a&b"]}
    assert urlsplit(head["href"]).path == urlsplit(link["href"]).path == "/feed.atom"
    assert head["rel"] == "alternate"
    assert len(ids_of(client.get(Html(client.get("/")).one("a.subscribe")["href"]))) == 3


def test_a_later_page_subscribes_to_the_newest_too(db: None) -> None:
    record(60)
    client = signed_in()
    older = Html(client.get("/", {"actor": "recorder"})).link("a[rel=next]")
    page = Html(client.get(older))
    query = parse_qs(urlsplit(page.one("a.subscribe")["href"]).query)
    assert query.keys() == {"actor", "token"}


# ---- a real server


def test_a_running_server_is_read_by_a_reader_with_basic_credentials(served: House) -> None:
    token = served.manage("create_token", "reader@example.com", "--role", "viewer").split()[-1]
    answer = requests.get(
        f"{served.url}/activity",
        params={"streams": ["user NOT nobody", "update-date AFTER 0"], "maxResults": "25",
                "os_authType": "basic"},
        auth=("reader@example.com", token),
        timeout=10,
    )  # fmt: skip
    assert answer.status_code == 200
    parsed = feedparser.parse(answer.content)
    assert not parsed.bozo
    assert len(parsed.entries) == 25
    again = requests.get(
        answer.url,
        auth=("reader@example.com", token),
        headers={"If-None-Match": answer.headers["ETag"]},
        timeout=10,
    )
    assert again.status_code == 304
    assert requests.get(f"{served.url}/activity", timeout=10).status_code == 401
