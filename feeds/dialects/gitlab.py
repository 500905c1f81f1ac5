"""GitLab: the webhooks of a project or a group.

Every body names its event in `object_kind`. Its times are written in two ways of its own.
Source: GitLab's page "Webhook events".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from feeds.dialects import codehost
from feeds.dialects.codehost import NUMBER_KEY, OBJECTS, ordered
from feeds.dialects.mapping import (
    INTEGER,
    KEY,
    OBJECT,
    TEXT,
    TITLE,
    TITLE_LENGTH,
    Codec,
    DialectError,
    Document,
    Draft,
    Fault,
    Field,
    key,
    lift,
    lower,
    microseconds,
    one_of,
    read_time,
)

DIALECT = "gitlab"
NAME = "GitLab"
SIGNATURE = "X-Gitlab-Token"
PING = ""  # its test button sends a real event
STEPS = (
    "In the project, or in the group for all of its projects, open Settings → Webhooks → Add new "
    "webhook.",
    "URL: the address above. Secret token: the secret that is shown once.",
    "Trigger: Push events, Tag push events, Merge request events, Pipeline events, Deployment "
    "events, Releases events. What else you choose is answered and not shown.",
    "Add webhook, then Test → Push events: it appears below as a delivery.",
)

PIPELINE_STATES = {
    **dict.fromkeys(
        ("created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending"),
        "pending",
    ),
    **dict.fromkeys(("manual", "scheduled"), "pending"),
    **dict.fromkeys(("running", "canceling"), "running"),
    "success": "succeeded",
    "failed": "failed",
    "canceled": "cancelled",
    "skipped": "cancelled",
}
MERGE_REQUEST_STATES = {"merged": "merged", "closed": "rejected"}
#: Its words, ours, and what is known of no moment: what of a release comes after what.
RELEASE_ACTIONS = {"create": "published", "update": "edited", "delete": "deleted"}
_LATER = 10**18  # microseconds; more than any date has
_ENDED_JOBS = ("success", "failed", "canceled", "skipped")
_OFFSET = re.compile(r" ([+-]\d\d:?\d\d)$")


def _read_time(value: Any) -> datetime:
    """Read `2026-11-21 14:03:07 UTC`, `2026-11-21 14:03:07 +0200` or ISO 8601."""
    if isinstance(value, str):
        value = _OFFSET.sub(r"\1", re.sub(" UTC$", "Z", value))
    return read_time(value)


TIME = Codec(_read_time, lambda moment: f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S UTC}")

_USER = (
    Field("user", OBJECT),
    Field("user.username"),
    Field("user.name"),
    Field("user.avatar_url"),
)
COMMON = (
    Field("project", OBJECT, required=True),
    Field("project.path_with_namespace", KEY, "source_id", required=True),
    Field("project.name"),
    Field("project.web_url"),
)
_PUSH = (
    Field("ref", required=True),
    Field("before", required=True),
    Field("after", KEY, "object_key", required=True),
    Field("commits", OBJECTS),
    Field("total_commits_count", INTEGER),
    Field("user_username"),
    Field("user_name"),
    Field("user_avatar"),
)


@dataclass(frozen=True)
class Form:
    """What an event is to us, and where its values stand."""

    kind: str
    fields: tuple[Field, ...]


FORMS = {
    "push": Form("push", _PUSH),
    "tag_push": Form("push", _PUSH),
    "merge_request": Form(
        "pull_request",
        (
            *_USER,
            Field("object_attributes", OBJECT, required=True),
            Field("object_attributes.iid", NUMBER_KEY, "external_id", required=True),
            Field("object_attributes.title", TITLE, "title", required=True),
            Field("object_attributes.description", TEXT, "content"),
            Field("object_attributes.url", TEXT, "url"),
            Field("object_attributes.state", required=True),
            Field("object_attributes.updated_at", TIME, "occurred_at", required=True),
            Field("reviewers", OBJECTS),
        ),
    ),
    "pipeline": Form(
        "build",
        (
            *_USER,
            Field("object_attributes", OBJECT, required=True),
            Field("object_attributes.id", NUMBER_KEY, "external_id", required=True),
            Field("object_attributes.name"),
            Field("object_attributes.ref"),
            Field("object_attributes.sha", KEY, "object_key"),
            Field("object_attributes.status", required=True),
            Field("object_attributes.created_at", TIME, required=True),
            Field("object_attributes.finished_at", TIME),
            Field("object_attributes.url"),
            Field("commit", OBJECT),
            Field("commit.message"),
            Field("builds", OBJECTS),
        ),
    ),
    "deployment": Form(
        "deployment",
        (
            *_USER,
            Field("deployment_id", NUMBER_KEY, "external_id", required=True),
            Field("status", required=True),
            Field("status_changed_at", TIME, "occurred_at", required=True),
            Field("deployable_url", TEXT, "url"),
            Field("environment", KEY, "target_key", required=True),
            Field("environment_external_url", TEXT, "target_url"),
            Field("short_sha", KEY, "object_key"),
            Field("ref"),
            Field("commit_title", TEXT, "content"),
        ),
    ),
    "release": Form(
        "activity",
        (
            Field("id", NUMBER_KEY, "external_id", required=True),
            Field("tag", KEY, "object_key", required=True),
            Field("name"),
            Field("description", TEXT, "content"),
            Field("url", TEXT, "url"),
            Field("action", required=True),
            Field("created_at", TIME, required=True),
        ),
    ),
}
EVENTS = frozenset(FORMS)
FIELDS = {
    event: (Field("object_kind", one_of([event]), required=True), *COMMON, *form.fields)
    for event, form in FORMS.items()
}


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether the caller knows SECRET: GitLab sends it as it is, in X-Gitlab-Token."""
    return codehost.same(headers.get(SIGNATURE, ""), secret)


def event_name(headers: Mapping[str, str]) -> str:
    """Return the event that HEADERS name, as bodies spell it: "Tag Push Hook" is tag_push."""
    return headers.get("X-Gitlab-Event", "").removesuffix(" Hook").lower().replace(" ", "_")


def delivery_id(headers: Mapping[str, str]) -> str:
    """Return the id of the delivery, which a retry has again."""
    return headers.get("X-Gitlab-Event-UUID", "")


def parse(document: Any, *, now: datetime, event: str = "") -> Draft:
    """Read one of EVENTS; raises DialectError with every fault and its path.

    Without EVENT it is what object_kind says. NOW is when it happened, if it does not say so.
    """
    if not isinstance(document, dict):
        raise DialectError([Fault("body", "must be an object")])
    event = event or _kind(document)
    columns, details, faults = lift(document, FIELDS[event])
    if faults:
        raise DialectError(faults)
    web_url = document["project"].get("web_url") or ""
    columns = {
        "occurred_at": now,
        "target_key": columns["source_id"],
        "target_url": web_url,
        **columns,
    }
    columns.update(_ADDITIONS[event](document, columns, web_url))
    return Draft(
        dialect=DIALECT,
        kind=FORMS[event].kind,
        generator=NAME,
        source_name=columns["source_id"],
        details=details,
        **{"verb": event, "object_type": event, **columns},
    )


def render(columns: Mapping[str, Any]) -> Document:
    """Write an event as it was sent: the exact inverse of parse()."""
    return lower(columns, columns["details"], FIELDS[columns["object_type"]])


def _kind(document: Document) -> str:
    """Return the event that DOCUMENT says it is."""
    kind = document.get("object_kind")
    if not isinstance(kind, str) or kind not in EVENTS:
        rule = f"must be one of {', '.join(sorted(EVENTS))}"
        raise DialectError([Fault("object_kind", rule, "one_of")])
    return kind


# ---- what is derived


def _push(document: Document, columns: Document, web_url: str) -> Document:
    """Read a push, which does not say when it was: it happened now, and never changes."""
    commits = document.get("commits") or []
    before, after = document["before"], document["after"]
    return {
        **_acting({name: document.get(f"user_{name}") for name in ("username", "name", "avatar")}),
        "sequence": 1,
        "url": f"{web_url}/-/compare/{before}...{after}" if web_url and commits else web_url,
        **codehost.pushed(
            document["ref"],
            before=before,
            after=after,
            commits=commits,
            total=INTEGER.read(document.get("total_commits_count") or 0),
        ),
    }


def _merge_request(document: Document, columns: Document, web_url: str) -> Document:
    waiting = "in_review" if document.get("reviewers") else "created"
    state = MERGE_REQUEST_STATES.get(document["object_attributes"]["state"], waiting)
    return {
        "state": state,
        "sequence": ordered(columns["occurred_at"], state),
        "object_key": columns["external_id"],
        **_acting(document.get("user")),
    }


def _pipeline(document: Document, columns: Document, web_url: str) -> Document:
    """Read a pipeline, which does not say when its state changed: its jobs do."""
    pipeline, builds = document["object_attributes"], document.get("builds") or []
    state = PIPELINE_STATES.get(pipeline["status"], "unknown")
    moment = max(
        _moments([pipeline], "created_at", "finished_at")
        + _moments(builds, "created_at", "started_at", "finished_at")
    )
    ended = sum(build.get("status") in _ENDED_JOBS for build in builds)
    name = pipeline.get("name") or "Pipeline"
    about = codehost.first_line((document.get("commit") or {}).get("message"))
    title = f"{name} #{columns['external_id']}"
    url = f"{web_url}/-/pipelines/{columns['external_id']}" if web_url else ""
    return {
        "state": state,
        "progress": 100 * ended // len(builds) if builds and state == "running" else None,
        "title": (f"{title}: {about}" if about else title)[:TITLE_LENGTH],
        "url": pipeline.get("url") or url,
        "occurred_at": moment,
        "sequence": ordered(moment, state),
        **_acting(document.get("user")),
    }


def _moments(holders: Any, *names: str) -> list[datetime]:
    """Return the times that stand under NAMES in HOLDERS, and are times."""
    found = []
    for value in (holder.get(name) for holder in holders for name in names):
        try:
            found.append(_read_time(value))
        except ValueError:
            continue  # a job that has not come so far
    return found


def _deployment(document: Document, columns: Document, web_url: str) -> Document:
    state = PIPELINE_STATES.get(document["status"], "unknown")
    ref = document.get("ref") or columns.get("object_key", "")
    name = document["project"].get("name") or columns["source_id"]
    return {
        "verb": "deploy",
        "state": state,
        "title": f"{name} {ref}".strip()[:TITLE_LENGTH],
        "target_url": document.get("environment_external_url") or "",
        "sequence": ordered(columns["occurred_at"], state),
        **_acting(document.get("user")),
    }


def _release(document: Document, columns: Document, web_url: str) -> Document:
    """Read a release, which names neither who did it nor when it changed, but only the first.

    So what comes later is later; but it is never created after it was deleted.
    """
    action: str = document["action"]
    created_at = _read_time(document["created_at"])
    steps = list(RELEASE_ACTIONS)
    step = steps.index(action) if action in steps else 1
    return {
        "verb": key(RELEASE_ACTIONS.get(action, action)),
        "title": (document.get("name") or columns["object_key"])[:TITLE_LENGTH],
        "occurred_at": created_at if action == "create" else columns["occurred_at"],
        "sequence": step * _LATER + microseconds(columns["occurred_at"]),
        "state": "deleted" if action == "delete" else "",
        "actor_name": NAME,
    }


_ADDITIONS = {
    "push": _push,
    "tag_push": _push,
    "merge_request": _merge_request,
    "pipeline": _pipeline,
    "deployment": _deployment,
    "release": _release,
}


def _acting(user: Any) -> Document:
    """Return the columns of the actor USER, who may be nobody."""
    user = user or {}
    login = key(user.get("username") or "")
    return {
        "actor_key": login,
        "actor_name": key(user.get("name") or "") or login,
        "actor_image": user.get("avatar_url") or user.get("avatar") or "",
    }
