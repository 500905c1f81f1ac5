"""The pages of another commit and of this checkout, in turns, on the database of facets.py.

`python -m benchmarks.beside COMMIT`, once the rows are there: each page is asked of both, one after
the other, so whatever else the machine does at that moment slows both.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.addresses import OTHERS, PAGES, RUNS, filled, p95
from benchmarks.facets import environment, run
from tests.house import ROOT

#: Answers each address on stdin with its milliseconds of the wall, CPU, and its queries.
ANSWERING = """
import json, sys, time
import feeds.wsgi  # which sets up the heap as where pages are served
from django.test import Client
from benchmarks.pages import cpu, named, watched, _backend
from feeds.models import User
client = Client(headers={"host": "127.0.0.1"})
client.force_login(User.objects.by_login("bench"),
                   backend="django.contrib.auth.backends.ModelBackend")
backend = _backend()
print(json.dumps(named()), flush=True)
for line in sys.stdin:
    start, before = time.perf_counter(), cpu(backend)
    with watched() as clock:
        status = client.get(line.strip()).status_code
    took = (time.perf_counter() - start) * 1000, (cpu(backend) - before) * 1000, clock.queries
    assert status == 200, (status, line)
    print(json.dumps(took), flush=True)
"""


class Side:
    """One of the two that are compared."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.known: dict[str, list[str]] = json.loads(self._line())

    def ask(self, address: str) -> tuple[float, float, int]:
        """Return milliseconds of the wall, of CPU, and the number of queries."""
        assert self.process.stdin
        print(address, file=self.process.stdin, flush=True)
        wall, cpu, queries = json.loads(self._line())
        return wall, cpu, queries

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()


@contextmanager
def side(place: Path, data: str) -> Iterator[Side]:
    """Start the pages of the checkout in PLACE."""
    process = subprocess.Popen(
        [sys.executable, "-c", ANSWERING], cwd=place, env=environment(data), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        try:
            yield Side(process)
        finally:
            process.terminate()


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Make a checkout of COMMIT for as long as the block."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", place, commit], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", place], check=True)


def main(commit: str) -> None:
    """Print a table: p50 and p95 of each page, of COMMIT and of this checkout, and their ratio."""
    with ExitStack() as stack:
        places = [stack.enter_context(checkout(commit)), ROOT]
        sides = []
        for place in places:
            data = stack.enter_context(tempfile.TemporaryDirectory())
            Path(data, "static").mkdir()
            run(data, "manage.py", "collectstatic", "--no-input", "-v0", place=place)
            sides.append(stack.enter_context(side(place, data)))
        compare(*sides)


def compare(before: Side, now: Side) -> None:
    """Ask each page of both, in turns."""
    print("| page | before: p50 / p95 | now: p50 / p95 | CPU before | now | ratio | queries |")
    print(f"|{'---|' * 7}")
    for name, page in ({name: f"/?{query}" for name, query in PAGES.items()} | OTHERS).items():
        took: tuple[list[tuple[float, float, int]], ...] = ([], [])
        for turn in range(RUNS + 2):
            address = filled(page, turn, now.known)
            sides = [(before, took[0]), (now, took[1])]
            for one, figures in sides if turn % 2 else reversed(sides):
                figures.append(one.ask(address))
        warm = [figures[2:] for figures in took]
        walls, cpus = ([[one[at] for one in figures] for figures in warm] for at in (0, 1))
        cells = [f"{statistics.median(wall):.0f} / {p95(wall):.0f}" for wall in walls]
        medians = [statistics.median(cpu) for cpu in cpus]
        cells += [f"{cpu:.0f}" for cpu in medians] + [f"{medians[1] / medians[0]:.2f}"]
        print(f"| {name} | {' | '.join(cells)} | {max(one[2] for one in warm[1])} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
