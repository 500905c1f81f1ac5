"""GitLab's events in our words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from feeds.dialects import gitlab
from feeds.dialects.mapping import Draft

from .documents import NOW, faults, load, put


def read(document: Any, **now: Any) -> Draft:
    return gitlab.parse(document, **{"now": NOW, **now})


@pytest.mark.parametrize(
    ("name", "title", "state"),
    [
        ("push", "Test the rounding of refunds (and 3 more)", ""),
        ("push-branch-created", "branch refunds", "created"),
        ("push-branch-deleted", "branch refunds", "deleted"),
        ("tag-push", "tag v1.4.0", "created"),
    ],
)
def test_a_push_says_what_came(name: str, title: str, state: str) -> None:
    draft = read(load(f"gitlab/{name}"))
    assert (draft.kind, draft.title, draft.state) == ("push", title, state)
    assert (draft.actor_key, draft.actor_name) == ("mlopez", "Maria Lopez")
    assert (draft.source_id, draft.target_key) == ("shop/checkout", "shop/checkout")
    assert draft.occurred_at == NOW, "it does not say when it was"


def test_a_push_that_comes_again_later_is_the_same_and_no_newer() -> None:
    first, again = (read(load("gitlab/push"), now=now) for now in (NOW, NOW + timedelta(hours=1)))
    assert (first.external_id, first.sequence) == (again.external_id, again.sequence)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("merge-request-open", "in_review"),
        ("merge-request-merge", "merged"),
        ("merge-request-close-iso-times", "rejected"),
    ],
)
def test_a_merge_request_stands_somewhere(name: str, state: str) -> None:
    draft = read(load(f"gitlab/{name}"))
    assert (draft.kind, draft.state, draft.external_id) == ("pull_request", state, "7")
    assert draft.url == "https://gitlab.example.com/shop/checkout/-/merge_requests/7"


def test_a_pipeline_grows_by_its_jobs_and_in_their_order() -> None:
    names = ("pending", "running", "success")
    drafts = [read(load(f"gitlab/pipeline-{name}")) for name in names]
    assert [draft.state for draft in drafts] == ["pending", "running", "succeeded"]
    assert [draft.progress for draft in drafts] == [None, 33, None]
    assert [draft.sequence for draft in drafts] == sorted({draft.sequence for draft in drafts})
    assert {draft.external_id for draft in drafts} == {"31"}
    assert drafts[2].occurred_at.isoformat() == "2026-11-21T13:02:40+00:00"
    assert drafts[0].title == "Pipeline for main #31: Test the rounding of refunds"


def test_a_pipeline_of_old_gitlab_has_no_address_and_gets_one() -> None:
    draft = read(load("gitlab/pipeline-failed-without-url"))
    assert draft.url == "https://gitlab.example.com/shop/checkout/-/pipelines/32"
    assert (draft.state, draft.title[:12]) == ("failed", "Pipeline #32")


def test_a_deployment_has_an_environment_and_a_time_with_an_offset() -> None:
    started, done = (read(load(f"gitlab/deployment-{name}")) for name in ("running", "success"))
    assert (started.state, done.state) == ("running", "succeeded")
    assert started.external_id == done.external_id
    assert started.sequence < done.sequence
    assert done.occurred_at.isoformat() == "2026-11-21T13:02:40+00:00"
    assert (done.target_key, done.target_url) == ("production", "https://checkout.example.com")
    assert done.title == "Checkout main"


def test_a_release_is_created_edited_and_deleted_in_this_order_whenever_it_is_heard() -> None:
    created = load("gitlab/release-create")
    later = NOW + timedelta(days=1)
    moments = [("create", later), ("update", NOW), ("update", later), ("delete", NOW)]
    numbers = [read(put(created, "action", action), now=now).sequence for action, now in moments]
    assert numbers == sorted(set(numbers))
    draft = read(created)
    assert (draft.object_type, draft.verb, draft.title) == ("release", "published", "Refunds")
    assert draft.occurred_at.isoformat() == "2026-11-21T13:10:12+00:00"


def test_the_body_says_what_it_is() -> None:
    (fault,) = faults("gitlab", {"object_kind": "wiki_page"})
    assert fault.startswith("object_kind: must be one of deployment, merge_request, pipeline")
    with pytest.raises(Exception, match="object_kind: must be one of pipeline"):
        gitlab.parse(load("gitlab/push"), now=NOW, event="pipeline")


@pytest.mark.parametrize(
    ("header", "event"),
    [
        ("Push Hook", "push"),
        ("Tag Push Hook", "tag_push"),
        ("Merge Request Hook", "merge_request"),
        ("Release Hook", "release"),
        ("Confidential Note Hook", "confidential_note"),
    ],
)
def test_the_header_names_the_event_as_bodies_do(header: str, event: str) -> None:
    assert gitlab.event_name({"X-Gitlab-Event": header}) == event


@pytest.mark.parametrize("given", ["s3cret", "s3cre", "S3CRET", "", "é\udcff", None])
def test_only_the_token_itself_will_do(given: str | None) -> None:
    headers = {} if given is None else {"X-Gitlab-Token": given}
    assert gitlab.verify("s3cret", headers, b"") is (given == "s3cret")
