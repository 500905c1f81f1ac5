"""Atlassian resource identifiers, as Compass clients send and read them.

Form, from the vendor's SDK: `ari:cloud:compass:{cloudId}:component/{workspaceUuid}/{uuid}`.
"""

import re
import uuid

_ARI = re.compile(r"ari:cloud:([^:/]+):([^:/]*):([^:/]*)/(.*)", re.DOTALL)


class InvalidAri(ValueError):
    """A text that is not the ARI that was asked for; str(error) says why."""


def component(cloud_id: str, workspace: uuid.UUID, identity: uuid.UUID) -> str:
    """Write the ARI of a component."""
    return f"ari:cloud:compass:{cloud_id}:component/{workspace}/{identity}"


def event_source(cloud_id: str, workspace: uuid.UUID, identity: uuid.UUID) -> str:
    """Write the ARI of an event source."""
    return f"ari:cloud:compass:{cloud_id}:event-source/{workspace}/{identity}"


def incoming_webhook(cloud_id: str, workspace: uuid.UUID, token: str) -> str:
    """Write the ARI of an incoming webhook, whose last step is what its address ends in."""
    return f"ari:cloud:compass:{cloud_id}:incoming-webhook/{workspace}/{token}"


def parse_component(text: str, cloud_id: str) -> uuid.UUID:
    """Return the uuid in the ARI of a component of the site CLOUD_ID; raises InvalidAri."""
    return _parse(text, cloud_id, "component", "componentId: is not the ARI of a component")


def parse_event_source(text: str, cloud_id: str) -> uuid.UUID:
    """Return the uuid in the ARI of an event source of the site CLOUD_ID; raises InvalidAri."""
    rule = "eventSourceId: is not the ARI of an event source"
    return _parse(text, cloud_id, "event-source", rule)


def _parse(text: str, cloud_id: str, resource: str, rule: str) -> uuid.UUID:
    field = rule.partition(":")[0]
    match = _ARI.fullmatch(text)
    if match is None or match[1] != "compass" or match[3] != resource:
        raise InvalidAri(rule)
    if match[2] != cloud_id:
        raise InvalidAri(f"{field}: names the site {match[2]!r}, which is not this one")
    try:
        return uuid.UUID(match[4].rpartition("/")[2])
    except ValueError:
        raise InvalidAri(f"{field}: does not end in a uuid") from None
