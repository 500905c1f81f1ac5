"""TeamHub events: how each form is read, in what words, and what they are refused for."""

from datetime import timedelta
from typing import Any

import pytest

from feeds.dialects import teamhub
from feeds.dialects.mapping import DialectError, Draft
from feeds.models import EventKind

from .documents import NOW, faults, load, put, without

PERCENT = "must be a whole number from 0 to 100"
TIME = "must be a date and time with its offset, such as 2026-11-21T14:03:07Z"
REFERENCE = "must be an id, or an object with an id"


def parse(document: Any, subject: str = "") -> Draft:
    """Read DOCUMENT at NOW."""
    return teamhub.parse(document, now=NOW, subject=subject)


def event(target: str, operation: str, **objects: Any) -> Any:
    """Make a whole event about OBJECTS."""
    document = load("teamhub/get-repository")
    return {**document, "target": target, "operation": operation, "objects": objects}


def test_a_push_fills_our_columns() -> None:
    draft = parse(load("teamhub/list-push"))
    assert draft.kind == EventKind.PUSH
    assert draft.external_id == "50883cfe1229c02952000036"
    assert (draft.source_id, draft.target_key) == ("luotsi/devrel", "luotsi/devrel")
    assert (draft.generator, draft.actor_key, draft.verb) == ("TeamHub", "assimov", "created")
    assert (draft.object_type, draft.object_key) == ("push", "master")
    assert (draft.progress, draft.state) == (100, "")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("list-push", "assimov pushed 2 commits to devrel master"),
        ("list-push-2815-commits", "jlaiho pushed 2815 commits to luotsi"),
        ("list-project-user", "thuovinen added etuupainen as guest to luotsi"),
        ("get-repository", "assimov created repository"),
        ("post-response", "luotsi-ci-bot built chef Development"),
        ("post-request", "Built chef Development"),
        ("build-before-the-put", "luotsi-ci-bot is building chef Development"),
        ("branch", "assimov deleted branch old"),
        ("expanded-subject", "Isaac Asimov pushed 2 commits to devrel master"),
        ("subject-as-a-string", "assimov pushed 2 commits to devrel master"),
        ("no-progress-and-no-subject", "Voted code review"),
        ("server-trigger", "assimov pushed to luotsi/chef refs/heads/master"),
    ],
)
def test_a_title_says_in_words_what_happened(name: str, title: str) -> None:
    assert parse(load(f"teamhub/{name}")).title == title


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (event("push", "created", repository="r", commit_count=1), "pushed 1 commit to r"),
        (event("push", "created", repository="r", commits=[{"id": "x"}] * 3), "pushed to r"),
        (event("tag", "created", ref="v1"), "created tag v1"),
        (event("tag", "created"), "created tag"),
        (event("project_user", "deleted", user={"id": "u"}), "deleted project user"),
        (event("project_collaborator", "added", collaborator="c", project="p"), "added c to p"),
        (event("code_review_line_comment", "added"), "added code review line comment"),
    ],
)
def test_the_words_leave_out_what_is_not_known(document: Any, words: str) -> None:
    assert parse(document).title == f"assimov {words}"


@pytest.mark.parametrize(
    ("operation", "progress", "state"),
    [
        ("completed", 100, "succeeded"),
        ("failed", 100, "failed"),
        ("created", 0, "running"),
        ("created", 99, "running"),
        ("failed", 60, "failed"),
        ("created", 100, "unknown"),
    ],
)
def test_the_state_of_a_build_is_its_operation_and_progress(
    operation: str, progress: int, state: str
) -> None:
    draft = parse({**event("build", operation), "progress": progress})
    assert (draft.kind, draft.state, draft.progress) == (EventKind.BUILD, state, progress)
    assert parse({**event("task", operation), "progress": progress}).state == ""


def test_a_source_is_the_repository_the_project_or_the_company() -> None:
    assert parse(load("teamhub/list-push")).source_id == "luotsi/devrel"
    assert parse(load("teamhub/list-project-user")).source_id == "luotsi"
    assert parse(load("teamhub/company-user")).source_id == "TeamHub"


def test_the_wrapped_form_means_what_the_flat_one_does() -> None:
    wrapped, flat = parse(load("teamhub/event-wrapped")), parse(load("teamhub/list-push"))
    assert {**vars(wrapped), "details": {}} == {**vars(flat), "details": {}}


def test_who_posts_a_build_is_its_subject_and_nobody_else() -> None:
    draft = parse({**load("teamhub/post-request"), "subject": {"id": "the-boss"}}, subject="bot")
    assert (draft.actor_key, draft.title) == ("bot", "bot built chef Development")
    assert draft.url == "http://domain.com/jenkins/job/development/2372"
    assert draft.external_id == "", "the server gives it one"


def test_a_post_request_makes_the_event_that_the_vendor_answers() -> None:
    answer = load("teamhub/post-response")
    made = teamhub.whole(
        load("teamhub/post-request"),
        event_id=answer["id"],
        subject="luotsi-ci-bot",
        now=parse(answer).occurred_at + timedelta(milliseconds=5),
    )
    assert made == {name: answer[name] for name in answer if not name.startswith("api_")}


def test_a_post_request_with_nulls_and_a_revision_makes_a_whole_event() -> None:
    for name in ("post-request-nulls", "post-request-live", "post-request-wrapped"):
        made = teamhub.whole(load(f"teamhub/{name}"), event_id="5" * 24, subject="b", now=NOW)
        assert parse(made).external_id == "5" * 24
        assert None not in made["objects"].values()
    live = teamhub.whole(load("teamhub/post-request-live"), event_id="1", subject="b", now=NOW)
    assert live["objects"]["commits"] == [{"id": "2372"}]
    assert live["timestamp"] == "2026-11-20T09:15:00Z"


# ---- PUT


def build(progress: int = 40, operation: str = "created") -> Draft:
    """Read a build that has come to PROGRESS."""
    document = load("teamhub/build-before-the-put")
    return parse({**document, "progress": progress, "operation": operation})


def refusal(change: Any, before: Draft) -> list[str]:
    """Return why CHANGE of BEFORE is refused."""
    with pytest.raises(DialectError) as caught:
        teamhub.amend(vars(before), change, now=NOW)
    return [str(fault) for fault in caught.value.faults]


def test_a_put_request_makes_the_event_that_the_vendor_answers() -> None:
    answer = load("teamhub/put-response")
    moved = parse(put(load("teamhub/put-response"), "timestamp", answer["updated_at"])).occurred_at
    made = teamhub.amend(vars(build()), load("changes/teamhub/put-request"), now=moved)
    assert made == {name: answer[name] for name in answer if not name.startswith("api_")}


def test_a_put_request_may_be_wrapped_and_other_fields_are_ignored() -> None:
    change = load("changes/teamhub/put-request-wrapped")
    change["event"]["timestamp"] = change["event"]["target"] = "ignored"
    made = teamhub.amend(vars(build()), change, now=NOW)
    assert (made["progress"], made["operation"], made["target"]) == (60, "created", "build")
    assert made["timestamp"] == "2013-08-19T07:54:56Z"


def test_every_put_raises_the_sequence_even_within_one_second() -> None:
    draft, seen = build(progress=0), []
    changes: list[Any] = [{"progress": 1}, {"progress": 60}, {"progress": 99}]
    for change in [*changes, {"operation": "failed", "progress": 99}]:
        seen.append(draft.sequence)
        draft = parse(teamhub.amend(vars(draft), change, now=NOW))
    assert seen == sorted(set(seen))
    assert draft.sequence > seen[-1]
    assert draft.state == "failed"


@pytest.mark.parametrize(
    ("change", "before", "rules"),
    [
        ({"progress": 101}, build(), [f"progress: {PERCENT}"]),
        ({"progress": 39}, build(), ["progress: must not go back from 40"]),
        ({"event": {"progress": 0}}, build(), ["event.progress: must not go back from 40"]),
        (
            {"operation": "voted", "progress": "x"},
            build(),
            [
                "progress: must be a whole number",
                "operation: must be one of created, completed, failed",
            ],
        ),
        (
            {"progress": 100},
            build(),
            ["operation: must be one of completed, failed when progress is 100"],
        ),
        ({"progress": 100}, build(100), ["event: must be a build that is not complete"]),
        ({"progress": 70}, build(60, "failed"), ["event: must be a build that is not complete"]),
        (
            {"progress": 70},
            parse(load("teamhub/list-push")),
            ["event: must be a build that is not complete"],
        ),
        ([], build(), ["body: must be an object"]),
    ],
)
def test_a_put_that_is_not_allowed_is_refused(change: Any, before: Draft, rules: list[str]) -> None:
    assert refusal(change, before) == rules


# ---- faults


@pytest.mark.parametrize("path", ["id", "timestamp", "operation", "target"])
def test_a_field_missing_from_an_event_is_named(path: str) -> None:
    assert faults("teamhub", without(load("teamhub/list-push"), path)) == [f"{path}: is required"]
    wrapped = without(load("teamhub/event-wrapped"), f"event.{path}")
    assert faults("teamhub", wrapped) == [f"event.{path}: is required"]


@pytest.mark.parametrize("path", ["target", "project", "repository"])
def test_a_field_missing_from_a_request_is_named(path: str) -> None:
    document = without(load("teamhub/post-request"), path)
    assert faults("teamhub", document) == [f"{path}: is required"]


@pytest.mark.parametrize(
    ("name", "path", "value", "rule"),
    [
        ("list-push", "id", 5, "must be a string"),
        ("list-push", "subject", {}, REFERENCE),
        ("list-push", "timestamp", "now", TIME),
        ("list-push", "updated_at", 5, TIME),
        ("list-push", "progress", 101, PERCENT),
        ("list-push", "progress", -1, PERCENT),
        ("list-push", "objects", [], "must be an object"),
        ("list-push", "objects.project", {"name": "x"}, REFERENCE),
        ("list-push", "objects.commits", [None], "must be a list of commit ids"),
        ("list-push", "objects.commit_count", "many", "must be a whole number"),
        ("list-push", "objects.ref", ["x"], "must be a string"),
        ("post-request", "target", "push", "must be one of build"),
        ("post-request", "operation", "voted", "must be one of created, completed, failed"),
        (
            "post-request",
            "operation",
            "created",
            "must be one of completed, failed when progress is 100",
        ),
        ("post-request", "commits", {"id": ""}, "must be a list of commit ids"),
        ("post-request", "resources", "http://x", "must be a list of strings"),
        ("post-request", "resources", [1], "must be a list of strings"),
        ("post-request", "repository", "", REFERENCE),
        ("server-trigger", "pusher", 1, "must be a string"),
        ("server-trigger", "target", "tag", "must be one of push"),
    ],
)
def test_a_wrong_value_is_named_with_its_rule(name: str, path: str, value: Any, rule: str) -> None:
    document = put(load(f"teamhub/{name}"), path, value)
    assert faults("teamhub", document) == [f"{path}: {rule}"]


def test_all_faults_of_a_wrapped_request_are_named_at_once() -> None:
    assert set(faults("teamhub", {"event": {"target": "tag", "progress": 200, "name": 1}})) == {
        "event.target: must be one of build",
        "event.progress: must be a whole number from 0 to 100",
        "event.name: must be a string",
        "event.project: is required",
        "event.repository: is required",
    }


def test_a_trigger_sent_twice_is_one_push() -> None:
    first, again = (parse(load("teamhub/server-trigger")) for _ in range(2))
    assert first.external_id == again.external_id
    assert first.kind == EventKind.PUSH
    other = parse(put(load("teamhub/server-trigger"), "newValue", "0" * 40))
    assert other.external_id != first.external_id
