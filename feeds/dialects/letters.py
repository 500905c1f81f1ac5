"""What goes to an upstream and comes back: the words that every outward dialect speaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from feeds.dialects.mapping import Document

Verb = Literal["create", "update", "delete"]
RECEIPT = "{receipt}"  # stands in a path for what the upstream called the event


@dataclass(frozen=True)
class Account:
    """Who we are at an upstream; `secret` is open, so an Account is never logged or kept."""

    user: str = ""  # Compass: e-mail; Activity Streams: user name
    secret: str = field(default="", repr=False)
    cloud_id: str = ""
    company_key: str = ""


@dataclass(frozen=True)
class Letter:
    """One request, without its credentials; its path continues the base URL of the connection.

    A vendor that has a part of its API on another host gets a whole address for a path.
    """

    method: str
    path: str
    body: Document | None = None  # sent as JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """What a letter carried, as far as is needed to find it again at the upstream."""

    wire: str  # the dialect of the document
    body: Document  # as sent
    link: str  # the address of the event's page here: ours alone, and so its identity
    receipt: str = ""  # what the upstream called it
    method: str = ""
    path: str = ""


def address(base_url: str, path: str) -> str:
    """Return where a letter with PATH goes."""
    return base_url + path if path.startswith("/") else path


@dataclass(frozen=True)
class Answer:
    """What an upstream answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str  # cut at 1 MB

    def json(self) -> Any:
        """Return the document in the body, or None if it holds none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):  # whoever answers may nest as deep as it likes
            return None


class Fate(StrEnum):
    """What an answer means for a letter."""

    ACCEPTED = "accepted"
    RETRY = "retry"  # it may heal by itself
    REFUSED = "refused"  # it never will: the letter is dead
    UNAUTHORIZED = "unauthorized"  # the connection's secret is at fault, not the letter
    THROTTLED = "throttled"  # too many requests; the letter has done nothing wrong


@dataclass(frozen=True)
class Verdict:
    """What became of a letter; `reason` is fit to show, and "" where all went well."""

    fate: Fate
    reason: str = ""
    receipt: str = ""
    retry_after: float | None = None  # seconds that the upstream asks for


@dataclass(frozen=True)
class Probe:
    """What a test of a connection found; `fault` is "" where all is well."""

    fault: str = ""
    cloud_id: str = ""
    company_key: str = ""


class Upstream(Protocol):
    """A module of this package that knows how to send events to one sort of system."""

    NAME: str
    WIRES: frozenset[str]  # the dialects of the documents that it takes
    RATE: int  # requests a minute that it allows a user; 0: it has no limit

    def no_delete(self, wire: str) -> str:
        """Say why an event of WIRE cannot be deleted there; "" where it can."""

    def authorize(self, account: Account) -> dict[str, str]:
        """Return the headers that carry the credentials."""

    def letter(
        self,
        verb: Verb,
        document: Document,
        *,
        wire: str,
        link: str,
        account: Account,
        component: str = "",
    ) -> Letter | None:
        """Write the request for VERB; None where the wire has no such request.

        DOCUMENT is the event as it was recorded here; COMPONENT is the component's id there.
        """  # fmt: skip

    def interpret(self, verb: Verb, wire: str, answer: Answer) -> Verdict:
        """Say what ANSWER means."""

    def look_up(self, sent: Sent, account: Account) -> Letter | None:
        """Write the request that finds an event after an attempt whose end we do not know.

        None where the event has an identity on the wire, so that sending it again is harmless.
        """

    def found(self, sent: Sent, answer: Answer) -> str:
        """Return the receipt of the event in the answer to look_up(), or "" if it is not there."""

    def read_back(self, sent: Sent, account: Account) -> Letter | None:
        """Write the request that reads the event back; None where the wire has no read."""

    def confirms(self, sent: Sent, answer: Answer) -> bool:
        """Tell whether the answer to read_back() shows the event as sent."""

    def probe(self, account: Account) -> tuple[Letter, ...]:
        """Write the requests that test the connection and change nothing."""

    def probed(self, account: Account, answers: tuple[Answer, ...]) -> Probe:
        """Say what the answers to probe() mean: which key is wrong, which path."""
