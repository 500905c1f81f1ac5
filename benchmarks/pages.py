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
from feeds import actions, heap  # noqa: E402
from feeds.filters import Cursor  # noqa: E402
from feeds.models import Activity, EventSource, Role, User  # noqa: E402

RUNS = 40  # of each page, each with another value
#: Query strings by name; {n} is the number of the run.
PAGES: dict[str, str] = {
    "no filter": "",
    "type": "type={kind}",
    "type, rare": "type=lifecycle",
    "state": "state={state}",
    "generator": "generator=ci-{twelfth}.example.com",
    "actor": "actor=user-{n}",
    "actor, rare": "actor=user-{rare}",
    "target": "target=target-{n}",
    "source": "source=shop/service-{n}",
    "component": "component=component-{n}",
    "time range": "since={since}&until={until}",
    "excluding a type": "type=-push",
    "three combined": "type=build&state=failed&actor=user-{n}",
    "component, type, state": "component=component-{n}&type=build&state=failed",
    "text, common": "q=checkout",
    "text, rare": "q=w{n}",
    "text, two common that never meet": "q=checkout+payments",
    "text, everywhere, but never side by side": "q=%22tests+unit%22",
    "text, common, with a filter that leaves none": "q=checkout&type=push&state=failed",
}
#: Pages beside the feed, and the feed with a drawer open.
OTHERS: dict[str, str] = {
    "component page": "/components/component-{n}/",
    "source page": "/sources/{source}/",
    "feed, an alarm in the drawer": "/?event={alarm}",
    "feed, a build in the drawer": "/?event={build}",
}
DEEP = ("no filter", "type", "source", "component")


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
        number = run + 1
        filled = address.format(
            n=number,
            twelfth=run % 12,
            rare=300 + run * 4,
            kind=("build", "push", "deployment")[run % 3],
            state=("failed", "succeeded")[run % 2],
            since=f"2026-0{1 + run % 6}-01",
            until=f"2026-0{1 + run % 6}-15",
            **{name: values[run % len(values)] for name, values in known.items()},
        )
        start, before = time.perf_counter(), cpu(backend)
        with watched() as clock:
            response = client.get(filled)
        elapsed = time.perf_counter() - start
        if response.status_code != 200:
            raise RuntimeError(f"{filled}: {response.status_code}")
        if run == 1:  # the first two warm the caches; then the heap is as feeds/wsgi.py leaves it
            heap.settle()
        if run >= 2:
            pages.append(elapsed * 1000)
            queries.append(clock.seconds * 1000)
            spent.append((cpu(backend) - before) * 1000)
            counts.add(clock.queries)
    return {
        "p50": statistics.median(pages),
        "p95": _p95(pages),
        "cpu50": statistics.median(spent),
        "cpu95": _p95(spent),
        "db50": statistics.median(queries),
        "db95": _p95(queries),
        "queries": max(counts),
    }


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]


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
