"""How much one request may ask for, and what it costs the database."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from feeds import actions
from feeds.models import Component
from tests.conftest import Caller
from tests.graph import PATH, ask, compass, send

PATIENCE = 2  # seconds of work for a refusal; most take milliseconds
PAGE = """query ($cloudId: String!) { compass { searchComponents(cloudId: $cloudId,
    query: {first: 50}) { ... on CompassSearchComponentConnection { totalCount nodes { component {
        id name labels { name } externalAliases { externalAliasId }
        eventSources { id events(query: {first: 2}) {
            ... on CompassEventConnection { nodes { displayName } } } }
        events(query: {first: 10}) { ... on CompassEventConnection {
            nodes { displayName ... on CompassCustomEvent { customEventProperties { id } } }
            pageInfo { hasNextPage endCursor } } } } } } } } }"""

pytestmark = pytest.mark.django_db


def nested(levels: int) -> str:
    """Ask for components of relationships of components."""
    inner = "id"
    for _ in range(levels):
        inner = f"""relationships {{ ... on CompassRelationshipConnection {{
            nodes {{ startNode {{ {inner} }} }} }} }}"""
    return f'{{ compass {{ component(id: "x") {{ ... on CompassComponent {{ {inner} }} }} }} }}'


def doubling(levels: int) -> str:
    """Spread each of LEVELS fragments twice in the one before, under two names."""
    spread = """fragment f{0} on CompassComponent {{ relationships {{
        ... on CompassRelationshipConnection {{
            nodes {{ a: startNode {{ ...f{1} }} b: endNode {{ ...f{1} }} }} }} }} }}"""
    fragments = [spread.format(number, number + 1) for number in range(levels)]
    last = f"fragment f{levels} on CompassComponent {{ id }}"
    head = '{ compass { component(id: "x") { ...f0 } } }'
    return " ".join([head, *fragments, last])


def same_level(levels: int) -> str:
    """Spread each of LEVELS fragments twice in the one before, at one place."""
    on = "on CompassCatalogQueryApi"
    fragments = [f"fragment f{n} {on} {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels)]
    return " ".join(
        ["{ compass { ...f0 } }", *fragments, f"fragment f{levels} {on} {{ __typename }}"]
    )


HUGE = "events(query: {first: 100}) { ... on CompassEventConnection { nodes { displayName } } }"
HOSTILE = {
    "aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(10_000)) + " }",
    "one name": "{ " + "__typename " * 9_000 + "}",
    "one name with fields": "{ " + "compass { __typename } " * 2_000 + "}",
    "braces": "{" * 200_000,
    "fields in braces": "{a" * 100_000,
    "lists": "{ tenantContexts(cloudIds: " + "[" * 100_000,
    "levels": nested(20),
    "fragments": doubling(80),
    "loop over levels": "{ compass { ...f } } fragment f on CompassCatalogQueryApi "
    '{ component(id: "x") { ... on CompassComponent { ...g } } } fragment g on CompassComponent '
    "{ relationships { ... on CompassRelationshipConnection { nodes { startNode { ...g } } } } }",
    "loop": "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }",
    "definitions": "{ __typename } "
    + " ".join(f"fragment f{n} on Query {{ __typename }}" for n in range(1_000)),
    "lists in lists": "{ compass { searchComponents(cloudId: 1, query: {first: 200}) { ... on "
    "CompassSearchComponentConnection { nodes { component { eventSources { "
    + HUGE + " } } } } } } }",
    "events of many": '{ compass { component(id: "x") { ... on CompassComponent { '
    + " ".join(f"e{n}: {HUGE}" for n in range(300)) + " } } } }",
    "components": "{ compass { "
    + " ".join(f'c{n}: component(id: "x") {{ __typename }}' for n in range(1_100)) + " } }",
    "mutations": "mutation { compass { "
    + " ".join(f'm{n}: deleteComponent(input: {{id: "x"}}) {{ success }}' for n in range(101))
    + " } }",
    "schema": "{ "
    + " ".join(
        f"s{n}: __schema {{ types {{ fields {{ args {{ name type {{ name }} }} }} }} }}"
        for n in range(100)
    )
    + " }",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_query_is_refused_at_once(bot: Caller, name: str) -> None:
    ask(bot, "{ __typename }")  # what the first request loads is not the query's fault
    started = time.process_time()
    answer = ask(bot, HOSTILE[name])
    assert time.process_time() - started < PATIENCE
    assert "data" not in answer
    assert answer["errors"]


def test_a_megabyte_is_refused_by_its_length(bot: Caller) -> None:
    assert bot.post(PATH, {"query": "{" * 1024 * 1024}).status_code == 413


def test_a_refusal_says_the_limit_and_the_cost(bot: Caller) -> None:
    (error,) = ask(bot, HOSTILE["lists in lists"])["errors"]
    extensions = error["extensions"]
    assert extensions["errorType"] == "QUERY_TOO_COMPLEX"
    assert extensions["cost"] > extensions["limit"] == 50_000
    assert str(extensions["limit"]) in error["message"]
    assert str(extensions["cost"]) in error["message"]


def test_a_page_length_in_a_variable_counts_too(bot: Caller) -> None:
    query = """query ($first: Int = 200, $n: Int = 100) { compass {
        searchComponents(cloudId: "x", query: {first: $first}) {
            ... on CompassSearchComponentConnection { nodes { component {
                events(query: {first: $n}) { ... on CompassEventConnection {
                    nodes { displayName url eventType } } } } } } } } }"""
    assert ask(bot, query)["errors"][0]["extensions"]["errorType"] == "QUERY_TOO_COMPLEX"
    assert "errors" not in ask(bot, query, first=10, n=10)


def test_fragments_that_add_up_to_little_are_answered(bot: Caller) -> None:
    answer = compass(bot, same_level(60))
    assert answer == {"__typename": "CompassCatalogQueryApi"}


def test_a_hundred_mutations_are_not_too_many(bot: Caller) -> None:
    aliases = " ".join(
        f'm{n}: deleteComponent(input: {{id: "x"}}) {{ success }}' for n in range(100)
    )
    assert len(compass(bot, f"mutation {{ compass {{ {aliases} }} }}")) == 100


def queries_of(caller: Caller) -> tuple[int, Any]:
    """Return how many queries PAGE takes, and its nodes."""
    with CaptureQueriesContext(connection) as captured:
        answer = compass(caller, PAGE, cloudId=actions.cloud_id())
    return len(captured), answer["searchComponents"]["nodes"]


def test_a_page_costs_the_same_for_two_components_and_for_fifty(bot: Caller, settings: Any) -> None:
    settings.RATE_LIMIT = 0

    def add(first: int, last: int) -> None:
        for number in range(first, last):
            name = f"c-{number:02}"
            component = actions.create_component(name, labels=["x"])
            actions.create_alias(component, source="s", external_id=name)
            for source in "ab":
                send(bot, "custom", component=name, id=name, displayName=f"{name} {source}",
                     externalEventSourceId=f"{name}/{source}")  # fmt: skip

    add(0, 2)
    few, nodes = queries_of(bot)
    assert len(nodes) == 2
    add(2, 50)
    many, nodes = queries_of(bot)
    assert Component.objects.count() == len(nodes) == 50
    assert few == many <= 10
    for node in nodes:
        name = node["component"]["name"]
        shown = [event["displayName"] for event in node["component"]["events"]["nodes"]]
        assert shown == [f"{name} b", f"{name} a"]
        by_source = [source["events"]["nodes"] for source in node["component"]["eventSources"]]
        assert by_source == [[{"displayName": f"{name} a"}], [{"displayName": f"{name} b"}]]
