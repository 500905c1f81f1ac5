"""GitHub's events in our words, by GitHub's own examples and by ours."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from feeds.dialects import github
from feeds.dialects.mapping import Draft, microseconds
from tests.octokit import examples

from .documents import NOW, load, put, without
from .test_the_law import check_the_law


def read(document: Any, event: str = "") -> Draft:
    return github.parse(document, now=NOW, event=event)


@pytest.mark.parametrize("event", sorted(github.EVENTS))
def test_every_example_of_an_event_comes_back_as_github_sent_it(event: str) -> None:
    found = examples()[event]
    assert len(found) >= 4
    for document in found:
        assert check_the_law("github", document).object_type == event, "known without the header"
        draft = read(document, event)
        assert github.render(vars(draft)) == document
        assert draft.source_id == document["repository"]["full_name"]
        assert draft.title
        assert draft.actor_key


def test_a_push_is_known_by_its_range_and_says_what_came() -> None:
    draft = read(load("github/push"))
    assert (draft.kind, draft.state, draft.verb) == ("push", "", "push")
    assert draft.title == "Test the rounding of refunds (and 1 more)"
    assert draft.content.splitlines()[0] == "b6568db Round refunds to whole cents"
    assert draft.url.endswith("95790bf891e7...da1560886d4f")
    assert draft.target_key == "shop/checkout"
    assert draft.object_key == "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
    assert draft.occurred_at.isoformat() == "2026-11-21T11:58:57+00:00"
    other = put(load("github/push"), "ref", "refs/heads/other")
    assert read(other).external_id != draft.external_id


@pytest.mark.parametrize(
    ("field", "ref", "title", "state"),
    [
        ("before", "refs/heads/refunds", "branch refunds", "created"),
        ("after", "refs/heads/refunds", "branch refunds", "deleted"),
        ("before", "refs/tags/v1.4.0", "tag v1.4.0", "created"),
        ("after", "refs/tags/v1.4.0", "tag v1.4.0", "deleted"),
    ],
)
def test_branches_and_tags_come_and_go(field: str, ref: str, title: str, state: str) -> None:
    draft = read(put(put(load("github/push"), field, "0" * 40), "ref", ref))
    assert (draft.title, draft.state) == (title, state)


def test_a_push_that_does_not_say_when_happens_now() -> None:
    draft = read(without(load("github/push"), "repository.pushed_at"))
    assert draft.occurred_at == NOW


@pytest.mark.parametrize(
    ("changes", "state", "actor"),
    [
        ({}, "merged", "bokafor"),
        ({"merged_at": None}, "rejected", "bokafor"),
        ({"merged_at": None, "state": "open"}, "created", "mlopez"),
        (
            {"merged_at": None, "state": "open", "requested_reviewers": [{"login": "bokafor"}]},
            "in_review",
            "mlopez",
        ),
    ],
)
def test_a_pull_request_stands_somewhere_by_somebodys_doing(
    changes: dict[str, Any], state: str, actor: str
) -> None:
    document = load("github/pull-request-closed-by-merging")
    document["pull_request"].update(changes)
    draft = read(document)
    assert (draft.kind, draft.state, draft.actor_key) == ("pull_request", state, actor)
    assert (draft.external_id, draft.object_key) == ("7", "7")


@pytest.mark.parametrize(
    ("status", "conclusion", "state"),
    [
        ("queued", None, "pending"),
        ("requested", None, "pending"),
        ("in_progress", None, "running"),
        ("completed", "success", "succeeded"),
        ("completed", "failure", "failed"),
        ("completed", "cancelled", "cancelled"),
        ("completed", "timed_out", "timed_out"),
        ("completed", "startup_failure", "error"),
        ("completed", "action_required", "pending"),
        ("completed", "something new", "unknown"),
        ("something new", None, "unknown"),
    ],
)
def test_a_run_has_a_state_of_ours(status: str, conclusion: str | None, state: str) -> None:
    document = load("github/workflow-run-completed")
    document["workflow_run"].update(status=status, conclusion=conclusion)
    draft = read(document)
    assert (draft.kind, draft.state) == ("build", state)
    assert draft.title == "CI #163: Test the rounding of refunds"


def test_within_a_second_the_end_beats_the_run_and_a_later_attempt_beats_both() -> None:
    running, ended = load("github/workflow-run-in-progress"), load("github/workflow-run-completed")
    again = put(running, "workflow_run.run_attempt", 2)
    queued = put(running, "workflow_run.status", "queued")
    numbers = [read(each).sequence for each in (queued, running, ended, again)]
    assert numbers == sorted(set(numbers))
    assert len({read(each).external_id for each in (queued, running, ended, again)}) == 1


def test_a_deployment_and_its_statuses_are_one_event() -> None:
    asked, done = read(load("github/deployment")), read(load("github/deployment-status-success"))
    assert (asked.state, done.state) == ("pending", "succeeded")
    assert (asked.external_id, asked.target_key) == (done.external_id, "production")
    assert asked.sequence < done.sequence
    assert done.title == "checkout main"
    assert done.target_url == "https://checkout.example.com"
    status = put(
        load("github/deployment-status-success"),
        "deployment_status.created_at",
        "2026-11-21T12:03:20Z",
    )
    for state in ("pending", "in_progress", "success"):
        same_second = read(put(status, "deployment_status.state", state))
        assert same_second.sequence > asked.sequence, state


def test_a_release_is_announced_several_times_in_a_second_and_published_wins() -> None:
    document = load("github/release-published")
    numbers = [read(put(document, "action", action)).sequence for action in github.RELEASE_ACTIONS]
    assert numbers == sorted(set(numbers))
    draft = read(document)
    assert (draft.kind, draft.object_type, draft.verb) == ("activity", "release", "published")
    assert (draft.title, draft.object_key) == ("Refunds", "v1.4.0")
    assert draft.sequence // 10**6 == microseconds(draft.occurred_at) // 10**6


BODY = b'{"zen": "Design for failure."}'
RIGHT = hmac.new(b"s3cret", BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("headers", "valid"),
    [
        ({"X-Hub-Signature-256": f"sha256={RIGHT}"}, True),
        ({"X-Hub-Signature-256": f"sha256={RIGHT.upper()}"}, True),
        ({"X-Hub-Signature-256": RIGHT}, False),
        ({"X-Hub-Signature-256": f"sha1={RIGHT}"}, False),
        ({"X-Hub-Signature-256": f"sha256={RIGHT[:-1]}"}, False),
        ({"X-Hub-Signature-256": "sha256="}, False),
        ({"X-Hub-Signature-256": "é\udcff"}, False),
        ({"X-Hub-Signature": f"sha1={hmac.new(b's3cret', BODY, 'sha1').hexdigest()}"}, False),
        ({}, False),
    ],
)
def test_only_the_hmac_of_the_body_will_do(headers: dict[str, str], valid: bool) -> None:
    assert github.verify("s3cret", headers, BODY) is valid
    assert not github.verify("other", headers, BODY)
    assert not github.verify("s3cret", headers, BODY + b" ")
