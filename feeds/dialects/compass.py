"""Atlassian Compass: the body of `POST /compass/v1/events`, and of GraphQL createCompassEvent.

Fields and enums are those of the vendor's OpenAPI description (CreateStreamlinedEventRequest);
what identifies an event and orders its updates is in the comment of each kind.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from feeds.dialects.mapping import (
    INTEGER,
    KEY,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    TITLE,
    TITLE_LENGTH,
    Codec,
    DialectError,
    Document,
    Draft,
    Fault,
    Field,
    key,
    lift,
    lower,
    microseconds,
    one_of,
)

DIALECT = "compass"

DEPLOYMENT_STATES = {
    "PENDING": "pending",
    "IN_PROGRESS": "running",
    "SUCCESSFUL": "succeeded",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
    "ROLLED_BACK": "rolled_back",
    "UNKNOWN": "unknown",
}
BUILD_STATES = {
    "IN_PROGRESS": "running",
    "SUCCESSFUL": "succeeded",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
    "ERROR": "error",
    "TIMED_OUT": "timed_out",
    "UNKNOWN": "unknown",
}
INCIDENT_STATES = {"OPEN": "open", "RESOLVED": "resolved", "DELETED": "deleted"}
INCIDENT_LEVELS = ("ONE", "TWO", "THREE", "FOUR", "FIVE")  # ONE is the most severe
ALERT_STATES = {
    "OPENED": "open",
    "ACKNOWLEDGED": "acknowledged",
    "SNOOZED": "snoozed",
    "CLOSED": "closed",
}
ALERT_PRIORITIES = ("P1", "P2", "P3", "P4", "P5")
STAGES = {
    "PRE_RELEASE": "pre_release",
    "PRODUCTION": "production",
    "DEPRECATION": "deprecation",
    "END_OF_LIFE": "end_of_life",
}
PULL_REQUEST_STATES = {
    "CREATED": "created",
    "IN_REVIEW": "in_review",
    "MERGED": "merged",
    "REJECTED": "rejected",
}
VULNERABILITY_STATES = {"OPEN": "open", "REMEDIATED": "remediated", "DECLINED": "declined"}
VULNERABILITY_LEVELS = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
ENVIRONMENTS = ("PRODUCTION", "STAGING", "TESTING", "DEVELOPMENT", "UNMAPPED")
ICONS = ("INFO", "WARNING", "CHECKPOINT")
FLAG_STATES = ("on", "off", "created", "archived", "deleted", "targeting_updated")


def _read_flag(value: Any) -> str:
    """Recognise a flag's status in any case; "any other value is accepted and shown as unknown"."""
    state = TEXT.read(value).lower()
    return state if state in FLAG_STATES else "unknown"


def _read_score(value: Any) -> Any:
    score = NUMBER.read(value)
    if not 0 <= score <= 10:
        raise ValueError("must be a number from 0 to 10")
    return score


FLAG_STATUS = Codec(_read_flag, str)
SCORE = Codec(_read_score, float)

ENVELOPE = (
    Field("cloudId", required=True),
    Field("componentId"),
    Field("event", OBJECT, required=True),
)
COMMON = (
    Field("displayName", TITLE, "title", required=True),
    Field("description", TEXT, "content", required=True),
    Field("url", TEXT, "url", required=True),
    Field("lastUpdated", TIME, "occurred_at", required=True),
    Field("updateSequenceNumber", INTEGER, "sequence", required=True),
    Field("externalEventSourceId", KEY, "source_id", required=True),
)
#: Wire name of each kind: our kind, our verb, and its own fields.
KINDS: dict[str, tuple[str, str, tuple[Field, ...]]] = {
    # One event per pipeline, environment and sequence number, so that IN_PROGRESS and SUCCESSFUL
    # of one deployment are one event, and the next deployment by the same pipeline is another.
    "deployment": (
        "deployment",
        "deploy",
        (
            Field("deploymentProperties", OBJECT, required=True),
            Field("deploymentProperties.sequenceNumber", INTEGER, required=True),
            Field("deploymentProperties.state", one_of(DEPLOYMENT_STATES), "state", required=True),
            Field("deploymentProperties.pipeline", OBJECT, required=True),
            Field("deploymentProperties.pipeline.pipelineId", KEY, "object_key", required=True),
            Field("deploymentProperties.pipeline.url", required=True),
            Field("deploymentProperties.pipeline.displayName", required=True),
            Field("deploymentProperties.environment", OBJECT, required=True),
            Field("deploymentProperties.environment.category", one_of(ENVIRONMENTS), required=True),
            Field("deploymentProperties.environment.displayName", required=True),
            Field(
                "deploymentProperties.environment.environmentId",
                KEY,
                "target_key",
                required=True,
            ),
            Field("deploymentProperties.startedAt", TIME),
            Field("deploymentProperties.completedAt", TIME),
        ),
    ),
    # "pipelineId should be unique per build event"; a matching one overwrites.
    "build": (
        "build",
        "build",
        (
            Field("buildProperties", OBJECT, required=True),
            Field("buildProperties.state", one_of(BUILD_STATES), "state", required=True),
            Field("buildProperties.startedAt", TIME, required=True),
            Field("buildProperties.completedAt", TIME),
            Field("buildProperties.pipeline", OBJECT, required=True),
            Field("buildProperties.pipeline.pipelineId", KEY, "external_id", required=True),
            Field("buildProperties.pipeline.url"),
            Field("buildProperties.pipeline.displayName"),
        ),
    ),
    # The kinds below are one event per properties.id.
    "incident": (
        "incident",
        "report",
        (
            Field("incidentProperties", OBJECT, required=True),
            Field("incidentProperties.id", KEY, "external_id", required=True),
            Field("incidentProperties.state", one_of(INCIDENT_STATES), "state", required=True),
            Field("incidentProperties.startTime", TIME, required=True),
            Field("incidentProperties.endTime", TIME),
            Field("incidentProperties.severity", OBJECT),
            Field("incidentProperties.severity.label"),
            Field("incidentProperties.severity.level", one_of(INCIDENT_LEVELS)),
        ),
    ),
    "flag": (
        "flag",
        "switch",
        (
            Field("flagProperties", OBJECT, required=True),
            Field("flagProperties.id", KEY, "external_id", required=True),
            Field("flagProperties.status", FLAG_STATUS, "state"),
        ),
    ),
    "alert": (
        "alert",
        "raise",
        (
            Field("alertProperties", OBJECT, required=True),
            Field("alertProperties.id", KEY, "external_id", required=True),
            Field("alertProperties.status", one_of(ALERT_STATES), "state"),
            Field("alertProperties.priority", one_of(ALERT_PRIORITIES)),
            Field("alertProperties.createdAt", TIME),
            Field("alertProperties.acknowledgedAt", TIME),
            Field("alertProperties.snoozedAt", TIME),
            Field("alertProperties.closedAt", TIME),
        ),
    ),
    "lifecycle": (
        "lifecycle",
        "move",
        (
            Field("lifecycleProperties", OBJECT, required=True),
            Field("lifecycleProperties.id", KEY, "external_id", required=True),
            Field("lifecycleProperties.stage", one_of(STAGES), "state", required=True),
        ),
    ),
    "custom": (
        "custom",
        "post",
        (
            Field("customEventProperties", OBJECT, required=True),
            Field("customEventProperties.id", KEY, "external_id", required=True),
            Field("customEventProperties.icon", one_of(ICONS), "icon", required=True),
        ),
    ),
    "push": (
        "push",
        "push",
        (
            Field("pushEventProperties", OBJECT, required=True),
            Field("pushEventProperties.id", KEY, "external_id", required=True),
            Field("pushEventProperties.branchName", required=True),
            Field("pushEventProperties.author", OBJECT),
            Field("pushEventProperties.author.name"),
            Field("pushEventProperties.author.email"),
        ),
    ),
    "vulnerability": (
        "vulnerability",
        "find",
        (
            Field("vulnerabilityProperties", OBJECT, required=True),
            Field("vulnerabilityProperties.id", KEY, "external_id", required=True),
            Field(
                "vulnerabilityProperties.state",
                one_of(VULNERABILITY_STATES),
                "state",
                required=True,
            ),
            Field("vulnerabilityProperties.severity", OBJECT, required=True),
            Field(
                "vulnerabilityProperties.severity.level",
                one_of(VULNERABILITY_LEVELS),
                required=True,
            ),
            Field("vulnerabilityProperties.severity.label"),
            Field("vulnerabilityProperties.vulnerabilityStartTime", TIME, required=True),
            Field("vulnerabilityProperties.remediationTime", TIME),
            Field("vulnerabilityProperties.score", SCORE),
            Field("vulnerabilityProperties.discoverySource"),
            Field("vulnerabilityProperties.vulnerableTarget"),
        ),
    ),
    # It has none of the common fields: its repository is its source, lastUpdated its order.
    "pullRequest": (
        "pull_request",
        "review",
        (
            Field("lastUpdated", TIME, "occurred_at", required=True),
            Field("cloudId"),
            Field("pullRequestProperties", OBJECT, required=True),
            Field("pullRequestProperties.id", KEY, "external_id", required=True),
            Field("pullRequestProperties.repoUrl", KEY, "source_id", required=True),
            Field("pullRequestProperties.pullRequestUrl", TEXT, "url", required=True),
            Field(
                "pullRequestProperties.status",
                one_of(PULL_REQUEST_STATES),
                "state",
                required=True,
            ),
        ),
    ),
}


def _table(wire: str, own: tuple[Field, ...]) -> tuple[Field, ...]:
    inner = own if wire == "pullRequest" else COMMON + own
    at = f"event.{wire}"
    return ENVELOPE + tuple(
        Field(f"{at}.{spec.path}", spec.codec, spec.column, spec.required) for spec in inner
    )


FIELDS = {wire: _table(wire, own) for wire, (_, _, own) in KINDS.items()}
WIRE_NAMES = {kind: wire for wire, (kind, _, _) in KINDS.items()}


def parse(document: Any) -> Draft:
    """Read the body of one event; raises DialectError with every fault and its path.

    Source: the vendor's REST reference, "Send event".
    """
    wire = _kind(document)
    kind, verb, _ = KINDS[wire]
    columns, details, faults = lift(document, FIELDS[wire])
    if faults:
        raise DialectError(faults)
    event = document["event"][wire]
    columns["component_id"] = document.get("componentId") or ""
    columns.update(_ADDITIONS.get(wire, _nothing)(event, columns))
    return Draft(
        dialect=DIALECT,
        kind=kind,
        verb=verb,
        site_id=document["cloudId"],
        generator=key(_host(columns["url"]) or "Compass"),
        details=details,
        **{"object_type": kind, "object_key": columns.get("external_id", ""), **columns},
    )


def render(columns: Mapping[str, Any]) -> Document:
    """Write an event as it was sent: the exact inverse of parse()."""
    return lower(columns, columns["details"], FIELDS[WIRE_NAMES[columns["kind"]]])


def completed(document: Document, *, cloud_id: str, sequence: int) -> Document:
    """Return DOCUMENT to the site CLOUD_ID, with SEQUENCE where it has no sequence number."""
    event = {
        wire: {"updateSequenceNumber": sequence, **_given(body)} if wire != "pullRequest" else body
        for wire, body in _given(document.get("event") or {}).items()
        if isinstance(body, dict)
    }
    return {**document, "cloudId": cloud_id, "event": event}


def _given(document: Document) -> Document:
    return {name: value for name, value in document.items() if value is not None}


def source_of(document: Any) -> tuple[str, str] | None:
    """Return the source and kind that a body names, even one that parse() refuses; else None."""
    try:
        wire = _kind(document)
    except DialectError:
        return None
    at = next(spec for spec in FIELDS[wire] if spec.column == "source_id")
    value: Any = document
    for step in (*at.parents, at.name):
        value = value.get(step) if isinstance(value, dict) else None
    return (key(value), KINDS[wire][0]) if isinstance(value, str) else None


def _kind(document: Any) -> str:
    """Return the wire name of the one kind in DOCUMENT; explicit nulls beside it are legal."""
    if not isinstance(document, dict):
        raise DialectError([Fault("body", "must be an object")])
    event = document.get("event")
    if not isinstance(event, dict):
        raise DialectError(lift(document, ENVELOPE)[2])
    given = [wire for wire in KINDS if event.get(wire) is not None]
    if len(given) != 1:
        found = f"; found {', '.join(given)}" if given else ""
        rule = f"must hold exactly one of {', '.join(KINDS)}{found}"
        raise DialectError([*lift(document, ENVELOPE)[2], Fault("event", rule, "one_of")])
    wire = given[0]
    if not isinstance(event[wire], dict):
        fault = Fault(f"event.{wire}", "must be an object")
        raise DialectError([*lift(document, ENVELOPE)[2], fault])
    return wire


def _nothing(event: Document, columns: Document) -> Document:
    return {}


def _deployment(event: Document, columns: Document) -> Document:
    number = INTEGER.read(event["deploymentProperties"]["sequenceNumber"])
    identity = [columns["object_key"], columns["target_key"], number]
    return {"external_id": key(json.dumps(identity, ensure_ascii=False))}


def _push(event: Document, columns: Document) -> Document:
    author = event["pushEventProperties"].get("author") or {}
    name, email = author.get("name") or "", author.get("email") or ""
    return {
        "object_type": "commit",
        "target_key": columns["source_id"],
        "actor_key": key(email or name),
        "actor_name": key(name or email),
    }


def _pull_request(event: Document, columns: Document) -> Document:
    return {
        "title": f"Pull request {columns['external_id']}"[:TITLE_LENGTH],
        "target_key": columns["source_id"],
        "target_url": columns["source_id"],
        "sequence": microseconds(columns["occurred_at"]),
    }


_ADDITIONS = {"deployment": _deployment, "push": _push, "pullRequest": _pull_request}


def _host(url: str) -> str:
    return _host_of("/".join(url.split("/", 3)[:3]))


@lru_cache(maxsize=1024)  # pipelines send from few hosts
def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""
