"""What the README and the pages of docs/ tell one to type, done word for word.

Of each page the blocks with `curl`, and those that set variables for them, run in their order in
one bash: with ME and TOKEN of an admin, ACCOUNT_KEY of a bot, CLOUD_ID and COMPANY_KEY, in a
directory with `manage.py` and `.venv`. Every request must be answered below 400. A block that
cannot run so says why in front:

    <!-- not run: reason -->
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house import ROOT, House

BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>\S[^>]*) -->\s*)?^ *```[^\n`]*\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
ADDRESS = "http://127.0.0.1:8000"
ME = "ci@example.com"
CURL = """#!/bin/sh
exec {curl} --silent --show-error --fail-with-body \\
  --write-out '%{{stderr}}%{{http_code}} %{{url_effective}}\\n' "$@"
"""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; REASON says why it cannot run, "" if it can."""

    text: str
    reason: str

    @property
    def requests(self) -> int:
        """How often it calls curl."""
        return len(re.findall(r"(?:^|[\s(|])curl\s", self.text))

    @property
    def runs(self) -> bool:
        """Tell whether it can be typed here."""
        return not self.reason and (self.prepares or ADDRESS in self.text)

    @property
    def prepares(self) -> bool:
        """Tell whether it sets variables to what a command prints."""
        return re.search(r"^[A-Z_]+=\$\(", self.text, re.MULTILINE) is not None


def blocks(page: Path) -> list[Block]:
    """Return the blocks of PAGE that have to do with curl."""
    found = [
        Block(match["text"], match["reason"] or "") for match in BLOCK.finditer(page.read_text())
    ]
    return [block for block in found if block.requests or block.prepares]


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = [page for page in PAGES if any(one.requests and one.runs for one in blocks(page))]


def typed(page: Path, served: House, desk: Path) -> subprocess.CompletedProcess[str]:
    """Type all that PAGE says, at DESK, an empty directory."""
    (desk / "manage.py").symlink_to(ROOT / "manage.py")
    (desk / ".venv").symlink_to(sys.prefix)
    (desk / "bin").mkdir()
    (desk / "bin/curl").write_text(CURL.format(curl=shutil.which("curl")))
    (desk / "bin/curl").chmod(0o755)
    site = json.loads(served.manage("site"))
    environment = {
        **served.env,
        "PATH": f"{desk / 'bin'}:{served.env['PATH']}",
        "ME": ME,
        "TOKEN": served.manage("create_token", ME, "--role", "admin"),
        "ACCOUNT_KEY": served.manage("create_token", ME, "--role", "bot"),
        "CLOUD_ID": site["cloud_id"],
        "COMPANY_KEY": site["company_key"],
    }
    commands = "\n".join(block.text for block in blocks(page) if block.runs)
    return subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", commands.replace(ADDRESS, served.url)],
        cwd=desk, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_what_a_page_tells_one_to_type_works(page: Path, served: House, tmp_path: Path) -> None:
    done = typed(page, served, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    statuses = [int(code) for code in re.findall(r"^(\d{3}) http", done.stderr, re.MULTILINE)]
    told = sum(block.requests for block in blocks(page) if block.runs)
    assert len(statuses) >= told
    assert max(statuses) < 400, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_for_another_host_says_that_it_is_not_run(page: Path) -> None:
    for block in blocks(page):
        assert block.reason or block.text.count(ADDRESS) >= block.requests, block.text


def test_the_first_event_shows_in_what_is_read_back(served: House, tmp_path: Path) -> None:
    done = typed(ROOT / "README.md", served, tmp_path)
    assert "202 http" in done.stderr
    assert '"title":"checkout #2400"' in done.stdout
