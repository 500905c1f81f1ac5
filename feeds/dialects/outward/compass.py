"""Atlassian Compass: events by REST, read back by GraphQL. The base URL is the site's.

An event has its identity and the order of its updates on the wire, so that sending it again is
harmless, and an update is the same request with a higher updateSequenceNumber.
"""

from __future__ import annotations

from typing import Any

from feeds.dialects import compass
from feeds.dialects.letters import Account, Answer, Letter, Probe, Sent, Verb, Verdict
from feeds.dialects.mapping import INTEGER, Document
from feeds.dialects.outward import credentials, heartbeats
from feeds.dialects.outward.answers import at, judge, objects_at, shown, text_at, unread

NAME = "Compass"
WIRES = frozenset({compass.DIALECT})
RATE = 100  # "Only 100 requests per user per minute are allowed"
NO_DELETE = "Compass has no request that deletes an event: it stays there"
EVENTS = "/gateway/api/compass/v1/events"
GRAPHQL = "/gateway/api/graphql"
TENANT = "/_edge/tenant_info"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
READ = 50  # events of one kind that are looked through for ours
#: Longer texts are refused or cut there, nobody knows which: code units of UTF-16.
TEXT_LIMIT = 255
CUT = ("displayName", "description")
#: Where the identity of each kind stands, below its properties; a pull request cannot be read.
IDENTITY = {
    "deployment": ("sequenceNumber", "pipeline.pipelineId", "environment.environmentId"),
    "build": ("pipeline.pipelineId",),
    **dict.fromkeys(
        ("incident", "flag", "alert", "lifecycle", "custom", "push", "vulnerability"),
        ("id",),
    ),
}
ERRORS = "... on QueryError { message extensions { errorType } }"
SEARCH = f"""query ($cloudId: String!) {{ compass {{
  searchComponents(cloudId: $cloudId, query: {{first: 1}}) {{ __typename {ERRORS} }}
}} }}"""

authorize = credentials.basic


def no_delete(wire: str) -> str:
    """Say why events cannot be deleted there."""
    return NO_DELETE


def letter(
    verb: Verb, document: Document, *, wire: str, link: str, account: Account, component: str = ""
) -> Letter | None:
    """Write the request that creates or updates an event; there is none that deletes it."""
    if verb == "delete":
        return None
    return request(_cut(addressed(document, account, component)))


def request(body: Document) -> Letter:
    """Write the request that sends BODY."""
    return Letter("POST", EVENTS, body, HEADERS)


def addressed(document: Document, account: Account, component: str) -> Document:
    """Return DOCUMENT with the ids of ACCOUNT's site in place of ours."""
    body = {**document, "cloudId": account.cloud_id}
    body.pop("componentId", None)
    if component:
        body["componentId"] = component
    wire, event = _event(body)
    if "cloudId" in event:  # which a pull request may repeat
        body["event"] = {**body["event"], wire: {**event, "cloudId": account.cloud_id}}
    return body


def interpret(verb: Verb, wire: str, answer: Answer) -> Verdict:
    """Say what ANSWER means; a success has no body that is worth reading."""
    if wire == heartbeats.WIRE:
        return heartbeats.interpret(verb, answer)
    return judge(answer, _said(answer.json()))


def look_up(sent: Sent, account: Account) -> Letter | None:
    """Return None: the identity on the wire makes sending again harmless."""
    return None


def found(sent: Sent, answer: Answer) -> str:
    """Return "": nothing is looked up."""
    return ""


def read_back(sent: Sent, account: Account) -> Letter | None:
    """Write the query for the newest events where SENT must be: on its component, or its source."""
    if sent.wire == heartbeats.WIRE:
        return heartbeats.read_back(sent)
    wire, event = _event(sent.body)
    if wire not in IDENTITY:
        return None
    kind = compass.KINDS[wire][0].upper()
    query: Document = {"first": READ}
    variables: Document = {"cloudId": account.cloud_id, "query": query}
    if sent.body.get("componentId"):
        query["eventTypes"] = [kind]
        variables = {"id": sent.body["componentId"], "query": query}
        declared = "$id: ID!, $query: CompassEventsQuery"
        holder, typename = "component(id: $id)", "CompassComponent"
    else:
        variables["source"] = event.get("externalEventSourceId")
        declared = "$cloudId: ID!, $source: ID!, $query: CompassEventsInEventSourceQuery"
        triple = f"cloudId: $cloudId, eventType: {kind}, externalEventSourceId: $source"
        holder, typename = f"eventSource({triple})", "EventSource"
    document = f"""query ({declared}) {{ compass {{ place: {holder} {{ ... on {typename} {{
  events(query: $query) {{ ... on CompassEventConnection {{ nodes {{
    updateSequenceNumber {_identity(wire)}
  }} }} }}
}} }} }} }}"""
    return Letter("POST", GRAPHQL, {"query": document, "variables": variables}, HEADERS)


def confirms(sent: Sent, answer: Answer) -> bool:
    """Tell whether an event of the same identity is there, as new as SENT or newer."""
    if sent.wire == heartbeats.WIRE:
        return heartbeats.confirms(sent, answer)
    wire, event = _event(sent.body)
    if wire not in IDENTITY:
        return False
    ours, least = _identity_of(wire, event), sequence_of(sent.body)
    nodes = objects_at(answer.json(), "data.compass.place.events.nodes")
    return any(
        _identity_of(wire, node) == ours and _number(node.get("updateSequenceNumber")) >= least
        for node in nodes
    )


def probe(account: Account) -> tuple[Letter, ...]:
    """Write the requests that test the connection: which site is it, and may we read it?

    Before its first test a connection knows no cloudId; the answer to the first request tells it,
    and a second test with it tells whether the account may read that site.
    """
    search = {"query": SEARCH, "variables": {"cloudId": account.cloud_id}}
    return Letter("GET", TENANT), Letter("POST", GRAPHQL, search, HEADERS)


def probed(account: Account, answers: tuple[Answer, ...]) -> Probe:
    """Say what the answers to probe() mean."""
    tenant, search = answers
    cloud_id = text_at(tenant.json(), "cloudId")
    if fault := unread(tenant, "cloudId"):
        return Probe(f"{TENANT}: {fault}")
    if account.cloud_id and account.cloud_id != cloud_id:
        rule = f"cloudId: {account.cloud_id} is not this site, whose cloudId is {cloud_id}"
        return Probe(rule, cloud_id)
    if fault := judge(search, _said(search.json())).reason:
        return Probe(f"{GRAPHQL}: {fault}", cloud_id)
    return Probe(_search_fault(account, search.json()), cloud_id)


def _search_fault(account: Account, body: Any) -> str:
    """Say what is wrong with the answer to a search that came with 200, as errors do."""
    found = at(body, "data.compass.searchComponents")
    told = text_at(found, "message") or _said(body)
    if told:  # without a cloudId every search fails, but only one that was let in
        return f"{GRAPHQL}: {shown(told)}" if account.cloud_id else ""
    return "" if found else f"{GRAPHQL}: what came back is no answer of Compass"


# ---- one event


def _event(body: Document) -> tuple[str, Document]:
    """Return the wire name of the event in BODY, and the event; "" and {} if there is none."""
    for wire in compass.KINDS:
        if isinstance(event := at(body, f"event.{wire}"), dict):
            return wire, event
    return "", {}


def _properties(wire: str) -> str:
    return next(spec.path for spec in compass.KINDS[wire][2] if spec.path.endswith("Properties"))


def _identity(wire: str) -> str:
    """Write the selection of the identity of an event."""
    paths = [path.split(".") for path in IDENTITY[wire]]
    chosen = " ".join(" { ".join(steps) + " }" * (len(steps) - 1) for steps in paths)
    typename = f"Compass{wire[0].upper()}{wire[1:]}Event"
    return f"... on {typename} {{ {_properties(wire)} {{ {chosen} }} }}"


def _identity_of(wire: str, event: Document) -> list[str]:
    properties = event.get(_properties(wire))
    return [str(at(properties, path)) for path in IDENTITY[wire]]  # scripts quote their numbers


def sequence_of(body: Document) -> int:
    """Return the place of the event in BODY among its updates, the first of all if it has none."""
    return _number(_event(body)[1].get("updateSequenceNumber"))


def _number(value: Any) -> int:
    """Return VALUE as a number, the least of all if it is none."""
    try:
        return int(INTEGER.read(value))
    except ValueError:
        return -(2**63)


def _cut(body: Document) -> Document:
    """Return BODY with no text longer than Compass is known to take."""
    wire, event = _event(body)
    short: Document = {name: cut(event[name]) for name in CUT if isinstance(event.get(name), str)}
    pipeline = at(event, f"{_properties(wire)}.pipeline") if wire else None
    if pipeline and (name := text_at(pipeline, "displayName")):
        properties = _properties(wire)
        named = {**event[properties], "pipeline": {**pipeline, "displayName": cut(name)}}
        short[properties] = named
    return {**body, "event": {**body["event"], wire: {**event, **short}}} if short else body


def cut(text: str) -> str:
    """Cut TEXT to TEXT_LIMIT, and no character in two."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * TEXT_LIMIT].decode("utf-16-le", "ignore")


def _said(body: Any) -> str:
    """Return the messages of an ErrorResponseDto, or of the errors of GraphQL."""
    told = (
        text_at(error, "message") or text_at(error, "type") for error in objects_at(body, "errors")
    )
    return "; ".join(filter(None, told)) or text_at(body, "message")
