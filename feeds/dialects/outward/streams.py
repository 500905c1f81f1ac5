"""Atlassian Activity Streams: third-party activities. The base URL may have a context path.

The wire has no identity: the same id twice is two activities. So the id that we send is the
address of the event's page here, which nobody else sends, and by which look_up() finds it. What
the author called the activity would not do, for bridges send one id for many; it becomes the
address that the activity leads to, where it has none.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from feeds.dialects import streams
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
)
from feeds.dialects.mapping import Document
from feeds.dialects.outward import credentials
from feeds.dialects.outward.answers import (
    at,
    judge,
    last_step,
    objects_at,
    receipt,
    text_at,
    unread,
)

NAME = "Activity Streams"
WIRES = frozenset({streams.DIALECT})
RATE = 0
ROOT = "/rest/activities/1.0/"
MEDIA_TYPE = "application/vnd.atl.streams.thirdparty+json"
HEADERS = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
READ_HEADERS = {"Accept": f"{MEDIA_TYPE}, application/json"}
LOOKED_THROUGH = 100  # newest activities; more may be over the megabyte that is kept of an answer

authorize = credentials.basic


def no_delete(wire: str) -> str:
    """Say that activities can be deleted there."""
    return ""


def letter(
    verb: Verb, document: Document, *, wire: str, link: str, account: Account, component: str = ""
) -> Letter | None:
    """Write the request that creates or deletes an activity; there is none that changes it."""
    if verb == "update":
        return None
    if verb == "delete":
        return Letter("DELETE", ROOT + RECEIPT, headers=READ_HEADERS)
    return Letter("POST", ROOT, identified(document, link), HEADERS)


def identified(document: Document, link: str) -> Document:
    """Return DOCUMENT with LINK for its id, and what the author called it for its address."""
    leads = [document[name] for name in ("url", "uri", "id") if document.get(name)]
    named = {"url": leads[0]} if leads and not document.get("uri") else {}
    return {**document, **named, "id": link}


def interpret(verb: Verb, wire: str, answer: Answer) -> Verdict:
    """Say what ANSWER means; the subCode of a refusal is for the author."""
    if verb == "delete" and answer.status == 404:
        return Verdict(Fate.ACCEPTED)  # an earlier attempt has done it, or somebody there
    body = answer.json()
    told = [text_at(body, name) for name in ("errorMessage", "subCode", "message")]
    verdict = judge(answer, ": ".join(filter(None, told)))
    if verb == "delete" and answer.status == 403:  # only of this activity: others may go out
        return replace(verdict, fate=Fate.REFUSED)
    if verdict.fate is not Fate.ACCEPTED:
        return verdict
    address = answer.headers.get("location") or text_at(body, "links.self")
    return replace(verdict, receipt=last_step(address))


def look_up(sent: Sent, account: Account) -> Letter | None:
    """Write the request for the newest activities."""
    return Letter("GET", f"{ROOT}?{urlencode({'max-results': LOOKED_THROUGH})}", None, READ_HEADERS)


def found(sent: Sent, answer: Answer) -> str:
    """Return the number of the activity that has our id."""
    for item in objects_at(answer.json(), "items"):
        if item.get("id") == sent.link:
            return last_step(text_at(item, "links.self"))
    return ""


def read_back(sent: Sent, account: Account) -> Letter | None:
    """Write the request for one activity by its number there."""
    number = receipt(sent.receipt)
    return Letter("GET", ROOT + number, None, READ_HEADERS) if number else None


def confirms(sent: Sent, answer: Answer) -> bool:
    """Tell whether ANSWER holds the activity with our id."""
    return answer.status == 200 and at(answer.json(), "id") == sent.link


def probe(account: Account) -> tuple[Letter, ...]:
    """Write the request for the newest activity."""
    return (Letter("GET", f"{ROOT}?{urlencode({'max-results': 1})}", None, READ_HEADERS),)


def probed(account: Account, answers: tuple[Answer, ...]) -> Probe:
    """Say what the answers to probe() mean."""
    fault = unread(answers[0], "items")
    return Probe(f"{ROOT}: {fault}" if fault else "")
