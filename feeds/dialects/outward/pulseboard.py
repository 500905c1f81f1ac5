"""Another Pulseboard, which takes the events of all three wires with one token.

It is spoken to as each wire speaks, with the same credentials on all of them; and it says more than
the vendors do: what it calls an event of Compass, and so that one can be read back and deleted.
"""

from __future__ import annotations

from dataclasses import replace

from feeds.dialects import compass as compass_wire
from feeds.dialects.letters import (
    RECEIPT,
    Account,
    Answer,
    Fate,
    Letter,
    Probe,
    Sent,
    Upstream,
    Verb,
    Verdict,
)
from feeds.dialects.mapping import Document
from feeds.dialects.outward import compass, credentials, heartbeats, streams, teamhub
from feeds.dialects.outward.answers import at, judge, receipt, text_at, unread

NAME = "Pulseboard"
_EVENTS = {wire: each for each in (compass, streams, teamhub) for wire in each.WIRES}
WIRES = frozenset(_EVENTS)
BY_WIRE: dict[str, Upstream] = {**_EVENTS, heartbeats.WIRE: compass}
RATE = 100  # its default
ACTIVITIES = "/api/v1/activities"
SITE = "/api/v1/site"
ME = "/api/v1/me"
ACCEPT = {"Accept": "application/json"}
READERS = ("viewer",)  # roles that may not send
NO_DELETE = "the TeamHub wire of a Pulseboard has no request that deletes an event: it stays there"
STALE = "nothing changed there: its sequence number is not above that of the event it has"
_COMPASS = compass_wire.DIALECT


def no_delete(wire: str) -> str:
    """Say why an event of WIRE cannot be deleted there; "" where it can."""
    return NO_DELETE if wire in teamhub.WIRES else ""


def authorize(account: Account) -> dict[str, str]:
    """Return the credentials that every wire of a Pulseboard takes, that of TeamHub too."""
    return credentials.basic(account) if account.user else credentials.bearer(account)


def letter(
    verb: Verb, document: Document, *, wire: str, link: str, account: Account, component: str = ""
) -> Letter | None:
    """Write the request as WIRE has it, but without cutting; an event of Compass can be deleted."""
    if wire == _COMPASS and verb == "delete":
        return Letter("DELETE", f"{ACTIVITIES}/{RECEIPT}", headers=ACCEPT)
    if wire == _COMPASS:
        return compass.request(compass.addressed(document, account, component))
    write = BY_WIRE[wire].letter
    return write(verb, document, wire=wire, link=link, account=account, component=component)


def interpret(verb: Verb, wire: str, answer: Answer) -> Verdict:
    """Say what ANSWER means; of an event of Compass a header tells the id and what became of it."""
    if wire != _COMPASS:
        return BY_WIRE[wire].interpret(verb, wire, answer)
    if verb == "delete":
        return _deleted(answer)
    verdict = compass.interpret(verb, wire, answer)
    if verdict.fate is not Fate.ACCEPTED:
        return verdict
    identity = receipt(answer.headers.get("x-pulseboard-activity", ""))
    stale = answer.headers.get("x-pulseboard-outcome") == "stale"
    return replace(verdict, receipt=identity, reason=STALE if stale else "")


def look_up(sent: Sent, account: Account) -> Letter | None:
    """Write the request that finds an event, as its wire has it."""
    return BY_WIRE[sent.wire].look_up(sent, account)


def found(sent: Sent, answer: Answer) -> str:
    """Return what the event is called there, or ""."""
    return BY_WIRE[sent.wire].found(sent, answer)


def read_back(sent: Sent, account: Account) -> Letter | None:
    """Write the request that reads the event, by its id where we know that."""
    identity = receipt(sent.receipt)
    if sent.wire == _COMPASS and identity:
        return Letter("GET", f"{ACTIVITIES}/{identity}", None, ACCEPT)
    return BY_WIRE[sent.wire].read_back(sent, account)


def confirms(sent: Sent, answer: Answer) -> bool:
    """Tell whether ANSWER shows the event, as new as SENT or newer."""
    if sent.wire != _COMPASS or not receipt(sent.receipt):
        return BY_WIRE[sent.wire].confirms(sent, answer)
    body = answer.json()
    sequence, least = at(body, "sequence"), compass.sequence_of(sent.body)
    same = answer.status == 200 and text_at(body, "uuid") == sent.receipt
    return same and isinstance(sequence, int) and sequence >= least


def probe(account: Account) -> tuple[Letter, ...]:
    """Write the requests that ask which site it is, and who we are there."""
    return Letter("GET", SITE, None, ACCEPT), Letter("GET", ME, None, ACCEPT)


def probed(account: Account, answers: tuple[Answer, ...]) -> Probe:
    """Say what the answers to probe() mean."""
    for path, answer, holding in zip((SITE, ME), answers, ("cloud_id", "role"), strict=True):
        said = judge(answer, text_at(answer.json(), "detail")).reason
        if fault := said or unread(answer, holding):
            return Probe(f"{path}: {fault}")
    site, me = (answer.json() for answer in answers)
    learnt = Probe("", text_at(site, "cloud_id"), text_at(site, "company_key"))
    if account.cloud_id and account.cloud_id != learnt.cloud_id:
        rule = f"is not this site, whose cloudId is {learnt.cloud_id}"
        return replace(learnt, fault=f"cloudId: {account.cloud_id} {rule}")
    if (role := text_at(me, "role")) in READERS:
        return replace(learnt, fault=f"the credentials are those of a {role}, who may not send")
    return learnt


def _deleted(answer: Answer) -> Verdict:
    if answer.status == 404:
        return Verdict(Fate.ACCEPTED)  # an earlier attempt has done it, or somebody there
    verdict = judge(answer, text_at(answer.json(), "detail"))
    if answer.status == 403:  # only of this event: others may go out
        return replace(verdict, fate=Fate.REFUSED)
    return verdict
