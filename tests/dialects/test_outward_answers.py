"""What the answers of upstreams mean, wherever they come from, and however odd they are."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.dialects.letters import Account, Answer, Fate, Letter, Sent
from feeds.dialects.outward import UPSTREAMS, answers, compass, credentials, streams, teamhub
from feeds.dialects.outward.compass import cut
from tests.posted import LINK, answered

from .documents import anything, load, moderately, put

WIRES = [(name, wire) for name, each in UPSTREAMS.items() for wire in sorted(each.WIRES)]
DATE = "Sat, 21 Nov 2026 14:03:07 GMT"

STATUSES = [
    (200, Fate.ACCEPTED), (201, Fate.ACCEPTED), (202, Fate.ACCEPTED), (204, Fate.ACCEPTED),
    (301, Fate.REFUSED), (302, Fate.REFUSED), (308, Fate.REFUSED),
    (400, Fate.REFUSED), (401, Fate.UNAUTHORIZED), (403, Fate.UNAUTHORIZED), (404, Fate.REFUSED),
    (408, Fate.RETRY), (409, Fate.REFUSED), (413, Fate.REFUSED), (415, Fate.REFUSED),
    (418, Fate.REFUSED), (422, Fate.REFUSED), (425, Fate.RETRY), (429, Fate.THROTTLED),
    (500, Fate.RETRY), (502, Fate.RETRY), (503, Fate.RETRY), (504, Fate.RETRY), (599, Fate.RETRY),
    (999, Fate.RETRY),
]  # fmt: skip


@pytest.mark.parametrize(("name", "wire"), WIRES)
@pytest.mark.parametrize(("status", "fate"), STATUSES)
def test_each_status_has_one_fate(name: str, wire: str, status: int, fate: Fate) -> None:
    verdict = UPSTREAMS[name].interpret("create", wire, answered(status))
    assert verdict.fate is fate
    assert verdict.reason.startswith(f"{status}") is (fate is not Fate.ACCEPTED)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "99999999"}, 86_400.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 14:05:07 GMT", "date": DATE}, 120.0),
        ({"retry-after": "Sat, 21 Nov 2026 14:05:07 GMT"}, None),  # to count from what?
        ({"retry-after": "Sat, 21 Nov 2026 14:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2099 14:00:00 GMT", "date": DATE}, 86_400.0),
        ({"retry-after": "Sat, 21 Nov 2026 14:05:07 -0000", "date": DATE}, 120.0),
        ({"retry-after": "Sat, 99 Nov 2026 14:05:07 GMT", "date": DATE}, None),
    ],
)
def test_the_wait_that_is_asked_for_is_told(headers: dict[str, str], seconds: float | None) -> None:
    for status in (429, 503):
        verdict = compass.interpret("create", "compass", answered(status, headers=headers))
        assert verdict.retry_after == seconds


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://new.example.com/gateway/api?token=x", "redirects to https://new.example.com:"),
        ("http://new.example.com:8080/", "redirects to http://new.example.com:8080:"),
        ("/login?next=%2F", "redirects to /login:"),
        ("", "redirects and does not say where to:"),
        ("http://[", "redirects to http://[:"),
    ],
)
def test_a_redirect_names_where_it_leads(location: str, words: str) -> None:
    reason = streams.interpret("create", "streams", answered(302, location=location)).reason
    assert reason.startswith(f"302: the address {words}")
    assert reason.endswith("set the connection's address to where it leads")


SAID = [
    ("compass", {"errors": [{"type": "FORMAT_INVALID", "message": "Field [value] is invalid."}]}),
    ("compass", {"errors": [{"type": "Field [value] is invalid.", "message": None}, 7, None]}),
    ("compass", {"message": "Field [value] is invalid."}),
    ("streams", {"errorMessage": "invalid", "subCode": "Field [value] is invalid."}),
    ("teamhub", {"error": {"code": "invalid", "message": "Field [value] is invalid."}}),
    ("teamhub", {"error": "Field [value] is invalid."}),
    ("teamhub", {"errors": ["Field [value] is invalid."]}),
    ("teamhub", {"errors": {"value": "Field [value] is invalid."}}),
    ("pulseboard", {"errors": [{"message": "Field [value] is invalid."}]}),
]


@pytest.mark.parametrize(("name", "body"), SAID)
def test_what_the_upstream_says_is_shown(name: str, body: Any) -> None:
    wire = "compass" if name == "pulseboard" else name
    reason = UPSTREAMS[name].interpret("create", wire, answered(400, json.dumps(body))).reason
    assert reason.startswith("400: the request is not right: ")
    assert reason.endswith("Field [value] is invalid.")


def test_long_and_odd_words_become_one_short_line() -> None:
    verdict = compass.interpret(
        "create", "compass", answered(500, "no\nway\x1b[31m\0" + "x" * 9999)
    )
    assert verdict.reason.startswith("500: it failed there: no way [31m x")
    assert len(verdict.reason) < 600
    assert verdict.reason.isprintable()


def test_a_page_is_no_success_and_its_html_is_not_shown() -> None:
    page = answered(200, "<html>Sign in", content_type="text/html; charset=utf-8")
    for name, wire in WIRES:
        verdict = UPSTREAMS[name].interpret("create", wire, page)
        assert verdict.fate is Fate.RETRY
        assert verdict.reason.endswith("is this the address of its API?")
        assert "<html>" not in verdict.reason
    empty = answered(202, "", content_type="text/html; charset=utf-8")  # as Django answers it
    assert compass.interpret("create", "compass", empty).fate is Fate.ACCEPTED


@pytest.mark.parametrize(
    ("headers", "body", "receipt"),
    [
        ({"location": "https://jira.example.com/rest/activities/1.0/17"}, "", "17"),
        ({"location": "/rest/activities/1.0/17/"}, "", "17"),
        ({}, '{"links": {"self": "https://a/rest/activities/1.0/18"}}', "18"),
        ({"location": "https://a/rest/activities/1.0/a%2Fb"}, "", ""),
        ({"location": "https://a/rest/activities/1.0/.."}, "", ""),
        ({"location": "http://["}, "", ""),
        ({"location": f"/{'9' * 101}"}, "", ""),
        ({}, '{"links": {"self": 18}}', ""),
        ({}, "[" * 100_000, ""),
    ],
)
def test_a_receipt_is_what_is_safe_in_a_path(
    headers: dict[str, str], body: str, receipt: str
) -> None:
    verdict = streams.interpret("create", "streams", answered(201, body, headers))
    assert (verdict.fate, verdict.receipt) == (Fate.ACCEPTED, receipt)


@pytest.mark.parametrize(("name", "wire"), WIRES)
def test_no_answer_whatever_raises(name: str, wire: str) -> None:
    upstream, account = UPSTREAMS[name], Account("me", "secret", "cloud", "key")
    documents = {
        "compass": load("compass/reference-build"),
        "streams": load("streams/complete"),
        "teamhub": load("teamhub/post-request"),
    }
    headers = st.dictionaries(
        st.sampled_from(["location", "retry-after", "date", "content-type"]), st.text()
    )

    @moderately
    @given(st.integers(100, 599), headers, anything.map(json.dumps) | st.text(), st.booleans())
    def run(status: int, headers: dict[str, str], text: str, known: bool) -> None:
        answer = Answer(status, headers, text)
        sent = Sent(wire, documents[wire], LINK, "17" if known else "")
        for verb in ("create", "update", "delete"):
            assert upstream.interpret(verb, wire, answer).reason.isprintable()  # type: ignore[arg-type]
        upstream.found(sent, answer)
        upstream.confirms(sent, answer)
        upstream.probed(account, (answer,) * len(upstream.probe(account)))

    run()


# ---- what is sent


def letter_of(name: str, document: Any, **options: Any) -> Letter:
    account = Account("me@example.com", "secret", "their-cloud", "company")
    letter = UPSTREAMS[name].letter(
        options.pop("verb", "create"), document, wire=options.pop("wire", name), link=LINK,
        account=account, **options,
    )  # fmt: skip
    assert letter is not None
    return letter


@pytest.mark.parametrize("name", ["compass", "pulseboard"])
def test_an_event_of_compass_goes_with_the_ids_of_its_site(name: str) -> None:
    document = put(load("compass/reference-pull-request"), "event.pullRequest.cloudId", "ours")
    body = letter_of(name, document, wire="compass", component="ari:their").body or {}
    assert (body["cloudId"], body["componentId"]) == ("their-cloud", "ari:their")
    assert body["event"]["pullRequest"]["cloudId"] == "their-cloud"
    assert document["event"]["pullRequest"]["cloudId"] == "ours"
    body = letter_of(name, {**document, "componentId": "ari:ours"}, wire="compass").body or {}
    assert "componentId" not in body


def test_long_texts_are_cut_for_compass_and_kept_for_a_pulseboard() -> None:
    document = load("compass/reference-deployment")
    at = "event.deployment.deploymentProperties.pipeline.displayName"
    for path in ("event.deployment.displayName", "event.deployment.description", at):
        document = put(document, path, "😀" * 200)
    event = (letter_of("compass", document).body or {})["event"]["deployment"]
    assert event["displayName"] == event["description"] == "😀" * 127
    assert event["deploymentProperties"]["pipeline"]["displayName"] == "😀" * 127
    assert event["url"] == document["event"]["deployment"]["url"]
    whole = letter_of("pulseboard", document, wire="compass").body or {}
    assert whole["event"] == document["event"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cut_never_halves_a_character(text: str) -> None:
    long = text * 300
    kept = cut(long)
    assert long.startswith(kept)
    assert len(kept.encode("utf-16-le")) in (len(long.encode("utf-16-le")), 508, 510)


@pytest.mark.parametrize(
    ("document", "url"),
    [
        ({"id": "https://ci.example.com/7"}, "https://ci.example.com/7"),
        (
            {"id": "https://ci.example.com/7", "url": "https://ci.example.com"},
            "https://ci.example.com",
        ),
        ({"id": "https://ci.example.com/7", "uri": "https://ci.example.com"}, None),
        ({"url": "https://ci.example.com"}, "https://ci.example.com"),
        ({"url": None, "id": None}, None),
    ],
)
def test_an_activity_has_our_page_for_its_id_and_keeps_where_it_leads(
    document: dict[str, Any], url: str | None
) -> None:
    body = letter_of("streams", document).body or {}
    assert (body["id"], body.get("url")) == (LINK, url)
    assert body.get("uri") == document.get("uri")


def test_a_whole_event_of_teamhub_goes_as_the_flat_request() -> None:
    document = put(load("teamhub/build-before-the-put"), "objects.commits", [{"id": "x"}] * 300)
    letter = letter_of("teamhub", {"event": document})
    assert letter.path == "/api/events"
    assert letter.headers["Accept"] == "application/vnd.hth.v1"
    assert letter.body == {
        "target": "build",
        "operation": "created",
        "project": "luotsi",
        "repository": "chef",
        "name": "Development",
        "commits": ["x"] * 100,
        "resources": ["http://domain.com/jenkins/job/development/2372", LINK],
        "progress": 40,
        "timestamp": "2013-08-19T07:54:56Z",
    }


def test_every_path_begins_with_a_slash_and_every_body_with_its_type() -> None:
    account = Account("me", "secret", "cloud", "key")
    for name, wire in WIRES:
        document = load(
            {"compass": "compass/reference-build", "streams": "streams/complete"}.get(
                wire, "teamhub/post-request"
            )
        )
        upstream = UPSTREAMS[name]
        sent = Sent(wire, document, LINK, "17")
        asked = [upstream.look_up(sent, account), upstream.read_back(sent, account)]
        written = [letter_of(name, document, wire=wire)]
        for letter in filter(None, [*asked, *written, *upstream.probe(account)]):
            assert letter.path.startswith("/")
            assert ("Content-Type" in letter.headers) is (letter.body is not None)


def test_credentials_go_in_the_form_of_each_wire() -> None:
    account = Account("me@example.com", "secret", company_key="company")
    basic = "Basic " + base64.b64encode(b"me@example.com:secret").decode()
    assert UPSTREAMS["compass"].authorize(account) == {"Authorization": basic}
    assert UPSTREAMS["pulseboard"].authorize(account) == {"Authorization": basic}
    nameless = Account(secret="secret")
    assert UPSTREAMS["pulseboard"].authorize(nameless) == {"Authorization": "Bearer secret"}
    theirs = "hth.company_key='company',account_key='secret'"
    assert teamhub.authorize(account) == {"Authorization": theirs}
    odd = credentials.keys(Account(secret="it's", company_key="company"))
    assert odd == {"Authorization": "hth.company_key='company',account_key=\"it's\""}
    assert "secret" not in repr(account)


def test_a_build_that_has_come_further_confirms_and_one_that_ended_otherwise_does_not() -> None:
    def confirmed(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
        sent = Sent("teamhub", ours, LINK, "a1")
        return teamhub.confirms(sent, answered(200, json.dumps({"id": "a1", **theirs})))

    running = {"progress": 40, "operation": "created"}
    assert confirmed(running, {"progress": 40, "operation": "created"})
    assert confirmed({"progress": 40}, {"progress": 41, "operation": "created"})
    assert not confirmed(running, {"progress": 39, "operation": "created"})
    assert not confirmed({"operation": "failed"}, {"progress": 100, "operation": "completed"})
    assert not confirmed(running, {"id": "another", **running})
    assert answers.shown("x" * 501).endswith("…")
