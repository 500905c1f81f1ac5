"""A test event for a source: as its wire would send it, plainly a test, and alarming nobody."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from feeds import snippets
from feeds.composing.kinds import kind_of
from feeds.composing.slots import Kind, Start
from feeds.dialects import compass, native, streams
from feeds.dialects.letters import Account, Letter
from feeds.dialects.mapping import DialectError, Document
from feeds.dialects.outward import UPSTREAMS
from feeds.dialects.outward.pulseboard import ACCEPT, ACTIVITIES
from feeds.models import EventKind, EventSource

TITLE = "Test event"
SAID = "Sent from the page of its source, to see that it arrives. Nothing happened."
NAME = "pulseboard-test"  # of environment, pipeline and branch: not those of real events
VARIABLE = "PULSEBOARD_TOKEN"
#: What a form of each kind says besides its defaults: all is over, and nothing in production.
CALM: Mapping[str, Mapping[str, Any]] = {
    EventKind.DEPLOYMENT: {
        "state": "SUCCESSFUL", "environment-environmentId": NAME, "environment-displayName": "Test",
        "environment-category": "TESTING", "pipeline-pipelineId": NAME,
        "pipeline-displayName": NAME,
    },
    EventKind.BUILD: {"state": "SUCCESSFUL", "pipeline-displayName": NAME},
    EventKind.PUSH: {"branchName": NAME},
    EventKind.PULL_REQUEST: {"status": "MERGED"},
    EventKind.INCIDENT: {"state": "RESOLVED"},
    EventKind.ALERT: {"status": "CLOSED"},
    EventKind.FLAG: {"status": "off"},
    EventKind.LIFECYCLE: {"stage": "PRE_RELEASE"},
    EventKind.VULNERABILITY: {"state": "REMEDIATED", "severity-level": "LOW"},
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A test event of a source, in the words of WIRE."""

    wire: str
    document: Document


def sample_of(source: EventSource, *, now: datetime) -> Sample:
    """Write a test event of SOURCE; of Compass, what every event needs is left to be completed."""
    token = f"test-{uuid.uuid4().hex[:12]}"
    page = settings.SITE_URL + source.get_absolute_url()
    kind = kind_of(compass.DIALECT, source.kind)
    if kind is not None:
        start = Start(home=settings.SITE_URL, link=page, token=token)
        return Sample(compass.DIALECT, kind.document(_values(kind, source, start, now)))
    said = {"title": TITLE, "content": SAID}
    for address, name in _generators(source.external_id):
        document = {**said, "id": f"{page}#{token}", "url": page,
                    "generator": {"id": address, "displayName": name}}  # fmt: skip
        if _is_of(document, source, now):
            return Sample(streams.DIALECT, document)
    document = {**said, "kind": source.kind, "url": page, "external_id": token,
                "source": {"external_id": source.external_id}}  # fmt: skip
    return Sample(native.DIALECT, document)


def _values(kind: Kind, source: EventSource, start: Start, now: datetime) -> dict[str, Any]:
    """Return what a form of KIND would say."""
    values = {slot.name: slot.default(start) for slot in kind.slots if slot.default is not None}
    own = {
        "id": start.token, "displayName": TITLE, "description": SAID,
        "externalEventSourceId": source.external_id, "repoUrl": source.external_id,
        "sequenceNumber": int(now.timestamp() * 1000), **CALM.get(source.kind, {}),
    }  # fmt: skip
    names = {slot.name for slot in kind.slots}
    return {**values, **{name: value for name, value in own.items() if name in names}}


def _generators(external_id: str) -> list[tuple[str, str]]:
    """Return what may have been joined to EXTERNAL_ID: the id of a generator, and its name."""
    cuts = [at for at, letter in enumerate(external_id) if letter == "@"]
    return [(external_id[:at], external_id[at + 1 :]) for at in cuts]


def _is_of(document: Document, source: EventSource, now: datetime) -> bool:
    try:
        return streams.parse(document, now=now).source_id == source.external_id
    except DialectError:
        return False


def curl_of(sample: Sample, *, user: str, cloud_id: str) -> str:
    """Write SAMPLE, completed, as a command for a shell, the token being a variable there."""
    letter = _letter(sample, cloud_id)
    example = snippets.Example(
        method=letter.method,
        url=settings.SITE_URL + letter.path,
        headers=letter.headers,
        body=letter.body,
        user=user,
        variable=VARIABLE,
    )
    return snippets.as_curl(example)


def _letter(sample: Sample, cloud_id: str) -> Letter:
    if sample.wire == native.DIALECT:
        headers = {"Content-Type": "application/json", **ACCEPT}
        return Letter("POST", ACTIVITIES, sample.document, headers)
    link = sample.document.get("id") or ""
    letter = UPSTREAMS["pulseboard"].letter(
        "create", sample.document, wire=sample.wire, link=link, account=Account(cloud_id=cloud_id)
    )
    assert letter is not None, "every event can be created"
    return letter
