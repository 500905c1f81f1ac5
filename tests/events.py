"""Compass events for the tests: the smallest that is right, of each kind."""

from __future__ import annotations

import copy
from typing import Any

from feeds import actions

TIME = "2026-11-21T14:03:07Z"
_COMMON = {
    "displayName": "An event",
    "description": "",
    "url": "https://ci.example.com/1",
    "lastUpdated": TIME,
    "updateSequenceNumber": 1,
    "externalEventSourceId": "shop/web",
}
_PIPELINE = {"pipelineId": "pipeline-1", "url": "https://ci.example.com", "displayName": "main"}
EVENTS: dict[str, dict[str, Any]] = {
    "deployment": {
        **_COMMON,
        "deploymentProperties": {
            "sequenceNumber": 1,
            "state": "SUCCESSFUL",
            "pipeline": _PIPELINE,
            "environment": {
                "category": "PRODUCTION", "displayName": "Production", "environmentId": "prod",
            },
        },
    },
    "build": {
        **_COMMON,
        "buildProperties": {"state": "SUCCESSFUL", "startedAt": TIME, "pipeline": _PIPELINE},
    },
    "incident": {
        **_COMMON,
        "incidentProperties": {"id": "1", "state": "OPEN", "startTime": TIME},
    },
    "flag": {**_COMMON, "flagProperties": {"id": "1", "status": "on"}},
    "alert": {**_COMMON, "alertProperties": {"id": "1", "status": "OPENED", "priority": "P1"}},
    "lifecycle": {**_COMMON, "lifecycleProperties": {"id": "1", "stage": "PRODUCTION"}},
    "custom": {**_COMMON, "customEventProperties": {"id": "1", "icon": "INFO"}},
    "push": {
        **_COMMON,
        "pushEventProperties": {
            "id": "a74e68d", "branchName": "main",
            "author": {"name": "Maria Lopez", "email": "maria@example.com"},
        },
    },
    "vulnerability": {
        **_COMMON,
        "vulnerabilityProperties": {
            "id": "1", "state": "OPEN", "severity": {"level": "HIGH"},
            "vulnerabilityStartTime": TIME,
        },
    },
    "pullRequest": {
        "lastUpdated": TIME,
        "pullRequestProperties": {
            "id": "7",
            "repoUrl": "https://git.example.com/shop/web",
            "pullRequestUrl": "https://git.example.com/shop/web/pull/7",
            "status": "MERGED",
        },
    },
}  # fmt: skip


def compass_event(
    kind: str = "custom", *, component: str | None = None, cloud_id: str = "", **fields: Any
) -> dict[str, Any]:
    """Return the body of an event of KIND, a wire name, for this site.

    FIELDS replace those of the event; `id` and `state` find their place in its properties.
    """
    event = copy.deepcopy(EVENTS[kind])
    properties = next((value for name, value in event.items() if name.endswith("Properties")), {})
    for name in ("id", "state", "status", "sequenceNumber"):
        if name in fields:
            properties[name] = fields.pop(name)
    if "pipelineId" in fields:
        properties["pipeline"] = {**properties["pipeline"], "pipelineId": fields.pop("pipelineId")}
    event.update(fields)
    body: dict[str, Any] = {"cloudId": cloud_id or actions.cloud_id(), "event": {kind: event}}
    if component is not None:
        body["componentId"] = component
    return body
