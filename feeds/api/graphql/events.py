"""An activity as the typed event of Compass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feeds.dialects import compass
from feeds.models import EventKind

Columns = Mapping[str, Any]

#: The columns that an event is made of, beside `details`.
COLUMNS = sorted({spec.column for fields in compass.FIELDS.values() for spec in fields} - {""})
#: What the schema calls the properties of each kind; the rest have their name of the wire.
PROPERTIES = {"pullRequestProperties": "pullRequestEventProperties"}
#: The states that each kind knows, ours; the first stands for those that it does not know.
STATES = {
    "deployment": ("unknown", *compass.DEPLOYMENT_STATES.values()),
    "build": ("unknown", *compass.BUILD_STATES.values()),
    "incident": ("open", *compass.INCIDENT_STATES.values()),
    "flag": ("", *compass.FLAG_STATES),
    "alert": ("", *compass.ALERT_STATES.values()),
    "lifecycle": ("production", *compass.STAGES.values()),
    "pull_request": ("created", *compass.PULL_REQUEST_STATES.values()),
    "vulnerability": ("open", *compass.VULNERABILITY_STATES.values()),
}


def event_type(kind: str) -> str:
    """Return the CompassEventType of KIND; the activity of other wires goes as CUSTOM."""
    return EventKind.CUSTOM.upper() if kind == EventKind.ACTIVITY else kind.upper()


def kinds_of(types: list[str]) -> set[str]:
    """Return the kinds that TYPES, CompassEventTypes, stand for."""
    return {kind for kind in EventKind.values if event_type(kind) in types}


def typed_event(columns: Columns) -> dict[str, Any]:
    """Write an activity as the event that its dialect renders, under the names of the schema."""
    if columns["dialect"] != compass.DIALECT:
        columns = _as_compass(columns)
    wire = compass.WIRE_NAMES[columns["kind"]]
    event = compass.render(columns)["event"][wire]
    typename = f"Compass{wire[0].upper()}{wire[1:]}Event"
    named = {PROPERTIES.get(name, name): value for name, value in event.items()}
    common = {
        "displayName": columns["title"],
        "description": columns["content"],
        "url": columns["url"],
        "updateSequenceNumber": columns["sequence"],
    }  # a pull request has none of these on the wire
    answer = {
        "__typename": typename, "eventType": event_type(columns["kind"]), **common, **named,
    }  # fmt: skip
    if wire == "deployment":  # the deprecated copies
        properties = event["deploymentProperties"]
        answer["deploymentSequenceNumber"] = properties.get("sequenceNumber")
        answer |= {name: properties.get(name) for name in ("state", "environment", "pipeline")}
    return answer


def _as_compass(columns: Columns) -> Columns:
    """Return an activity of another dialect as Compass would have it, by the kind it is of.

    Every kind has a counterpart. What Compass wants and the other wire has not is said to be
    unknown, or left out where the schema allows.
    """
    kind = EventKind.CUSTOM if columns["kind"] == EventKind.ACTIVITY else columns["kind"]
    fallback, *known = STATES.get(kind, ("", ""))
    return {
        **columns,
        "kind": kind,
        "state": columns["state"] if columns["state"] in known else fallback,
        "icon": compass.ICONS[0],
        "details": {"event": {compass.WIRE_NAMES[kind]: _skeleton(kind, columns)}},
    }


def _skeleton(kind: str, columns: Columns) -> dict[str, Any]:
    """Return what an event of KIND must hold and no column of ours has."""
    name = columns["target_key"] or "unknown"
    pipeline = {"url": columns["url"], "displayName": columns["object_key"] or columns["title"]}
    properties: dict[str, Any] = {
        "deployment": {
            "sequenceNumber": columns["sequence"],
            "pipeline": pipeline,
            "environment": {"category": "UNMAPPED", "displayName": name},
        },
        "build": {"startedAt": columns["occurred_at"], "pipeline": pipeline},
        "vulnerability": {"severity": {"level": "LOW"}},
    }.get(kind, {})
    wire = compass.WIRE_NAMES[kind]
    at = next(spec.name for spec in compass.KINDS[wire][2] if spec.name.endswith("Properties"))
    return {at: properties}
