"""GitHub and GitLab for the tests: they call our webhooks as the real ones do."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from feeds import actions
from feeds.models import Component, HookDelivery, User, Webhook

FORM = "application/x-www-form-urlencoded"


def signature(secret: str, body: bytes) -> str:
    """Sign BODY as GitHub does."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class CodeHost:
    """One that knows the address and the secret of a webhook."""

    webhook: Webhook
    secret: str
    client: Client = field(default_factory=Client)

    @classmethod
    def of(cls, dialect: str, user: User, component: Component | None = None) -> CodeHost:
        """Make a webhook of USER, and the code host that calls it."""
        return cls(*actions.create_webhook("Shop", dialect=dialect, user=user, component=component))

    @property
    def path(self) -> str:
        return f"/hooks/{self.webhook.token}/"

    def headers(self, event: str, body: bytes) -> dict[str, str]:
        """Return what goes with BODY."""
        if self.webhook.dialect == "gitlab":
            return {
                "X-Gitlab-Event": event,
                "X-Gitlab-Token": self.secret,
                "X-Gitlab-Event-UUID": str(uuid.uuid4()),
            }
        return {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": signature(self.secret, body),
        }

    def call(self, event: str, document: Any, *, form: bool = False, **headers: str | None) -> Any:
        """Deliver DOCUMENT, bytes or JSON; HEADERS replace others, and None drops one."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        if form:
            body = urlencode({"payload": body.decode()}).encode()
        given = {**self.headers(event, body), **headers}
        return self.client.post(
            self.path,
            body,
            content_type=FORM if form else "application/json",
            headers={name: value for name, value in given.items() if value is not None},
        )

    @property
    def log(self) -> list[HookDelivery]:
        """Its deliveries, newest first."""
        return list(self.webhook.deliveries.all())
