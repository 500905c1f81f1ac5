"""What the tests of composing need: connections, and the form as a browser would send it."""

from __future__ import annotations

from typing import Any

from feeds import actions
from feeds.models import Connection
from tests.filled import Filled, filled, filled_text

__all__ = ["Filled", "connect", "filled", "filled_text"]


def connect(dialect: str, **fields: Any) -> Connection:
    """Make a connection that is called as what it speaks."""
    base_url = f"https://{dialect}.example.com"
    given = {"account": "bot@example.com", "cloud_id": "there", "company_key": "k", **fields}
    return actions.create_connection(
        dialect, dialect=dialect, base_url=base_url, secret="the-secret", **given
    )
