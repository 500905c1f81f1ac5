"""GitHub's example payloads, as npm's @octokit/webhooks-examples has them; nothing is copied."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import pytest

from tests.house import ROOT

INDEX = ROOT / "tests/npm/node_modules/@octokit/webhooks-examples/api.github.com/index.json"


def examples() -> dict[str, list[Any]]:
    """Return the examples of each event; without the package the test is skipped, but not in CI."""
    if not INDEX.exists():
        reason = "npm's @octokit/webhooks-examples is not installed: no example of GitHub was tried"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return _read()


@cache
def _read() -> dict[str, list[Any]]:
    return {event["name"]: event["examples"] for event in json.loads(INDEX.read_text())}
