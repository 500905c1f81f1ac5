"""One request as text to copy: a curl command, a step of GitHub Actions, a Python program.

The secret is never in it: it comes from a variable of the environment.
"""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from feeds.dialects.mapping import Document

VARIABLE = "PULSEBOARD_SECRET"
STEP = "Send the event"
TIMEOUT = 30  # seconds; so that a pipeline never hangs on its last step
_INDENT = " " * 4
_GLOBS = "[]{}"  # mean several addresses to curl

Scheme = Literal["basic", "bearer", "teamhub"]


@dataclass(frozen=True)
class Example:
    """A request that somebody may send by other means; SCHEME says where the secret goes."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Document | None = None
    user: str = ""  # of scheme basic
    scheme: Scheme = "basic"
    company_key: str = ""  # of scheme teamhub
    variable: str = VARIABLE

    @property
    def prefix(self) -> str:
        """What stands before the secret, in the Authorization header or in the pair of Basic."""
        before = {
            "basic": f"{self.user}:",
            "bearer": "Bearer ",
            "teamhub": f"hth.company_key='{self.company_key}',account_key='",
        }
        return before[self.scheme]

    @property
    def suffix(self) -> str:
        """What stands behind the secret."""
        return "'" if self.scheme == "teamhub" else ""


def as_curl(example: Example) -> str:
    """Write EXAMPLE as a command for a POSIX shell."""
    return _curl(example, [])


def as_github_step(example: Example) -> str:
    """Write EXAMPLE as a step of a GitHub workflow; the secret is one of the repository's."""
    script = _curl(example, ["--silent --show-error --fail-with-body", f"--max-time {TIMEOUT}"])
    # GitHub fills in what stands in ${{ }} before any shell sees it, quoted or not. Every one that
    # is in the script stands between single quotes, and so can be taken apart there.
    script = script.replace("${{", "$''{{")
    step = f"""\
- name: {STEP}
  env:
    {example.variable}: ${{{{ secrets.{example.variable} }}}}
  run: |
"""
    return step + textwrap.indent(script, _INDENT)


def as_python(example: Example) -> str:
    """Write EXAMPLE as a program that needs the package `requests`."""
    secret = f'os.environ["{example.variable}"]'
    headers: dict[str, str] = dict(example.headers)
    written = [f"    {name!r}: {value!r},\n" for name, value in headers.items()]
    login = ""
    if example.scheme == "basic":
        # requests would write it in Latin-1, and everybody else reads UTF-8
        encoded = "" if example.user.isascii() else ".encode()"
        login = f"    auth=({example.user!r}{encoded}, {secret}),\n"
    else:
        behind = f" + {example.suffix!r}" if example.suffix else ""
        written.append(f"    'Authorization': {example.prefix!r} + {secret}{behind},\n")
    event = "" if example.body is None else f"event = {_literal(example.body)}\n"
    body = "    json=event,\n" if event else ""
    return f"""\
import os

import requests

{event}headers = {{
{"".join(written)}}}
response = requests.request(
    {example.method!r},
    {example.url!r},
{login}    headers=headers,
{body}    timeout={TIMEOUT},
    allow_redirects=False,
)
response.raise_for_status()
print(response.status_code, response.text)
"""


def _curl(example: Example, options: list[str]) -> str:
    lines = [f"curl --request {shlex.quote(example.method)} {shlex.quote(example.url)}", *options]
    if any(each in example.url for each in _GLOBS):
        lines.append("--globoff")
    secret = f'"${example.variable}"'
    if example.scheme == "basic":
        lines.append(f"--user {shlex.quote(example.prefix)}{secret}")
    else:
        behind = shlex.quote(example.suffix) if example.suffix else ""
        start = shlex.quote(f"Authorization: {example.prefix}")
        lines.append(f"--header {start}{secret}{behind}")
    for name, value in example.headers.items():
        lines.append(f"--header {shlex.quote(f'{name}: {value}')}")
    if example.body is not None:
        lines.append(f"--data-raw {shlex.quote(_json(example.body))}")
    return " \\\n  ".join(lines) + "\n"


def _json(body: Document) -> str:
    """Write BODY to be read; what cannot be seen, or ends a line in YAML, is escaped."""
    text = json.dumps(body, indent=2, ensure_ascii=False)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text
    ).replace("\x7f", "\\u007f")


def _literal(value: Any, depth: int = 1) -> str:
    """Write VALUE as Python, a line for each of its parts."""
    if not isinstance(value, dict | list) or not value:
        return repr(value)
    pad, end = _INDENT * depth, _INDENT * (depth - 1)
    if isinstance(value, dict):
        parts = [f"{name!r}: {_literal(each, depth + 1)}" for name, each in value.items()]
        return "{\n" + "".join(f"{pad}{part},\n" for part in parts) + end + "}"
    return "[\n" + "".join(f"{pad}{_literal(each, depth + 1)},\n" for each in value) + end + "]"
