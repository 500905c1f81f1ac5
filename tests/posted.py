"""Letters of the outward dialects, sent by Django's test client to our own inbound API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from feeds import actions
from feeds.dialects.letters import RECEIPT, Account, Answer, Letter, Sent, Upstream, Verb, Verdict
from feeds.dialects.mapping import Document
from feeds.dialects.outward import UPSTREAMS
from feeds.models import Role, User

LINK = "https://pulse.example.com/activities/0d1f5c1e-7c1e-4f52-9f53-5c6a4f0d8a11/"


def answered(
    status: int, body: str = "", headers: Mapping[str, str] | None = None, **named: str
) -> Answer:
    """Make an answer; NAMED are headers, with _ for -."""
    more = {name.replace("_", "-"): value for name, value in named.items()}
    return Answer(status, {**(headers or {}), **more}, body)


@dataclass
class Post:
    """A connection to ourselves of one sort, and the letters that go by it."""

    name: str
    account: Account
    component: str = ""
    client: Client = field(default_factory=Client)

    @classmethod
    def to_us(cls, name: str, *, role: str = "bot", component: str = "") -> Post:
        """Make a user of ROLE with a token, and connect with it."""
        user = actions.ensure_user("out", role=Role(role))
        User.objects.filter(pk=user.pk).update(email="out@example.com")
        site = actions.site()
        account = Account(
            user="out@example.com",
            secret=actions.create_token(user, role=Role(role)),
            cloud_id=actions.cloud_id(),
            company_key=site.company_key,
        )
        return cls(name, account, component)

    @property
    def upstream(self) -> Upstream:
        return UPSTREAMS[self.name]

    def send(self, letter: Letter, receipt: str = "") -> Answer:
        """Send LETTER, whose path may want RECEIPT."""
        response: Any = self.client.generic(
            letter.method,
            letter.path.replace(RECEIPT, receipt),
            b"" if letter.body is None else json.dumps(letter.body),
            headers={**letter.headers, **self.upstream.authorize(self.account)},
            content_type=letter.headers.get("Content-Type", "application/json"),
        )
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.content.decode())

    def write(
        self, verb: Verb, document: Document, *, wire: str, link: str = LINK
    ) -> Letter | None:
        """Write the letter for VERB."""
        return self.upstream.letter(
            verb, document, wire=wire, link=link, account=self.account, component=self.component
        )

    def deliver(
        self, verb: Verb, document: Document, *, wire: str, link: str = LINK, receipt: str = ""
    ) -> tuple[Verdict, Sent]:
        """Send DOCUMENT, which there must be a letter for."""
        letter = self.write(verb, document, wire=wire, link=link)
        assert letter is not None
        verdict = self.upstream.interpret(verb, wire, self.send(letter, receipt))
        return verdict, Sent(wire, letter.body or {}, link, verdict.receipt or receipt)

    def confirmed(self, sent: Sent) -> bool:
        """Read SENT back."""
        letter = self.upstream.read_back(sent, self.account)
        return letter is not None and self.upstream.confirms(sent, self.send(letter))

    def looked_up(self, sent: Sent) -> str:
        """Look for SENT, as after an attempt whose end nobody knows."""
        letter = self.upstream.look_up(sent, self.account)
        assert letter is not None
        return self.upstream.found(sent, self.send(letter))
