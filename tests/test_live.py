"""The live stream: web and live as two real processes over one database."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import dj_database_url
import psycopg
import pytest
import requests
from django.http import QueryDict

from feeds import actions
from feeds.filters import FeedFilter
from feeds.live import Viewer, Window
from tests.conftest import Caller
from tests.house import BIN, PATIENCE, ROOT, House, free_port, house, wait_for
from tests.test_production import commands_of_compose
from tests.test_races import Site

SOON = 5  # seconds for a hint
AT_ONCE = 8  # streams of one user


@dataclass
class Event:
    """One server-sent event."""

    name: str
    data: dict[str, Any]
    id: str


@dataclass
class Stream:
    """An open stream."""

    response: requests.Response
    last: str = ""  # the id to resume after
    lines: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.response.iter_lines(chunk_size=1, decode_unicode=True)

    def next(self) -> Event | None:
        """Return the next event, None at the end of the stream."""
        found: dict[str, str] = {}
        for line in self.lines:
            if not line and found:
                self.last = found.get("id", self.last)
                return Event(found["event"], json.loads(found["data"]), found.get("id", ""))
            name, _, found[name] = line.partition(": ") if line else ("", "", "")
        return None

    def hint(self) -> Event:
        """Return the next event, which must be a hint and come soon."""
        begun = time.monotonic()
        event = self.next()
        assert event is not None
        assert event.name == "hint", event
        assert time.monotonic() - begun < SOON
        return event

    def count(self, expected: int) -> None:
        """Read hints until they amount to EXPECTED, which takes no more than EXPECTED hints."""
        total = 0
        for _ in range(expected):
            total += self.hint().data["new"]
            if total >= expected:
                break
        assert total == expected


@dataclass
class Live:
    """The live process of a Pulseboard."""

    site: Site
    port: int
    process: subprocess.Popen[bytes]

    def get(self, *, login: str = "", **fields: Any) -> requests.Response:
        """Ask for the stream as LOGIN (user:token), without reading it."""
        user, _, token = login.partition(":")
        return requests.get(
            f"http://127.0.0.1:{self.port}/live/feed",
            auth=(user, token) if login else None,
            stream=True,
            timeout=PATIENCE,
            **fields,
        )

    @contextlib.contextmanager
    def stream(self, login: str = "", *, fresh: bool = True, **fields: Any) -> Iterator[Stream]:
        """Open a stream, and if it is FRESH wait for the ping by which it begins."""
        with self.get(login=login or self.site.admin, **fields) as response:
            assert response.status_code == 200, response.text
            stream = Stream(response)
            if fresh:
                first = stream.next()
                assert first is not None
                assert first.name == "ping"
            yield stream

    def post(self, source: str, *names: str) -> None:
        """Send events of SOURCE in one request."""
        result = self.site.ask(
            "POST", "events", json=[self.site.event(source, id=name) for name in names]
        )
        assert result["created"] == len(names), result


@contextlib.contextmanager
def live_beside(place: House, site: Site) -> Iterator[Live]:
    """Serve the stream by the command of docker-compose.yml."""
    port = free_port()
    command = next(words for words in commands_of_compose() if "feeds.asgi:application" in words)
    command[0] = str(BIN / command[0])
    command[command.index("--host") + 1] = "127.0.0.1"
    command[command.index("--port") + 1] = str(port)
    with subprocess.Popen(command, cwd=ROOT, env=place.env) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/live/healthz")
            yield Live(site, port, server)
        finally:
            server.terminate()
            server.wait(PATIENCE)


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with house(os.environ.get("DATABASE_URL", ""), RATE_LIMIT="0") as place:
        place.manage("migrate", "--verbosity", "0")
        with place.served():
            site = Site.of(place)
            with live_beside(place, site) as found:
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


def test_an_update_is_no_new_activity(live: Live) -> None:
    source = live.site.source()
    with live.stream(params={"source": source}) as stream:
        live.post(source, "1")
        stream.count(1)
        update = live.site.event(source, id="1", updateSequenceNumber=2)
        assert live.site.ask("POST", "events", json=[update])["updated"] == 1
        live.post(source, "2")
        stream.count(1)


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


@contextlib.contextmanager
def transaction(live: Live) -> Iterator[psycopg.Connection]:
    config = dj_database_url.parse(live.site.house.env["DATABASE_URL"])
    with psycopg.connect(
        host=config["HOST"], port=config["PORT"] or 5432, user=config["USER"],
        password=config["PASSWORD"], dbname=config["NAME"],
    ) as connection:  # fmt: skip
        yield connection


def insert(connection: psycopg.Connection, source: str, name: str) -> int:
    """Copy the activity of SOURCE under another NAME and title, and return the new id."""
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'feeds_activity'"
    )
    changed = {"id", "uuid", "external_id", "title"}
    columns = ", ".join(f"{column}" for (column,) in found if column not in changed)
    statement = f"""
        INSERT INTO feeds_activity ({columns}, uuid, external_id, title)
        SELECT {columns}, %s, %s, %s FROM feeds_activity
        WHERE source_id = (SELECT id FROM feeds_eventsource WHERE external_id = %s) LIMIT 1
        RETURNING id
    """
    row = connection.execute(statement.encode(), [uuid.uuid4(), name, name, source]).fetchone()
    assert row is not None
    return int(row[0])


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
        assert insert(slow, source, "slow") < insert(quick, source, "quick")
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


def test_a_look_costs_one_query_and_one_more_for_each_distinct_filter(
    bot: Caller, django_assert_num_queries: Any
) -> None:
    actions.create_source("shop/web", kind="custom")
    texts = ["type=custom&q=event", "q=event&type=custom", "q=event&q=event&type=custom", "q=none"]
    filters = [FeedFilter.read(QueryDict(text)) for text in texts]
    viewers = [Viewer(filter, None, None, joined=True) for filter in filters]
    window = Window()
    with django_assert_num_queries(1):
        window.look(viewers)
    assert bot.event().status_code == 202
    with django_assert_num_queries(3):
        assert list(window.look(viewers).values()) == [1, 1, 1, 0]
    assert list(window.look(viewers).values()) == [0, 0, 0, 0]


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
    ("name", "value"), [("type", "party"), ("since", "yesterday"), ("after", "-1"), ("after", "²")]
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
