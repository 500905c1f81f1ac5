"""The pages that are read, with facets and histogram, at a million activities on PostgreSQL.

Its database (BENCH_FACETS_DATABASE, on the server of BENCH_DATABASE_URL) is kept for the next run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from benchmarks.place import POSTGRES
from tests.house import ROOT

NAME = os.environ.get("BENCH_FACETS_DATABASE", "pulseboard_bench_facets")
SIZE = 1_000_000


def environment(data: str) -> dict[str, str]:
    """Return the environment of a process on the database, which is made if it is not there."""
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
        if not known.fetchone():
            connection.execute(f'CREATE DATABASE "{NAME}"')
    url = urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{NAME}"))
    return {
        **os.environ,
        "DATABASE_URL": url,
        "DATA_DIR": data,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    }


def run(data: str, *arguments: str, place: Path = ROOT) -> str:
    """Run Python in PLACE, the repository or another checkout of it."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=place, env=environment(data), check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.stdout


def main() -> None:
    """Print a table: p50 and p95 of each page, and p95 of its queries."""
    with tempfile.TemporaryDirectory() as data:
        Path(data, "static").mkdir()
        run(data, "manage.py", "migrate", "-v0")
        run(data, "manage.py", "collectstatic", "--no-input", "-v0")
        answer = json.loads(run(data, "-m", "benchmarks.pages", str(SIZE), "others"))
    print(f"\npages, the feed with facets and histogram, {SIZE:,} activities, in ms\n")
    print("| page | p50 | p95 | CPU, p50 | CPU, p95 | queries, p95 | how many |")
    print(f"|{'---|' * 7}")
    for name, figures in answer["figures"].items():
        cells = [
            f"{figures[one]:.0f}" for one in ("p50", "p95", "cpu50", "cpu95", "db95", "queries")
        ]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
