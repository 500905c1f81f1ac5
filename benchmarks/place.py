"""Where measurements take place: a fresh database of the kind asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from tests.house import House, house

#: A server that may create databases.
POSTGRES = os.environ.get("BENCH_DATABASE_URL", "postgres://postgres@127.0.0.1/postgres")


@contextlib.contextmanager
def place_on(database: str, settings: str = "benchmarks.settings") -> Iterator[House]:
    """Make a house on "postgresql" or "sqlite", migrated, with a benchmark's settings."""
    url = POSTGRES if database == "postgresql" else ""
    with house(url, DJANGO_SETTINGS_MODULE=settings) as place:
        place.manage("migrate", "-v0")
        place.manage("collectstatic", "--no-input", "-v0")
        yield place
