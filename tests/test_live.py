"""The live stream: web and live as two real processes over one database."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.http import QueryDict

from feeds import actions
from feeds.filters import FeedFilter
from feeds.live.listeners import Listener
from feeds.live.lookout import Lookout
from tests.conftest import Caller
from tests.house import PATIENCE
from tests.live import AT_ONCE, SOON, Live, live_beside, living, transaction


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with living() as found:
        yield found


def test_an_event_is_hinted_soon_to_those_whose_filter_it_passes(live: Live) -> None:
    source = live.site.source()
    with (
        live.stream() as everything,
        live.stream(params={"source": source, "type": "custom"}) as same,
        live.stream(params={"source": source, "type": "-custom"}) as other,
    ):
        live.post(source, "1")
        assert everything.hint().data["new"] == 1
        hint = same.hint()
        assert hint.data == {"seq": int(hint.id), "new": 1}
        quiet = other.next()  # after 15 s of silence
        assert quiet is not None
        assert quiet.name == "ping"
        assert quiet.data["seq"] == int(quiet.id)


def test_the_headers_keep_proxies_from_holding_events_back(live: Live) -> None:
    with live.stream() as stream:
        headers = stream.response.headers
    assert headers["Content-Type"].startswith("text/event-stream")
    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-cache", "no")
    assert "Content-Encoding" not in headers


def test_two_events_of_one_request_are_two(live: Live) -> None:
    source = live.site.source()
    with live.stream(params={"source": source}) as stream:
        live.post(source, "1", "2")
        stream.count(2)


@pytest.mark.parametrize("by", ["Last-Event-ID", "after"])
def test_who_resumes_first_hears_how_much_came_since(live: Live, by: str) -> None:
    source = live.site.source()
    with live.stream(params={"source": source}) as stream:
        last = stream.last
    live.post(source, "1", "2", "3")
    headers = {"Last-Event-ID": last} if by == "Last-Event-ID" else {}
    query = {"source": source, "after": last if by == "after" else "0"}
    with live.stream(fresh=False, params=query, headers=headers) as stream:
        assert stream.hint().data["new"] == 3
        live.post(source, "4")
        assert stream.hint().data["new"] == 1


# ---- late commits


@pytest.mark.skipif(
    not os.environ.get("DATABASE_URL", "").startswith("postgres"),
    reason="SQLite has one writer at a time, so ids are committed in order",
)
def test_a_lower_id_that_is_committed_later_is_noticed_once_and_survives_a_resume(
    live: Live,
) -> None:
    source = live.site.source()
    query = {"source": source}
    live.post(source, "first")
    with live.stream(params=query) as stream, transaction(live) as slow, transaction(live) as quick:
        assert slow.insert(source, "slow") < quick.insert(source, "quick")
        quick.commit()
        assert stream.hint().data["new"] == 1
        last = stream.last
        time.sleep(1)
        slow.commit()
        assert stream.hint().data["new"] == 1
        live.post(source, "next")  # and nothing twice
        assert stream.hint().data["new"] == 1
        # the id of the first hint lies before the late row, so who resumes there hears of it
        query["q"] = "slow"
        with live.stream(params=query, fresh=False, headers={"Last-Event-ID": last}) as resumed:
            assert resumed.hint().data["new"] == 1


# ---- the cost


def test_a_look_costs_one_more_query_for_each_distinct_filter_and_two_to_write_rows(
    bot: Caller, django_assert_num_queries: Any
) -> None:
    actions.create_source("shop/web", kind="custom")
    texts = ["type=custom&q=event", "q=event&type=custom", "q=event&q=event&type=custom", "q=none"]
    listeners = [
        Listener(FeedFilter.read(QueryDict(text)), whole=whole)
        for whole in (False, True)
        for text in texts
    ]
    lookout = Lookout()
    for listener in listeners:
        listener.start = lookout.mark
    with django_assert_num_queries(3):  # new, changed, deleted
        assert lookout.look(listeners) == {}
    assert bot.event().status_code == 202
    with django_assert_num_queries(3 + 2 + 2 + 2):  # two filters for pages, two for programs
        news = lookout.look(listeners)
    hinted, told = listeners[:3], listeners[4:7]
    assert news.keys() == {*hinted, *told}
    assert [news[listener].new for listener in hinted] == [1, 1, 1]
    (row,) = {id(news[listener].rows[0]): news[listener].rows[0] for listener in told}.values()
    assert json.loads(row)["external_id"]
    assert lookout.look(listeners) == {}


# ---- refusals


def test_nobody_in_particular_is_401(live: Live) -> None:
    for response in (live.get(), live.get(login="somebody@example.com:wrong")):
        with response:
            assert response.status_code == 401
            assert response.headers["Content-Type"] == "application/problem+json"


def test_a_bearer_token_and_a_session_are_let_in(live: Live) -> None:
    email, _, token = live.site.bot().partition(":")
    with live.get(headers={"Authorization": f"Bearer {token}"}) as response:
        assert response.status_code == 200
    key = live.site.house.manage("shell", "--verbosity", "0", "-c", SIGN_IN.format(email=email))
    with live.get(cookies={"sessionid": key}) as response:
        assert response.status_code == 200
    with live.get(cookies={"sessionid": key[::-1]}) as response:
        assert response.status_code == 401


SIGN_IN = """
from django.test import Client
from feeds.models import User
client = Client()
client.force_login(
    User.objects.get(email="{email}"), "django.contrib.auth.backends.ModelBackend"
)
print(client.cookies["sessionid"].value)
"""


@pytest.mark.parametrize(
    ("name", "value"), [("type", "party"), ("since", "whenever"), ("after", "-1"), ("after", "²")]
)
def test_a_wrong_filter_is_400_and_named(live: Live, name: str, value: str) -> None:
    with live.get(login=live.site.admin, params={name: value}) as response:
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == name


def test_what_is_not_the_stream_is_not_served(live: Live) -> None:
    address = f"http://127.0.0.1:{live.port}/live"
    assert requests.get(f"{address}/healthz", timeout=PATIENCE).status_code == 200
    assert requests.get(f"{address}/other", timeout=PATIENCE).status_code == 404
    assert requests.post(f"{address}/feed", timeout=PATIENCE).status_code == 405
    stranger = {"Host": "stranger.example.com"}
    with live.get(login=live.site.admin, headers=stranger) as response:
        assert response.status_code == 400


def test_the_ninth_stream_of_a_user_is_429_until_others_are_gone(live: Live) -> None:
    bot = live.site.bot()
    for _ in range(2):
        with contextlib.ExitStack() as stack:
            for _ in range(AT_ONCE):
                stack.enter_context(opened_when_there_is_room(live, bot))
            with live.get(login=bot) as ninth, live.get(login=live.site.admin) as other:
                assert (ninth.status_code, other.status_code) == (429, 200)


def opened_when_there_is_room(live: Live, login: str) -> requests.Response:
    """Open a stream; those that were closed a moment ago may still count."""
    end = time.monotonic() + SOON
    while (response := live.get(login=login)).status_code == 429:
        response.close()
        assert time.monotonic() < end, "closed streams still count"
        time.sleep(0.1)
    assert response.status_code == 200
    return response


# ---- the end


def test_a_process_that_must_end_says_bye(live: Live) -> None:
    with live_beside(live.site.house, live.site) as second, second.stream() as stream:
        second.process.terminate()
        bye = stream.next()
        assert bye is not None
        assert bye.name == "bye"
        assert bye.data["retry_ms"] > 0
        assert stream.next() is None
        assert second.process.wait(SOON) == 0
