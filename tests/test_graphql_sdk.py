"""The vendor's own SDK, as npm has it, against a Pulseboard that runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.events import compass_event
from tests.house import ROOT, House

FOLDER = ROOT / "tests/npm"
PATIENCE = 60  # seconds for a script
ALIAS = {"externalId": "77", "externalSource": "sdk", "url": "https://sentry.example.com/77"}

Call = tuple[str, dict[str, Any]]
Sdk = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def cloud_id(served: House) -> str:
    script = "from feeds import actions; print(actions.cloud_id())"
    return served.manage("shell", "-v0", "-c", script)


@pytest.fixture(scope="module")
def sdk(served: House) -> Sdk:
    """Return what makes the SDK's calls, one after the other, and returns its answers."""
    if not shutil.which("node") or not (FOLDER / "node_modules/@atlassian").exists():
        reason = "node or npm's @atlassian/forge-graphql is missing: the SDK was not tried"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    token = served.manage("create_token", "sdk@example.com", "--role", "bot")

    def run(*calls: Call) -> list[Any]:
        url = f"{served.url}/gateway/api/graphql"
        asked = {"url": url, "authorization": f"Bearer {token}", "calls": calls}
        done = subprocess.run(
            ["node", "compass_sdk.cjs"],
            cwd=FOLDER, input=json.dumps(asked), timeout=PATIENCE, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def event(cloud_id: str, kind: str, **fields: Any) -> dict[str, Any]:
    """Return an event of $0, the component that the first call made."""
    fields = {"externalEventSourceId": f"sdk/{kind}", **fields}  # no repository of other tests
    return compass_event(kind, cloud_id=cloud_id, component="$0.data.component.id", **fields)


def test_the_sdk_makes_a_component_and_reads_it_back(sdk: Sdk, cloud_id: str) -> None:
    link = {"type": "REPOSITORY", "name": "Code", "url": "https://git.example.com/sdk/one"}
    options = {"includeLinks": True, "includeEventSources": True, "includeMetricSources": True,
               "includeCustomFields": True, "includeCustomFieldOptions": True}  # fmt: skip
    created, read, found, by_alias, missing = sdk(
        ("createComponent", {
            "cloudId": cloud_id, "name": "SDK one", "typeId": "SERVICE", "description": "Made",
            "labels": ["sdk", "team:a"], "links": [link], "externalAlias": ALIAS,
        }),
        ("getComponent", {"componentId": "$0.data.component.id", "options": options}),
        ("searchComponents", {
            "cloudId": cloud_id, "query": {"query": "SDK one", "first": 10}, "options": options,
        }),
        ("getComponentByExternalAlias", {
            "cloudId": cloud_id, "externalSource": "sdk", "externalId": "77", "options": options,
        }),
        ("getComponent", {"componentId": "nobody"}),
    )  # fmt: skip
    for answer in (created, read, found, by_alias):
        assert answer["errors"] == []
        assert answer["success"] is True
    component = read["data"]["component"]
    assert component["name"] == created["data"]["component"]["name"] == "SDK one"
    assert (component["description"], component["typeId"]) == ("Made", "SERVICE")
    assert component["labels"] == ["sdk", "team:a"]
    assert [{**link, "id": one["id"]} for one in component["links"]] == component["links"]
    assert [one["id"] for one in found["data"]["components"]] == [component["id"]]
    assert by_alias["data"]["component"]["id"] == component["id"]
    assert missing["errors"] == [
        {
            "message": "Component not found", "statusCode": 404,
            "errorType": "COMPONENT_NOT_FOUND", "errorSource": "GRAPHQL_GATEWAY",
        }
    ]  # fmt: skip


def test_the_sdk_sends_events_to_sources_that_it_attached(sdk: Sdk, cloud_id: str) -> None:
    source = {"cloudId": cloud_id, "eventType": "BUILD", "externalEventSourceId": "sdk/two"}
    ids = {"eventSourceId": "$1.data.eventSource.id", "componentId": "$0.data.component.id"}
    build = {**event(cloud_id, "build", externalEventSourceId="sdk/two"), "componentId": None}
    *done, refused, read, detached, alone = sdk(
        ("createComponent", {"cloudId": cloud_id, "name": "SDK two"}),
        ("createEventSource", source),
        ("attachEventSource", ids),
        ("createEvent", build),
        ("createEvent", [event(cloud_id, "deployment"), event(cloud_id, "incident")]),
        ("createEvent", event(cloud_id, "flag", lastUpdated="soon")),
        ("getEventSource", {**source, "options": {"includeEvents": True}}),
        ("detachEventSource", ids),
        ("getComponent", {
            "componentId": "$0.data.component.id", "options": {"includeEventSources": True},
        }),
    )  # fmt: skip
    for answer in (*done, read, detached, alone):
        assert answer["errors"] == []
    assert refused["success"] is False
    assert "event.flag.lastUpdated" in refused["errors"][0]["message"]
    (node,) = read["data"]["eventSource"]["events"]["nodes"]
    assert node["buildProperties"]["state"] == "SUCCESSFUL"
    kinds = {one["eventType"] for one in alone["data"]["component"]["eventSources"]}
    assert kinds == {"DEPLOYMENT", "INCIDENT"}


def test_the_sdk_changes_and_deletes(sdk: Sdk, cloud_id: str) -> None:
    component = "$0.data.component.id"
    _, changed, named, unnamed, again, deleted, gone = sdk(
        ("createComponent", {"cloudId": cloud_id, "name": "SDK three", "labels": ["old"]}),
        ("updateComponent", {
            "id": component, "name": "SDK 3", "description": "", "labels": ["old", "new"],
            "links": [{"type": "DASHBOARD", "url": "https://grafana.example.com/"}],
        }),
        ("createExternalAlias", {
            "componentId": component, "externalAlias": {**ALIAS, "externalId": "3"},
        }),
        ("deleteExternalAlias", {
            "componentId": component,
            "externalAlias": {"externalId": "3", "externalSource": "sdk"},
        }),
        ("deleteExternalAlias", {
            "componentId": component,
            "externalAlias": {"externalId": "3", "externalSource": "sdk"},
        }),
        ("deleteComponent", {"id": component}),
        ("getComponent", {"componentId": component}),
    )  # fmt: skip
    assert changed["errors"] == []
    assert changed["data"]["component"]["name"] == "SDK 3"
    assert changed["data"]["component"]["labels"] == ["old", "new"]
    assert named["success"] is unnamed["success"] is deleted["success"] is True
    assert again["errors"][0]["errorType"] == "EXTERNAL_ALIAS_NOT_FOUND"
    assert gone["errors"][0]["message"] == "Component not found"


def test_the_sdk_takes_away_what_is_no_longer_named(sdk: Sdk, cloud_id: str) -> None:
    component = "$0.data.component.id"
    kept = {"type": "DASHBOARD", "name": "Grafana", "url": "https://grafana.example.com/"}
    old = {"type": "PROJECT", "name": "Board", "url": "https://jira.example.com/"}
    new = {"type": "ON_CALL", "name": "Pager", "url": "https://pager.example.com/"}
    read = ("getComponent", {"componentId": component, "options": {"includeLinks": True}})
    made, _, changed, after, unlabelled, unlinked, unknown, bare = sdk(
        ("createComponent", {
            "cloudId": cloud_id, "name": "SDK four", "typeId": "SERVICE",
            "labels": ["old", "kept"], "links": [old, kept, kept],
        }),
        read,
        ("updateComponent", {
            "id": component, "name": "SDK 4", "typeId": "website", "labels": ["kept", "new"],
            "links": [kept, new],
        }),
        read,
        ("removeLabels", {"componentId": component, "labelNames": ["kept", "old"]}),
        ("deleteLink", {"componentId": component, "link": "$3.data.component.links.0.id"}),
        ("deleteLink", {"componentId": component, "link": "$3.data.component.links.0.id"}),
        read,
    )  # fmt: skip
    for answer in (made, changed, after, unlabelled, unlinked, bare):
        assert (answer["success"], answer["errors"]) == (True, [])
    component_now = after["data"]["component"]
    assert (component_now["name"], component_now["typeId"]) == ("SDK 4", "WEBSITE")
    assert component_now["labels"] == ["kept", "new"]
    links = [{**one, "id": None} for one in component_now["links"]]
    assert links == [{**kept, "id": None}, {**new, "id": None}]
    assert unlabelled["data"]["labelNames"] == ["kept"]
    assert unlinked["data"]["id"] == component_now["links"][0]["id"]
    assert unknown["errors"][0]["errorType"] == "COMPONENT_LINK_NOT_FOUND"
    assert bare["data"]["component"]["labels"] == ["new"]
    assert [one["name"] for one in bare["data"]["component"]["links"]] == ["Pager"]


def test_the_sdk_says_what_a_component_depends_on(sdk: Sdk, cloud_id: str) -> None:
    nodes = {
        "startNodeId": "$0.data.component.id", "endNodeId": "$1.data.component.id",
        "type": "DEPENDS_ON",
    }  # fmt: skip
    first, second, made, again, read, deleted = sdk(
        ("createComponent", {"cloudId": cloud_id, "name": "SDK five"}),
        ("createComponent", {"cloudId": cloud_id, "name": "SDK six"}),
        ("createRelationship", nodes),
        ("createRelationship", nodes),
        ("getComponent", {
            "componentId": "$0.data.component.id", "options": {"includeRelationships": True},
        }),
        ("deleteRelationship", nodes),
    )  # fmt: skip
    ids = [one["data"]["component"]["id"] for one in (first, second)]
    assert made["errors"] == deleted["errors"] == read["errors"] == []
    relationship = made["data"]["relationship"]
    assert [relationship[end]["id"] for end in ("startNode", "endNode")] == ids
    assert again["errors"][0]["errorType"] == "RELATIONSHIP_ALREADY_EXISTS"
    (kept,) = read["data"]["component"]["relationships"]
    assert kept["nodeId"] == ids[1]
