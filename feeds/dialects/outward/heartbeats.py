"""Heartbeats of Compass, and of another Pulseboard: made, changed, pinged, deleted, read.

The name is the identity. Source: the vendor's page "Heartbeats" of the Compass REST API. "Receiving
a PONG response does not necessarily mean that the heartbeat exists": a ping is accepted when it is
answered, and confirmed only when the heartbeat, read back, is Responsive.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from feeds.dialects.letters import Answer, Fate, Letter, Sent, Verdict
from feeds.dialects.mapping import Document
from feeds.dialects.outward.answers import judge, objects_at, text_at

WIRE = "heartbeat"
#: The vendor has this resource on a host of its own, for all sites; anything else that speaks
#: Compass has it where it has the rest.
SITES, VENDOR = (".atlassian.net", ".atlassian.com"), "https://api.atlassian.com"
HEADERS = {"Accept": "application/json"}
PING = "/heartbeats/ping?"
HERE_ALREADY = "there was one of this name already; what is ours is set next"


def place(base_url: str, cloud_id: str, team: str) -> str:
    """Return the address of TEAM's heartbeats, a path below BASE_URL unless it is the vendor's."""
    host = urlsplit(base_url).hostname or ""
    root = VENDOR if host.endswith(SITES) else ""
    cloud, team = quote(cloud_id or "-", safe=""), quote(team, safe="")
    return f"{root}/compass/cloud/{cloud}/ops/v1/teams/{team}/heartbeats"


def make(at: str, document: Document) -> Letter:
    """Write the request that makes the heartbeat DOCUMENT."""
    return Letter("POST", at, document, HEADERS)


def change(at: str, document: Document) -> Letter:
    """Write the request that sets all of DOCUMENT but its name, which cannot be changed."""
    fields = {name: value for name, value in document.items() if name != "name"}
    return Letter("PATCH", _named(at, document["name"]), fields, HEADERS)


def ping(at: str, name: str) -> Letter:
    """Write the request that says that NAME lives."""
    return Letter("POST", _named(f"{at}/ping", name), None, HEADERS)


def delete(at: str, name: str) -> Letter:
    """Write the request that deletes NAME."""
    return Letter("DELETE", _named(at, name), None, HEADERS)


def interpret(verb: str, answer: Answer) -> Verdict:
    """Say what ANSWER to VERB means; a 403 is about the team, and others may go out."""
    errors = list(objects_at(answer.json(), "errors"))
    said = "; ".join(filter(None, (text_at(each, "title") for each in errors)))
    if verb == "delete" and answer.status == 404:
        return Verdict(Fate.ACCEPTED)  # an earlier attempt has done it, or somebody there
    if verb == "create" and answer.status in (409, 422) and _is_duplicate(said, errors):
        return Verdict(Fate.ACCEPTED, HERE_ALREADY)
    verdict = judge(answer, said)
    return replace(verdict, fate=Fate.REFUSED) if answer.status == 403 else verdict


def read_back(sent: Sent) -> Letter:
    """Write the request that reads the heartbeat that SENT is about."""
    at, _, _ = sent.path.replace(PING, "/heartbeats?").partition("?")
    return Letter("GET", _named(at, _name(sent)), None, HEADERS)


def confirms(sent: Sent, answer: Answer) -> bool:
    """Tell whether ANSWER shows the heartbeat as SENT left it: gone, Responsive, or as written."""
    body = answer.json()
    if (
        answer.status != 200
        or not isinstance(body, dict)
        or not isinstance(body.get("values"), list)
    ):
        return False
    name = _name(sent)
    found = next((each for each in objects_at(body, "values") if each.get("name") == name), None)
    if sent.method == "DELETE":
        return found is None
    if found is None:
        return False
    if PING in sent.path:
        return text_at(found, "status").lower() == "responsive"
    return all(_same(found.get(field), value) for field, value in sent.body.items())


def _is_duplicate(said: str, errors: list[Document]) -> bool:
    codes = {text_at(each, "code") for each in errors}
    return "exist" in said.lower() or any("EXIST" in code or "DUPLICATE" in code for code in codes)


def _same(theirs: object, ours: object) -> bool:
    """Compare what is there with what was sent; units are spelled in any case."""
    both = isinstance(theirs, str) and isinstance(ours, str)
    return str(theirs).lower() == str(ours).lower() if both else theirs == ours


def _named(at: str, name: str) -> str:
    return f"{at}?{urlencode({'name': name}, quote_via=quote)}"


def _name(sent: Sent) -> str:
    """Return the name of the heartbeat: only a request that makes one has it in its body."""
    asked = parse_qs(urlsplit(sent.path).query).get("name")
    return asked[0] if asked else text_at(sent.body, "name")
