"""Letters for the tests: connections to a double or to where nothing listens, and events."""

from __future__ import annotations

import uuid
from typing import Any

from feeds import actions, outbox
from feeds.models import Composition, Connection, Delivery, Role, User
from tests.events import compass_event
from tests.house import free_port
from tests.upstream import Rule

SECRET = "s3cret-of-the-upstream"
ACTIVITY = {
    "id": "https://wiki.example.com/1#1",
    "title": "wrote a page",
    "generator": {"id": "https://wiki.example.com", "displayName": "Wiki"},
    "object": {"id": "https://wiki.example.com/1"},
}


def connect(
    url: str = "", name: str = "Prod", dialect: str = "compass", **fields: Any
) -> Connection:
    """Make a connection to URL, by default to where nothing listens."""
    account = {"compass": "ana@example.com", "streams": "ana"}.get(dialect, "")
    plain: dict[str, Any] = {
        "base_url": url or f"http://127.0.0.1:{free_port()}",
        "secret": SECRET,
        "account": account,
        "cloud_id": "0a44684d-52c3-4c0c-99f8-9d89ec294759" if dialect == "compass" else "",
        "company_key": "c0ffee" if dialect == "teamhub" else "",
        "per_minute": 0,
    }
    return actions.create_connection(name, dialect=dialect, **{**plain, **fields})


def compose(
    author: User, *connections: Connection, wire: str = "compass", document: Any = None,
    **fields: Any,
) -> Composition:  # fmt: skip
    """Compose an event to CONNECTIONS."""
    number, send_at = uuid.uuid4().hex[:8], fields.pop("send_at", None)
    if document is None and wire == "compass":
        document = compass_event("custom", **{"displayName": "Freeze", "id": number, **fields})
        del document["event"]["custom"]["updateSequenceNumber"]
    return actions.compose(
        author, role=Role(author.role), identity=uuid.uuid4(), wire=wire,
        document=document or ACTIVITY, send_at=send_at,
        addresses=[actions.Address(each) for each in connections],
    )  # fmt: skip


def letter(composition: Composition) -> Delivery:
    """Return the one letter of COMPOSITION."""
    return Delivery.objects.get(activity=composition.activity)


def dead(composition: Composition) -> Delivery:
    """Let the upstream of COMPOSITION have refused its one letter for good."""
    found = letter(composition)
    outbox.drain(linger=0)
    found.refresh_from_db()
    assert found.state == Delivery.State.DEAD, found.reason
    return found


def refused(status: int = 400) -> list[Rule]:
    """Return the script of an upstream that refuses every event."""
    return [Rule(status=status, method="POST", path="events|activities")]
