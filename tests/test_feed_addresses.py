"""Addresses with a secret, for feed readers that cannot sign in."""

from __future__ import annotations

import logging
from typing import Any
from xml.etree import ElementTree

import feedparser
import pytest
from django.test import Client

from feeds import actions, feedtoken
from feeds.models import User
from tests.conftest import Caller
from tests.pages import record, signed_in
from tests.syndicated import ids_of, next_of

READABLE = ["/feed.atom", "/feed.json"]
SITE = "http://127.0.0.1:8000"


def stranger(address: str, token: str) -> Any:
    glue = "&" if "?" in address else "?"
    return Client().get(f"{address}{glue}token={token}")


@pytest.mark.parametrize("address", READABLE)
def test_an_address_with_the_token_is_read_without_signing_in(viewer: Caller, address: str) -> None:
    record(3, kind="push")
    record(2, before=3)
    token = feedtoken.token_of(viewer.user)
    response = stranger(f"{address}?type=push&maxResults=2", token)
    assert len(ids_of(response)) == 2
    following = next_of(response).removeprefix(SITE)
    assert len(ids_of(Client().get(following))) == 1  # the next page carries the token too
    assert "private" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert not response.cookies
    etag = {"if-none-match": response["ETag"]}
    again = Client().get(address, {"type": "push", "maxResults": 2, "token": token}, headers=etag)
    assert again.status_code == 304


def test_what_a_feed_says_of_itself_keeps_the_token_out_of_all_but_its_own_addresses(
    viewer: Caller,
) -> None:
    record(1)
    token = feedtoken.token_of(viewer.user)
    feed = ElementTree.fromstring(stranger("/feed.atom?type=build", token).content)
    told = {part.tag.rpartition("}")[2] + part.get("rel", ""): part for part in feed}
    assert told["id"].text == f"{SITE}/feed.atom?type=build"
    assert told["linkself"].get("href") == f"{SITE}/feed.atom?type=build&token={token}"
    assert told["linkalternate"].get("href") == f"{SITE}/?type=build"
    entries = ElementTree.tostring(told["entry"]).decode()
    assert token not in entries


@pytest.mark.parametrize("address", READABLE)
def test_after_a_rotation_only_the_new_token_reads(viewer: Caller, address: str) -> None:
    old = feedtoken.token_of(viewer.user)
    actions.rotate_feed_token(viewer.user)
    new = feedtoken.token_of(viewer.user)
    refused = stranger(address, old)
    assert refused.status_code == 401
    assert refused.content.decode().startswith("token: is wrong or was replaced; ")
    assert refused["Cache-Control"] == "private, no-store"
    assert stranger(address, new).status_code == 200


def test_a_token_is_worth_nothing_once_its_user_may_not_come_in(viewer: Caller) -> None:
    token = feedtoken.token_of(viewer.user)
    User.objects.filter(pk=viewer.user.pk).update(is_active=False)
    assert stranger("/feed.atom", token).status_code == 401
    User.objects.filter(pk=viewer.user.pk).delete()
    assert stranger("/feed.atom", token).status_code == 401


@pytest.mark.parametrize("change", ["", "x", "1-0", "1-0.", "{}x", "x{}", "{}.{}", "\x00", "é.é"])
def test_a_token_that_is_not_ours_is_refused_even_with_a_session(
    viewer: Caller, change: str
) -> None:
    token = feedtoken.token_of(viewer.user)
    wrong = change.replace("{}", token)
    expected = 401 if wrong else 200  # no token at all is the session's affair
    assert signed_in("viewer", "other").get("/feed.json", {"token": wrong}).status_code == expected


def test_a_token_of_one_user_does_not_become_one_of_another(viewer: Caller, admin: Caller) -> None:
    mine = feedtoken.token_of(viewer.user)
    _, _, signature = mine.partition(".")
    theirs, _, _ = feedtoken.token_of(admin.user).partition(".")
    assert stranger("/feed.atom", f"{theirs}.{signature}").status_code == 401


def test_a_token_opens_nothing_but_feeds(viewer: Caller) -> None:
    record(1)
    token = feedtoken.token_of(viewer.user)
    pages = ["/", "/feed.as2", "/feed.csv", "/feed.ndjson", "/feed/rows", "/views/", "/settings/"]
    api = ["/api/v1/activities", "/api/v1/activities/export", "/api/v1/me", "/metrics"]
    for address in [*pages, *api]:
        for client, extra in [
            (Client(), {}),
            (Client(), {"authorization": f"Bearer {token}"}),
            (Client(), {"authorization": f"Token {token}"}),
        ]:
            response = client.get(address, {"token": token}, headers=extra)
            assert response.status_code in {302, 400, 401}, address
            assert "/sign-in/" in response.get("Location", "/sign-in/")


def test_no_log_of_ours_has_the_token(viewer: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = feedtoken.token_of(viewer.user)
    actions.rotate_feed_token(viewer.user)
    for address in [*READABLE, "/feed.atom?type=castle", "/feed.atom/nowhere", "/feed.csv"]:
        stranger(address, token)
    assert caplog.records  # the refusals are logged, by their paths
    assert not [record for record in caplog.records if token in record.getMessage()]


def test_a_subscription_to_a_view_follows_it(viewer: Caller, admin: Caller) -> None:
    record(3, kind="push")
    record(2, before=3, kind="build")
    view = actions.save_view(viewer.user, name="Mine & yours", query="type=push")
    address, token = f"/views/{view.uuid}/feed", feedtoken.token_of(viewer.user)
    first = stranger(f"{address}.atom", token)
    parsed = feedparser.parse(first.content)
    assert not parsed.bozo
    assert parsed.feed.title == "Pulseboard: Mine & yours"
    assert parsed.feed.id == f"{SITE}{address}.atom"
    assert len(parsed.entries) == 3
    actions.change_view(view, {"query": "type=build"}, by=viewer.user)
    assert len(ids_of(stranger(f"{address}.json", token))) == 2
    page = stranger(f"{address}.json?maxResults=1", token)
    assert len(ids_of(Client().get(next_of(page).removeprefix(SITE)))) == 1
    theirs = feedtoken.token_of(admin.user)
    assert stranger(f"{address}.atom", theirs).status_code == 404  # it is private
    actions.change_view(view, {"shared": True}, by=viewer.user)
    assert stranger(f"{address}.atom", theirs).status_code == 200
    assert Client().get(f"{address}.atom").status_code == 401
    actions.delete_view(view, by=viewer.user)
    assert stranger(f"{address}.atom", token).status_code == 404
