"""The secret ping addresses, as programs without an account use them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from heartbeats import actions
from heartbeats.models import Ping
from tests.heartbeats.beats import State, fresh, make

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Client:
    return Client(enforce_csrf_checks=True)


def newest() -> Ping:
    return Ping.objects.latest("id")


@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_method_pings(program: Client, method: str, slash: str) -> None:
    beat = make()
    answer = getattr(program, method)(f"/ping/{beat.ping_key}{slash}")
    assert answer.status_code == 200
    assert answer.content == (b"" if method == "head" else b"OK\n")
    assert fresh(beat).state == State.RESPONSIVE
    assert (newest().method, newest().remote_addr) == (method.upper(), "127.0.0.1")


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_405(program: Client, method: str) -> None:
    assert getattr(program, method)(f"/ping/{make().ping_key}").status_code == 405


@pytest.mark.parametrize(
    ("word", "kind", "exit_status", "state"),
    [
        ("", "success", None, State.RESPONSIVE),
        ("/start", "start", None, State.PENDING),
        ("/fail", "fail", None, State.UNRESPONSIVE),
        ("/log", "log", None, State.PENDING),
        ("/0", "exit", 0, State.RESPONSIVE),
        ("/1", "exit", 1, State.UNRESPONSIVE),
        ("/255", "exit", 255, State.UNRESPONSIVE),
        ("/-1073741510", "exit", -1073741510, State.UNRESPONSIVE),
        ("/99999999999999999999", "exit", 2**63 - 1, State.UNRESPONSIVE),
    ],
)
def test_each_address_says_what_it_says(
    program: Client, word: str, kind: str, exit_status: int | None, state: str
) -> None:
    beat = make()
    assert program.get(f"/ping/{beat.ping_key}{word}").status_code == 200
    assert (newest().kind, newest().exit_status) == (kind, exit_status)
    assert fresh(beat).state == state


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\xfe\x00\x80", "application/octet-stream"),
        (b"{", "application/json"),
        (b"--x\r\n", "multipart/form-data; boundary=y"),
        (b"a=1&a=%ff", "application/x-www-form-urlencoded"),
        (b"", "text/plain; charset=nonsense"),
        (b"x" * 1024 * 1024, "text/plain"),
    ],
)
def test_no_content_is_an_error(
    program: Client, body: bytes, content_type: str, again: bool
) -> None:
    beat = make()
    if again:  # the second takes the short way
        program.get(f"/ping/{beat.ping_key}")
    odd = "" if again else "?rid=%00%ff" + "r" * 300 + "&x[]=%zz&=" + "&y" * 2000
    sent = program.generic("POST", f"/ping/{beat.ping_key}{odd}", body, content_type)
    assert sent.status_code == 200
    shown = body[:10_000].decode(errors="replace").replace("\x00", "\N{SYMBOL FOR NULL}")
    assert newest().body == shown


def test_a_long_run_id_is_cut(program: Client) -> None:
    beat = make()
    program.get(f"/ping/{beat.ping_key}?rid=%00%ff{'r' * 300}")
    assert newest().run_id == "\N{SYMBOL FOR NULL}\N{REPLACEMENT CHARACTER}" + "r" * 98


def test_ten_thousand_bytes_are_kept_and_no_more(program: Client) -> None:
    beat = make()
    for size, kept in ((10_000, 10_000), (10_001, 10_000)):
        program.post(f"/ping/{beat.ping_key}", b"x" * size, content_type="text/plain")
        assert len(newest().body) == kept


def test_a_run_has_an_id_and_a_duration(program: Client) -> None:
    beat = make()
    program.get(f"/ping/{beat.ping_key}/start?rid=a")
    program.get(f"/ping/{beat.ping_key}/0?rid=a")
    assert newest().run_id == "a"
    assert timedelta() <= (newest().duration or timedelta(-1)) < timedelta(minutes=1)


def test_who_is_unknown_is_404(program: Client) -> None:
    assert program.get(f"/ping/{uuid4()}").status_code == 404
    assert program.get(f"/ping/{make().ping_key}/finish").status_code == 404


def test_an_address_that_was_changed_is_unknown(program: Client) -> None:
    beat = make()
    key = actions.rotate_ping_key(beat)
    assert program.get(f"/ping/{beat.ping_key}").status_code == 404
    assert program.get(f"/ping/{str(key).upper()}").status_code == 200


def test_an_off_heartbeat_takes_pings_and_ignores_them(program: Client) -> None:
    beat = make(enabled=False)
    assert program.get(f"/ping/{beat.ping_key}/fail").status_code == 200
    assert newest().kind == "ignored"
    assert fresh(beat).state == State.OFF


def test_the_usual_ping_is_one_update_and_one_insert(program: Client) -> None:
    beat = make()
    program.get(f"/ping/{beat.ping_key}")
    with CaptureQueriesContext(
        connection,
    ) as told:
        program.get(f"/ping/{beat.ping_key}")
    writes = [query["sql"].split()[0] for query in told if "SAVEPOINT" not in query["sql"]]
    # PostgreSQL gets both in one statement, past what Django counts
    plain = ["SELECT", "UPDATE", "INSERT"]
    assert writes == ([] if connection.vendor == "postgresql" else plain)
    assert fresh(beat).pings == 2
    assert beat.log.count() == 2


def test_pings_need_no_broker(program: Client, settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    beat = make()
    for word in ("", "/fail", ""):
        assert program.get(f"/ping/{beat.ping_key}{word}").status_code == 200
    assert [flip.state for flip in beat.flips.all()] == [
        "Responsive", "Unresponsive", "Responsive", "Pending",
    ]  # fmt: skip
