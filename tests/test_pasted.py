"""What is pasted is read for what it is, and what is wrong with it is said, naming the field."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feeds.pasted import Pasted, PasteError, read_pasted
from feeds.snippets import Example, as_curl
from tests.dialects.documents import anything, load, moderately, mutated, names, put, without
from tests.upstream import upstream

ACTIVITY = {"generator": {"id": "https://ci.example.com", "displayName": "CI"}, "id": "https://a/1"}
BUILDS = [
    name
    for name in names("teamhub")
    if "build" in name or name.startswith(("teamhub/post-re", "teamhub/put-"))
]


def fault(text: str) -> str:
    with pytest.raises(PasteError) as caught:
        read_pasted(text)
    return str(caught.value)


@pytest.mark.parametrize("name", [*names("compass"), *names("streams")])
def test_a_body_is_read_as_it_is(name: str) -> None:
    assert read_pasted(json.dumps(load(name))) == Pasted(name.partition("/")[0], load(name))
    assert read_pasted(f"\ufeff\n  {json.dumps(load(name), indent=4)}\n\n").document == load(name)


@pytest.mark.parametrize("name", BUILDS)
def test_a_build_is_read_as_the_flat_request(name: str) -> None:
    found = read_pasted(json.dumps(load(name)))
    assert found.wire == "teamhub"
    assert found.document["target"] == "build"
    assert isinstance(found.document["project"], str)
    assert "objects" not in found.document
    assert "event" not in found.document


def test_a_body_of_compass_may_lack_the_cloud_id() -> None:
    document = without(load("compass/reference-build"), "cloudId")
    assert read_pasted(json.dumps(document)).document == {**document, "cloudId": ""}


WRONG = [
    ("", "there is nothing to read: paste a JSON body or a curl command"),
    ("hello", "body: must be JSON: expecting value at line 1, column 1"),
    ('{"a": 1', "body: must be JSON: expecting ',' delimiter at line 1, column 8"),
    ("[]", "body: must be one event, an object"),
    ("[{}]", "body: must be one event, an object"),
    ("7", "body: must be one event, an object"),
    ("{}", "it has nothing"),
    ('{"message": "hi", "level": 3}', "it has message, level"),
    ('{"a": NaN}', "body: must be JSON, which has no NaN"),
    ("[" * 100_000, "body: must not nest deeper than 64 levels"),
    ('{"a": "' + "x" * 300_000 + '"}', "body: must not be over 262144 bytes"),
    ('{"cloudId": "x"}', "event: is required"),
    ('{"cloudId": "x", "event": {"push": {}}}', "event.push.displayName: is required"),
    (json.dumps({**ACTIVITY, "title": 7}), "title: must be a string"),
    (json.dumps({**ACTIVITY, "id": None}), "id: is required where there is no url"),
    ('{"title": "Alone"}', "generator: is required"),
    ('{"target": "build", "operation": "done"}', "operation: must be one of created, completed"),
    ('{"target": "push", "operation": "created"}', "target: must be one of build"),
    (json.dumps(load("teamhub/list-push")), "target: must be build; a push cannot be sent"),
    (json.dumps(load("teamhub/server-trigger")), "target: must be build; a push cannot be sent"),
    (json.dumps(load("teamhub/branch")), "target: must be build; a branch cannot be sent"),
    ("curl https://example.com", "curl: the command has no body"),
    ("curl -d @event.json https://example.com", "-d @event.json: the file is on your machine"),
    ("curl --json @- https://example.com", "--json @-: the file is on your machine"),
    ("curl -H @headers -d '{}'", "-H @headers: the file is on your machine"),
    ("curl -X PUT -d '{}'", "-X PUT: only the request that creates an event, a POST, is read"),
    ("curl --request DELETE", "-X DELETE: only the request that creates an event"),
    ("curl -d '{}", "curl: a quote is opened and never closed: '{}"),
    ("curl -d", "-d: its value is missing"),
    ("curl -sSfXPUT -d '{}'", "-X PUT: only the request"),
    ("curl -F a=b", "-F: sends a form, and not the JSON of an event"),
    ("curl -G -d a=b", "-G: sends no body"),
    ("curl -T file", "-T: sends a file"),
    ("curl -d '{\"a\": 1}' -d '{}'", "body: must be JSON: extra data at line 1, column 9"),
    ("curl -d $'\\uD800'", "curl: there is no character 0xd800"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[text[:40] for text, _ in WRONG])
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    assert words in fault(text)


def test_all_faults_of_a_body_are_said_at_once() -> None:
    document = put(load("compass/reference-build"), "event.build.buildProperties.state", "DONE")
    said = fault(json.dumps(without(document, "event.build.url")))
    assert "event.build.url: is required" in said
    assert "event.build.buildProperties.state: must be one of IN_PROGRESS" in said


BODY = json.dumps(ACTIVITY)
COMMANDS = [
    f"curl -d '{BODY}' https://example.com",
    f"curl -d'{BODY}' https://example.com",
    f"curl --data '{BODY}' https://example.com",
    f"curl --data-raw '{BODY}' https://example.com",
    f"curl --data-binary '{BODY}' https://example.com",
    f"curl --data='{BODY}' https://example.com",
    f"curl --json '{BODY}' https://example.com",
    f"curl -d {json.dumps(BODY)} https://example.com",
    f"curl -sSL -XPOST -u me:$TOKEN https://example.com?a=1\\&b=2 -H 'A: b' -d '{BODY}'",
    f"curl https://example.com -sSX POST --max-time 5 -u 'me:x' -H A:b -o /dev/null -d '{BODY}'",
    f"$ curl https://example.com \\\n  -H 'A: b' \\\r\n  -d '{BODY}'",
    f"curl https://example.com -d '{BODY}' | jq -d '.x'",
    f"curl https://example.com -d '{BODY}' && echo -d 7",
    f"curl --json '{BODY[:20]}' --json '{BODY[20:]}' https://example.com",
    f"curl.exe -d '{BODY}' https://example.com",
    f"curl -d {shlex.quote(BODY)} https://example.com",
    f"curl 'https://a/?x' --data-raw $'{BODY}' --compressed",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_curl_command_is_read(command: str) -> None:
    assert read_pasted(command) == Pasted("streams", ACTIVITY)


ODD = [
    (r"""$'{"generator": {"id": "https://a", "displayName": "it\'s\u0021\n"}, "id": "https://a"}'""",
     None),
    (r"""$'{"generator": {"id": "https://a", "displayName": "\x41\102\\n"}, "id": "https://a"}'""",
     "AB\n"),
    (r'''"{\"generator\": {\"id\": \"https://a\", \"displayName\": \"\$HOME\"}, \"id\": \"https://a\"}"''',
     "$HOME"),
    (r"""'{"generator": {"id": "https://a", "displayName": "it'\''s"}, "id": "https://a"}'""",
     "it's"),
]  # fmt: skip


@pytest.mark.parametrize(("quoted", "name"), ODD)
def test_the_quotes_of_a_shell_are_understood(quoted: str, name: str | None) -> None:
    if name is None:
        assert fault(f"curl -d {quoted}").startswith(
            "body: must be JSON: invalid control character"
        )
    else:
        found = read_pasted(f"curl -d {quoted}").document
        assert found["generator"]["displayName"] == name


@pytest.mark.parametrize("name", ["compass/reference-build", "streams/complete"])
def test_our_own_snippet_is_read_again(name: str) -> None:
    document = put(load(name), "odd", 'it\'s "so" $HOME `id` \\ \n 日本 \u2028')
    snippet = as_curl(Example("POST", "https://example.com/[a]", {"A": "b"}, document, user="me"))
    assert read_pasted(snippet) == Pasted(name.partition("/")[0], document)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("command", [each for each in COMMANDS if not each.startswith("$")])
def test_curl_itself_sends_what_we_read(command: str) -> None:
    if "curl.exe" in command or "--data=" in command:
        pytest.skip("a form that only we understand")
    with upstream() as up:
        command = command.replace("https://example.com", up.url).replace("'https://a/?x'", up.url)
        command = command.replace("| jq -d '.x'", "").replace("&& echo -d 7", "")
        subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=30)
        assert up.requests[0].json() == ACTIVITY


# ---- nothing else is ever raised


def check(text: str) -> None:
    try:
        found = read_pasted(text)
    except PasteError:
        return
    assert found.wire in ("compass", "streams", "teamhub")
    assert isinstance(found.document, dict)


@moderately
@example("curl \\")
@example("curl -")
@example("curl --")
@example("curl -d $'\\U00110000'")
@example("curl -d \ud800")
@example('{"a": "\ud800"}')
@example("curl\x00-d")
@given(st.text() | st.text("curl -dXH@'\"\\${}[]:,|&;\n \tu0x"))
def test_any_text_is_read_or_refused(text: str) -> None:
    check(text)
    check(f"curl {text}")
    check(f"curl -d {text}")


@moderately
@given(anything | mutated("compass") | mutated("streams") | mutated("teamhub"))
def test_any_json_is_read_or_refused(document: Any) -> None:
    text = json.dumps(document)
    check(text)
    check(f"curl --json {shlex.quote(text)}")
    check(f"curl -d {json.dumps(text)}")
