"""GitHub: the webhooks of a repository, an organisation or an app.

The name of an event comes in the header X-GitHub-Event; a stored one is known by its object_type.
Source: GitHub's page "Webhook events and payloads".
"""

from __future__ import annotations

import hashlib
import hmac
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
    TIME,
    TITLE,
    TITLE_LENGTH,
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
    read_time,
)

DIALECT = "github"
NAME = "GitHub"
SIGNATURE = "X-Hub-Signature-256"
PING = "ping"  # the first call of a new webhook
STEPS = (
    "In the repository, or in the organisation for all of its repositories, open Settings → "
    "Webhooks → Add webhook.",
    "Payload URL: the address above. Content type: application/json. Secret: the one that is shown "
    "once.",
    "Choose “Let me select individual events”: Pushes, Pull requests, Workflow runs, Deployments, "
    "Deployment statuses, Releases. What else you choose is answered and not shown.",
    "Add webhook. GitHub sends a ping at once, and it appears below as a delivery.",
)

#: GitHub's words for a run that has ended, and for one that has not.
CONCLUSIONS = {
    "success": "succeeded",
    "neutral": "succeeded",
    "failure": "failed",
    "startup_failure": "error",
    "timed_out": "timed_out",
    "cancelled": "cancelled",
    "skipped": "cancelled",
    "stale": "cancelled",
    "action_required": "pending",  # until somebody approves it
}
STATUSES = {
    "requested": "pending",
    "queued": "pending",
    "waiting": "pending",
    "pending": "pending",
    "in_progress": "running",
}
DEPLOYMENT_STATES = {
    **STATUSES,
    "success": "succeeded",
    "failure": "failed",
    "error": "error",
    "inactive": "archived",
}
#: One release is announced several times in a second; the last of these is what it came to.
RELEASE_ACTIONS = (
    "created", "prereleased", "released", "published", "edited", "unpublished", "deleted",
)  # fmt: skip


def _read_moment(value: Any) -> datetime:
    """Read a date and time; a push has it in seconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int):
        return read_time(value)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("must be the seconds from 1970 to a date") from None


MOMENT = kept(_read_moment)


def _person(path: str) -> tuple[Field, ...]:
    return Field(path, OBJECT), Field(f"{path}.login"), Field(f"{path}.avatar_url")


COMMON = (
    Field("repository", OBJECT, required=True),
    Field("repository.full_name", KEY, "source_id", required=True),
    Field("repository.html_url"),
    *_person("sender"),
)
_DEPLOYMENT = (
    Field("deployment", OBJECT, required=True),
    Field("deployment.id", NUMBER_KEY, "external_id", required=True),
    Field("deployment.sha", KEY, "object_key"),
    Field("deployment.ref"),
    Field("deployment.environment", KEY, "target_key", required=True),
    Field("workflow_run", OBJECT),
    Field("workflow_run.html_url"),
)


@dataclass(frozen=True)
class Form:
    """What an event is to us, and where its values stand."""

    kind: str
    fields: tuple[Field, ...]


FORMS = {
    "push": Form(
        "push",
        (
            Field("ref", required=True),
            Field("before", required=True),
            Field("after", KEY, "object_key", required=True),
            Field("commits", OBJECTS),
            Field("compare", TEXT, "url"),
            Field("repository.pushed_at", MOMENT),
        ),
    ),
    "pull_request": Form(
        "pull_request",
        (
            Field("pull_request", OBJECT, required=True),
            Field("pull_request.number", NUMBER_KEY, "external_id", required=True),
            Field("pull_request.title", TITLE, "title", required=True),
            Field("pull_request.body", TEXT, "content"),
            Field("pull_request.html_url", TEXT, "url"),
            Field("pull_request.state", required=True),
            Field("pull_request.updated_at", TIME, "occurred_at", required=True),
            Field("pull_request.merged_at"),
            Field("pull_request.requested_reviewers", OBJECTS),
            Field("pull_request.requested_teams", OBJECTS),
            *_person("pull_request.user"),
            *_person("pull_request.merged_by"),
        ),
    ),
    "workflow_run": Form(
        "build",
        (
            Field("workflow_run", OBJECT, required=True),
            Field("workflow_run.id", NUMBER_KEY, "external_id", required=True),
            Field("workflow_run.name"),
            Field("workflow_run.display_title"),
            Field("workflow_run.run_number", INTEGER),
            Field("workflow_run.run_attempt", INTEGER),
            Field("workflow_run.status", required=True),
            Field("workflow_run.conclusion"),
            Field("workflow_run.head_branch"),
            Field("workflow_run.head_sha", KEY, "object_key"),
            Field("workflow_run.html_url", TEXT, "url"),
            Field("workflow_run.updated_at", TIME, "occurred_at", required=True),
            Field("workflow", OBJECT),
            Field("workflow.name"),
        ),
    ),
    "deployment": Form(
        "deployment",
        (
            *_DEPLOYMENT,
            Field("deployment.description", TEXT, "content"),
            Field("deployment.created_at", TIME, "occurred_at", required=True),
        ),
    ),
    "deployment_status": Form(
        "deployment",
        (
            *_DEPLOYMENT,
            Field("deployment_status", OBJECT, required=True),
            Field("deployment_status.state", required=True),
            Field("deployment_status.description", TEXT, "content"),
            Field("deployment_status.created_at", TIME, "occurred_at", required=True),
            Field("deployment_status.target_url"),
            Field("deployment_status.log_url"),
            Field("deployment_status.environment_url", TEXT, "target_url"),
        ),
    ),
    "release": Form(
        "activity",
        (
            Field("action", KEY, "verb", required=True),
            Field("release", OBJECT, required=True),
            Field("release.id", NUMBER_KEY, "external_id", required=True),
            Field("release.tag_name", KEY, "object_key", required=True),
            Field("release.name"),
            Field("release.body", TEXT, "content"),
            Field("release.html_url", TEXT, "url"),
            Field("release.created_at", TIME),
            Field("release.published_at", TIME),
            Field("release.updated_at", TIME),
        ),
    ),
}
EVENTS = frozenset(FORMS)
FIELDS = {event: COMMON + form.fields for event, form in FORMS.items()}
#: Only a push has none of these; a status of a deployment has the deployment too.
_HELD = ("deployment_status", "deployment", "pull_request", "release", "workflow_run")


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether SECRET signed BODY, by the HMAC-SHA256 in X-Hub-Signature-256."""
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return codehost.same(headers.get(SIGNATURE, "").lower(), f"sha256={wanted}")


def event_name(headers: Mapping[str, str]) -> str:
    """Return the event that HEADERS name."""
    return headers.get("X-GitHub-Event", "")


def delivery_id(headers: Mapping[str, str]) -> str:
    """Return the id of the delivery, which a redelivery has again."""
    return headers.get("X-GitHub-Delivery", "")


def parse(document: Any, *, now: datetime, event: str = "") -> Draft:
    """Read one of EVENTS; raises DialectError with every fault and its path.

    Without EVENT it is known by what it holds. NOW is when it happened, if it does not say so.
    """
    if not isinstance(document, dict):
        raise DialectError([Fault("body", "must be an object")])
    event = event or next((name for name in _HELD if name in document), "push")
    columns, details, faults = lift(document, FIELDS[event])
    if faults:
        raise DialectError(faults)
    repository = document["repository"]
    columns.setdefault("occurred_at", now)
    columns = {
        "verb": event,
        "target_key": columns["source_id"],
        "target_url": repository.get("html_url") or "",
        **_acting(document.get("sender")),
        **columns,
    }
    columns.update(_ADDITIONS[event](document, columns))
    return Draft(
        dialect=DIALECT,
        kind=FORMS[event].kind,
        generator=NAME,
        source_name=columns["source_id"],
        object_type=event,
        details=details,
        **columns,
    )


def render(columns: Mapping[str, Any]) -> Document:
    """Write an event as it was sent: the exact inverse of parse()."""
    return lower(columns, columns["details"], FIELDS[columns["object_type"]])


# ---- what is derived


def _push(document: Document, columns: Document) -> Document:
    commits = document.get("commits") or []
    pushed_at = document["repository"].get("pushed_at")
    moment = columns["occurred_at"] if pushed_at is None else MOMENT.read(pushed_at)
    return {
        "occurred_at": moment,
        "sequence": microseconds(moment),
        **codehost.pushed(
            document["ref"],
            before=document["before"],
            after=document["after"],
            commits=commits,
            total=len(commits),
        ),
    }


def _pull_request(document: Document, columns: Document) -> Document:
    """Say where a pull request stands, and whose doing that is."""
    request = document["pull_request"]
    state, actor = "created", request.get("user")
    if request.get("merged_at"):
        state, actor = "merged", request.get("merged_by") or document.get("sender")
    elif request["state"] == "closed":
        state, actor = "rejected", document.get("sender")
    elif request.get("requested_reviewers") or request.get("requested_teams"):
        state = "in_review"
    return {
        "state": state,
        "sequence": ordered(columns["occurred_at"], state),
        "object_key": columns["external_id"],
        **_acting(actor),
    }


def _workflow_run(document: Document, columns: Document) -> Document:
    """Name a run; one that runs again is the same one, in a later attempt."""
    run = document["workflow_run"]
    state = STATUSES.get(run["status"], "unknown")
    if run["status"] == "completed":
        state = CONCLUSIONS.get(run.get("conclusion") or "", "unknown")
    name = run.get("name") or (document.get("workflow") or {}).get("name") or "Workflow"
    number = run.get("run_number")
    title = name if number is None else f"{name} #{number}"
    about = run.get("display_title") or ""
    if about not in ("", name):
        title = f"{title}: {about}"
    attempt = INTEGER.read(run.get("run_attempt") or 0)
    return {
        "state": state,
        "title": title[:TITLE_LENGTH],
        "sequence": ordered(columns["occurred_at"], state, attempt),
    }


def _deployment(document: Document, columns: Document) -> Document:
    """Name a deployment by what it deploys; it comes before every status of its second."""
    deployment, repository = document["deployment"], document["repository"]
    ref = codehost.branch(deployment.get("ref") or "")
    ref = ref[: codehost.SHORT_SHA] if ref == deployment.get("sha") else ref
    run, home = document.get("workflow_run") or {}, repository.get("html_url")
    return {
        "verb": "deploy",
        "state": "pending",
        "title": f"{columns['source_id'].rpartition('/')[2]} {ref}".strip()[:TITLE_LENGTH],
        "url": run.get("html_url") or (f"{home}/deployments" if home else ""),
        "target_url": "",
        "sequence": microseconds(columns["occurred_at"]),
    }


def _deployment_status(document: Document, columns: Document) -> Document:
    """Update a deployment by its status."""
    status, derived = document["deployment_status"], _deployment(document, columns)
    state = DEPLOYMENT_STATES.get(status["state"], "unknown")
    return {
        **derived,
        "state": state,
        "url": status.get("log_url") or status.get("target_url") or derived["url"],
        "target_url": status.get("environment_url") or "",
        "sequence": ordered(columns["occurred_at"], state),
    }


def _release(document: Document, columns: Document) -> Document:
    release, action = document["release"], columns["verb"]
    given = (release.get(name) for name in ("created_at", "published_at", "updated_at"))
    moment = max(map(read_time, filter(None, given)), default=columns["occurred_at"])
    rank = RELEASE_ACTIONS.index(action) if action in RELEASE_ACTIONS else 0
    return {
        "title": (release.get("name") or columns["object_key"])[:TITLE_LENGTH],
        "occurred_at": moment,
        "sequence": microseconds(moment) + rank,
        "state": "deleted" if action == "deleted" else "",
    }


_ADDITIONS = {
    "push": _push,
    "pull_request": _pull_request,
    "workflow_run": _workflow_run,
    "deployment": _deployment,
    "deployment_status": _deployment_status,
    "release": _release,
}


def _acting(user: Any) -> Document:
    """Return the columns of the actor USER, who may be nobody."""
    login = key((user or {}).get("login") or "")
    return {
        "actor_key": login,
        "actor_name": login,
        "actor_image": (user or {}).get("avatar_url") or "",
    }
