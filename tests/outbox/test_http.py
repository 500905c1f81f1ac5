"""Requests to others: whom we talk to, for how long, and what we say of a failure."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from feeds import http
from tests.house import free_port
from tests.upstream import Rule, Upstream, upstream

ELSEWHERE = "https://example.com/"


def ask(up: Upstream, **more: Any) -> Any:
    return http.send("POST", f"{up.url}/hello", headers={}, body=b"{}", **more)


def fault_of(up: Upstream, **more: Any) -> http.TransportError:
    with pytest.raises(http.TransportError) as raised:
        ask(up, **more)
    return raised.value


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with upstream(script=[Rule(status=302, headers={"Location": ELSEWHERE})]) as up:
        answer = ask(up)
        assert (answer.status, answer.headers["location"]) == (302, ELSEWHERE)
        assert len(up.requests) == 1


@pytest.mark.parametrize("fault", ["trickle-head", "trickle-body", "hang"])
def test_the_whole_exchange_has_one_deadline_however_slow_the_answer(fault: str) -> None:
    with upstream(script=[Rule(fault=fault, pace=0.05, status=200, body="x" * 100)]) as up:
        began = time.monotonic()
        fault_found = fault_of(up, budget=0.7)
        assert 0.6 < time.monotonic() - began < 3
    assert str(fault_found) == "timeout after 0.7 s"
    assert fault_found.uncertain


def test_an_answer_is_read_up_to_a_megabyte() -> None:
    with upstream(script=[Rule(fault="big", status=200)]) as up:
        assert len(ask(up).text) == http.BODY_READ


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "reset-middle", "garbage"])
def test_a_cut_connection_leaves_it_open_whether_it_arrived(fault: str) -> None:
    with upstream(script=[Rule(fault=fault)]) as up:
        assert fault_of(up).uncertain


def test_a_connection_is_used_again() -> None:
    with upstream() as up:
        for _ in range(3):
            ask(up)
        assert up.connections == 1


def test_an_upstream_that_restarts_costs_nothing() -> None:
    port = free_port()
    for _ in range(2):
        with upstream(port=port) as up:
            assert ask(up).status == 200


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://no-such-host.invalid/", "DNS failure"),
        ("http://127.0.0.1:{port}/", "connection refused"),
        ("http://[::bad/", "the address cannot be read"),
        ("http://127.0.0.1:99999/", "the address cannot be read"),
    ],
)
def test_what_went_wrong_is_said_and_has_certainly_not_arrived(url: str, words: str) -> None:
    with pytest.raises(http.TransportError) as raised:
        http.send("GET", url.format(port=free_port()), headers={})
    assert str(raised.value).startswith(words)
    assert not raised.value.uncertain


def test_a_server_that_does_not_speak_tls_is_told_from_one_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def serve() -> None:
            with plain.accept()[0] as connected:
                connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connected.recv(1024)

        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(http.TransportError, match="TLS failure") as raised:
            http.send("GET", f"https://127.0.0.1:{plain.getsockname()[1]}/", headers={})
        server.join()
    assert not raised.value.uncertain


def test_without_the_setting_only_https_to_public_addresses_is_allowed(settings: Any) -> None:
    settings.PRIVATE_UPSTREAMS = False
    with upstream() as up:
        assert "must begin with https://" in str(fault_of(up))
        for host in ("127.0.0.1", "localhost"):  # a name is checked by where it leads
            with pytest.raises(http.TransportError, match="is not a public address"):
                http.send("GET", f"https://{host}:{up.port}/", headers={})
        assert up.requests == []


@pytest.mark.parametrize("name", ["Authorization", "X-Token"])
def test_a_secret_with_a_line_break_is_refused_in_words(name: str) -> None:
    with upstream() as up, pytest.raises(http.TransportError, match="header"):
        http.send("GET", up.url, headers={name: "a\r\nX-Other: b"})


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with upstream() as up:
            assert ask(up).status == 200
