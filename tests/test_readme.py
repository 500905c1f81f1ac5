"""What the README tells, done word for word."""

from __future__ import annotations

import re
import subprocess

from tests.house import ROOT, House


def test_the_curl_lines_of_the_readme_work(served: House) -> None:
    text = (ROOT / "README.md").read_text()
    section = text[text.index("## Send an event") :]
    commands = "\n".join(re.findall(r"```\n(.*?)```", section, re.DOTALL)[:2])
    commands = commands.replace("http://127.0.0.1:8000", served.url)
    commands = commands.replace("curl ", "curl --silent --fail-with-body --include ")
    done = subprocess.run(
        ["bash", "-euc", commands],
        cwd=ROOT, env=served.env, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "202 Accepted" in done.stdout
    assert "x-pulseboard-outcome: created" in done.stdout
    assert '"title":"checkout #2400"' in done.stdout
