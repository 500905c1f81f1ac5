"""How we say and draw what happened: ONE table for kinds, states and verb phrases.

A new kind or state is one line here. Icons are ids of static/icons.svg; a tint is the class
`tint-...` of static/rows.css and a tone the class `tone-...`. No colour stands alone: a state is
always glyph + word + tone.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from feeds.dialects.badges import at, properties, text
from feeds.dialects.teamhub_words import BUILT
from feeds.models import Activity, Composition, Delivery, EventKind

State = Activity.State


@dataclass(frozen=True)
class Look:
    """How a kind of event is named and drawn; `said` is the verb phrase for want of a better."""

    label: str
    icon: str
    tint: str
    said: str


@dataclass(frozen=True)
class Mark:
    """How a state is named and drawn."""

    word: str
    tone: str  # success, danger, warning, progress, done, maint or neutral
    icon: str


KINDS: dict[str, Look] = {
    EventKind.DEPLOYMENT: Look("Deployment", "rocket", "deployment", "sent a deployment of"),
    EventKind.BUILD: Look("Build", "hammer", "build", "sent a build of"),
    EventKind.PUSH: Look("Push", "git-commit-horizontal", "push", "pushed"),
    EventKind.PULL_REQUEST: Look("Pull request", "git-pull-request", "pull-request", "changed"),
    EventKind.INCIDENT: Look("Incident", "siren", "incident", "reported the incident"),
    EventKind.ALERT: Look("Alert", "bell-ring", "alert", "raised the alert"),
    EventKind.FLAG: Look("Flag", "flag", "flag", "changed the flag"),
    EventKind.LIFECYCLE: Look("Lifecycle", "refresh-ccw", "lifecycle", "moved"),
    EventKind.VULNERABILITY: Look("Vulnerability", "shield-alert", "vulnerability", "reported"),
    EventKind.CUSTOM: Look("Custom", "message-square", "custom", "posted"),
    EventKind.ACTIVITY: Look("Activity", "activity", "activity", "posted"),
}

STATES: dict[str, Mark] = {
    State.PENDING: Mark("Pending", "neutral", "clock"),
    State.RUNNING: Mark("Running", "progress", "loader"),
    State.SUCCEEDED: Mark("Succeeded", "success", "circle-check"),
    State.FAILED: Mark("Failed", "danger", "circle-x"),
    State.ERROR: Mark("Error", "danger", "triangle-alert"),
    State.TIMED_OUT: Mark("Timed out", "danger", "timer-off"),
    State.CANCELLED: Mark("Cancelled", "neutral", "ban"),
    State.ROLLED_BACK: Mark("Rolled back", "warning", "undo-2"),
    State.OPEN: Mark("Open", "danger", "circle-dot"),
    State.ACKNOWLEDGED: Mark("Acknowledged", "warning", "eye"),
    State.SNOOZED: Mark("Snoozed", "maint", "bell-off"),
    State.RESOLVED: Mark("Resolved", "success", "check-check"),
    State.CLOSED: Mark("Closed", "neutral", "circle-minus"),
    State.CREATED: Mark("Created", "progress", "circle-plus"),
    State.IN_REVIEW: Mark("In review", "progress", "messages-square"),
    State.MERGED: Mark("Merged", "done", "git-merge"),
    State.REJECTED: Mark("Rejected", "danger", "circle-x"),
    State.REMEDIATED: Mark("Remediated", "success", "shield-check"),
    State.DECLINED: Mark("Declined", "neutral", "ban"),
    State.ON: Mark("On", "success", "toggle-right"),
    State.OFF: Mark("Off", "neutral", "toggle-left"),
    State.TARGETING_UPDATED: Mark("Targeting updated", "progress", "crosshair"),
    State.ARCHIVED: Mark("Archived", "neutral", "archive"),
    State.DELETED: Mark("Deleted", "neutral", "trash-2"),
    State.PRE_RELEASE: Mark("Pre-release", "maint", "flask-conical"),
    State.PRODUCTION: Mark("Production", "done", "globe"),
    State.DEPRECATION: Mark("Deprecation", "warning", "sunset"),
    State.END_OF_LIFE: Mark("End of life", "neutral", "power-off"),
    State.UNKNOWN: Mark("Unknown", "neutral", "circle-question-mark"),
}

#: How far a letter of the outbox came; what is scheduled is none yet.
LETTERS: dict[str, Mark] = {
    Composition.State.SCHEDULED: Mark("Scheduled", "maint", "clock"),
    Composition.State.FAILED: Mark("Failed", "danger", "triangle-alert"),
    Delivery.State.QUEUED: Mark("Queued", "neutral", "clock"),
    Delivery.State.SENDING: Mark("Sending", "progress", "loader"),
    Delivery.State.RETRYING: Mark("Retrying", "warning", "refresh-ccw"),
    Delivery.State.ACCEPTED: Mark("Accepted", "success", "check"),
    Delivery.State.CONFIRMED: Mark("Confirmed", "success", "check-check"),
    Delivery.State.DEAD: Mark("Dead letter", "danger", "circle-x"),
    Delivery.State.CANCELLED: Mark("Cancelled", "neutral", "ban"),
    Delivery.State.SUPERSEDED: Mark("Superseded", "neutral", "circle-minus"),
}

#: What an actor did to the object, read as "Maria deployed payments-api".
PHRASES: dict[tuple[str, str], str] = {
    (EventKind.DEPLOYMENT, State.PENDING): "is about to deploy",
    (EventKind.DEPLOYMENT, State.RUNNING): "is deploying",
    (EventKind.DEPLOYMENT, State.SUCCEEDED): "deployed",
    (EventKind.DEPLOYMENT, State.FAILED): "failed to deploy",
    (EventKind.DEPLOYMENT, State.CANCELLED): "cancelled the deployment of",
    (EventKind.DEPLOYMENT, State.ROLLED_BACK): "rolled back",
    (EventKind.BUILD, State.PENDING): "is about to build",
    (EventKind.BUILD, State.RUNNING): "is building",
    (EventKind.BUILD, State.SUCCEEDED): "built",
    (EventKind.BUILD, State.FAILED): "failed to build",
    (EventKind.BUILD, State.ERROR): "met an error building",
    (EventKind.BUILD, State.TIMED_OUT): "ran out of time building",
    (EventKind.BUILD, State.CANCELLED): "cancelled the build of",
    (EventKind.PUSH, State.CREATED): "created",
    (EventKind.PUSH, State.DELETED): "deleted",
    (EventKind.PULL_REQUEST, State.CREATED): "opened",
    (EventKind.PULL_REQUEST, State.IN_REVIEW): "asked for a review of",
    (EventKind.PULL_REQUEST, State.MERGED): "merged",
    (EventKind.PULL_REQUEST, State.REJECTED): "rejected",
    (EventKind.INCIDENT, State.OPEN): "opened",
    (EventKind.INCIDENT, State.RESOLVED): "resolved",
    (EventKind.INCIDENT, State.DELETED): "deleted",
    (EventKind.ALERT, State.OPEN): "raised",
    (EventKind.ALERT, State.ACKNOWLEDGED): "acknowledged",
    (EventKind.ALERT, State.SNOOZED): "snoozed",
    (EventKind.ALERT, State.CLOSED): "closed",
    (EventKind.FLAG, State.ON): "switched on",
    (EventKind.FLAG, State.OFF): "switched off",
    (EventKind.FLAG, State.CREATED): "created the flag",
    (EventKind.FLAG, State.ARCHIVED): "archived the flag",
    (EventKind.FLAG, State.DELETED): "deleted the flag",
    (EventKind.FLAG, State.TARGETING_UPDATED): "changed who gets",
    (EventKind.LIFECYCLE, State.DEPRECATION): "deprecated",
    (EventKind.LIFECYCLE, State.END_OF_LIFE): "ended the life of",
    (EventKind.VULNERABILITY, State.OPEN): "found",
    (EventKind.VULNERABILITY, State.REMEDIATED): "remediated",
    (EventKind.VULNERABILITY, State.DECLINED): "declined to fix",
}
#: The same for releases, which have verbs and no states.
RELEASE_PHRASES = {
    "created": "drafted the release",
    "prereleased": "pre-released",
    "released": "released",
    "published": "published the release",
    "unpublished": "withdrew the release",
    "deleted": "deleted the release",
}
CUSTOM_ICONS = {"INFO": "info", "WARNING": "triangle-alert", "CHECKPOINT": "milestone"}
PRODUCTION_NAMES = {"production", "prod"}  # of environments, where nothing says what they are


def look(kind: str) -> Look:
    """Return how KIND is drawn; a kind we do not know looks like an activity."""
    return KINDS.get(kind, KINDS[EventKind.ACTIVITY])


def mark(state: str) -> Mark | None:
    """Return how STATE is drawn, None if the event has no state."""
    return STATES.get(state, STATES[State.UNKNOWN]) if state else None


def icon(activity: Activity) -> str:
    """Return the icon of ACTIVITY: its kind's, but merges and custom events have their own."""
    if activity.kind == EventKind.PULL_REQUEST and activity.state == State.MERGED:
        return "git-merge"
    if activity.kind == EventKind.CUSTOM:
        return CUSTOM_ICONS.get(activity.icon, look(activity.kind).icon)
    return look(activity.kind).icon


def phrase(activity: Activity) -> str:
    """Say what the actor did; "" where the title is a whole sentence, as in activity streams."""
    if said := _said_of_build(activity):
        return said
    if activity.dialect == "streams" or headline(activity) != activity.title.strip():
        return ""
    if activity.object_type == "release":
        return RELEASE_PHRASES.get(activity.verb, "edited the release")
    return PHRASES.get((activity.kind, activity.state), look(activity.kind).said)


def headline(activity: Activity) -> str:
    """Return the title as it reads after the actor and the phrase; "" if it is blank.

    TeamHub's titles are sentences, which begin with the actor.
    """
    if activity.dialect != "teamhub":
        return activity.title.strip()
    said = _said_of_build(activity)
    return _after_actor(activity)[len(said) + 1 if said else 0 :]


def _after_actor(activity: Activity) -> str:
    return activity.title.removeprefix(f"{activity.actor_name} ")


def _said_of_build(activity: Activity) -> str:
    if activity.dialect != "teamhub" or activity.kind != EventKind.BUILD:
        return ""
    said = BUILT.get(activity.state, "")
    told = _after_actor(activity).casefold()  # without an actor it begins with a capital
    return said if said and told.startswith(f"{said} ") else ""


@dataclass(frozen=True)
class Facts:
    """What a row says of the target; "" is not given."""

    target: str = ""  # words for target_key
    prod: bool = False


def facts(activity: Activity) -> Facts:
    """Read the vendor's leftover fields of ACTIVITY; whatever is missing or odd is "" here."""
    if activity.kind != EventKind.DEPLOYMENT:
        return Facts(short(activity.target_key))
    environment = at(properties(activity.kind, activity.details), "environment")
    return Facts(
        target=text(environment, "displayName") or short(activity.target_key),
        prod=text(environment, "category") == "PRODUCTION"
        or activity.target_key in PRODUCTION_NAMES,
    )


def short(name: str) -> str:
    """Cut a web address to the last two steps of its path: owner/name of a repository."""
    try:
        path = urlsplit(name).path if "://" in name else ""
    except ValueError:
        return name
    return "/".join(path.strip("/").removesuffix(".git").split("/")[-2:]) or name
