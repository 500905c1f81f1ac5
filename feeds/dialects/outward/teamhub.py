"""Perforce Helix TeamHub: builds, and the progress of them.

The wire has no identity: the server makes the id. So the address of the event's page here is one of
the resources that the build links, which nobody else links, and by which look_up() finds it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from feeds.dialects import teamhub
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
from feeds.dialects.outward.answers import at, judge, objects_at, receipt, text_at, unread

NAME = "TeamHub"
WIRES = frozenset({teamhub.DIALECT})
RATE = 0
NO_DELETE = "TeamHub has no request that deletes an event: it stays there"
EVENTS = "/api/events"
ACCEPT = {"Accept": "application/vnd.hth.v1"}
HEADERS = {"Content-Type": "application/json", **ACCEPT}
LOOKED_THROUGH = 100  # newest builds of the repository: the longest page there is
#: What a request says of a whole event, beside what the event links.
OF_REQUEST = ("target", "operation", "progress", "timestamp")

authorize = credentials.keys


def no_delete(wire: str) -> str:
    """Say why events cannot be deleted there."""
    return NO_DELETE


def letter(
    verb: Verb, document: Document, *, wire: str, link: str, account: Account, component: str = ""
) -> Letter | None:
    """Write the request that creates a build or reports its progress; None for other events."""
    build = flat(document)
    if verb == "delete" or build.get("target") != "build":
        return None
    if verb == "update":
        return Letter("PUT", f"{EVENTS}/{RECEIPT}", _progress(build), HEADERS)
    resources = build.get("resources") or []
    linked = [*resources, *([] if link in resources else [link])]
    return Letter("POST", EVENTS, {**build, "resources": linked}, HEADERS)


def flat(document: Document) -> Document:
    """Return DOCUMENT, a request or a whole event, wrapped or not, as the flat request."""
    inner = document.get("event")
    event = inner if isinstance(inner, dict) else document
    if isinstance(objects := event.get("objects"), dict):
        linked = {name: objects.get(name) for name in teamhub.LINKS}
        event = {**{name: event.get(name) for name in OF_REQUEST}, **linked}
    build = {name: value for name, value in event.items() if value is not None}
    for name in ("project", "repository"):
        build[name] = _id(build.get(name))
    if isinstance(commits := build.get("commits"), list):
        build["commits"] = [_id(commit) for commit in commits[: teamhub.COMMITS_LISTED]]
    return build


def interpret(verb: Verb, wire: str, answer: Answer) -> Verdict:
    """Say what ANSWER means."""
    body = answer.json()
    verdict = judge(answer, _said(body))
    if verdict.fate is not Fate.ACCEPTED:
        return verdict
    return replace(verdict, receipt=receipt(at(body, "id")))


def look_up(sent: Sent, account: Account) -> Letter | None:
    """Write the request for the event itself if it has an id, else for the builds beside it.

    A report of progress is looked up too: repeated, the last one would be refused, for a build
    that is complete takes no more.
    """
    if receipt(sent.receipt):
        return read_back(sent, account)
    place = {name: sent.body.get(name) or "" for name in ("project", "repository")}
    query = {"target": "build", **place, "limit": LOOKED_THROUGH}
    return Letter("GET", f"{EVENTS}?{urlencode(query)}", None, ACCEPT)


def found(sent: Sent, answer: Answer) -> str:
    """Return the id of the build that links our page, and has come as far as SENT says."""
    if receipt(sent.receipt):
        return sent.receipt if confirms(sent, answer) else ""
    for event in objects_at(answer.json(), "results"):
        if _links(event, sent.link):
            return receipt(event.get("id"))
    return ""


def read_back(sent: Sent, account: Account) -> Letter | None:
    """Write the request for one event by its id there."""
    identity = receipt(sent.receipt)
    return Letter("GET", f"{EVENTS}/{identity}", None, ACCEPT) if identity else None


def confirms(sent: Sent, answer: Answer) -> bool:
    """Tell whether ANSWER holds the build, as far on as SENT says or further."""
    event = answer.json()
    if answer.status != 200 or text_at(event, "id") != sent.receipt:
        return False
    ours, theirs = _progress(sent.body), _progress(event)
    if ours["progress"] < theirs["progress"]:
        return True
    ended = ours["operation"] in (theirs["operation"], "created")  # "created" has not ended
    return bool(ours["progress"] == theirs["progress"] and ended)


def probe(account: Account) -> tuple[Letter, ...]:
    """Write the request for the newest event."""
    return (Letter("GET", f"{EVENTS}?limit=1", None, ACCEPT),)


def probed(account: Account, answers: tuple[Answer, ...]) -> Probe:
    """Say what the answers to probe() mean."""
    answer = answers[0]
    said = judge(answer, _said(answer.json())).reason
    fault = said or unread(answer, "results")
    return Probe(f"{EVENTS}: {fault}" if fault else "", company_key=account.company_key)


def _progress(build: Any) -> Document:
    """Return how far BUILD is, with the vendor's defaults."""
    progress, operation = at(build, "progress"), at(build, "operation")
    whole = isinstance(progress, int) and not isinstance(progress, bool)
    return {
        "progress": progress if whole else teamhub.COMPLETE,
        "operation": operation if operation in teamhub.OPERATIONS else "created",
    }


def _links(event: Document, link: str) -> bool:
    resources = at(event, "objects.resources")
    return isinstance(resources, list) and link in resources


def _id(value: Any) -> Any:
    return value.get("id") if isinstance(value, dict) else value


def _said(body: Any) -> str:
    """Return what an error body says; the vendor's form of it is not known."""
    for path in ("error.message", "error", "message", "errors"):
        value = at(body, path)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list):
            return "; ".join(each for each in value if isinstance(each, str))
        if isinstance(value, dict) and path == "errors":
            return "; ".join(f"{name}: {told}" for name, told in value.items())
    return ""
