"""What each sort of upstream makes of a request: the memory and the manners of the double."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

CLOUD_ID = "0a44684d-52c3-4c0c-99f8-9d89ec294759"
MEDIA_TYPE = "application/vnd.atl.streams.thirdparty+json"
STAMP = "2026-11-21T14:03:07Z"


@dataclass
class Request:
    """A request as it arrived, and what was answered: 0 where no status line went out."""

    number: int
    connection: int
    method: str
    path: str  # with the query
    headers: dict[str, str]  # names in lower case
    body: bytes
    monotonic: float
    wall: float
    lane: str = ""
    document: Any = None
    status: int = 0
    fault: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Event:
    """An event as the upstream has it, or as it came once more."""

    lane: str  # the source, as the wire names it
    identity: str  # what makes it one event on the wire; else the address of its page
    sequence: int
    outcome: str  # created, updated, stale, deleted
    receipt: str
    body: Any
    monotonic: float
    wall: float


@dataclass
class Reply:
    """What is answered."""

    status: int = 200
    body: Any = None  # bytes and str go as they are, None is nothing, the rest is JSON
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


def lane_of(document: Any) -> str:
    """Return the source that DOCUMENT names, on any wire; "" if it names none."""
    if not isinstance(document, dict):
        return ""
    event = document.get("event")
    if isinstance(event, dict):
        for inner in event.values():
            if isinstance(inner, dict) and "externalEventSourceId" in inner:
                return str(inner["externalEventSourceId"])
    generator = document.get("generator")
    if isinstance(generator, dict):
        return str(generator.get("id", ""))
    if "repository" in document:
        return f"{document.get('project')}/{document.get('repository')}"
    return ""


class Plain:
    """An upstream that says 200 to everything, and has no memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.numbers = itertools.count(1)

    def answer(self, request: Request) -> Reply:
        return Reply(200, {})

    def push(self, document: Any) -> str:
        raise TypeError(f"nothing can be pushed into a {type(self).__name__}")

    def take(
        self, request: Request, identity: str, body: Any, *, sequence: int = 0,
        outcome: str = "created", receipt: str = "",
    ) -> None:  # fmt: skip
        at = request.monotonic, request.wall
        lane = request.lane
        self.events.append(Event(lane, identity, sequence, outcome, receipt, body, *at))


# ---- Compass


class Compass(Plain):
    """Compass: identity and sequence on the wire, 202 without a body, and a budget for each user.

    RATE is how many requests it takes in a window of WINDOW seconds that ends now, or, if COUNTING
    is "minute", that began at a multiple of it. Those that it refuses with 429 do not count.
    """

    def __init__(
        self, *, rate: int = 0, window: float = 60.0, counting: str = "sliding",
        retry_after: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.rate, self.window, self.counting = rate, window, counting
        self.retry_after = retry_after
        self.newest: dict[str, int] = {}
        self.stored: dict[str, tuple[Any, Any]] = {}  # identity: body, event
        self.recent: deque[float] = deque()

    def answer(self, request: Request) -> Reply:
        path = urlsplit(request.path).path
        if path == "/_edge/tenant_info":
            return Reply(200, {"cloudId": CLOUD_ID})
        if path.endswith("/graphql"):
            return Reply(200, self._query(request.document))
        if not path.endswith("/compass/v1/events"):
            return Reply(404, {"errors": [{"type": "NOT_FOUND", "message": "no such path"}]})
        if wait := self._wait(request):
            headers = {"Retry-After": str(int(wait) + 1)} if self.retry_after else {}
            return Reply(429, None, headers)
        return self._record(request)

    def _wait(self, request: Request) -> float:
        """Count REQUEST, or return the seconds until it would be taken."""
        if not self.rate:
            return 0.0
        now = request.wall
        begin = now - self.window if self.counting == "sliding" else now - now % self.window
        while self.recent and self.recent[0] <= begin:
            self.recent.popleft()
        if len(self.recent) < self.rate:
            self.recent.append(now)
            return 0.0
        until = self.recent[0] if self.counting == "sliding" else begin
        return max(until + self.window - now, 0.001)

    def _record(self, request: Request) -> Reply:
        body = request.document
        events = body.get("event") if isinstance(body, dict) else None
        given = [(w, e) for w, e in (events or {}).items() if isinstance(e, dict)]
        if len(given) != 1:
            error = {"type": "ONE_OF_DIRECTIVE_VALIDATION_ERROR", "message": "event: exactly one"}
            return Reply(400, {"errors": [error]})
        wire, event = given[0]
        identity = json.dumps([wire, request.lane, *_identity(event)])
        sequence = int(event.get("updateSequenceNumber", 0))
        outcome = "created"
        if identity in self.newest:
            outcome = "updated" if sequence > self.newest[identity] else "stale"
        if outcome != "stale":
            self.newest[identity] = sequence
            self.stored[identity] = body, event
        self.take(request, identity, body, sequence=sequence, outcome=outcome)
        return Reply(202)

    def _query(self, document: Any) -> Any:
        variables = (document or {}).get("variables") or {}
        if "searchComponents" in str((document or {}).get("query")):
            found = {"__typename": "CompassSearchComponentConnection"}
            return {"data": {"compass": {"searchComponents": found}}}
        component, source = variables.get("id"), variables.get("source")
        nodes = [
            event
            for body, event in reversed(self.stored.values())
            if (component and body.get("componentId") == component)
            or (source and event.get("externalEventSourceId") == source)
        ]
        return {"data": {"compass": {"place": {"events": {"nodes": nodes[:50]}}}}}


def _identity(event: Any) -> list[Any]:
    """Return what tells events of one source and kind apart."""
    for name, properties in event.items():
        if not name.endswith("Properties"):
            continue
        pipeline = properties.get("pipeline") or {}
        environment = properties.get("environment") or {}
        return [
            properties.get("id"), pipeline.get("pipelineId"), environment.get("environmentId"),
            properties.get("sequenceNumber"),
        ]  # fmt: skip
    return []


# ---- Activity Streams


class Streams(Plain):
    """Activity Streams: no identity on the wire, so whatever comes twice is there twice."""

    ROOT = "/rest/activities/1.0"

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[int, Any] = {}

    def answer(self, request: Request) -> Reply:
        parts = urlsplit(request.path)
        _, found, rest = parts.path.partition(self.ROOT)
        number = rest.strip("/")
        if not found:
            return Reply(404)
        if request.method == "POST" and not number:
            return self._post(request)
        if not number:
            query = parse_qs(parts.query)
            size, start = (_first(query, *of) for of in (("max-results", 10), ("start-index", 0)))
            newest = [self.stored[each] for each in sorted(self.stored, reverse=True)]
            return self._say({"items": newest[start : start + size], "links": {}})
        kept = self.stored.get(int(number)) if number.isdigit() else None
        if kept is None:
            return Reply(404)
        if request.method == "DELETE":
            del self.stored[int(number)]
            self.take(request, str(kept.get("id")), kept, outcome="deleted", receipt=number)
        return self._say(kept)

    def _post(self, request: Request) -> Reply:
        document = request.document
        if not isinstance(document, dict) or not document.get("generator"):
            error = {"errorMessage": "invalid activity entry", "subCode": "generator: is required"}
            return self._say(error, 400)
        number = next(self.numbers)
        address = f"http://{request.headers.get('host', '')}{self.ROOT}/{number}"
        self.stored[number] = {**document, "links": {"self": address}}
        self.take(request, str(document.get("id")), document, receipt=str(number))
        return self._say(self.stored[number], 201, Location=address)

    def _say(self, body: Any, status: int = 200, **headers: str) -> Reply:
        return Reply(status, body, {"Content-Type": MEDIA_TYPE, **headers})


# ---- TeamHub


class TeamHub(Plain):
    """TeamHub: builds that are posted and put, and events of all sorts to be pulled."""

    COMPLETE = 100

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, Any] = {}  # by id, oldest first

    def answer(self, request: Request) -> Reply:
        parts = urlsplit(request.path)
        found = re.fullmatch(r".*/api/events(?:/([^/]+))?/?", parts.path)
        if not found:
            return self._say(404, self._error("not_found", "no such path"))
        identity = found[1]
        if identity is None:
            if request.method == "POST":
                return self._post(request)
            return self._list(parse_qs(parts.query))
        if identity not in self.stored:
            return self._say(404, self._error("not_found", f"no event {identity}"))
        if request.method == "PUT":
            return self._put(request, identity)
        return self._say(200, self.stored[identity])

    def push(self, document: Any) -> str:
        """Put an event in as the newest, as if somebody had done something there."""
        identity = document.get("id") or f"{next(self.numbers):024x}"
        whole = {
            "created_at": STAMP, "updated_at": STAMP, "timestamp": STAMP,
            "subject": {"id": "assimov"}, "operation": "created", "target": "push",
            "progress": self.COMPLETE, "objects": {}, **document, "id": identity,
        }  # fmt: skip
        self.stored[identity] = whole
        return str(identity)

    def progress(self, identity: str, progress: int, operation: str = "created") -> None:
        """Let a build come further."""
        moved = {"progress": progress, "operation": operation, "updated_at": _now()}
        self.stored[identity] = {**self.stored[identity], **moved}

    def _post(self, request: Request) -> Reply:
        asked = request.document
        if not isinstance(asked, dict) or asked.get("target") != "build":
            return self._say(422, self._error("invalid", "target: must be build"))
        objects = {
            name: {"id": asked[name]} for name in ("project", "repository") if name in asked
        } | {name: asked[name] for name in ("name", "ref", "resources") if name in asked}
        commits = asked.get("commits") or []
        listed = commits if isinstance(commits, list) else [commits]  # a number of Subversion
        objects["commits"] = [{"id": str(commit)} for commit in listed]
        event = {
            name: asked[name]
            for name in ("target", "operation", "progress", "timestamp")
            if asked.get(name) is not None
        }
        identity = self.push({**event, "objects": objects, "created_at": _now()})
        link = (asked.get("resources") or [""])[-1]
        self.take(request, link, asked, sequence=event.get("progress", 100), receipt=identity)
        return self._say(201, self.stored[identity])

    def _put(self, request: Request, identity: str) -> Reply:
        change, before = request.document or {}, self.stored[identity]
        goes_back = change.get("progress", 0) < before["progress"]
        if before["progress"] >= self.COMPLETE or goes_back:
            return self._say(422, self._error("invalid", "event: must be an incomplete build"))
        self.progress(identity, change["progress"], change.get("operation", "created"))
        objects, sequence = before["objects"], change["progress"]
        place = [(objects.get(name) or {}).get("id") for name in ("project", "repository")]
        request.lane = f"{place[0]}/{place[1]}"
        self.take(request, identity, change, sequence=sequence, outcome="updated", receipt=identity)
        return self._say(200, self.stored[identity])

    def _list(self, query: dict[str, list[str]]) -> Reply:
        limit, offset = min(_first(query, "limit", 25), 100), _first(query, "offset", 0)
        newest = [each for each in reversed(self.stored.values()) if _passes(each, query)]
        page = newest[offset : offset + limit]
        more = len(newest) > offset + len(page)
        metadata = {
            "more_results": more,
            "next_offset": offset + len(page) if more else None,
            "count": len(page),
        }
        answered = {"api_status": 200, "api_timestamp": _now()}
        return Reply(200, {"metadata": metadata, "results": [{**answered, **e} for e in page]})

    def _say(self, status: int, body: Any) -> Reply:
        return Reply(status, {"api_status": status, "api_timestamp": _now(), **body})

    def _error(self, code: str, message: str) -> Any:
        return {"error": {"code": code, "message": message, "fields": {}}}


def _passes(event: Any, query: dict[str, list[str]]) -> bool:
    objects = event.get("objects") or {}
    has = {
        "target": event.get("target"),
        "operation": event.get("operation"),
        "project": (objects.get("project") or {}).get("id"),
        "repository": (objects.get("repository") or {}).get("id"),
        "subject": (event.get("subject") or {}).get("id"),
    }
    return all(
        has[name] in ",".join(values).split(",") for name, values in query.items() if name in has
    )


def _first(query: dict[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [""])[0]
    return int(text) if text.isdigit() else default


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


MODES = {"": Plain, "compass": Compass, "streams": Streams, "teamhub": TeamHub}
