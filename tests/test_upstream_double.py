"""The upstream of the tests does what its script says: a double that errs would prove nothing."""

from __future__ import annotations

import http.client
import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from feeds.dialects.letters import RECEIPT, Account, Answer, Letter, Sent
from feeds.dialects.outward import UPSTREAMS
from tests.dialects.documents import load
from tests.upstream import (
    BIG,
    Remote,
    Rule,
    Upstream,
    busiest,
    by_the_minute,
    upstream,
    upstream_process,
)
from tests.upstream_wires import CLOUD_ID

EVENTS = "/gateway/api/compass/v1/events"


def event(identity: str = "1", sequence: int = 1, source: str = "shop/web") -> dict[str, Any]:
    custom = {
        "updateSequenceNumber": sequence,
        "externalEventSourceId": source,
        "customEventProperties": {"id": identity, "icon": "INFO"},
    }
    return {"cloudId": "x", "event": {"custom": custom}}


class Client:
    """One connection that is kept alive."""

    def __init__(self, up: Upstream | Remote, timeout: float = 5) -> None:
        self.link = http.client.HTTPConnection(urlsplit(up.url).netloc, timeout=timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.link.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, dict[str, str]]:
        self.link.request(method, path, None if body is None else json.dumps(body))
        response = self.link.getresponse()
        text = response.read()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return response.status, json.loads(text) if text.strip() else None, headers

    def post(self, body: Any) -> int:
        return self.ask("POST", EVENTS, body)[0]


def test_a_connection_is_kept_and_every_request_is_on_record() -> None:
    with upstream("compass") as up, Client(up) as client:
        before = time.time()
        assert [client.post(event(str(number))) for number in range(3)] == [202, 202, 202]
        assert [request.connection for request in up.requests] == [1, 1, 1]
        assert up.requests[2].json() == event("2")
        assert {request.lane for request in up.requests} == {"shop/web"}
        assert before <= up.requests[0].wall <= up.requests[2].wall <= time.time()
        assert up.requests[0].headers["content-length"]
        assert [each.outcome for each in up.events] == ["created"] * 3


def test_compass_keeps_the_newest_of_an_event() -> None:
    with upstream("compass") as up, Client(up) as client:
        for sequence in (2, 2, 1, 3):
            assert client.post(event(sequence=sequence)) == 202
        assert [each.outcome for each in up.events] == ["created", "stale", "stale", "updated"]


@pytest.mark.parametrize("counting", ["sliding", "minute"])
def test_compass_refuses_what_is_above_its_rate(counting: str) -> None:
    with upstream("compass", rate=3, window=0.5, counting=counting) as up, Client(up) as client:
        time.sleep(0.5 - time.time() % 0.5)  # both ways of counting begin with an empty window
        answers = [client.ask("POST", EVENTS, event(str(number))) for number in range(5)]
        assert [status for status, *_ in answers] == [202, 202, 202, 429, 429]
        assert answers[3][2]["retry-after"] == "1"
        time.sleep(0.6)
        assert client.post(event("6")) == 202
        taken = [each.wall for each in up.events]
        assert busiest(taken, 0.5) == 3
        assert max(by_the_minute(taken, 0.5).values()) == 3


@pytest.mark.parametrize("status", [400, 401, 429, 503])
def test_a_status_of_the_script_is_answered_and_the_event_is_not_taken_in(status: int) -> None:
    with upstream("compass", [Rule(status=status)]) as up, Client(up) as client:
        assert client.post(event()) == status
        up.script()
        assert client.post(event()) == 202
        assert len(up.events) == 1


def test_a_rule_may_take_the_event_in_and_yet_answer_an_error() -> None:
    with upstream("compass", [Rule(status=502, takes=True)]) as up, Client(up) as client:
        assert client.post(event()) == 502
        assert len(up.events) == 1


def test_rules_choose_by_method_path_lane_and_count() -> None:
    rules = [
        Rule(status=418, lane="shop/cart", skip=1, times=1),
        Rule(status=429, path="/compass/", every=3, headers={"Retry-After": "7"}),
        Rule(status=302, method="GET", headers={"Location": "https://example.com/"}),
    ]
    with upstream("compass", rules) as up, Client(up) as client:
        cart = [client.post(event(source="shop/cart")) for _ in range(4)]
        assert cart == [202, 418, 202, 429]
        assert client.ask("GET", "/_edge/tenant_info")[0] == 302
        web = [client.ask("POST", EVENTS, event()) for _ in range(3)]
        assert [status for status, *_ in web] == [202, 202, 429]
        assert web[2][2]["retry-after"] == "7"
        assert [request.status for request in up.requests][:4] == cart


@pytest.mark.parametrize(
    ("fault", "taken"),
    [("reset-before", 0), ("reset-after", 1), ("reset-middle", 1), ("garbage", 0)],
)
def test_a_broken_answer_breaks_and_the_event_is_there_or_not(fault: str, taken: int) -> None:
    with upstream("compass", [Rule(fault=fault, times=1)]) as up:
        with Client(up) as client, pytest.raises((OSError, http.client.HTTPException)) as caught:
            client.post(event())
        if fault.startswith("reset"):
            assert isinstance(caught.value, ConnectionResetError)
        assert len(up.events) == taken
        assert up.requests[0].fault == fault
        with Client(up) as client:
            assert client.post(event()) == 202


def test_a_hung_answer_never_comes() -> None:
    with upstream("compass", [Rule(fault="hang", times=1)]) as up:
        with Client(up, timeout=0.3) as client, pytest.raises(TimeoutError):
            client.post(event())
        assert up.events == []


@pytest.mark.parametrize("fault", ["trickle-head", "trickle-body"])
def test_a_trickle_comes_byte_by_byte(fault: str) -> None:
    rule = Rule(fault=fault, status=200, body="1234567890", pace=0.02)
    with upstream("", [rule]) as up, Client(up) as client:
        begun = time.monotonic()
        assert client.ask("GET", "/")[0] == 200
        assert time.monotonic() - begun > 0.15


def test_a_big_body_is_big() -> None:
    with upstream("", [Rule(fault="big")]) as up, Client(up) as client:
        client.link.request("GET", "/")
        assert len(client.link.getresponse().read()) == BIG


def test_an_end_in_the_midst_of_an_exchange_is_clean() -> None:
    with upstream("", [Rule(fault="hang")]) as up:
        link = socket.create_connection(("127.0.0.1", up.port))
        link.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while not up.requests:
            time.sleep(0.01)
    with link:
        assert link.recv(1) == b""


# ---- the wires


def test_streams_numbers_lists_and_deletes() -> None:
    root = "/rest/activities/1.0/"
    activity = {"generator": {"id": "https://ci", "displayName": "CI"}, "id": "https://here/1"}
    with upstream("streams") as up, Client(up) as client:
        status, stored, headers = client.ask("POST", root, activity)
        assert (status, headers["location"]) == (201, f"{up.url}{root}1")
        assert client.ask("POST", root, activity)[1]["links"]["self"].endswith("/2")
        assert client.ask("GET", f"{root}1")[1] == stored
        listed = client.ask("GET", f"{root}?max-results=1")[1]["items"]
        assert [item["links"]["self"] for item in listed] == [f"{up.url}{root}2"]
        assert client.ask("DELETE", f"{root}1")[0] == 200
        assert client.ask("GET", f"{root}1")[0] == 404
        assert client.ask("POST", root, {})[1]["subCode"]
        assert [each.identity for each in up.events] == ["https://here/1"] * 3
        assert [each.outcome for each in up.events] == ["created", "created", "deleted"]


def test_teamhub_posts_puts_and_lists_pages_that_shift() -> None:
    build = {
        "target": "build", "project": "luotsi", "repository": "chef", "progress": 10,
        "resources": ["https://here/1"],
    }  # fmt: skip
    with upstream("teamhub") as up, Client(up) as client:
        status, made, _ = client.ask("POST", "/api/events", build)
        assert (status, made["progress"]) == (201, 10)
        path = f"/api/events/{made['id']}"
        assert client.ask("PUT", path, {"progress": 60})[1]["progress"] == 60
        assert client.ask("PUT", path, {"progress": 50})[0] == 422
        up.progress(made["id"], 100, "completed")
        assert client.ask("GET", path)[1]["operation"] == "completed"
        assert client.ask("PUT", path, {"progress": 100})[0] == 422
        for number in range(30):
            up.push({"objects": {"repository": {"id": f"r{number}"}}})
        first = client.ask("GET", "/api/events")[1]
        assert first["metadata"] == {"more_results": True, "next_offset": 25, "count": 25}
        up.push({})  # and so one event is on both pages
        rest = client.ask("GET", "/api/events?offset=25")[1]
        assert rest["results"][0]["id"] == first["results"][-1]["id"]
        found = client.ask("GET", "/api/events?target=build&project=luotsi&repository=chef")[1]
        assert [each["id"] for each in found["results"]] == [made["id"]]
        assert found["results"][0]["objects"]["resources"] == ["https://here/1"]
        assert {(each.lane, each.identity) for each in up.events} == {
            ("luotsi/chef", "https://here/1"), ("luotsi/chef", made["id"]),
        }  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("compass", "compass/reference-build"),
        ("streams", "streams/complete"),
        ("teamhub", "teamhub/post-request-live"),
    ],
)
def test_our_own_dialects_find_in_it_what_they_look_for(mode: str, name: str) -> None:
    theirs, link = UPSTREAMS[mode], "https://pulse.example.com/activities/1/"
    with upstream(mode) as up, Client(up) as client:

        def send(letter: Letter | None, receipt: str = "") -> Answer:
            assert letter is not None
            path = letter.path.replace(RECEIPT, receipt)
            status, body, headers = client.ask(letter.method, path, letter.body)
            return Answer(status, headers, json.dumps(body))

        account = Account("me", "secret", CLOUD_ID, "key")
        assert theirs.probed(account, tuple(map(send, theirs.probe(account)))).fault == ""
        letter = theirs.letter(
            "create", load(name), wire=mode, link=link, account=account, component="ari:1"
        )
        verdict = theirs.interpret("create", mode, send(letter))
        assert verdict.reason == ""
        assert letter is not None
        sent = Sent(mode, letter.body or {}, link, verdict.receipt)
        assert theirs.confirms(sent, send(theirs.read_back(sent, account)))
        unsure = Sent(mode, sent.body, link)
        if (look := theirs.look_up(unsure, account)) is not None:
            assert theirs.found(unsure, send(look)) == verdict.receipt
        assert [each.outcome for each in up.events] == ["created"]


def test_as_a_process_it_looks_the_same() -> None:
    with upstream_process("compass", [Rule(status=503, times=1)], rate=2) as up:
        with Client(up) as client:
            assert [client.post(event(str(number))) for number in range(4)] == [503, 202, 202, 429]
        assert up.counts == {"requests": 4, "events": 2}
        assert [request.status for request in up.requests] == [503, 202, 202, 429]
        assert up.requests[1].json() == event("1")
        assert [each.lane for each in up.events] == ["shop/web"] * 2
        up.script(Rule(status=401))
        with Client(up) as client:
            assert client.post(event()) == 401
        up.forget()
        assert up.counts == {"requests": 0, "events": 0}
    with upstream_process("teamhub") as up:
        identity = up.push({"target": "build", "progress": 5})
        up.progress(identity, 7)
        with Client(up) as client:
            assert client.ask("GET", f"/api/events/{identity}")[1]["progress"] == 7
