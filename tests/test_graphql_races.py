"""Races over GraphQL, run for real: many threads against a server of two processes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.house import House

PATIENCE = 60  # seconds
AT_ONCE = 8  # threads

pytestmark = pytest.mark.xdist_group("served")


@pytest.fixture(scope="module")
def asked(served: House) -> Any:
    """Return what asks a catalogue mutation with an input, and returns its payload."""
    token = served.manage("create_token", "graphql-racer@example.com", "--role", "bot")

    def ask(call: str, selection: str, **variables: Any) -> Any:
        types = {"one": "AddCompassComponentLabelsInput!", "link": "CreateCompassLinkInput!"}
        declared = ", ".join(f"${name}: {types[name]}" for name in variables)
        head = f"mutation ({declared})" if declared else "mutation"
        response = requests.post(
            f"{served.url}/graphql",
            json={
                "query": f"{head} {{ compass {{ it: {call} {{ {selection} }} }} }}",
                "variables": variables,
            },
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        )
        assert response.status_code == 200, response.text
        return response.json()["data"]["compass"]["it"]

    return ask


@pytest.fixture(scope="module")
def cloud_id(served: House) -> str:
    return str(json.loads(served.manage("site"))["cloud_id"])


def test_labels_and_links_that_are_added_at_once_are_all_there(asked: Any, cloud_id: str) -> None:
    call = f'createComponent(cloudId: "{cloud_id}", input: {{name: "Race of labels"}})'
    identity = asked(call, "componentDetails { id }")["componentDetails"]["id"]

    def add(number: int) -> bool:
        if number % 2:
            fields = {"componentId": identity, "labelNames": [f"l{number}"]}
            return bool(asked("addComponentLabels(input: $one)", "success", one=fields)["success"])
        link = {"type": "DASHBOARD", "url": f"https://example.com/{number}"}
        call = f'createComponentLink(input: {{componentId: "{identity}", link: $link}})'
        return bool(asked(call, "success", link=link)["success"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all(pool.map(add, range(20)))
    call = f'updateComponent(input: {{id: "{identity}"}})'
    details = asked(call, "componentDetails { labels { name } links { id } }")["componentDetails"]
    assert {label["name"] for label in details["labels"]} == {f"l{n}" for n in range(1, 20, 2)}
    assert len({link["id"] for link in details["links"]}) == 10


def test_labels_and_links_that_are_taken_away_at_once_are_all_gone(
    asked: Any, cloud_id: str
) -> None:
    labels = [f"l{n}" for n in range(10)]
    links = [f'{{type: PROJECT, url: "https://example.com/{n}"}}' for n in range(10)]
    made = asked(
        f"""createComponent(cloudId: "{cloud_id}", input: {{
            name: "Race of removals", labels: {json.dumps(["kept", *labels])},
            links: [{", ".join(links)}]}})""",
        "componentDetails { id links { id } }",
    )["componentDetails"]
    identity = made["id"]

    def remove(number: int) -> bool:
        if number % 2:
            call = f"""removeComponentLabels(input: {{
                componentId: "{identity}", labelNames: ["l{number // 2}"]}})"""
        else:
            link = made["links"][number // 2]["id"]
            call = f'deleteComponentLink(input: {{componentId: "{identity}", link: "{link}"}})'
        return bool(asked(call, "success")["success"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all(pool.map(remove, range(20)))
    call = f'updateComponent(input: {{id: "{identity}"}})'
    details = asked(call, "componentDetails { labels { name } links { id } }")["componentDetails"]
    assert details == {"labels": [{"name": "kept"}], "links": []}


def test_a_source_that_many_create_at_once_is_one(asked: Any, cloud_id: str) -> None:
    call = f"""createEventSource(input: {{
        cloudId: "{cloud_id}", eventType: BUILD, externalEventSourceId: "graphql/race"}})"""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        payloads = list(pool.map(lambda _: asked(call, "eventSource { id }"), range(16)))
    assert len({payload["eventSource"]["id"] for payload in payloads}) == 1
