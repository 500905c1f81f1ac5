"""What Compass events are refused for; each fault has its path. From the vendor's OpenAPI."""

from typing import Any

import pytest

from feeds.dialects import compass
from feeds.dialects.mapping import DialectError

from .documents import faults, load, put, without

COMMON = [
    "displayName",
    "description",
    "url",
    "lastUpdated",
    "updateSequenceNumber",
    "externalEventSourceId",
]
PIPELINE = "deploymentProperties.pipeline"
ENVIRONMENT = "deploymentProperties.environment"
#: Of each kind: a golden document, and what must be there beside the common fields.
REQUIRED = {
    "deployment": (
        "deployment-complete",
        [
            "deploymentProperties",
            "deploymentProperties.sequenceNumber",
            "deploymentProperties.state",
            PIPELINE,
            f"{PIPELINE}.pipelineId",
            f"{PIPELINE}.url",
            f"{PIPELINE}.displayName",
            ENVIRONMENT,
            f"{ENVIRONMENT}.category",
            f"{ENVIRONMENT}.displayName",
            f"{ENVIRONMENT}.environmentId",
        ],
    ),
    "build": (
        "build-complete",
        [
            "buildProperties",
            "buildProperties.state",
            "buildProperties.startedAt",
            "buildProperties.pipeline",
            "buildProperties.pipeline.pipelineId",
        ],
    ),
    "incident": (
        "incident-severity-and-end-null",
        [
            "incidentProperties",
            "incidentProperties.id",
            "incidentProperties.state",
            "incidentProperties.startTime",
        ],
    ),
    "flag": ("flag-on", ["flagProperties", "flagProperties.id"]),
    "alert": ("alert-snoozed", ["alertProperties", "alertProperties.id"]),
    "lifecycle": (
        "reference-lifecycle",
        ["lifecycleProperties", "lifecycleProperties.id", "lifecycleProperties.stage"],
    ),
    "custom": (
        "send-events-custom",
        ["customEventProperties", "customEventProperties.id", "customEventProperties.icon"],
    ),
    "push": (
        "push-author-and-local-offset",
        ["pushEventProperties", "pushEventProperties.id", "pushEventProperties.branchName"],
    ),
    "pullRequest": (
        "reference-pull-request",
        [
            "lastUpdated",
            "pullRequestProperties",
            "pullRequestProperties.id",
            "pullRequestProperties.repoUrl",
            "pullRequestProperties.pullRequestUrl",
            "pullRequestProperties.status",
        ],
    ),
    "vulnerability": (
        "vulnerability",
        [
            "vulnerabilityProperties",
            "vulnerabilityProperties.id",
            "vulnerabilityProperties.state",
            "vulnerabilityProperties.severity",
            "vulnerabilityProperties.severity.level",
            "vulnerabilityProperties.vulnerabilityStartTime",
        ],
    ),
}
#: Every word of the vendor's enumerations, by where it stands.
WORDS = {
    ("deployment", "deploymentProperties.state"): (
        "PENDING IN_PROGRESS SUCCESSFUL CANCELLED FAILED ROLLED_BACK UNKNOWN"
    ),
    ("deployment", f"{ENVIRONMENT}.category"): "PRODUCTION STAGING TESTING DEVELOPMENT UNMAPPED",
    ("build", "buildProperties.state"): (
        "IN_PROGRESS SUCCESSFUL CANCELLED FAILED ERROR TIMED_OUT UNKNOWN"
    ),
    ("incident", "incidentProperties.state"): "OPEN RESOLVED DELETED",
    ("incident", "incidentProperties.severity.level"): "ONE TWO THREE FOUR FIVE",
    ("alert", "alertProperties.status"): "OPENED ACKNOWLEDGED SNOOZED CLOSED",
    ("alert", "alertProperties.priority"): "P1 P2 P3 P4 P5",
    ("lifecycle", "lifecycleProperties.stage"): "PRE_RELEASE PRODUCTION DEPRECATION END_OF_LIFE",
    ("custom", "customEventProperties.icon"): "INFO WARNING CHECKPOINT",
    ("pullRequest", "pullRequestProperties.status"): "CREATED IN_REVIEW MERGED REJECTED",
    ("vulnerability", "vulnerabilityProperties.state"): "OPEN REMEDIATED DECLINED",
    ("vulnerability", "vulnerabilityProperties.severity.level"): "CRITICAL HIGH MEDIUM LOW",
}
TIME = "must be a date and time with its offset, such as 2026-11-21T14:03:07Z"
#: A wrong value somewhere, and the rule it breaks.
WRONG = [
    ("custom", "displayName", 5, "must be a string"),
    ("custom", "description", [], "must be a string"),
    ("custom", "lastUpdated", 1763630100, TIME),
    ("custom", "lastUpdated", "2026-11-21T14:03:07", TIME),
    ("custom", "lastUpdated", "2026-11-21", TIME),
    ("custom", "lastUpdated", "yesterday", TIME),
    ("custom", "lastUpdated", "0001-01-01T00:00:00+14:00", TIME),
    ("custom", "updateSequenceNumber", 1.5, "must be a whole number"),
    ("custom", "updateSequenceNumber", True, "must be a whole number"),
    ("custom", "updateSequenceNumber", "--5", "must be a whole number"),
    ("custom", "updateSequenceNumber", 2**63, "must fit in 64 bits"),
    ("custom", "updateSequenceNumber", "9" * 19, "must fit in 64 bits"),
    ("custom", "customEventProperties", "INFO", "must be an object"),
    ("custom", "customEventProperties.id", 1, "must be a string"),
    ("custom", "externalEventSourceId", {"id": "x"}, "must be a string"),
    ("deployment", f"{PIPELINE}", [], "must be an object"),
    ("deployment", "deploymentProperties.completedAt", "soon", TIME),
    ("incident", "incidentProperties.severity", "ONE", "must be an object"),
    ("flag", "flagProperties.status", True, "must be a string"),
    ("push", "pushEventProperties.author", "Ada", "must be an object"),
    ("push", "pushEventProperties.author.email", 1, "must be a string"),
    ("vulnerability", "vulnerabilityProperties.score", 10.1, "must be a number from 0 to 10"),
    ("vulnerability", "vulnerabilityProperties.score", "7", "must be a number"),
]


def of_kind(kind: str) -> Any:
    """Read the golden document of KIND."""
    return load(f"compass/{REQUIRED[kind][0]}")


def every_required() -> list[tuple[str, str]]:
    """List every kind with each of its required fields."""
    return [
        (kind, path)
        for kind, (_, own) in REQUIRED.items()
        for path in (own if kind == "pullRequest" else COMMON + own)
    ]


@pytest.mark.parametrize("null", [False, True], ids=["absent", "null"])
@pytest.mark.parametrize(("kind", "path"), every_required())
def test_a_required_field_that_is_missing_is_named(kind: str, path: str, null: bool) -> None:
    at = f"event.{kind}.{path}"
    document = put(of_kind(kind), at, None) if null else without(of_kind(kind), at)
    assert faults("compass", document) == [f"{at}: is required"]


@pytest.mark.parametrize(("kind", "path"), sorted(WORDS))
def test_a_word_outside_the_enumeration_is_named_with_the_words_inside(
    kind: str, path: str
) -> None:
    words = WORDS[kind, path].split()
    for word in words:
        assert faults("compass", put(of_kind(kind), f"event.{kind}.{path}", word)) == []
    for wrong in ("NOPE", words[0].lower(), "", 1, [words[0]]):
        found = faults("compass", put(of_kind(kind), f"event.{kind}.{path}", wrong))
        assert found == [f"event.{kind}.{path}: must be one of {', '.join(words)}"]


@pytest.mark.parametrize(("kind", "path", "value", "rule"), WRONG)
def test_a_wrong_value_is_named_with_its_rule(kind: str, path: str, value: Any, rule: str) -> None:
    found = faults("compass", put(of_kind(kind), f"event.{kind}.{path}", value))
    assert found == [f"event.{kind}.{path}: {rule}"]


def test_all_faults_of_a_document_are_named_at_once() -> None:
    document = put(of_kind("build"), "componentId", 7)
    del document["cloudId"]
    document["event"]["build"] |= {"displayName": 5, "lastUpdated": "now", "description": None}
    document["event"]["build"]["buildProperties"] |= {"state": "DONE", "pipeline": {}}
    states = WORDS["build", "buildProperties.state"].replace(" ", ", ")
    assert set(faults("compass", document)) == {
        "cloudId: is required",
        "componentId: must be a string",
        "event.build.displayName: must be a string",
        "event.build.description: is required",
        f"event.build.lastUpdated: {TIME}",
        f"event.build.buildProperties.state: must be one of {states}",
        "event.build.buildProperties.pipeline.pipelineId: is required",
    }


def test_nine_kinds_at_once_are_refused() -> None:
    with pytest.raises(DialectError) as caught:
        compass.parse(load("refused/compass/reference-nine-kinds-at-once"))
    (fault,) = caught.value.faults
    assert (fault.path, fault.rule) == ("event", "one_of")
    assert fault.message.startswith("must hold exactly one of deployment, build, incident, flag")
    assert "; found deployment, build" in fault.message
    assert fault.message.endswith("custom, push, pullRequest")


@pytest.mark.parametrize("event", [{}, {"custom": None}, {"weather": {}}])
def test_no_kind_is_refused_as_two_are(event: Any) -> None:
    (fault,) = faults("compass", {"cloudId": "x", "event": event})
    assert fault.startswith("event: must hold exactly one of ")
    assert "found" not in fault


@pytest.mark.parametrize("document", [None, [], "text", 1, True])
def test_a_body_that_is_no_object_is_refused(document: Any) -> None:
    assert faults("compass", document) == ["body: must be an object"]


def test_an_event_or_a_kind_that_is_no_object_is_refused_beside_the_rest() -> None:
    assert faults("compass", {"event": []}) == [
        "cloudId: is required",
        "event: must be an object",
    ]
    assert faults("compass", {"event": {"custom": "x"}}) == [
        "cloudId: is required",
        "event.custom: must be an object",
    ]


def test_two_pull_requests_a_microsecond_apart_are_in_order() -> None:
    at = "event.pullRequest.lastUpdated"
    document = load("compass/reference-pull-request")
    # from 2^31 seconds on, a float of seconds gives some neighbours the same microsecond
    stamps = [f"2039-11-20T09:15:00.{microsecond:06}Z" for microsecond in range(200)]
    sequences = [compass.parse(put(document, at, stamp)).sequence for stamp in stamps]
    assert sequences == [sequences[0] + i for i in range(200)]


def test_the_title_of_a_pull_request_with_a_long_id_is_cut() -> None:
    at = "event.pullRequest.pullRequestProperties.id"
    document = put(load("compass/reference-pull-request"), at, "x" * 300)
    assert len(compass.parse(document).title) == 255
    assert compass.render(vars(compass.parse(document))) == document
