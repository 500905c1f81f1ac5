"""What may be shown of a letter's request: all of it but the secret."""

from __future__ import annotations

from dataclasses import dataclass

from feeds.dialects.letters import RECEIPT, address
from feeds.dialects.mapping import Document
from feeds.models import Connection, Delivery
from feeds.outbox.post import MASK
from feeds.snippets import Example, as_curl


@dataclass(frozen=True)
class Envelope:
    """A request as it goes, its credentials masked."""

    method: str
    url: str
    headers: dict[str, str]
    body: Document | None


def envelope_of(delivery: Delivery) -> Envelope:
    """Return the request of DELIVERY; what the upstream has not named yet stays {receipt}."""
    path = delivery.path.replace(RECEIPT, delivery.receipt or RECEIPT)
    return Envelope(
        method=delivery.method,
        url=address(delivery.connection.base_url, path),
        headers={**delivery.headers, "Authorization": MASK},
        body=delivery.body,
    )


def curl_of(delivery: Delivery) -> str:
    """Return the request of DELIVERY as a command, its secret a variable."""
    envelope, connection = envelope_of(delivery), delivery.connection
    teamhub = connection.dialect == Connection.Dialect.TEAMHUB
    return as_curl(
        Example(
            method=envelope.method,
            url=envelope.url,
            headers=delivery.headers,
            body=delivery.body,
            user=connection.account,
            scheme="teamhub" if teamhub else "basic" if connection.account else "bearer",
            company_key=connection.company_key,
        )
    )
