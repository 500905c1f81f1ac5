"""The way of a letter to its upstream and back: HTTP only, for threads that have no database."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from django.utils import timezone

from feeds import http, vault
from feeds.dialects.letters import (
    RECEIPT,
    Account,
    Answer,
    Fate,
    Letter,
    Probe,
    Sent,
    Verb,
    Verdict,
    address,
)
from feeds.dialects.outward import UPSTREAMS
from feeds.models import Attempt, Connection, Delivery

RESPONSE_KEPT = 20_000  # characters of an answer
SHORTEST_SECRET = 6  # characters; a shorter one stands in any text by chance
MASK = "••••"


@dataclass(frozen=True)
class Errand:
    """What is to be sent, where and as whom; never kept, for it holds the secret."""

    dialect: str
    base_url: str
    account: Account
    verb: Verb
    letter: Letter
    sent: Sent
    look_first: bool = False  # an earlier attempt may have arrived


@dataclass(frozen=True)
class Trace:
    """One request and its end, as an attempt keeps them."""

    sort: Attempt.Sort
    method: str
    url: str
    started_at: datetime
    seconds: float
    status: int | None = None
    error: str = ""
    response: str = ""
    arrived: bool = True  # false: it certainly has not

    def columns(self) -> dict[str, Any]:
        """Return the columns of the attempt that keeps it."""
        return {name: value for name, value in vars(self).items() if name != "arrived"}


@dataclass(frozen=True)
class Trip:
    """How an errand ended."""

    verdict: Verdict
    traces: list[Trace] = field(default_factory=list)
    uncertain: bool = False  # it may have arrived, although we were not told


def account_of(connection: Connection) -> Account:
    """Return who we are there, the secret opened; raises vault.SealBroken."""
    return Account(
        user=connection.account,
        secret=vault.unseal(connection.sealed_secret),
        cloud_id=connection.cloud_id,
        company_key=connection.company_key,
    )


def errand_for(delivery: Delivery) -> Errand:
    """Return the errand of DELIVERY; raises vault.SealBroken."""
    return Errand(
        dialect=delivery.connection.dialect,
        base_url=delivery.connection.base_url,
        account=account_of(delivery.connection),
        verb=cast(Verb, delivery.verb),
        letter=Letter(delivery.method, delivery.path, delivery.body, delivery.headers),
        sent=Sent(
            delivery.wire, delivery.body or {}, delivery.link, delivery.receipt,
            delivery.method, delivery.path,
        ),
        look_first=delivery.uncertain,
    )  # fmt: skip


def carry(errand: Errand) -> Trip:
    """Send a letter; where an earlier attempt may have arrived, look for the event first."""
    upstream = UPSTREAMS[errand.dialect]
    traces: list[Trace] = []
    look = upstream.look_up(errand.sent, errand.account) if errand.look_first else None
    if look is not None:
        answer, trace = exchange(errand, look, sort=Attempt.Sort.LOOK_UP)
        traces.append(trace)
        verdict = verdict_on(errand, answer, trace)
        if verdict.fate is not Fate.ACCEPTED or answer is None:
            return Trip(verdict, traces, uncertain=True)
        if receipt := upstream.found(errand.sent, answer):
            return Trip(Verdict(Fate.ACCEPTED, receipt=receipt), traces)
    answer, trace = exchange(errand, errand.letter, sort=Attempt.Sort.SEND)
    verdict = verdict_on(errand, answer, trace)
    # a gateway that gives up does not know what became of what it passed on
    return Trip(verdict, [*traces, trace], verdict.fate is Fate.RETRY and trace.arrived)


def exchange(errand: Errand, letter: Letter, *, sort: Attempt.Sort) -> tuple[Answer | None, Trace]:
    """Make one request; no answer is None, and the trace says why."""
    url = address(errand.base_url, letter.path.replace(RECEIPT, errand.sent.receipt))
    started_at, clock = timezone.now(), time.perf_counter()

    def trace(status: int | None = None, **more: object) -> Trace:
        seconds = time.perf_counter() - clock
        return Trace(sort, letter.method, url, started_at, seconds, status, **more)  # type: ignore[arg-type]

    headers = {**letter.headers, **UPSTREAMS[errand.dialect].authorize(errand.account)}
    body = None
    if letter.body is not None:
        body = json.dumps(letter.body).encode()
        headers.setdefault("Content-Type", "application/json")
    try:
        answer = http.send(letter.method, url, headers=headers, body=body)
    except http.TransportError as error:
        return None, trace(error=str(error), arrived=error.uncertain)
    answer = replace(answer, text=_masked(answer.text, errand))
    return answer, trace(answer.status, response=answer.text[:RESPONSE_KEPT])


def _masked(text: str, errand: Errand) -> str:
    """Hide the secret in TEXT: an upstream may send back what it was sent."""
    sent = UPSTREAMS[errand.dialect].authorize(errand.account).values()
    secrets = {errand.account.secret, *sent, *(value.rpartition(" ")[2] for value in sent)}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text


def verdict_on(errand: Errand, answer: Answer | None, trace: Trace) -> Verdict:
    """Say what ANSWER means; none at all is worth another try."""
    if answer is None:
        return Verdict(Fate.RETRY, trace.error)
    return UPSTREAMS[errand.dialect].interpret(errand.verb, errand.sent.wire, answer)


def probe(connection: Connection) -> Probe:
    """Ask the upstream who we are there; changes nothing there."""
    try:
        account = account_of(connection)
    except vault.SealBroken as error:
        return Probe(fault=str(error))
    upstream = UPSTREAMS[connection.dialect]
    answers = []
    for letter in upstream.probe(account):
        errand = Errand(
            connection.dialect, connection.base_url, account, "create", letter, Sent("", {}, "")
        )
        answer, trace = exchange(errand, letter, sort=Attempt.Sort.CONFIRM)
        if answer is None:
            return Probe(fault=trace.error)
        answers.append(answer)
    return upstream.probed(account, tuple(answers))
