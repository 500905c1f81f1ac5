"""Exports of a million rows: how fast beside COPY and the paged list, and in how much memory."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from benchmarks.place import place_on
from tests.house import House

ROWS = 1_000_000
PAGES = 20  # of 500 rows, of the list
PIECE = 1 << 20  # bytes that are read at a time
_FILL = """
import sys, django
django.setup()
from benchmarks import rows
rows.make_catalogue()
rows.make_rows(1, int(sys.argv[1]))
"""


def measure(place: House) -> None:
    """Print a table: rows a second and memory of each form, on the database of PLACE."""
    token = place.manage("create_token", "bench@example.com", "--role", "viewer")
    headers = {"Authorization": f"Bearer {token}"}
    copied = _timed(lambda: _copy(place.env["DATABASE_URL"]))
    print("\n| way | rows/s | of COPY | MB | memory of the worker before, at its peak |")
    print("|---|---|---|---|---|")
    print(f"| COPY ... TO STDOUT (CSV) | {copied[0]:,.0f} | 1 | {copied[1]:.0f} | |")
    with place.served(workers=1):
        worker = _worker(place.port)
        for path in ("/feed.csv", "/feed.ndjson"):
            _get(place, f"{path}?until=2000-01-01", headers)
            before = _memory(worker, "VmRSS")
            Path(f"/proc/{worker}/clear_refs").write_text("5")  # forget the peak so far
            rate, size = _timed(lambda path=path: _get(place, path, headers))  # type: ignore[misc]
            peak = _memory(worker, "VmHWM")
            share = rate / copied[0]
            print(
                f"| {path} | {rate:,.0f} | {share:.2f} | {size:.0f} | {before:.0f}, {peak:.0f} MB |"
            )
        rate, size = _timed(lambda: _pages(place, headers))
        print(f"| /api/v1/activities, 500 a page | {rate:,.0f} | {rate / copied[0]:.2f} | | |")


def _timed(read: Callable[[], tuple[int, int]]) -> tuple[float, float]:
    """Return the rows a second that READ takes, and its megabytes."""
    start = time.perf_counter()
    rows, size = read()
    return rows / (time.perf_counter() - start), size / 1e6


def _copy(url: str) -> tuple[int, int]:
    """Let the database write the table by itself."""
    size = rows = 0
    query = "SELECT * FROM feeds_activity ORDER BY occurred_at DESC, id DESC"
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as pieces:
            for piece in pieces:
                size += len(piece)
        rows = cursor.rowcount
    return rows, size


def _get(place: House, path: str, headers: dict[str, str]) -> tuple[int, int]:
    """Read an export and count its lines; nothing of these rows has a line break."""
    connection = http.client.HTTPConnection("127.0.0.1", place.port)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")
    size = rows = 0
    while piece := answer.read(PIECE):
        size += len(piece)
        rows += piece.count(b"\n")
    connection.close()
    return rows, size


def _pages(place: House, headers: dict[str, str]) -> tuple[int, int]:
    connection = http.client.HTTPConnection("127.0.0.1", place.port)
    path, rows, size = "/api/v1/activities?limit=500", 0, 0
    for _ in range(PAGES):
        connection.request("GET", path, headers=headers)
        body = connection.getresponse().read()
        page = json.loads(body)
        rows, size = rows + len(page["results"]), size + len(body)
        path = "/" + page["next"].split("/", 3)[3]
    return rows, size


def _worker(port: int) -> int:
    """Return the process id of granian's only worker."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"feeds.wsgi:application" in command and str(port).encode() in command:
            children = (folder / "task" / folder.name / "children").read_text().split()
            return max(map(int, children), key=lambda pid: _memory(pid, "VmRSS"))
    raise RuntimeError("no granian runs")


def _memory(pid: int, name: str) -> float:
    """Return the line NAME of the status of the process PID, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    with place_on("postgresql") as home:
        home.run("-c", _FILL, sys.argv[1] if len(sys.argv) > 1 else str(ROWS))
        measure(home)
