"""`manage.py import_git` of 30,000 commits on SQLite, made on the spot."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.place import place_on

COMMITS = 30_000


def make_repository(path: Path) -> None:
    """Make a repository of COMMITS commits by forty people."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", path], check=True)
    script = []
    for number in range(COMMITS):
        message = f"Change {number}: retry the card network\n\nAnd say so in the log.\n"
        author = f"Dev {number % 40} <dev{number % 40}@example.com>"
        script.append(f"commit refs/heads/main\nmark :{number + 1}")
        script.append(f"committer {author} {1_600_000_000 + number * 600} +0100")
        script.append(f"data {len(message)}\n{message}" + (f"from :{number}" if number else ""))
        script.append(f"M 644 inline file{number % 50}\ndata {len(str(number))}\n{number}")
    command = ["git", "-C", str(path), "fast-import", "--quiet"]
    subprocess.run(command, input="\n".join(script).encode() + b"\n", check=True)


def main() -> None:
    """Print how long the import takes, and doing it again."""
    with tempfile.TemporaryDirectory() as folder, place_on("sqlite") as place:
        make_repository(Path(folder))
        for what in ("import_git", "again"):
            start = time.perf_counter()
            place.manage("import_git", folder, "--verbosity", "0")
            print(f"{what}: {COMMITS:,} commits in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
