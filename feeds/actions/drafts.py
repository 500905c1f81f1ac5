"""From a document that somebody wrote to the event that it would be."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.utils import timezone

from feeds.actions.site import cloud_id
from feeds.dialects import compass, streams, teamhub
from feeds.dialects.mapping import TIME, Document, Draft, key, write_time
from feeds.models import Component, User

PREVIEWED = uuid.UUID(int=0)  # stands for the identity of what is not composed yet


def draft_of(
    wire: str,
    document: Document,
    *,
    author: User,
    component: Component | None = None,
    identity: uuid.UUID = PREVIEWED,
    now: datetime | None = None,
) -> Draft:
    """Read DOCUMENT as it would be recorded; raises DialectError with every fault."""
    moment = now or timezone.now()
    draft = _READERS[wire](document, author, identity, moment)
    draft.component_id = str(component.uuid) if component else ""
    return draft


def _read_compass(document: Document, author: User, identity: uuid.UUID, now: datetime) -> Draft:
    return compass.parse(completed(compass.DIALECT, document, now=now))


def _read_streams(document: Document, author: User, identity: uuid.UUID, now: datetime) -> Draft:
    draft = streams.parse(document, now=now)
    draft.external_id = key(f"{draft.external_id}#{identity.hex}")
    return draft


def _read_teamhub(document: Document, author: User, identity: uuid.UUID, now: datetime) -> Draft:
    whole = teamhub.whole(
        document, event_id=identity.hex[: teamhub.ID_LENGTH], subject=author.username, now=now
    )
    return teamhub.parse(whole, now=now)


_READERS = {
    compass.DIALECT: _read_compass,
    streams.DIALECT: _read_streams,
    teamhub.DIALECT: _read_teamhub,
}


def completed(
    wire: str, document: Document, *, now: datetime, above: int | None = None
) -> Document:
    """Fill in what a wire wants and a person need not know, with a number above ABOVE.

    Of Compass that is the site, the next sequence number, and the moments that are now.
    """
    if wire != compass.DIALECT:
        return document
    number = max(int(now.timestamp() * 1000), (above or 0) + 1)  # milliseconds, as Compass says
    whole = compass.completed(document, cloud_id=cloud_id(), sequence=number)
    moment = write_time(now.replace(microsecond=0))
    return {**whole, "event": {
        name: _dated(name, body, moment) for name, body in whole["event"].items()
    }}  # fmt: skip


def _dated(name: str, body: Document, moment: str) -> Document:
    """Return BODY of the kind NAME with MOMENT where a time that it must have is missing."""
    body = {**body}
    for spec in compass.KINDS[name][2] if name in compass.KINDS else ():
        holder = spec.path.partition(".")[0]
        if spec.required and spec.codec is TIME and isinstance(body.get(holder), dict):
            body[holder] = {spec.name: moment, **body[holder]}
    return {"lastUpdated": moment, **body}
