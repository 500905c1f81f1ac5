"""Pages, APIs and streams on one port, as `make run` serves them: what production promises too."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.house import PATIENCE, House, house, wait_for
from tests.live import Live
from tests.test_production import (  # the same promises, kept by another server
    test_200_mb_are_413_and_are_never_held_in_memory,
    test_a_broken_chunk_is_an_error_and_no_event,
    test_a_chunked_body_over_the_limit_is_413,
    test_a_chunked_bulk_request_is_taken_whole,
    test_a_chunked_event_is_taken_whole,
    test_a_chunked_event_that_comes_slowly_is_taken_whole,
    test_a_chunked_request_to_the_rest_of_our_api_is_read,
    test_an_event_whose_bytes_come_one_by_one_is_taken,
    test_no_page_is_cached_for_ever_and_debug_is_off,
    test_security_headers,
    test_static_files_come_compressed_and_for_ever,
    test_the_page_names_its_static_files_by_their_hashes,
)
from tests.test_races import Site

__all__ = [
    "test_200_mb_are_413_and_are_never_held_in_memory",
    "test_a_broken_chunk_is_an_error_and_no_event",
    "test_a_chunked_body_over_the_limit_is_413",
    "test_a_chunked_bulk_request_is_taken_whole",
    "test_a_chunked_event_is_taken_whole",
    "test_a_chunked_event_that_comes_slowly_is_taken_whole",
    "test_a_chunked_request_to_the_rest_of_our_api_is_read",
    "test_an_event_whose_bytes_come_one_by_one_is_taken",
    "test_no_page_is_cached_for_ever_and_debug_is_off",
    "test_security_headers",
    "test_static_files_come_compressed_and_for_ever",
    "test_the_page_names_its_static_files_by_their_hashes",
]
THREADS = 4  # that answer requests


@pytest.fixture(scope="module")
def served() -> Iterator[House]:
    with house(os.environ.get("DATABASE_URL", ""), RATE_LIMIT="0") as place:
        place.migrate()
        place.collect()
        with place.served(one_port=True):
            yield place


@pytest.fixture(scope="module")
def site(served: House) -> Site:
    return Site.of(served)


@pytest.fixture(scope="module")
def bot(site: Site) -> str:
    return site.bot()


@pytest.fixture(scope="module")
def login(served: House) -> Iterator[requests.Response]:
    with requests.get(f"{served.url}/sign-in/", timeout=PATIENCE) as response:
        yield response


def on(site: Site) -> Live:
    """Return the streams of SITE, which has no live process of its own."""
    return Live(site, site.house.port, None)


def test_a_stream_and_what_it_tells_of_come_through_one_port(site: Site) -> None:
    source = site.source()
    with on(site).stream(params={"source": source}) as stream:
        on(site).post(source, "1")
        assert stream.hint().data["new"] == 1


def test_more_streams_than_threads_leave_the_pages_alone(site: Site) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(THREADS + 2):
            stack.enter_context(on(site).stream())
        begun = time.monotonic()
        assert requests.get(f"{site.house.url}/sign-in/", timeout=PATIENCE).status_code == 200
        assert time.monotonic() - begun < 5


def test_bodies_that_never_end_leave_the_pages_alone(site: Site) -> None:
    head = b"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf"
    with contextlib.ExitStack() as stack:
        for _ in range(THREADS + 2):
            link = stack.enter_context(socket.create_connection(("127.0.0.1", site.house.port)))
            link.sendall(head)
        assert requests.get(f"{site.house.url}/healthz", timeout=PATIENCE).status_code == 200


def test_an_event_whose_sender_hangs_up_in_the_middle_is_not_taken(site: Site, bot: str) -> None:
    source = site.source()
    user, _, token = bot.partition(":")
    asked = requests.Request(
        "POST", f"{site.house.url}/api/v1/activities", auth=(user, token),
        json={"kind": "custom", "title": "half", "source": {"external_id": source}},
    ).prepare()  # fmt: skip
    lines = [f"{name}: {value}" for name, value in asked.headers.items() if name[:8] != "Content-"]
    head = ["POST /api/v1/activities HTTP/1.1", "Host: 127.0.0.1", *lines, "Content-Length: 9999",
            "Content-Type: application/json", "", ""]  # fmt: skip
    assert isinstance(asked.body, bytes)
    with socket.create_connection(("127.0.0.1", site.house.port)) as link:
        link.sendall("\r\n".join(head).encode() + asked.body)
        time.sleep(0.2)
    time.sleep(0.5)
    assert site.activities(source) == []


def test_a_head_has_the_headers_of_a_get_and_no_body(site: Site) -> None:
    url = f"{site.house.url}/sign-in/"
    with requests.Session() as session:
        asked = session.head(url, timeout=PATIENCE)
        assert (asked.status_code, asked.content) == (200, b"")
        assert int(asked.headers["Content-Length"]) > 500
        assert session.get(url, timeout=PATIENCE).text.startswith("<!doctype html>")


def test_an_address_keeps_its_bytes(site: Site) -> None:
    lost = requests.get(f"{site.house.url}/f%C3%BCr%2Fimmer/%FF?q=%FF", timeout=PATIENCE)
    assert lost.status_code == 404
    component = site.component()
    found = site.ask("GET", f"components/{component['slug']}?")
    assert found["uuid"] == component["uuid"]


def test_clients_that_hang_up_in_a_long_answer_leave_the_threads_free(site: Site) -> None:
    page = requests.get(f"{site.house.url}/sign-in/", timeout=PATIENCE).text
    name = page.partition('src="/static/')[2].partition('"')[0] or "app.js"
    for _ in range(THREADS * 3):
        with socket.create_connection(("127.0.0.1", site.house.port)) as link:
            link.sendall(f"GET /static/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert requests.get(f"{site.house.url}/healthz", timeout=PATIENCE).status_code == 200


def test_it_ends_within_seconds_while_streams_are_open() -> None:
    with house(os.environ.get("DATABASE_URL", ""), RATE_LIMIT="0") as place:
        place.migrate()
        command = web_of_procfile(place)
        with place.running("granian", *command[1:]) as server:
            wait_for(f"{place.url}/healthz")
            live = on(Site.of(place))
            with live.stream() as stream, live.stream() as other:
                server.terminate()
                for one in (stream, other):
                    bye = one.next()
                    assert bye is not None
                    assert bye.name == "bye"
                assert server.wait(10) == 0


def web_of_procfile(place: House) -> list[str]:
    """Return the command of the Procfile that serves PLACE."""
    text = (Path(__file__).parent.parent / "Procfile").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("web: exec ")]
    line = line.replace('"$HOST"', "127.0.0.1").replace('"$PORT"', str(place.port))
    words = line.removeprefix("web: exec ").split()
    assert words[-1] == "feeds.oneport:application"
    return words
