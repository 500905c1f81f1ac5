"""Inside a house: load rows, and time the feed page and its queries; prints JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from benchmarks import rows  # noqa: E402
from benchmarks.addresses import DEEP, OTHERS, PAGES, RUNS, filled, p95  # noqa: E402
from feeds import actions, heap  # noqa: E402
from feeds.filters import Cursor  # noqa: E402
from feeds.models import Activity, EventSource, Role, User  # noqa: E402


class Clock:
    """Time spent in the database, and the number of queries."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.queries = 0

    def __call__(self, execute: Callable[..., Any], *args: Any) -> Any:
        start = time.perf_counter()
        try:
            return execute(*args)
        finally:
            self.seconds += time.perf_counter() - start
            self.queries += 1


@contextmanager
def watched() -> Iterator[Clock]:
    """Watch the queries of a block."""
    clock = Clock()
    with connection.execute_wrapper(clock):
        yield clock


def named() -> dict[str, list[str]]:
    """Return sources and events to open, one for each run."""
    builds, alarms = (Activity.objects.filter(kind=kind) for kind in ("build", "incident"))
    return {
        "source": [
            str(one) for one in EventSource.objects.values_list("uuid", flat=True)[: RUNS + 2]
        ],
        "build": [str(one) for one in builds.values_list("uuid", flat=True)[: RUNS + 2]],
        "alarm": [str(one) for one in alarms.values_list("uuid", flat=True)[: RUNS + 2]],
    }


def cpu(backend: int) -> float:
    """Return the seconds of CPU that we and our BACKEND of PostgreSQL took so far.

    Unlike the time of the wall it says little of who else is at work on the machine.
    """
    path = Path(f"/proc/{backend}/schedstat")
    there = int(path.read_text().split()[0]) / 1e9 if backend and path.exists() else 0.0
    return time.process_time() + there


def _backend() -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def measure(client: Client, address: str, known: dict[str, list[str]]) -> dict[str, float]:
    """Get the page RUNS times; return p50 and p95 of page, CPU and queries, in milliseconds."""
    pages, queries, spent, counts = [], [], [], set()
    backend = _backend()
    for run in range(RUNS + 2):
        start, before = time.perf_counter(), cpu(backend)
        with watched() as clock:
            response = client.get(asked := filled(address, run, known))
        elapsed = time.perf_counter() - start
        if response.status_code != 200:
            raise RuntimeError(f"{asked}: {response.status_code}")
        if run == 1:  # the first two warm the caches; then the heap is as feeds/wsgi.py leaves it
            heap.settle()
        if run >= 2:
            pages.append(elapsed * 1000)
            queries.append(clock.seconds * 1000)
            spent.append((cpu(backend) - before) * 1000)
            counts.add(clock.queries)
    return {
        "p50": statistics.median(pages),
        "p95": p95(pages),
        "cpu50": statistics.median(spent),
        "cpu95": p95(spent),
        "db50": statistics.median(queries),
        "db95": p95(queries),
        "queries": max(counts),
    }


def main(sizes: list[int], *, others: bool) -> None:
    """Measure at each of SIZES in turn; the rows of one are the first of the next."""
    user = User.objects.by_login("bench") or actions.create_user("bench", role=Role.ADMIN)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    done = Activity.objects.count()  # where a run before left its database
    if not done:
        rows.make_catalogue()
    for size in sizes:
        start = time.perf_counter()
        if size > done:
            rows.make_rows(done + 1, size)
            done = size
        print(f"{size} rows after {time.perf_counter() - start:.0f} s", file=sys.stderr)
        middle = Activity.objects.order_by("occurred_at")[size // 3]
        deep = f"before={Cursor.of(middle)}"
        addresses = {name: f"/?{query}" for name, query in PAGES.items()}
        addresses |= {f"{name}, deep": f"/?{PAGES[name]}&{deep}" for name in DEEP}
        if others:
            addresses |= OTHERS
        known = named()
        figures = {name: measure(client, one, known) for name, one in addresses.items()}
        print(json.dumps({"size": size, "figures": figures}), flush=True)


if __name__ == "__main__":
    arguments = [one for one in sys.argv[1:] if one != "others"]
    main([int(one) for one in arguments], others="others" in sys.argv)
