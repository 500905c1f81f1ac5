"""A client of the TeamHub API for the tests, and events to send with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from feeds import actions
from feeds.dialects import teamhub
from feeds.dialects.mapping import read_time
from feeds.models import Role

EVENTS = "/api/events"
BUILD = {
    "target": "build",
    "operation": "completed",
    "project": "luotsi",
    "repository": "chef",
    "name": "Development",
    "commits": ["d847a7a20f547b8990c31627599aee47441018e6"],
    "resources": ["http://domain.com/jenkins/job/development/2372"],
}
RUNNING = {"target": "build", "project": "luotsi", "repository": "chef", "progress": 40}


def keys(secret: str, company: str = "") -> str:
    """Write the header as the vendor's page has it."""
    company = company or actions.site().company_key
    return f"hth.company_key='{company}',account_key='{secret}'"


@dataclass
class Hub:
    """A program that calls the API with a token."""

    secret: str
    client: Client = field(default_factory=Client)

    @classmethod
    def of(cls, role: str = "bot", name: str = "luotsi-ci-bot") -> Hub:
        """Make a user with a token of ROLE."""
        user = actions.ensure_user(name, role=Role(role))
        return cls(actions.create_token(user, role=Role(role)))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send BODY, a value or bytes as they are."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        headers = {"authorization": keys(self.secret), **headers}
        return self.client.generic(
            method, path, data, content_type="application/json", headers=headers
        )

    def get(self, path: str = EVENTS, **query: Any) -> Any:
        headers = {"authorization": keys(self.secret)}
        return self.client.get(path, query, headers=headers)

    def post(self, body: Any, **headers: str) -> Any:
        return self.ask("POST", EVENTS, body, **headers)

    def put(self, identity: str, body: Any) -> Any:
        return self.ask("PUT", f"{EVENTS}/{identity}", body)

    def running(self, **fields: Any) -> str:
        """Post a build that runs, and return its id."""
        return str(self.post({**RUNNING, **fields}).json()["id"])


def store(document: Any) -> None:
    """Record a whole event, as one that came from an upstream."""
    sender = actions.Sender(actions.ensure_user("upstream", role=Role.BOT))
    draft = teamhub.parse(document, now=read_time(document["timestamp"]))
    actions.record(sender, draft)


def fields(response: Any) -> dict[str, str]:
    """Return what the error body of RESPONSE says of each field."""
    found: dict[str, str] = response.json()["error"]["fields"]
    return found
