"""What the tests of letters and of reading ask for; upstreams on loopback are private ones."""

from collections.abc import Iterator
from typing import Any

import pytest

from feeds import http
from feeds.models import Connection
from tests.outbox.hubs import Clock, read_from
from tests.upstream import Upstream, upstream


@pytest.fixture(autouse=True)
def _private_upstreams(settings: Any) -> Iterator[None]:
    settings.PRIVATE_UPSTREAMS = True
    settings.UPSTREAM_TIMEOUT = 2
    yield
    http.close()


@pytest.fixture
def up() -> Iterator[Upstream]:
    with upstream("teamhub") as running_upstream:
        yield running_upstream


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(up: Upstream) -> Connection:
    return read_from(up.url)
