"""Test events: recorded as their wire would, and sent nowhere else."""

from __future__ import annotations

import json
import uuid

from django.utils import timezone

from feeds.actions.drafts import completed, draft_of
from feeds.actions.errors import Forbidden
from feeds.actions.events import Recorded, Sender, record
from feeds.dialects import native
from feeds.dialects.mapping import Document
from feeds.models import EventSource, Role, User


def record_sample(
    source: EventSource, wire: str, document: Document, *, by: User, role: Role
) -> Recorded:
    """Record DOCUMENT as an event of SOURCE; raises ActionError, and DialectError."""
    if not role.writes:
        raise Forbidden(f"a {role.value} may not send events")
    now, identity = timezone.now(), uuid.uuid4()
    document = completed(wire, document, now=now)
    if wire == native.DIALECT:
        draft = native.parse(document, now=now, external_id=identity.hex)
    else:
        draft = draft_of(wire, document, author=by, identity=identity, now=now)
    draft.source_id = source.external_id
    draft.raw = json.dumps(document, ensure_ascii=False)
    return record(Sender(by), draft)
