"""What the tests of composing need: connections, and the form as a browser would send it."""

from __future__ import annotations

from typing import Any

from django.test import Client

from feeds import actions
from feeds.models import Connection
from tests.filled import Filled, filled, filled_text

__all__ = ["NEEDED", "Filled", "connect", "filled", "filled_text", "given", "new_form"]

#: What the form of each kind asks of somebody who knows nothing better than its defaults.
NEEDED: dict[str, dict[str, str]] = {
    "deployment": {
        "displayName": "News", "state": "SUCCESSFUL", "environment-displayName": "Production",
    },
    "build": {"displayName": "News", "state": "SUCCESSFUL"},
    "push": {"displayName": "News", "branchName": "main", "id": "a74e68d"},
    "pull-request": {"id": "7", "status": "CREATED", "repoUrl": "https://git.example.com/web"},
    "incident": {"displayName": "News", "state": "OPEN"},
    "alert": {"displayName": "News", "status": "OPENED"},
    "flag": {"displayName": "News", "status": "on", "id": "new-basket"},
    "lifecycle": {"displayName": "News", "stage": "PRODUCTION"},
    "vulnerability": {"displayName": "News", "state": "OPEN", "severity-level": "HIGH"},
    "custom": {"displayName": "News"},
    "activity": {"title": "News"},
    "teamhub-build": {"repository": "web", "operation": "completed"},
}  # fmt: skip


def connect(dialect: str, **fields: Any) -> Connection:
    """Make a connection that is called as what it speaks."""
    base_url = f"https://{dialect}.example.com"
    given = {"account": "bot@example.com", "cloud_id": "there", "company_key": "k", **fields}
    return actions.create_connection(
        dialect, dialect=dialect, base_url=base_url, secret="the-secret", **given
    )


def new_form(client: Client, key: str = "custom", query: str = "") -> Filled:
    """Open the form of KEY, and give what it asks for and has no default for."""
    return given(filled(client.get(f"/compose/new/{key}/{query}", follow=True)))


def given(form: Filled) -> Filled:
    """Return FORM with what it asks for where it is empty."""
    key = form.action.strip("/").rpartition("/")[2]
    empty = {name: value for name, value in NEEDED[key].items() if not form.values[name]}
    return Filled(form.action, form.changed(**empty))
