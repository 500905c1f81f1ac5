"""What the tests of the outbox need: connections to an upstream of theirs, and letters to it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from feeds import actions, outbox
from feeds.models import Activity, Composition, Connection, Delivery, Role, User
from feeds.outbox.post import carry

SECRET = "open-sesame"


def connect(base_url: str, dialect: str = "compass", *, per_minute: int = 0) -> Connection:
    """Connect to the upstream at BASE_URL as an account of its own."""
    number = uuid.uuid4().hex[:8]
    return actions.create_connection(
        f"{dialect} {number}",
        dialect=dialect,
        base_url=base_url,
        account=f"sender-{number}@example.com",
        secret=SECRET,
        cloud_id="11111111-2222-3333-4444-555555555555",
        company_key="0123456789abcdef0123456789abcdef",
        per_minute=per_minute,
    )


def author() -> User:
    """Return who composes."""
    return actions.ensure_user("writer", role=Role.COMPOSER)


def custom(number: int = 1, *, source: str = "lane", **fields: Any) -> dict[str, Any]:
    """Return a Compass event, as a form makes it."""
    event = {
        "displayName": f"Event {number}",
        "description": "What happened",
        "url": "https://ci.example.com/1",
        "lastUpdated": "2026-11-21T14:03:07Z",
        "externalEventSourceId": source,
        "customEventProperties": {"id": f"event-{number}", "icon": "INFO"},
    }
    return {"event": {"custom": {**event, **fields}}}


def activity(number: int = 1) -> dict[str, Any]:
    """Return an activity of Activity Streams."""
    return {
        "generator": {"id": "https://ci.example.com", "displayName": "CI"},
        "url": f"https://ci.example.com/{number}",
        "title": f"Activity {number}",
    }


def build(**fields: Any) -> dict[str, Any]:
    """Return a running build of TeamHub."""
    return {
        "target": "build", "operation": "created", "project": "web", "repository": "shop",
        "progress": 10, **fields,
    }  # fmt: skip


def compose(document: dict[str, Any], *connections: Connection, **more: Any) -> Composition:
    """Compose DOCUMENT, of whichever wire it is, to CONNECTIONS."""
    wire = "compass" if "event" in document else "streams" if "generator" in document else "teamhub"
    return actions.compose(
        author(),
        role=Role.COMPOSER,
        identity=uuid.uuid4(),
        wire=wire,
        document=document,
        addresses=[actions.Address(connection) for connection in connections],
        **more,
    )


def revise(activity: Activity, document: dict[str, Any]) -> list[Delivery]:
    """Send an update of ACTIVITY."""
    activity.refresh_from_db()
    return actions.revise(
        activity, by=author(), role=Role.COMPOSER, document=document, above=activity.sequence
    )


def send_once(now: datetime) -> int:
    """Do one round of a drain at NOW, on whatever clock that is; return how many letters went."""
    claims = outbox.claim(100, now=now)
    trips = [(claim, carry(claim.errand)) for claim in claims if claim.errand]
    if trips:
        outbox.settle(trips, now=now)
    return len(trips)


def states() -> list[str]:
    """Return the states of all letters, in their order."""
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))
