"""The vendor's heartbeat document: read it, say all that is wrong with it, write it.

Names, limits and spellings are those of the vendor's page "Heartbeats" and of its OpenAPI
description; fields that we do not know are ignored, for old clients send `ownerTeam`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from heartbeats.models import (
    DESCRIPTION_LENGTH,
    LONGEST_PERIOD,
    MESSAGE_LENGTH,
    NAME_LENGTH,
    TAG_LENGTH,
    TAGS_LIMIT,
    Heartbeat,
)
from heartbeats.schedule import UNITS

WHOLE = re.compile(r"[+-]?[0-9]{1,12}")
PRIORITIES = Heartbeat.Priority.values


class Malformed(Exception):
    """A document that breaks rules; `faults` are sentences, and `nameless` tells that it names
    no heartbeat."""

    def __init__(self, faults: list[str], *, nameless: bool = False) -> None:
        self.faults = faults
        self.nameless = nameless
        super().__init__(" ".join(faults))


def _text(limit: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        if len(value) > limit:
            raise ValueError(f"must not be longer than {limit} characters")
        return value

    return read


def _read_name(value: Any) -> str:
    name = _text(NAME_LENGTH)(value)
    if not name.strip():
        raise ValueError(f"must be 1 to {NAME_LENGTH} characters")
    return name


def _read_interval(value: Any) -> int:
    if isinstance(value, str) and WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    if value < 1:
        raise ValueError("must be 1 or more")
    return value


def _read_unit(value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in UNITS:
        raise ValueError(f"must be one of {', '.join(UNITS)}")
    return value


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _read_tags(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise ValueError("must be a list of strings")
    if len(value) > TAGS_LIMIT:
        raise ValueError(f"must not hold more than {TAGS_LIMIT} tags")
    if any(len(tag) > TAG_LENGTH for tag in value):
        raise ValueError(f"must hold no tag longer than {TAG_LENGTH} characters")
    return value


def _read_priority(value: Any) -> str:
    if value == "":
        return Heartbeat.Priority.P3
    if not isinstance(value, str) or value not in PRIORITIES:
        raise ValueError(f"must be one of {', '.join(PRIORITIES)}")
    return value


#: The vendor's name, our column, and how it is read.
FIELDS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("name", "name", _read_name),
    ("description", "description", _text(DESCRIPTION_LENGTH)),
    ("interval", "interval", _read_interval),
    ("intervalUnit", "interval_unit", _read_unit),
    ("enabled", "enabled", _read_flag),
    ("alertMessage", "alert_message", _text(MESSAGE_LENGTH)),
    ("alertTags", "alert_tags", _read_tags),
    ("alertPriority", "alert_priority", _read_priority),
)
REQUIRED = ("name", "interval", "intervalUnit")


def read_new(document: Any) -> dict[str, Any]:
    """Read the heartbeat that a POST makes, as columns; raises Malformed with all its faults."""
    columns, faults = _read(document, FIELDS)
    missing = [name for name in REQUIRED if document.get(name) is None]
    faults += [f"{name} is required." for name in missing]
    faults += _too_long(columns.get("interval"), columns.get("interval_unit"))
    if faults:
        raise Malformed(faults, nameless="name" in missing)
    columns.setdefault("alert_message", f"{columns['name']} is expired"[:MESSAGE_LENGTH])
    return columns


def read_change(document: Any, beat: Heartbeat) -> dict[str, Any]:
    """Read what a PATCH changes of BEAT; what is absent or null stays, and so does the name.

    Setting another interval ends a cron schedule, of which the vendor knows nothing.
    """
    columns, faults = _read(document, FIELDS[1:])
    interval = columns.get("interval", beat.interval)
    unit = columns.get("interval_unit", beat.interval_unit)
    faults += _too_long(interval, unit)
    if faults:
        raise Malformed(faults)
    if (interval, unit.lower()) != (beat.interval, beat.interval_unit.lower()):
        columns["cron"] = ""
    return columns


def _read(
    document: Any, fields: tuple[tuple[str, str, Callable[[Any], Any]], ...]
) -> tuple[dict[str, Any], list[str]]:
    if not isinstance(document, dict):
        raise Malformed(["The body must be an object."])
    columns, faults = {}, []
    for name, column, read in fields:
        value = document.get(name)
        if value is None:
            continue
        try:
            columns[column] = read(value)
        except ValueError as error:
            faults.append(f"{name} {error}.")
    return columns, faults


def _too_long(interval: int | None, unit: str | None) -> list[str]:
    if interval is None or unit is None or interval <= LONGEST_PERIOD // UNITS[unit.lower()]:
        return []
    return [f"interval must not be longer than {LONGEST_PERIOD.days} days."]


def write(beat: Heartbeat) -> Mapping[str, Any]:
    """Write BEAT as the vendor does: all ten keys."""
    return {
        "name": beat.name,
        "description": beat.description,
        "interval": beat.interval,
        "intervalUnit": beat.interval_unit,
        "enabled": beat.enabled,
        "status": beat.state,
        "ownerTeamId": beat.team.identifier,
        "alertMessage": beat.alert_message,
        "alertTags": beat.alert_tags,
        "alertPriority": beat.alert_priority,
    }
