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


def parse_component(text: str, cloud_id: str) -> uuid.UUID:
    """Return the uuid in the ARI of a component of the site CLOUD_ID; raises InvalidAri."""
    match = _ARI.fullmatch(text)
    if match is None or match[1] != "compass" or match[3] != "component":
        raise InvalidAri("componentId: is not the ARI of a component")
    if match[2] != cloud_id:
        raise InvalidAri(f"componentId: names the site {match[2]!r}, which is not this one")
    try:
        return uuid.UUID(match[4].rpartition("/")[2])
    except ValueError:
        raise InvalidAri("componentId: does not end in a uuid") from None
