"""The fields of a component as GraphQL sends them, read by the rules of Compass.

The limits are those of the vendor's registry of errors: names of 100 characters, descriptions of
1000, labels of less than 40. Every fault is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug

from feeds.api.graphql.errors import Fault, Refused
from feeds.models import ALIAS_LENGTH, Component

LABEL_LENGTH = 39  # "under 40 characters"
ADDRESS_LENGTH = 2000
LINK_NAME_LENGTH = 255
LINK_FIELDS = ("type", "url", "name", "objectId")
WEB = ("https://", "http://")

Given = Mapping[str, Any]

#: Where we keep what Compass calls otherwise, and what an explicit null clears.
COLUMNS = {
    "name": "name",
    "description": "description",
    "ownerId": "owner_team",
    "slug": "slug",
    "state": "state",
}
CLEARED = {"description", "ownerId"}
TYPE_OF_LENGTH = {
    "name": "COMPONENT_NAME_TOO_LONG",
    "description": "COMPONENT_DESCRIPTION_TOO_LONG",
}


def read_component(given: Given) -> dict[str, Any]:
    """Return the columns of a component for those fields that GIVEN names; raises Refused."""
    faults: list[Fault] = []
    columns: dict[str, Any] = {}
    for name, column in COLUMNS.items():
        value = given.get(name)
        if value is not None:
            faults += _faults_of_text(name, value, _length(column))
            columns[column] = value
        elif name in given and name in CLEARED:
            columns[column] = ""
        elif name in given and name == "name":
            faults.append(Fault("name: must not be null", "FIELD_CANNOT_BE_NULL"))
    if kind := given.get("typeId") or given.get("type"):
        columns["type"] = kind.upper()
        if columns["type"] not in Component.Type.values:
            rule = f"typeId: must be one of {', '.join(Component.Type.values)}"
            faults.append(Fault(rule))
    if labels := given.get("labels"):
        faults += faults_of_labels(labels)
        columns["labels"] = list(dict.fromkeys(labels))
    if links := given.get("links"):
        for link in links:
            faults += faults_of_link(link)
        columns["links"] = [link_of(link) for link in links]
    _refuse(faults)
    return columns


def _length(column: str) -> int:
    return next(
        int(field.max_length or 0) for field in Component._meta.fields if field.name == column
    )


def _faults_of_text(name: str, text: str, longest: int) -> Iterator[Fault]:
    if name == "name" and not text.strip():
        yield Fault("name: must not be blank", "COMPONENT_NAME_BLANK")
    if name == "state" and not text.strip():
        yield Fault("state: must not be blank", "CONSTRAINT_VIOLATION")
    if len(text) > longest:
        kind = TYPE_OF_LENGTH.get(name, "CONSTRAINT_VIOLATION")
        yield Fault(f"{name}: must not be over {longest} characters", kind)
    if name == "slug":
        try:
            validate_slug(text)
        except ValidationError:
            rule = "slug: must be letters, digits, hyphens and underscores"
            yield Fault(rule, "FORMAT_INVALID")


def read_labels(names: Sequence[str]) -> list[str]:
    """Return NAMES if all can be labels; raises Refused."""
    _refuse(list(faults_of_labels(names)))
    return list(dict.fromkeys(names))


def faults_of_labels(names: Sequence[str]) -> Iterator[Fault]:
    """Yield what is wrong with the labels NAMES."""
    for name in names:
        if not name or name != name.lower() or any(letter.isspace() for letter in name):
            rule = f"label {name[:50]!r}: must be lower case, without spaces"
            yield Fault(rule, "FORMAT_INVALID")
        if len(name) > LABEL_LENGTH:
            rule = f"label {name[:50]!r}: must be under {LABEL_LENGTH + 1} characters"
            yield Fault(rule, "CONSTRAINT_VIOLATION")


def read_link(given: Given) -> dict[str, str]:
    """Return the link GIVEN as a component keeps it; raises Refused."""
    _refuse(list(faults_of_link(given)))
    return link_of(given)


def read_link_change(given: Given) -> dict[str, str]:
    """Return those fields of a link that GIVEN names; null is as good as none; raises Refused."""
    named = {name: given[name] for name in LINK_FIELDS if given.get(name) is not None}
    _refuse(list(faults_of_link(named)))
    return named


def faults_of_link(given: Given) -> Iterator[Fault]:
    """Yield what is wrong with the link GIVEN, or with a part of it."""
    if "url" in given and not given["url"].startswith(WEB):
        yield Fault("link.url: must begin with https:// or http://", "FORMAT_INVALID")
    lengths = {"url": ADDRESS_LENGTH, "name": LINK_NAME_LENGTH, "objectId": ADDRESS_LENGTH}
    for name, longest in lengths.items():
        if len(given.get(name) or "") > longest:
            rule = f"link.{name}: must not be over {longest} characters"
            yield Fault(rule, "CONSTRAINT_VIOLATION")


def link_of(given: Given) -> dict[str, str]:
    """Write the link GIVEN as a component keeps it."""
    link = {"type": given["type"], "url": given["url"], "name": given.get("name") or ""}
    return {**link, "objectId": given["objectId"]} if given.get("objectId") else link


def read_alias(given: Given) -> dict[str, str]:
    """Return the external alias GIVEN as actions take it; raises Refused."""
    source, identity, url = given["externalSource"], given["externalId"], given.get("url") or ""
    faults = []
    if not identity.strip():
        rule = "externalAlias.externalId: must not be empty"
        faults.append(Fault(rule, "EXTERNAL_ALIAS_ID_CANNOT_BE_EMPTY"))
    if len(identity) > ALIAS_LENGTH:
        rule = f"externalAlias.externalId: must not be over {ALIAS_LENGTH} characters"
        faults.append(Fault(rule, "EXTERNAL_ALIAS_ID_TOO_LONG"))
    if len(source) > ALIAS_LENGTH:
        rule = f"externalAlias.externalSource: must not be over {ALIAS_LENGTH} characters"
        faults.append(Fault(rule, "EXTERNAL_ALIAS_SOURCE_TOO_LONG"))
    if url and not url.startswith(WEB):
        rule = "externalAlias.url: must begin with https:// or http://"
        faults.append(Fault(rule, "FORMAT_INVALID"))
    _refuse(faults)
    return {"source": source, "external_id": identity, "url": url}


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        raise Refused(*faults)
