"""Upstreams on loopback are private ones."""

from collections.abc import Iterator
from typing import Any

import pytest

from feeds import http


@pytest.fixture(autouse=True)
def _private_upstreams(settings: Any) -> Iterator[None]:
    settings.PRIVATE_UPSTREAMS = True
    settings.UPSTREAM_TIMEOUT = 2
    yield
    http.close()
