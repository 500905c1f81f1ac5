"""What a row shows as badges and a feed is filtered by, from the fields that a wire has left over:
the branch or pipeline of a change, and how grave an alarm is.

Whatever is missing or odd is "" here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feeds.dialects.mapping import key

#: Where each kind of Compass keeps what a row shows beside the title.
PROPERTIES = {
    "deployment": ("deployment", "deploymentProperties"),
    "build": ("build", "buildProperties"),
    "push": ("push", "pushEventProperties"),
    "incident": ("incident", "incidentProperties"),
    "alert": ("alert", "alertProperties"),
    "vulnerability": ("vulnerability", "vulnerabilityProperties"),
}
#: Where the webhooks of code hosts, and TeamHub, keep the branch of a push or of a run.
BRANCHES = (
    ("ref",), ("workflow_run", "head_branch"), ("object_attributes", "ref"), ("objects", "ref"),
)  # fmt: skip
OF_BRANCHES = ("push", "build")
LEVELS = {"ONE": "Sev 1", "TWO": "Sev 2", "THREE": "Sev 3", "FOUR": "Sev 4", "FIVE": "Sev 5"}


def properties(kind: str, details: Any) -> Any:
    """Return what DETAILS of an event of KIND have that only its kind has, as Compass has it."""
    return at(details, "event", *PROPERTIES.get(kind, ("", "")))


def ref(kind: str, details: Any) -> str:
    """Return the branch of an event, or its pipeline."""
    own = properties(kind, details)
    said = text(own, "branchName") or text(at(own, "pipeline"), "displayName")
    return key(said or _branch(kind, details))


def level(kind: str, details: Any) -> str:
    """Return the severity or the priority of an event, in words."""
    own = properties(kind, details)
    severity = at(own, "severity")
    grade = text(severity, "level")
    said = text(severity, "label") or LEVELS.get(grade, grade.title())
    return key(said or text(own, "priority"))


def _branch(kind: str, details: Any) -> str:
    if kind not in OF_BRANCHES:
        return ""
    found = (at(details, *path) for path in BRANCHES)
    name = next((name for name in found if isinstance(name, str)), "")
    return name.removeprefix("refs/heads/").removeprefix("refs/tags/")


def at(value: Any, *steps: str) -> Any:
    """Return what stands in VALUE behind STEPS, None if one of them leads nowhere."""
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def text(value: Any, step: str) -> str:
    """Return the text that stands in VALUE behind STEP."""
    found = at(value, step)
    return found if isinstance(found, str) else ""
