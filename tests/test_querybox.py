"""The query box: what a text means, what is wrong with it, and that both directions agree."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feeds.filters import PARAMETERS, WORDS, FeedFilter, FilterError
from feeds.querybox import ALIASES, EXAMPLES, KEYS, checked, opened, read, written
from feeds.search import terms_of
from tests.conftest import Caller
from tests.pages import record


def pairs(text: str) -> list[tuple[str, str]]:
    """Return what TEXT asks for; it has no fault."""
    reading = read(text)
    assert reading.faults == []
    return reading.pairs


def query_of(given: list[tuple[str, str]]) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, value in given:
        query.appendlist(name, value)
    return query


def test_the_box_knows_every_parameter_of_a_feed_and_only_those() -> None:
    assert set(ALIASES) == set(PARAMETERS)
    assert set(KEYS.values()) == {*PARAMETERS, "is"} == set(EXAMPLES)
    for key, name in KEYS.items():
        assert pairs(f"{key}:{EXAMPLES[name]}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \t ", []),
        (
            'type:build -actor:ci component:checkout "exact words" before:2026-11-01',
            [
                ("type", "build"), ("actor", "-ci"), ("component", "checkout"),
                ("until", "2026-11-01"), ("q", '"exact words"'),
            ],
        ),
        ("deploy* checkout", [("q", "deploy* checkout")]),
        ("slow type:push  web", [("type", "push"), ("q", "slow web")]),
        ('actor:"Maria Lopez"', [("actor", "Maria Lopez")]),
        ('-actor:"Maria Lopez"', [("actor", "-Maria Lopez")]),
        (r'actor:"a \"b\" \\ c"', [("actor", r'a "b" \ c')]),
        ('actor:a"b', [("actor", 'a"b')]),
        ("actor:-x", [("actor", r"\-x")]),
        ("-actor:-x", [("actor", "--x")]),
        ('actor:"" -target:""', [("actor", "\\"), ("target", "-")]),
        ("is:failed -is:incident", [("state", "failed"), ("type", "-incident")]),
        ("TYPE:Pull-Request kind:pr", [("type", "pull_request")]),
        ('state:"Timed out" status:passed', [("state", "timed_out"), ("state", "succeeded")]),
        ("env:prod environment:staging", [("environment", "prod"), ("environment", "staging")]),
        ("after:2h until:yesterday", [("since", "2h"), ("until", "yesterday")]),
        ("https://ci.example.com/7 12:30", [("q", "https://ci.example.com/7 12:30")]),
        ("target:https://a.example/1", [("target", "https://a.example/1")]),
        ('target:"//a"', [("target", "//a")]),
        ("text:slow q:web", [("q", "slow web")]),
        ('slow -web -"web shop"', [("q", 'slow -web -"web shop"')]),
        ('-text:slow -q:"web shop"', [("q", '-slow -"web shop"')]),
        ('-a"b', [("q", '-"a b"')]),
        ("--no-cache", [("q", "--no-cache")]),
        ("🚀 -❤ slow", [("q", "🚀 -❤ slow")]),
        ('a"b c"d -', [("q", "a b c d -")]),
    ],
)  # fmt: skip
def test_a_text_asks_for_parameters(text: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(text) == expected


@pytest.mark.parametrize(
    ("text", "term", "rule", "mended"),
    [
        ("stat:failed web", "stat:failed", "there is no key stat", "state:failed web"),
        ("-actr:ci", "-actr:ci", "there is no key actr", "-actor:ci"),
        ("error: no route", "error:", "there is no key error; the keys are type,",
         '"error:" no route'),
        ("type:biuld", "type:biuld", "biuld is no type of event", "type:build"),
        ("type:zzz", "type:zzz", "zzz is no type of event; the types are deployment,", ""),
        ("-status:faild", "-status:faild", "faild is no state", "-status:failed"),
        ("is:opne", "is:opne", "opne is no type and no state", "is:open"),
        ("web type:", "type:", "needs a value behind the colon, such as type:build", ""),
        ('text:""', 'text:""', "needs a value behind the colon, such as text:timeout", ""),
        ('-"web shop', '-"web shop', "the quotes that open here are never closed", '-"web shop"'),
        ("-error:x", "-error:x", "there is no key error; the keys are type,", '-"error:x"'),
        ('type:push "web shop', '"web shop', "the quotes that open here are never closed",
         'type:push "web shop"'),
        ("before:noon", "before:noon", "before must be a date or a date and time", ""),
        ("-since:2h", "-since:2h", "a time is not left out", "before:2h"),
        ("since:2h after:1h", "after:1h", "there is a since already", ""),
    ],
)  # fmt: skip
def test_a_fault_names_the_term_the_rule_and_what_would_be_right(
    text: str, term: str, rule: str, mended: str
) -> None:
    (fault,) = read(text).faults
    assert (fault.term, fault.mended) == (term, mended)
    assert fault.rule.startswith(rule)
    if mended:
        assert read(mended).faults == []


def test_what_can_be_read_beside_faults_is_read() -> None:
    reading = read("type:build stat:failed -actor:ci before:noon web -shop")
    assert reading.pairs == [("type", "build"), ("actor", "-ci"), ("q", "web -shop")]
    assert [fault.term for fault in reading.faults] == ["stat:failed", "before:noon"]


def test_no_more_values_than_an_address_may_have() -> None:
    text = " ".join(f"actor:a{number}" for number in range(51))
    (fault,) = read(text).faults
    assert (fault.term, fault.rule) == ("actor:a50", "there are more than 50 of actor")


def test_a_text_adds_to_the_parameters_beside_it() -> None:
    query, faults = opened(QueryDict("type=build&q=slow&query=type:push+web&before=1_2"))
    assert faults == []
    assert query.urlencode() == "type=build&type=push&q=slow+web&before=1_2"
    with pytest.raises(FilterError) as caught:
        checked(QueryDict("query=stat:failed+-since:2h"))
    assert str(caught.value) == (
        "query: stat:failed: there is no key stat; try state:failed; "
        "-since:2h: a time is not left out; before is the opposite; try before:2h"
    )


def test_programs_ask_in_the_words_of_the_box(bot: Caller) -> None:
    record(30)
    record(1, before=30, title="a quiet night", state="failed")

    def titles(**asked: str) -> list[str]:
        answer = bot.get("/api/v1/activities", **asked)
        assert answer.status_code == 200
        return [row["title"] for row in answer.json()["results"]]

    assert titles(query='type:build is:failed "quiet night"') == ["a quiet night"]
    assert titles(query="quiet", state="-failed") == []
    assert titles(query="-build") == titles(q='-"build 7" -build*') == ["a quiet night"]
    assert len(titles(query="type:build -quiet")) == 30
    first = bot.get("/api/v1/activities", query="-state:failed", limit="20").json()
    following = bot.get(first["next"]).json()
    assert [len(page["results"]) for page in (first, following)] == [20, 10]
    answer = bot.get("/api/v1/activities", query="stat:failed")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "query"


# ---- both directions


def meaning(query: QueryDict) -> object:
    """Return all that makes a difference between two filters."""
    filter = FeedFilter.read(query)
    choices = {
        name: (set(choice.included), set(choice.excluded))
        for name, choice in filter.choices.items()
    }
    return choices, query.get("since"), query.get("until"), terms_of(filter.q), bool(filter.q)


ODD = st.text(st.sampled_from("ab:-*\"\\ /.\t\u00a0é日#'1_🚀→\u200d"), max_size=12)
TEXTS = st.lists(
    st.one_of(
        ODD,
        st.builds(
            "{}{}:{}".format,
            st.sampled_from(["", "-", "x"]),
            st.sampled_from([*KEYS, "tpye", "http"]),
            st.one_of(
                ODD,
                ODD.map('"{}"'.format),
                st.sampled_from([*WORDS["type"], *WORDS["state"], "2h", "2026-11-01", "PR"]),
            ),
        ),
    ),
    max_size=6,
).map(" ".join)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
@example('"')
@example("-")
def test_what_is_written_of_a_text_reads_as_the_same_filter(text: str) -> None:
    query = query_of(read(text).pairs)
    again = read(written(query))
    assert again.faults == []
    assert meaning(query_of(again.pairs)) == meaning(query)
    assert written(query_of(again.pairs)) == written(query)


FREE = [name for name in PARAMETERS if name not in {*WORDS, "since", "until"}]
ADDRESSES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(FREE), st.one_of(ODD, st.text(max_size=8))),
        st.tuples(st.just("type"), st.sampled_from(["build", "-push", "\\alert"])),
        st.tuples(st.just("state"), st.sampled_from(["failed", "-open"])),
        st.tuples(st.sampled_from(["since", "until"]), st.sampled_from(["2h", "2026-11-01"])),
    ),
    max_size=6,
).filter(lambda given: not any("\x00" in value for _, value in given))


@settings(max_examples=400, deadline=None)
@given(ADDRESSES)
@example([("q", "foo:bar -x type:")])
@example([("q", '""')])
@example([("q", "!?")])
@example([("actor", "-")])
def test_every_address_can_be_written_into_the_box(given: list[tuple[str, str]]) -> None:
    query = query_of(given)
    reading = read(written(query))
    assert reading.faults == []
    assert meaning(query_of(reading.pairs)) == meaning(query)
