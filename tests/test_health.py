"""/healthz and /readyz, with databases and brokers that are really gone."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.house import House, free_port, house

pytestmark = pytest.mark.xdist_group("served")
PATIENCE = 8  # seconds within which a probe must have its answer


@pytest.fixture
def mute() -> Iterator[int]:
    """Give a port on which somebody takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def readiness(place: House) -> tuple[int, dict[str, Any]]:
    begin = time.monotonic()
    response = requests.get(f"{place.url}/readyz", timeout=PATIENCE + 5)
    assert time.monotonic() - begin < PATIENCE
    assert requests.get(f"{place.url}/healthz", timeout=2).text == "ok\n"
    return response.status_code, response.json()


def test_a_whole_pulseboard_is_alive_and_ready(served: House) -> None:
    status, body = readiness(served)
    assert status == 200
    assert {**body, "worker": "", "beat": ""} == {
        "ready": True, "database": "ok", "broker": "ok", "worker": "", "beat": "",
    }  # fmt: skip
    assert requests.get(f"{served.url}/healthz", timeout=2).status_code == 200


def test_a_broker_that_is_gone_is_503_with_the_reason() -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    with house(CELERY_BROKER_URL=url) as place, place.served():
        status, body = readiness(place)
        assert (status, body["ready"], body["database"]) == (503, False, "ok")
        assert "refused" in body["broker"]


def test_a_broker_that_never_answers_is_503_soon(mute: int) -> None:
    url = f"redis://127.0.0.1:{mute}"
    with house(CELERY_BROKER_URL=url) as place, place.served():
        status, body = readiness(place)
        assert (status, body["database"]) == (503, "ok")
        assert body["broker"] != "ok"


def test_a_database_that_is_gone_is_503_with_the_reason() -> None:
    url = f"postgres://pulseboard@127.0.0.1:{free_port()}/pulseboard"
    with house(DATABASE_URL=url) as place, place.served():
        status, body = readiness(place)
        assert (status, body["ready"], body["broker"]) == (503, False, "ok")
        assert "refused" in body["database"]


def test_a_database_that_never_answers_is_503_soon(mute: int) -> None:
    url = f"postgres://pulseboard@127.0.0.1:{mute}/pulseboard"
    with house(DATABASE_URL=url) as place, place.served():
        status, body = readiness(place)
        assert (status, body["broker"]) == (503, "ok")
        assert body["database"] != "ok"


def test_a_file_that_is_no_database_is_503(tmp_path: Path) -> None:
    file = tmp_path / "not-a-database"
    file.write_text("nothing of the kind\n" * 100)
    with house(DATABASE_URL=f"sqlite:///{file}") as place, place.served():
        status, body = readiness(place)
        assert status == 503
        assert body["database"] == "file is not a database"


def test_readiness_tells_no_secrets() -> None:
    url = f"redis://:hunter2@127.0.0.1:{free_port()}"
    database = f"postgres://pulseboard:hunter3@127.0.0.1:{free_port()}/pulseboard"
    with house(CELERY_BROKER_URL=url, DATABASE_URL=database) as place, place.served():
        _, body = readiness(place)
        assert "hunter" not in str(body)


@pytest.mark.skipif(not os.environ.get("REDIS_URL"), reason="REDIS_URL names no Redis")
def test_redis_is_a_broker() -> None:
    with house(REDIS_URL=os.environ["REDIS_URL"]) as place, place.served():
        assert readiness(place)[0] == 200
