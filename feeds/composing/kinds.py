"""The table of all kinds that can be composed: what each form asks, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from feeds.composing.slots import (
    AREA,
    LINE,
    LINES,
    MOMENT,
    NAME,
    PERCENT,
    SCORE,
    WHOLE,
    Kind,
    Shape,
    Slot,
    Start,
    word,
)
from feeds.dialects import compass, streams, teamhub
from feeds.dialects.badges import LEVELS
from feeds.dialects.mapping import INTEGER, TIME, Document, one_of
from feeds.dialects.outward.teamhub import flat
from feeds.vocabulary import KINDS as LOOKS
from feeds.vocabulary import PRODUCTION_NAMES

Default = Callable[[Start], Any]
WHEN_SENT = "In UTC. Left empty, it is when the event is sent."
#: What environments are called that are of a sort.
SORTS = {
    name: sort
    for sort, names in {
        "PRODUCTION": PRODUCTION_NAMES,
        "STAGING": ("staging", "stage", "stg"),
        "TESTING": ("testing", "test", "qa"),
        "DEVELOPMENT": ("development", "dev"),
    }.items()
    for name in names
}
SOURCE = "composed"  # the source of what is composed, where nothing else is known

WHAT_FOR = {
    "deployment": "A version reaches an environment.",
    "build": "A pipeline builds something.",
    "push": "Commits reach a branch.",
    "pull_request": "A change is proposed, reviewed or merged.",
    "incident": "Something is broken for users.",
    "alert": "A monitor raises or closes an alarm.",
    "flag": "A feature flag is switched.",
    "lifecycle": "A component reaches a stage of its life.",
    "vulnerability": "A weakness is found or fixed.",
    "custom": "Anything else worth knowing.",
}


def link(start: Start) -> str:
    """Return where the event will be found here."""
    return start.link


def token(start: Start) -> str:
    """Return an id that nothing else has."""
    return start.token


def always(value: Any) -> Default:
    """Return a default that is VALUE whatever the start."""
    return lambda start: value


def _source(start: Start) -> str:
    # One source for each component: what is attached to two shows on both.
    return f"{SOURCE}/{start.slug}" if start.slug else SOURCE


def _slug(start: Start) -> str:
    return start.slug or SOURCE


def _generator(start: Start) -> str:
    return f"{start.home}/components/{start.slug}/" if start.slug else start.home


def _name_of_environment(values: Mapping[str, Any]) -> str:
    name: str = (values.get("environment-displayName") or "").strip().lower()
    return name


def _sort_of_environment(values: Mapping[str, Any]) -> str:
    """Return what an environment of that name is, as far as a name can tell."""
    name = _name_of_environment(values)
    return SORTS.get(name, "UNMAPPED") if name else ""


def _id_of_environment(values: Mapping[str, Any]) -> str:
    return "-".join(_name_of_environment(values).split())


# ---- Compass

_FROM_CODECS: dict[Any, Shape] = {TIME: MOMENT, INTEGER: WHOLE, compass.SCORE: SCORE}


def _own(wire: str, path: str, label: str, shape: Shape | None = None, **options: Any) -> Slot:
    """Make the slot of a value whose codec and necessity the dialect's table knows."""
    spec = next(spec for spec in compass.FIELDS[wire] if spec.path == f"event.{wire}.{path}")
    shape = shape or _FROM_CODECS.get(spec.codec, LINE)
    options.setdefault("required", spec.required)
    return Slot(path, label, shape, spec.codec, **options)


def _time(wire: str, path: str, label: str) -> Slot:
    """Make the slot of a moment that the wire wants, and that is by default when it is sent."""
    return _own(wire, path, label, more=True, required=False, fresh=True, help=WHEN_SENT)


def _title(wire: str, example: str) -> Slot:
    return _own(wire, "displayName", "Title", help=f"Such as: {example}")


def _rest(wire: str) -> tuple[Slot, ...]:
    """Return what all kinds but one have in common, save the title."""
    return (
        _own(wire, "description", "Description", AREA, required=False, kept=True),
        _own(wire, "url", "Link", more=True, default=link, fresh=True,
             help="Where it leads to. The default is this event's page here."),
        _time(wire, "lastUpdated", "Time"),
        _own(wire, "externalEventSourceId", "Source", more=True, default=_source, identity=True,
             remembered=True, help="Its externalEventSourceId. It is made if it is new."),
        _own(wire, "updateSequenceNumber", "Update number", more=True, required=False, fresh=True,
             help="Left empty, it is the next one. A higher number replaces this event."),
    )  # fmt: skip


def _id(wire: str, properties: str, label: str = "Id", **options: Any) -> Slot:
    return _own(wire, f"{properties}.id", label, default=token, identity=True, fresh=True,
                **options)  # fmt: skip


def _named_id(wire: str, properties: str, label: str, **options: Any) -> Slot:
    """Make the slot of an id that others gave, so that none can be made here."""
    return replace(_id(wire, properties, label, **options), default=None)


def _pipeline(wire: str, properties: str, *, required: bool, more: bool) -> tuple[Slot, ...]:
    at = f"{properties}.pipeline"
    name: Default | None = _slug if required else None
    home: Default | None = (lambda start: start.home) if required else None
    return (
        _own(wire, f"{at}.displayName", "Pipeline", default=name, remembered=True, more=more),
        _own(wire, f"{at}.url", "Link of the pipeline", default=home, remembered=True, more=True),
    )


def _deployment() -> tuple[Slot, ...]:
    wire, at = "deployment", "deploymentProperties"
    return (
        _title(wire, "checkout 2.41.0"),
        _own(wire, f"{at}.state", "State", word(list(compass.DEPLOYMENT_STATES)),
             remembered=True),
        _own(wire, f"{at}.environment.displayName", "Environment", remembered=True,
             help="Where the version runs now: Production"),
        _own(wire, f"{at}.environment.category", "Sort of environment",
             word(compass.ENVIRONMENTS, none="By its name"), remembered=True, required=False,
             derived=_sort_of_environment, help="What is called Production is one, and so on."),
        _own(wire, f"{at}.environment.environmentId", "Id of the environment", identity=True,
             remembered=True, required=False, derived=_id_of_environment,
             help="Left empty, it is made of the name."),
        *_pipeline(wire, at, required=True, more=False),
        _own(wire, f"{at}.pipeline.pipelineId", "Id of the pipeline", identity=True,
             remembered=True, default=_slug),
        _own(wire, f"{at}.sequenceNumber", "Number of the deployment", identity=True, fresh=True,
             default=always(1),
             help="Pipeline, environment and this number tell deployments apart."),
        *_rest(wire),
        _own(wire, f"{at}.startedAt", "Started", more=True),
        _own(wire, f"{at}.completedAt", "Completed", more=True),
    )  # fmt: skip


def _build() -> tuple[Slot, ...]:
    wire, at = "build", "buildProperties"
    return (
        _title(wire, "checkout #2400"),
        _own(wire, f"{at}.state", "State", word(list(compass.BUILD_STATES)),
             remembered=True),
        *_pipeline(wire, at, required=False, more=False),
        _own(wire, f"{at}.pipeline.pipelineId", "Id of the build", default=token, identity=True,
             fresh=True, help="pipelineId, which Compass wants unique for each build."),
        *_rest(wire),
        _time(wire, f"{at}.startedAt", "Started"),
        _own(wire, f"{at}.completedAt", "Completed", more=True, fresh=True),
    )  # fmt: skip


def _push() -> tuple[Slot, ...]:
    wire, at = "push", "pushEventProperties"
    return (
        _title(wire, "Round totals up"),
        _own(wire, f"{at}.branchName", "Branch", remembered=True),
        _named_id(wire, at, "Commit", help="The hash of the newest commit."),
        _own(wire, f"{at}.author.name", "Author"),
        _own(wire, f"{at}.author.email", "E-mail of the author"),
        *_rest(wire),
    )


def _pull_request() -> tuple[Slot, ...]:
    wire, at = "pullRequest", "pullRequestProperties"
    return (
        _named_id(wire, at, "Number", help="What the code host calls it: 7"),
        _own(wire, f"{at}.status", "Status", word(list(compass.PULL_REQUEST_STATES))),
        _own(wire, f"{at}.repoUrl", "Repository", identity=True, remembered=True,
             help="Its web address: https://git.example.com/shop/web"),
        _own(wire, f"{at}.pullRequestUrl", "Link", default=link, fresh=True),
        _time(wire, "lastUpdated", "Time"),
    )  # fmt: skip


def _incident() -> tuple[Slot, ...]:
    wire, at = "incident", "incidentProperties"
    return (
        _title(wire, "Nobody can pay by card"),
        _own(wire, f"{at}.state", "State", word(list(compass.INCIDENT_STATES))),
        _own(wire, f"{at}.severity.level", "Severity", word(compass.INCIDENT_LEVELS, said=LEVELS)),
        _own(wire, f"{at}.severity.label", "Severity in words", more=True),
        _id(wire, at),
        *_rest(wire),
        _time(wire, f"{at}.startTime", "Began"),
        _own(wire, f"{at}.endTime", "Ended", more=True, fresh=True),
    )  # fmt: skip


def _alert() -> tuple[Slot, ...]:
    wire, at = "alert", "alertProperties"
    times = (("createdAt", "Created"), ("acknowledgedAt", "Acknowledged"),
             ("snoozedAt", "Snoozed"), ("closedAt", "Closed"))  # fmt: skip
    return (
        _title(wire, "Latency of checkout above 2 s"),
        _own(wire, f"{at}.status", "Status", word(list(compass.ALERT_STATES)), required=True),
        _own(wire, f"{at}.priority", "Priority", word(compass.ALERT_PRIORITIES),
             help="P1 is the most urgent."),
        _id(wire, at),
        *_rest(wire),
        *(_own(wire, f"{at}.{path}", label, more=True, fresh=True) for path, label in times),
    )  # fmt: skip


def _flag() -> tuple[Slot, ...]:
    wire, at = "flag", "flagProperties"
    return (
        _title(wire, "new-basket is on for everybody"),
        _own(wire, f"{at}.status", "Status", word(compass.FLAG_STATES, lower=True),
             required=True),
        replace(_named_id(wire, at, "Key of the flag", help="Such as: new-basket"), fresh=False),
        *_rest(wire),
    )  # fmt: skip


def _lifecycle() -> tuple[Slot, ...]:
    wire, at = "lifecycle", "lifecycleProperties"
    return (
        _title(wire, "checkout is in production"),
        _own(wire, f"{at}.stage", "Stage", word(list(compass.STAGES))),
        _id(wire, at),
        *_rest(wire),
    )  # fmt: skip


def _vulnerability() -> tuple[Slot, ...]:
    wire, at = "vulnerability", "vulnerabilityProperties"
    return (
        _title(wire, "Path traversal in zip library"),
        _own(wire, f"{at}.state", "State", word(list(compass.VULNERABILITY_STATES))),
        _own(wire, f"{at}.severity.level", "Severity", word(compass.VULNERABILITY_LEVELS)),
        _id(wire, at, help="What the scanner calls it: CVE-2026-1234"),
        _own(wire, f"{at}.severity.label", "Severity in words", more=True),
        _own(wire, f"{at}.score", "Score", more=True, help="From 0 to 10."),
        _own(wire, f"{at}.discoverySource", "Found by", more=True),
        _own(wire, f"{at}.vulnerableTarget", "Found in", more=True),
        *_rest(wire),
        _time(wire, f"{at}.vulnerabilityStartTime", "Found at"),
        _own(wire, f"{at}.remediationTime", "Remedied at", more=True, fresh=True),
    )  # fmt: skip


def _custom() -> tuple[Slot, ...]:
    wire, at = "custom", "customEventProperties"
    return (
        _title(wire, "The cache was cleared"),
        _own(wire, f"{at}.icon", "Icon", word(compass.ICONS), default=always("INFO")),
        _id(wire, at),
        *_rest(wire),
    )


_COMPASS = {
    "deployment": _deployment(),
    "build": _build(),
    "push": _push(),
    "pull_request": _pull_request(),
    "incident": _incident(),
    "alert": _alert(),
    "flag": _flag(),
    "lifecycle": _lifecycle(),
    "vulnerability": _vulnerability(),
    "custom": _custom(),
}


def _of_compass(kind: str) -> Kind:
    wire = compass.WIRE_NAMES[kind]
    return Kind(
        key=kind.replace("_", "-"),
        wire=compass.DIALECT,
        kind=kind,
        label=LOOKS[kind].label,
        said=WHAT_FOR[kind],
        slots=_COMPASS[kind],
        event=("event", wire),
        envelope=frozenset({"cloudId", "componentId", f"event.{wire}.cloudId"}),
    )


# ---- Activity Streams


def _spelled_out(document: Document) -> Document:
    """Return DOCUMENT without the names that only stand in for others."""
    document = dict(document)
    for alias, name in (("application", "generator"), ("user", "actor"), ("uri", "url")):
        if document.get(name) is None and document.get(alias) is not None:
            document[name] = document.pop(alias)
    return document


def _thing(path: str, label: str) -> tuple[Slot, ...]:
    address = "Its key, such as ONE-1, or its web address." if path == "target" else ""
    return (
        Slot(f"{path}.displayName", label, LINE, streams.LINE, more=True),
        Slot(f"{path}.id", f"{label}: id", LINE, streams.IDENTITY, more=True),
        Slot(f"{path}.objectType", f"{label}: type", LINE, streams.LINE, more=True),
        Slot(f"{path}.url", f"{label}: link", LINE, streams.PLACE, more=True, help=address),
        Slot(f"{path}.summary", f"{label}: summary", LINE, streams.LINE, more=True),
    )


STREAMS = Kind(
    key="activity",
    wire=streams.DIALECT,
    kind=streams.KIND,
    label="Activity",
    said="Who did what, as a Jira or Confluence gadget shows it.",
    canonical=_spelled_out,
    one_of=(("title", "content"),),
    slots=(
        Slot("title", "Title", LINE, streams.LINE, help="A sentence; simple HTML is allowed."),
        Slot("content", "Content", AREA, streams.CONTENT, help="Simple HTML is allowed."),
        Slot("actor.id", "Actor", LINE, streams.LINE,
             help="Your user name, or nothing. A bot or an admin may name somebody else."),
        Slot("actor.displayName", "Name of the actor", LINE, streams.LINE, more=True),
        Slot("actor.image.url", "Picture of the actor", LINE, streams.LINE, more=True),
        Slot("actor.image.width", "Width of the picture", WHOLE, INTEGER, more=True),
        Slot("actor.image.height", "Height of the picture", WHOLE, INTEGER, more=True),
        Slot("verb", "Verb", LINE, streams.LINE, more=True, help="Left empty, it is post."),
        Slot("id", "Id", LINE, streams.ADDRESS, more=True, default=link, fresh=True,
             help="An address. Where it is sent to, the address of its page here takes its place."),
        Slot("url", "Link", LINE, streams.ADDRESS, more=True),
        Slot("published", "Time", MOMENT, TIME, more=True, fresh=True, help=WHEN_SENT),
        Slot("updated", "Updated", MOMENT, TIME, more=True, fresh=True),
        *_thing("object", "Object"),
        *_thing("target", "Target"),
        Slot("generator.displayName", "Generator", LINE, streams.LINE, required=True, more=True,
             remembered=True, default=always("Pulseboard"), help="The program that it comes from."),
        Slot("generator.id", "Address of the generator", LINE, streams.ADDRESS, required=True,
             more=True, remembered=True, default=_generator),
        Slot("icon.url", "Icon", LINE, streams.ADDRESS, more=True),
        Slot("icon.width", "Width of the icon", WHOLE, INTEGER, more=True),
        Slot("icon.height", "Height of the icon", WHOLE, INTEGER, more=True),
        Slot("provider.id", "Provider: id", LINE, more=True),
        Slot("provider.displayName", "Provider", LINE, more=True),
    ),
)  # fmt: skip


# ---- TeamHub


def _flat(document: Document) -> Document:
    """Return DOCUMENT as the flat request, with nothing that it says besides left out."""
    inner = document.get("event")
    event = inner if isinstance(inner, dict) else document
    return flat(event) if event.get("objects") or event.get("id") else event


_CODECS = {spec.path: spec.codec for spec in teamhub.REQUEST}
TEAMHUB = Kind(
    key="teamhub-build",
    wire=teamhub.DIALECT,
    kind="build",
    label="Build with progress",
    said="A build as TeamHub has it: it tells how far it is while it runs.",
    constants={"target": "build"},
    canonical=_flat,
    one_of=(("operation", "progress"),),
    state_in_title=True,
    slots=(
        Slot("project", "Project", NAME, _CODECS["project"], required=True, remembered=True,
             default=always(SOURCE), identity=True),
        Slot("repository", "Repository", NAME, _CODECS["repository"], required=True,
             remembered=True, default=lambda start: start.slug, identity=True),
        Slot("name", "Name", LINE, help="Of the job: Development", remembered=True),
        Slot("operation", "State", word(teamhub.OPERATIONS, said={"created": "Running"}),
             one_of(teamhub.OPERATIONS)),
        Slot("progress", "Progress", PERCENT, _CODECS["progress"],
             help="In percent; 100 is complete, and wants a state that has ended."),
        Slot("ref", "Branch", LINE, more=True),
        Slot("commits", "Commits", LINES, _CODECS["commits"], more=True,
             help="Their ids, one a line."),
        Slot("resources", "Links", LINES, _CODECS["resources"], more=True,
             help="Web addresses, one a line."),
        Slot("timestamp", "Time", MOMENT, TIME, more=True, fresh=True, help=WHEN_SENT),
    ),
)  # fmt: skip

KINDS: dict[str, Kind] = {
    kind.key: kind for kind in (*map(_of_compass, _COMPASS), STREAMS, TEAMHUB)
}


def kind_of(wire: str, kind: str) -> Kind | None:
    """Return how an activity of WIRE and KIND is composed, None if it cannot be."""
    return next((each for each in KINDS.values() if (each.wire, each.kind) == (wire, kind)), None)
