"""Snippets do as they say: each is run, and what arrives is the event, whatever it contains."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from feeds.snippets import Example, as_curl, as_github_step, as_python
from tests.upstream import Rule, Upstream, upstream

SECRET = 's3cr3t $HOME "quoted" `id` \\ #'
NASTY = {
    "quotes": "it's \"so\" ''' \"\"\" '\\''",
    "shell": "$HOME ${PATH} $(id) `id` !! \\ \\\\ & | ; < > * ? ~ # %",
    "github": "${{ secrets.OTHER }} $${{ github.token }} {{ x }}",
    "lines": "one\ntwo\r\nthree\r\n\n  four\t\x0b\x0c\u2028five\u2029six\x85seven",
    "yaml": "- a: |\n  b\n...\n---\n%TAG !\n'",
    "hidden": "\x00\x01\x1b[31m\x7f\x9f\u202e\u200b\ufeff",
    "unicode": "Ünïcödé 日本語 😀 \U0010ffff",
    "numbers": [0, -1, 1.0, 1e308, 2**63 - 1, True, False, None],
    "empty": {"list": [], "object": {}, "text": "", "": ""},
    "nested": [[{"a": [{"b": "\n"}]}]],
    "é '\"\n$": "a name",
    "python": "{x} %s \\n \\u0041 \\N{DASH}",
}
PLAIN = {"title": "Freeze begins", "sequence": 1}


@pytest.fixture(scope="module")
def up() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


def run(command: list[str], text: str, **environment: str) -> None:
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        command, input=text, text=True, capture_output=True, timeout=60, check=False,
        env={**known, "PULSEBOARD_SECRET": SECRET, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def run_curl(example: Example, folder: Path) -> None:
    run(["bash", "-eu"], as_curl(example))


def run_step(example: Example, folder: Path) -> None:
    text = as_github_step(example)
    (step,) = yaml.safe_load(text)
    assert step["env"] == {example.variable: f"${{{{ secrets.{example.variable} }}}}"}
    assert "${{" not in step["run"], "GitHub would fill this in"
    script = folder / "step.sh"
    script.write_text(step["run"])
    run(["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], "")  # as a runner does


def run_python(example: Example, folder: Path) -> None:
    text = as_python(example)
    assert text.isprintable() or all(each.isprintable() or each == "\n" for each in text)
    run([sys.executable, "-"], text, PYTHONUTF8="1")


RUNNERS = [run_curl, run_step, run_python]


def sent(up: Upstream, runner: Any, folder: Path, **fields: Any) -> Any:
    up.requests.clear()
    example = Example(
        **{
            "method": "POST",
            "url": f"{up.url}/gateway/api/compass/v1/events",
            "headers": {"Content-Type": "application/json", "Accept": "application/json"},
            "body": PLAIN,
            "user": "me@example.com",
            **fields,
        }
    )
    runner(example, folder)
    (request,) = up.requests
    assert (request.method, f"{up.url}{request.path}") == (example.method, example.url)
    for name, value in example.headers.items():
        assert request.headers[name.lower()] == value
    return request


def exactly(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("name", [*NASTY, "all"])
def test_the_body_arrives_as_it_is(up: Upstream, runner: Any, name: str, tmp_path: Path) -> None:
    body = NASTY if name == "all" else {name: NASTY[name]}
    request = sent(up, runner, tmp_path, body=body)
    assert exactly(request.json()) == exactly(body)


def basic(request: Any) -> str:
    return base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("user", ["me@example.com", 'it\'s "me" $HOME `id` ${{ x }}'])
def test_basic_credentials_arrive(up: Upstream, runner: Any, user: str, tmp_path: Path) -> None:
    assert basic(sent(up, runner, tmp_path, user=user)) == f"{user}:{SECRET}"


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_keys_of_teamhub_arrive(
    up: Upstream, runner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "SECRET", "0123abcd")
    request = sent(up, runner, tmp_path, scheme="teamhub", company_key="c0ffee")
    assert request.headers["authorization"] == "hth.company_key='c0ffee',account_key='0123abcd'"
    request = sent(up, runner, tmp_path, scheme="bearer")
    assert request.headers["authorization"] == "Bearer 0123abcd"


@pytest.mark.parametrize("runner", RUNNERS)
def test_other_methods_and_odd_addresses_work(up: Upstream, runner: Any, tmp_path: Path) -> None:
    odd = f"{up.url}/api/events?a[]=1&b={{x}}&c=it's"
    if runner is run_python:
        odd = f"{up.url}/api/events?a=1&b=x"  # requests quotes what is not allowed
    assert sent(up, runner, tmp_path, url=odd).json() == PLAIN
    assert sent(up, runner, tmp_path, method="PUT").json() == PLAIN
    assert sent(up, runner, tmp_path, method="DELETE", body=None).body == b""


@pytest.mark.parametrize("write", [as_curl, as_github_step, as_python])
def test_the_variable_may_have_another_name(write: Any) -> None:
    example = Example("POST", "https://example.com/", body=PLAIN, variable="COMPASS_TOKEN")
    assert "COMPASS_TOKEN" in write(example)
    assert "PULSEBOARD_SECRET" not in write(example)


def test_a_step_fails_when_the_upstream_refuses(up: Upstream, tmp_path: Path) -> None:

    up.script(Rule(status=400))
    try:
        for runner in (run_step, run_python):
            with pytest.raises(AssertionError):
                sent(up, runner, tmp_path)
    finally:
        up.script()
