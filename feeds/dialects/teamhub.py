"""Perforce Helix TeamHub: an event of `/api/events`, in every form in which it travels.

- The whole event, as GET answers it and as an upstream is read: its references in `objects`.
- The request of `POST /events`, flat: only builds, and no id, which the server gives.
- What the vendor's own server trigger posts after a push, known by its `type`.

The first two may be wrapped, `{"event": {...}}`. whole() makes of the second and the third the
first, which a server stores and answer() gives. The request of `PUT /events/:id` is not an event
but a change of one: amend(). Source: the vendor's API page "Event".
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from feeds.dialects.mapping import (
    INTEGER,
    KEY,
    OBJECT,
    TIME,
    Codec,
    DialectError,
    Document,
    Draft,
    Fault,
    Field,
    kept,
    key,
    lift,
    lower,
    microseconds,
    one_of,
    read_time,
    write_time,
)
from feeds.dialects.teamhub_words import id_of, title_of

DIALECT = "teamhub"
GENERATOR = "TeamHub"
COMPANY = GENERATOR  # the source of events outside any project; no project id has capitals
TRIGGER = "graph-push-reference-complete"
COMPLETE = 100  # percent: "When progress is 100, the event is considered complete"
COMMITS_LISTED = 100  # "The list may contain at maximum 100 commit identifiers"
ID_LENGTH = 24  # hex digits
KINDS = {"build": "build", "push": "push"}  # anything else is an activity
ENDED = {"completed": "succeeded", "failed": "failed"}
OPERATIONS = ("created", *ENDED)  # of a build that is sent to us


def _read_percent(value: Any) -> int:
    percent: int = INTEGER.read(value)
    if not 0 <= percent <= COMPLETE:
        raise ValueError("must be a whole number from 0 to 100")
    return percent


def _read_reference(value: Any) -> Any:
    """Read `"luotsi"`, `{"id": "luotsi"}` or the expanded object."""
    if not id_of(value):
        raise ValueError("must be an id, or an object with an id")
    return value


def _read_commits(value: Any) -> Any:
    """Read a list of commits, each an id or an object with one; or one Subversion number."""
    listed = value if isinstance(value, list) else [value]
    if not all(id_of(commit) or _is_revision(commit) for commit in listed):
        raise ValueError("must be a list of commit ids")
    return value


def _read_texts(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("must be a list of strings")
    return value


def _is_revision(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


PERCENT = Codec(_read_percent, int)
REFERENCE = kept(_read_reference)
COMMITS = kept(_read_commits)
TEXTS = kept(_read_texts)

EVENT = (
    Field("id", KEY, "external_id", required=True),
    Field("subject", REFERENCE),
    Field("subject.id", KEY, "actor_key"),
    Field("timestamp", TIME, "occurred_at", required=True),
    Field("created_at", TIME),
    Field("updated_at", TIME),
    Field("operation", KEY, "verb", required=True),
    Field("target", KEY, "object_type", required=True),
    Field("progress", PERCENT, "progress", default=COMPLETE),
    Field("objects", OBJECT),
    Field("objects.project", REFERENCE),
    Field("objects.repository", REFERENCE),
    Field("objects.ref"),
    Field("objects.commits", COMMITS),
    Field("objects.commit_count", INTEGER),
    Field("objects.last_commit"),
    Field("objects.name"),
    Field("objects.resources", TEXTS),
)
REQUEST = (
    Field("target", one_of(["build"]), "object_type", required=True),
    Field("operation", one_of(OPERATIONS), "verb", default="created"),
    Field("project", REFERENCE, required=True),
    Field("repository", REFERENCE, required=True),
    Field("name"),
    Field("ref"),
    Field("commits", COMMITS),
    Field("resources", TEXTS),
    Field("progress", PERCENT, "progress", default=COMPLETE),
    Field("timestamp", TIME),  # has no column, for nothing else would tell its default from it
)
PUSHED = (
    Field("type", one_of([TRIGGER]), required=True),
    Field("target", one_of(["push"]), "object_type", default="push"),
    Field("depot"),
    Field("repo", required=True),
    Field("repoName"),
    Field("pusher", KEY, "actor_key", required=True),
    Field("ref", required=True),
    Field("oldValue"),
    Field("newValue", required=True),
)
LINKS = ("project", "repository", "commits", "resources", "name", "ref")  # of a request
EXPANDABLE = ("subject", "objects.commits", "objects.code_reviews")
CHANGE = (
    Field("progress", PERCENT, "progress"),
    Field("operation", one_of(OPERATIONS), "verb"),
)
#: What only a whole event has, and none of them in a column, so that its details tell it too.
_OF_WHOLE_EVENT = ("objects", "created_at", "updated_at", "api_status")
_ANSWER = ("api_status", "api_timestamp")  # of one answer, not of its event


def parse(document: Any, *, now: datetime, subject: str = "") -> Draft:
    """Read one event; raises DialectError with every fault and its path.

    NOW is when it happened and SUBJECT who did it, if it does not say so. external_id of a POST
    request is "": the server that records it makes an id.
    """
    body = body_of(document)
    fields = form_of(body)
    columns, details, faults = lift(body, fields, prefix_of(document))
    if fields is REQUEST and not faults:
        faults = _unfinished(columns, prefix_of(document))
    if faults:
        raise DialectError(faults)
    target = columns["object_type"]
    read = _pushed if fields is PUSHED else _linked
    columns.update(read(body, columns, now))
    acting = body.get("subject") if fields is EVENT else None  # a request's is the bot that sends
    columns.setdefault("actor_key", key(id_of(acting) or subject))
    columns["actor_name"] = _name(acting) or columns["actor_key"]
    state = _state(columns) if target == "build" else ""
    return Draft(
        dialect=DIALECT,
        kind=KINDS.get(target, "activity"),
        state=state,
        title=title_of(_objects(body), columns, state),
        sequence=_sequence(body, columns),
        generator=GENERATOR,
        details={**document, "event": details} if _is_wrapped(document) else details,
        **columns,
    )


def render(columns: Mapping[str, Any]) -> Document:
    """Write an event in the form in which it came: the exact inverse of parse()."""
    details = columns["details"]
    body = body_of(details)
    event = lower(columns, body, form_of(body))
    return {**details, "event": event} if _is_wrapped(details) else event


def whole(request: Any, *, event_id: str, subject: str, now: datetime) -> Document:
    """Return the whole event that a POST REQUEST or a trigger makes, to be stored and answered.

    A trigger's push has an id and a subject of its own. Raises DialectError like parse().
    """
    asked = _asked(request)
    draft = parse(asked, now=now, subject=subject)
    body = body_of(asked)
    pushed = is_trigger(body)
    stamp = write_time(now.replace(microsecond=0))
    return {
        "id": draft.external_id or event_id,
        "created_at": stamp,
        "updated_at": stamp,
        "subject": {"id": draft.actor_key},
        "operation": draft.verb,
        "target": draft.object_type,
        "progress": draft.progress,
        "objects": _objects_of_push(body, draft.source_id) if pushed else _objects_of_build(body),
        "timestamp": stamp if pushed else body.get("timestamp") or stamp,
    }


def is_trigger(request: Any) -> bool:
    """Tell whether REQUEST, an object, is what the vendor's server trigger posts."""
    return form_of(body_of(_asked(request))) is PUSHED


def source_of(request: Any) -> tuple[str, str] | None:
    """Return the source, external id and kind, that a POST REQUEST names, if it can be read."""
    body = body_of(request) if isinstance(request, dict) else {}
    path = [id_of(body.get(name)) for name in ("project", "repository")]
    return (key("/".join(path)), "build") if all(path) else None


def answer(
    columns: Mapping[str, Any],
    *,
    expand: Collection[str] = (),
    people: Mapping[str, Document] | None = None,
) -> Document:
    """Return the whole event in COLUMNS as GET answers it: references are `{"id": ..}`.

    What EXPAND names stays as whole as we have it; PEOPLE are the subjects that we know, by id.
    """
    event = {name: value for name, value in body_of(render(columns)).items() if name not in _ANSWER}
    if subject := id_of(event.get("subject")):
        known = (people or {}).get(subject)
        event["subject"] = _reference(known or event["subject"], whole="subject" in expand)
    objects = {**(event.get("objects") or {})}
    for name in ("commits", "code_reviews"):
        if isinstance(objects.get(name), list):
            kept = f"objects.{name}" in expand
            objects[name] = [_reference(each, whole=kept) for each in objects[name]]
    return {**event, "objects": objects}


def amend(columns: Mapping[str, Any], change: Any, *, now: datetime) -> Document:
    """Return the whole event in COLUMNS after the CHANGE that a PUT asks for, to be parsed.

    Only progress and operation change; other fields are ignored. Raises DialectError if the event
    is no incomplete build, or the change is out of range or goes back.
    """
    wanted, _, faults = lift(body_of(change), CHANGE, prefix_of(change))
    before = columns["progress"]
    if columns["kind"] != "build" or before >= COMPLETE or columns["verb"] in ENDED:
        faults.append(Fault("event", "must be a build that is not complete"))
    elif wanted.get("progress", before) < before:
        faults.append(Fault(f"{prefix_of(change)}progress", f"must not go back from {before}"))
    after = {"progress": before, "verb": columns["verb"], **wanted}
    faults = faults or _unfinished(after, prefix_of(change))
    if faults:
        raise DialectError(faults)
    return {
        **answer(columns, expand=EXPANDABLE),
        "progress": after["progress"],
        "operation": after["verb"],
        "updated_at": write_time(now.replace(microsecond=0)),
    }


# ---- forms


def _is_wrapped(document: Document) -> bool:
    return isinstance(document.get("event"), dict)


def prefix_of(document: Document) -> str:
    """Return what stands before the paths of the event in DOCUMENT."""
    return "event." if _is_wrapped(document) else ""


def body_of(document: Any) -> Document:
    """Return the event in DOCUMENT, which may be wrapped."""
    if not isinstance(document, dict):
        raise DialectError([Fault("body", "must be an object")])
    return document["event"] if _is_wrapped(document) else document


def _asked(request: Any) -> Document:
    """Return what a POST REQUEST asks for, without what only the server says of an event."""
    body = body_of(request)
    asked = {name: value for name, value in body.items() if name not in _OF_WHOLE_EVENT}
    return {"event": asked} if _is_wrapped(request) else asked


def form_of(body: Document) -> Sequence[Field]:
    """Return the fields of the form that BODY has; its details have the same form."""
    if any(body.get(name) is not None for name in _OF_WHOLE_EVENT):
        return EVENT
    return PUSHED if body.get("type") == TRIGGER else REQUEST


def _unfinished(columns: Document, prefix: str) -> list[Fault]:
    """Refuse a build that is complete and yet neither completed nor failed."""
    if columns["progress"] < COMPLETE or columns["verb"] in ENDED:
        return []
    rule = f"must be one of {', '.join(ENDED)} when progress is {COMPLETE}"
    return [Fault(f"{prefix}operation", rule)]


# ---- what is derived


def _linked(body: Document, columns: Document, now: datetime) -> Document:
    """Derive the columns of a whole event or a request from what it links."""
    objects = _objects(body)
    path = [id_of(objects.get(name)) for name in ("project", "repository")]
    source = key("/".join(filter(None, path)) or COMPANY)
    moment = columns.get("occurred_at") or _moment(body.get("timestamp")) or now
    name = objects.get("ref") or objects.get("name") or objects.get("last_commit") or ""
    links = [link for link in objects.get("resources") or [] if _is_link(link)]
    return {
        "source_id": source,
        "external_id": columns.get("external_id", ""),
        "occurred_at": moment,
        "target_key": source,
        "object_key": key(name),
        "url": links[0] if links else "",
    }


def _pushed(body: Document, columns: Document, now: datetime) -> Document:
    """Derive the columns of a trigger's push; sent twice, it is one event."""
    source = key((body.get("repoName") or body["repo"]).strip("/") or COMPANY)
    identity = json.dumps([source, body["ref"], body.get("oldValue"), body["newValue"]])
    return {
        "source_id": source,
        "external_id": hashlib.sha256(identity.encode()).hexdigest()[:ID_LENGTH],
        "occurred_at": now,
        "target_key": source,
        "object_key": key(body["ref"]),
        "verb": "created",
        "progress": COMPLETE,
    }


def _objects_of_build(body: Document) -> Document:
    """Return the objects of the whole event that a request makes."""
    objects = {name: value for name, value in _objects(body).items() if value is not None}
    for name in ("project", "repository"):
        objects[name] = {"id": id_of(objects[name])}
    if (commits := objects.get("commits")) is not None:
        listed = commits if isinstance(commits, list) else [commits]
        objects["commits"] = [_reference(commit) for commit in listed[:COMMITS_LISTED]]
        if len(listed) > COMMITS_LISTED:
            objects["commit_count"] = len(listed)
    return objects


def _objects_of_push(body: Document, source: str) -> Document:
    """Return the objects of the whole event that a trigger makes."""
    project, _, repository = source.rpartition("/")
    ref = body["ref"].removeprefix("refs/heads/").removeprefix("refs/tags/")
    place = {"project": {"id": project}} if project else {}
    return {**place, "repository": {"id": repository}, "last_commit": body["newValue"], "ref": ref}


def _reference(value: Any, *, whole: bool = False) -> Document:
    """Write VALUE, an id or an object with one, as a reference; WHOLE keeps all of the object."""
    if whole and isinstance(value, dict):
        return value
    return {"id": id_of(value) or str(value)}


def _objects(body: Document) -> Document:
    """Return what BODY links: it stands in `objects`, or in a request beside the rest."""
    form = form_of(body)
    if form is EVENT:
        return body.get("objects") or {}
    return {name: body.get(name) for name in (LINKS if form is REQUEST else ("ref",))}


def _state(columns: Document) -> str:
    """Return the state of a build; one that was ended early has ended."""
    running = "running" if columns["progress"] < COMPLETE else "unknown"
    return ENDED.get(columns["verb"], running)


def _sequence(body: Document, columns: Document) -> int:
    """Order the updates of one event.

    A PUT moves updated_at, but the wire has whole seconds of it, and a build may report twice in
    one. Progress never goes back, so it breaks that tie, and the end comes after any progress.
    """
    moment = _moment(body.get("updated_at")) or columns["occurred_at"]
    ended = int(columns["verb"] in ENDED)
    return microseconds(moment) + int(columns["progress"]) + ended


def _name(subject: Any) -> str:
    """Return the full name of an expanded SUBJECT, or ""."""
    if not isinstance(subject, dict):
        return ""
    names = [subject.get(part) for part in ("first_name", "last_name")]
    return key(" ".join(name for name in names if isinstance(name, str) and name))


def _is_link(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return False


def _moment(value: Any) -> datetime | None:
    return None if value is None else read_time(value)
