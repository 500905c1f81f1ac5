"""The grammar of the `streams` and `thirdparty` parameters, by itself and over the database."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds import actions
from feeds.dialects.mapping import Draft
from feeds.filters import FeedFilter, FilterError
from feeds.models import Role
from feeds.pages import page
from feeds.streamfilters import WALK, condition, readings

START = datetime(2026, 11, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
BITBUCKET = "http://www.bitbucket.org@Bitbucket"
SPACED = "https://ci.example.com@Build Server"


def asked(**parameters: str | list[str]) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, values in parameters.items():
        query.setlist(name, [values] if isinstance(values, str) else values)
    return query


# ---- the words


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("maria", ("maria",)),
        ("ci_bot", ("ci bot", "ci_bot")),
        ("ci\\_bot", ("ci_bot",)),
        ("a_b\\_c", ("a b_c",)),
        ("_", (" ", "_")),
        ("back\\slash", ("back\\slash",)),
    ],
)
def test_an_underscore_is_a_space_or_itself_and_an_escaped_one_itself_alone(
    value: str, meant: tuple[str, ...]
) -> None:
    assert readings(value) == meant


@pytest.mark.parametrize(
    ("parameter", "text", "rule"),
    [
        ("streams", "", "must be a key, an operator and values, as in key IS ONE"),
        ("streams", "key", "must be a key, an operator and values, as in key IS ONE"),
        ("streams", "key IS", "must be a key, an operator and values, as in key IS ONE"),
        ("streams", "colour IS red",
         "begins with none of key, user, issue-key, update-date, activity"),
        ("streams", "provider_name IS a@b",
         "begins with none of key, user, issue-key, update-date, activity"),
        ("thirdparty", "key IS ONE", "begins with none of provider_name"),
        ("streams", "key EQUALS ONE",
         "key must be followed by one of IS, NOT, CONTAINS, DOES_NOT_CONTAIN"),
        ("streams", "key BEFORE 1",
         "key must be followed by one of IS, NOT, CONTAINS, DOES_NOT_CONTAIN"),
        ("streams", "update-date IS 1",
         "update-date must be followed by one of BEFORE, AFTER, BETWEEN"),
        ("streams", "update-date BEFORE yesterday",
         "update-date takes milliseconds since 1970"),
        ("streams", "update-date AFTER 99999999999999999",
         "update-date takes milliseconds since 1970"),
        ("streams", "update-date AFTER 253402300799999",
         "update-date takes milliseconds since 1970"),
        ("streams", "update-date BEFORE 1 2", "BEFORE takes 1 moment"),
        ("streams", "update-date BETWEEN 1", "BETWEEN takes 2 moments"),
        ("streams", "activity IS issue", "activity takes values such as issue:post"),
        ("streams", "activity CONTAINS a:b", "activity must be followed by one of IS, NOT"),
        ("streams", "user IS a\x00b", "must not contain the NUL character"),
        ("streams", "user IS " + "a " * 51, "IS takes at most 50 values"),
    ],
)  # fmt: skip
def test_a_malformed_filter_is_named_with_its_rule(parameter: str, text: str, rule: str) -> None:
    with pytest.raises(FilterError) as caught:
        condition(asked(**{parameter: text}))
    assert caught.value.field == parameter
    assert str(caught.value).startswith(f"{parameter}: {text!r}: {rule}")


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(FilterError) as caught:
        condition(asked(streams=["key", "user IS maria", "colour IS red"], thirdparty="x IS y"))
    message = str(caught.value)
    for text in ("streams: 'key': ", "streams: 'colour IS red': ", "thirdparty: 'x IS y': "):
        assert text in message
    assert "maria" not in message


def test_a_feed_has_at_most_fifty_filters() -> None:
    assert condition(asked(streams=["user IS maria"] * 50))
    with pytest.raises(FilterError, match="more than 50 filters"):
        condition(asked(streams=["user IS maria"] * 51))


def test_no_filter_asks_for_nothing() -> None:
    assert condition(asked(maxResults="5")) == Q()


pieces = st.sampled_from(
    [
        *("key", "user", "issue-key", "update-date", "activity", "provider_name", "IS", "is"),
        *("NOT", "BEFORE", "AFTER", "BETWEEN", "CONTAINS", "DOES_NOT_CONTAIN", "ONE", "a:b"),
        *("_", "\\_", "%", "'", '"', "\\", "-1", "0", "1700000000000", "9" * 20, "9" * 5000),
        *("\x00", "\ud800", "é", " ", "\u2003", "__all_projects__", ":"),
    ]
)
sentences = st.lists(pieces | st.text(max_size=6), max_size=6).map(" ".join)


@given(st.lists(sentences, max_size=4), st.lists(sentences, max_size=2))
@settings(deadline=None, max_examples=500)
@pytest.mark.django_db
def test_anything_is_a_filter_or_its_error(streams: list[str], providers: list[str]) -> None:
    with suppress(FilterError):
        assert isinstance(condition(asked(streams=streams, thirdparty=providers)), Q)


# ---- what passes


@pytest.fixture
def rows(db: None) -> None:
    """Ten activities, one an hour."""
    sender = actions.Sender(actions.ensure_user("sender", role=Role.BOT))
    keys = ["ONE-1", "ONE-1", "ONE-2", "TWO-1", "TWO", "", "ONE", "A_B-7", "ONE-10", "shop/web"]
    actors = ["maria", "jonas", "ci_bot", "ci bot", "maria", "jonas", "maria", "o'neil", "m", ""]
    sources = [BITBUCKET, SPACED]
    for at, (key, actor) in enumerate(zip(keys, actors, strict=True)):
        is_key = key.partition("-")[0].replace("_", "").isupper()
        draft = Draft(
            dialect="streams", kind="activity", source_id=sources[at % 2], external_id=str(at),
            sequence=1, title=f"t{at}", verb="post" if at % 3 else "update",
            occurred_at=START + timedelta(hours=at, microseconds=700), raw="{}",
            actor_key=actor, actor_name=actor or "nobody", target_key=key,
            object_type="issue" if at % 2 else "", object_key=str(at),
            project_key=key.partition("-")[0] if is_key else None,
        )  # fmt: skip
        actions.record(sender, draft)


def found(walk: int = WALK, **parameters: str | list[str]) -> list[int]:
    """Return the numbers of the activities that pass, oldest first."""
    also = condition(asked(**parameters), walk=walk)
    filter = replace(FeedFilter.read(asked()), also=also)
    return sorted(int(row.external_id) for row in page(filter, asked()).rows)


def hour(at: float) -> str:
    return str(START_MS + int(at * 3_600_000))


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("streams", "wanted"),
    [
        ("key IS ONE", [0, 1, 2, 6, 8]),
        ("key IS ONE TWO", [0, 1, 2, 3, 4, 6, 8]),
        ("key NOT ONE", [3, 4, 5, 7, 9]),
        ("key NOT ONE TWO", [5, 7, 9]),
        ("key CONTAINS N", [0, 1, 2, 6, 8]),
        ("key CONTAINS W A", [3, 4, 7]),
        ("key DOES_NOT_CONTAIN N W", [5, 7, 9]),
        ("key IS A_B", [7]),
        ("key IS A\\_B", [7]),
        ("issue-key IS ONE-1", [0, 1]),
        ("issue-key IS ONE-1 TWO-1", [0, 1, 3]),
        ("issue-key NOT ONE-1", [2, 3, 4, 5, 6, 7, 8, 9]),
        ("issue-key CONTAINS ONE-1", [0, 1, 8]),
        ("issue-key DOES_NOT_CONTAIN ONE", [3, 4, 5, 7, 9]),
        ("issue-key CONTAINS %", []),
        ("user IS maria", [0, 4, 6]),
        ("user IS maria ", [0, 4, 6]),
        ("user is maria", [0, 4, 6]),
        ("user IS ci_bot", [2, 3]),
        ("user IS ci\\_bot", [2]),
        ("user IS o'neil", [7]),
        ("user NOT maria jonas", [2, 3, 7, 8, 9]),
        ("user CONTAINS MAR", [0, 4, 6]),
        ("user DOES_NOT_CONTAIN mar bot", [1, 5, 7, 8, 9]),
        (f"update-date BEFORE {hour(3)}", [0, 1, 2]),
        (f"update-date AFTER {hour(7)}", [8, 9]),
        (f"update-date AFTER {hour(7 - 1 / 3600)}", [7, 8, 9]),
        (f"update-date BETWEEN {hour(2)} {hour(4)}", [2, 3, 4]),
        (f"update-date BETWEEN {hour(4)} {hour(2)}", []),
        ("update-date BEFORE -1", []),
        ("activity IS issue:post", [1, 5, 7]),
        ("activity IS issue:update", [3, 9]),
        ("activity IS issue:post issue:update", [1, 3, 5, 7, 9]),
        ("activity NOT issue:post", [0, 2, 3, 4, 6, 8, 9]),
        ("activity IS :update", [0, 6]),
    ],
)
def test_a_filter_lets_pass_what_it_says(streams: str, wanted: list[int]) -> None:
    assert found(streams=streams) == wanted


@pytest.mark.usefixtures("rows")
def test_several_filters_must_all_hold() -> None:
    assert found(streams=["key IS ONE", "user IS maria"]) == [0, 6]
    assert found(streams=["key IS ONE TWO", "key IS TWO"]) == [3, 4]
    assert found(streams=["user NOT maria", "key CONTAINS ONE"]) == [1, 2, 8]
    range_ = f"update-date BETWEEN {hour(1)} {hour(6)}"
    assert found(streams=[range_, "user IS maria", "key NOT TWO"]) == [6]


@pytest.mark.usefixtures("rows")
def test_a_provider_is_the_pair_of_a_generator() -> None:
    even, odd = [0, 2, 4, 6, 8], [1, 3, 5, 7, 9]
    assert found(thirdparty=f"provider_name IS {BITBUCKET}") == even
    assert found(thirdparty="provider_name IS https://ci.example.com@Build_Server") == odd
    assert found(thirdparty="provider_name NOT https://ci.example.com@Build_Server") == even
    assert found(thirdparty=f"provider_name IS {BITBUCKET} x@y") == even
    assert found(thirdparty="provider_name IS x@y") == []
    assert found(thirdparty="provider_name CONTAINS bucket") == even
    assert found(thirdparty="provider_name DOES_NOT_CONTAIN bucket") == odd
    assert found(thirdparty=f"provider_name IS {BITBUCKET}", streams="user IS maria") == [0, 4, 6]


@pytest.mark.usefixtures("rows")
def test_moments_are_those_that_the_feed_shows() -> None:
    """Clients go on from the date of the last entry, which was cut to the millisecond."""
    shown = int(hour(5))
    assert found(streams=f"update-date BEFORE {shown}") == [0, 1, 2, 3, 4]
    assert found(streams=f"update-date AFTER {shown}") == [6, 7, 8, 9]
    assert found(streams=f"update-date BETWEEN {shown} {shown}") == [5]


@pytest.mark.usefixtures("rows")
def test_a_filter_without_an_index_looks_at_the_newest_alone() -> None:
    assert found(walk=4, streams="user CONTAINS a") == [6]
    assert found(walk=4, streams="activity IS issue:post") == [7]
    before = f"update-date BEFORE {hour(6)}"  # the newest of the range, not of all
    assert found(walk=4, streams=["user CONTAINS a", before]) == [4, 5]
    assert found(walk=4, streams="user IS maria") == [0, 4, 6]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("parameters", "index"),
    [
        ({"streams": "key IS ONE"}, "activity_in_project"),
        ({"streams": "user IS maria"}, "activity_by_actor"),
        ({"streams": "issue-key IS ONE-1"}, "activity_on_target"),
        ({"streams": f"update-date AFTER {hour(2)}"}, "activity_newest"),
        ({"streams": "user CONTAINS a"}, "activity_newest"),
        ({"thirdparty": f"provider_name IS {BITBUCKET}"}, "activity_of_source"),
    ],
)
def test_each_filter_walks_an_index(parameters: dict[str, Any], index: str, settings: Any) -> None:
    if "sqlite" not in settings.DATABASES["default"]["ENGINE"]:
        pytest.skip("PostgreSQL reads ten rows without any index")
    filter = replace(FeedFilter.read(asked()), also=condition(asked(**parameters)))
    plan = filter.rows().order_by("-occurred_at", "-id")[:11].explain()
    assert index in plan
    assert "SCAN feeds_activity\n" not in f"{plan}\n"
    assert "TEMP B-TREE" not in plan, "sorted by hand"
