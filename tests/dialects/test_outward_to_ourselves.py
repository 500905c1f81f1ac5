"""Every golden document, written as a letter and sent to our own inbound API, arrives there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from feeds import actions
from feeds.dialects.letters import Account, Fate, Sent
from feeds.dialects.outward import UPSTREAMS
from feeds.models import Activity
from tests.graph import ari_of
from tests.posted import LINK, Post

from .documents import load, names, put

pytestmark = pytest.mark.django_db
#: Those that a vendor takes; the rest of them are what its own system says of itself.
BUILDS = [
    "teamhub/build-before-the-put", "teamhub/post-request", "teamhub/post-request-live",
    "teamhub/post-request-nulls", "teamhub/post-request-wrapped", "teamhub/post-response",
    "teamhub/put-response",
]  # fmt: skip
GOLDEN = [*names("compass"), *names("streams"), *BUILDS]
OF_A_VENDOR = [(name.partition("/")[0], name) for name in GOLDEN]
OF_A_PULSEBOARD = [("pulseboard", name) for name in GOLDEN]
UNREADABLE = "compass/reference-pull-request"  # Compass shows pull requests on no feed


def connected(name: str, **options: Any) -> Post:
    return Post.to_us(name, component=ari_of(actions.create_component("Checkout")), **options)


@pytest.mark.parametrize(("upstream", "name"), OF_A_VENDOR + OF_A_PULSEBOARD)
def test_a_golden_document_is_accepted_and_can_be_read_back(upstream: str, name: str) -> None:
    post, wire = connected(upstream), name.partition("/")[0]
    verdict, sent = post.deliver("create", load(name), wire=wire)
    assert (verdict.fate, verdict.reason) == (Fate.ACCEPTED, "")
    assert Activity.objects.count() == 1
    assert bool(verdict.receipt) is (upstream != "compass")
    assert post.confirmed(sent) is ((upstream, name) != ("compass", UNREADABLE))


@pytest.mark.parametrize("wire", ["compass", "streams", "teamhub"])
def test_what_nobody_sent_is_not_confirmed(wire: str) -> None:
    name = {"compass": "compass/reference-build", "streams": "streams/complete"}
    post = connected(wire)
    _, sent = post.deliver("create", load(name.get(wire, BUILDS[1])), wire=wire)
    assert post.confirmed(sent)
    Activity.objects.all().delete()
    assert not post.confirmed(sent)


def test_every_teamhub_document_that_is_no_build_has_no_letter() -> None:
    post = connected("teamhub")
    others = sorted(set(names("teamhub")) - set(BUILDS))
    assert others
    assert [name for name in others if post.write("create", load(name), wire="teamhub")] == []


@pytest.mark.parametrize("name", [*names("streams"), *BUILDS])
@pytest.mark.parametrize("to_pulseboard", [False, True])
def test_the_look_up_finds_ours_among_its_twins(name: str, to_pulseboard: bool) -> None:
    wire = name.partition("/")[0]
    post = connected("pulseboard" if to_pulseboard else wire)
    links = [f"{LINK}?{number}" for number in range(3)]
    sent = [post.deliver("create", load(name), wire=wire, link=link)[1] for link in links]
    assert len({each.receipt for each in sent}) == 3
    for each in sent:
        assert post.looked_up(replace(each, receipt="")) == each.receipt
    assert post.looked_up(replace(sent[0], link=LINK, receipt="")) == ""


def test_an_event_of_compass_is_never_looked_up() -> None:
    document = load("compass/reference-build")
    for name in ("compass", "pulseboard"):
        assert UPSTREAMS[name].look_up(Sent("compass", document, LINK), Account()) is None


# ---- updates


@pytest.mark.parametrize("upstream", ["compass", "pulseboard"])
def test_a_higher_sequence_number_updates_an_event_of_compass(upstream: str) -> None:
    post, document = connected(upstream), load("compass/reference-build")
    number = document["event"]["build"]["updateSequenceNumber"]
    _, earlier = post.deliver("create", document, wire="compass")
    changed = put(document, "event.build.updateSequenceNumber", number + 1)
    changed = put(changed, "event.build.displayName", "Changed")
    assert not post.confirmed(replace(earlier, body={**earlier.body, "event": changed["event"]}))
    verdict, sent = post.deliver("update", changed, wire="compass")
    assert (verdict.fate, verdict.reason) == (Fate.ACCEPTED, "")
    assert Activity.objects.get().title == "Changed"
    assert post.confirmed(sent)
    assert post.confirmed(earlier), "what came after it is newer, and so it was there"


def test_a_pulseboard_says_that_an_update_changed_nothing() -> None:
    post, document = connected("pulseboard"), load("compass/reference-build")
    post.deliver("create", document, wire="compass")
    verdict, _ = post.deliver("update", document, wire="compass")
    assert verdict.fate is Fate.ACCEPTED
    assert verdict.reason.startswith("nothing changed there: its sequence number")


@pytest.mark.parametrize("upstream", ["teamhub", "pulseboard"])
def test_progress_is_put_and_the_end_is_found_after_an_uncertain_attempt(upstream: str) -> None:
    post, document = connected(upstream), load("teamhub/post-request-live")
    verdict, _ = post.deliver("create", document, wire="teamhub")
    made = verdict.receipt
    end = {**document, "progress": 100, "operation": "failed"}
    letter = post.write("update", end, wire="teamhub")
    assert letter is not None
    assert letter.body == {"progress": 100, "operation": "failed"}
    unsure = Sent("teamhub", letter.body, LINK, made)
    assert not post.confirmed(unsure)
    assert post.looked_up(unsure) == ""
    verdict, sent = post.deliver("update", end, wire="teamhub", receipt=made)
    assert (verdict.fate, verdict.receipt) == (Fate.ACCEPTED, made)
    assert post.confirmed(sent)
    assert post.looked_up(unsure) == made
    again, _ = post.deliver("update", end, wire="teamhub", receipt=made)
    assert again.fate is Fate.REFUSED
    assert "must be a build that is not complete" in again.reason


def test_an_activity_has_no_update() -> None:
    for name in ("streams", "pulseboard"):
        document = load("streams/complete")
        assert connected(name).write("update", document, wire="streams") is None


# ---- deletes

DELETABLE = [
    ("streams", "streams/complete"),
    ("pulseboard", "streams/complete"),
    ("pulseboard", "compass/reference-build"),
]


@pytest.mark.parametrize(("upstream", "name"), DELETABLE)
def test_an_event_is_deleted_and_a_second_time_does_no_harm(upstream: str, name: str) -> None:
    post, wire = connected(upstream), name.partition("/")[0]
    assert post.upstream.no_delete(wire) == ""
    verdict, _ = post.deliver("create", load(name), wire=wire)
    for _ in range(2):
        gone, _ = post.deliver("delete", load(name), wire=wire, receipt=verdict.receipt)
        assert (gone.fate, gone.reason) == (Fate.ACCEPTED, "")
        assert Activity.objects.count() == 0


@pytest.mark.parametrize(("upstream", "name"), DELETABLE)
def test_a_delete_that_is_not_allowed_is_refused_alone(upstream: str, name: str) -> None:
    post, wire = connected(upstream, role="admin"), name.partition("/")[0]
    verdict, _ = post.deliver("create", load(name), wire=wire)
    stranger = actions.ensure_user("stranger", role="bot")
    Activity.objects.update(author=stranger)
    viewer = actions.create_token(stranger, role="viewer")
    post.account = replace(post.account, user="stranger", secret=viewer)
    refused, _ = post.deliver("delete", load(name), wire=wire, receipt=verdict.receipt)
    assert refused.fate is Fate.REFUSED
    assert "403: the credentials do not allow this: " in refused.reason


@pytest.mark.parametrize(
    ("upstream", "wire"),
    [("compass", "compass"), ("teamhub", "teamhub"), ("pulseboard", "teamhub")],
)
def test_where_no_delete_exists_it_is_said_and_no_letter_is_written(
    upstream: str, wire: str
) -> None:
    document = load({"compass": "compass/reference-build"}.get(wire, BUILDS[1]))
    post = connected(upstream)
    assert "no request that deletes an event" in post.upstream.no_delete(wire)
    assert post.write("delete", document, wire=wire) is None


# ---- refusals


def test_a_refusal_shows_what_the_upstream_says() -> None:
    component = connected("compass")
    wrong = put(load("compass/reference-build"), "event.build.buildProperties.state", "DONE")
    verdict, _ = component.deliver("create", wrong, wire="compass")
    assert verdict.fate is Fate.REFUSED
    assert verdict.reason.startswith("400: the request is not right: event.build.")
    assert "must be one of IN_PROGRESS" in verdict.reason

    verdict, _ = Post.to_us("streams").deliver("create", {"title": "Alone"}, wire="streams")
    assert verdict.fate is Fate.REFUSED
    assert "invalid activity entry: generator: is required" in verdict.reason

    wrong = {**load("teamhub/post-request"), "operation": "created"}
    verdict, _ = Post.to_us("teamhub").deliver("create", wrong, wire="teamhub")
    assert verdict.fate is Fate.REFUSED
    assert "operation: must be one of completed, failed" in verdict.reason


def test_an_event_without_component_reaches_a_source_that_is_there() -> None:
    post, document = Post.to_us("compass"), load("compass/reference-build")
    verdict, _ = post.deliver("create", document, wire="compass")
    assert verdict.fate is Fate.REFUSED
    source = document["event"]["build"]["externalEventSourceId"]
    assert "404" in verdict.reason
    actions.create_source(source, kind="build")
    verdict, sent = post.deliver("create", document, wire="compass")
    assert verdict.fate is Fate.ACCEPTED
    assert "componentId" not in sent.body
    assert post.confirmed(sent)


# ---- testing a connection


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
def test_a_good_connection_has_no_fault_and_tells_its_ids(upstream: str) -> None:
    post = Post.to_us(upstream)
    found = probed(post)
    assert found.fault == ""
    if upstream in ("compass", "pulseboard"):
        assert found.cloud_id == actions.cloud_id()
    if upstream in ("teamhub", "pulseboard"):
        assert found.company_key == actions.site().company_key


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
def test_a_wrong_secret_is_told(upstream: str) -> None:
    post = Post.to_us(upstream)
    post.account = replace(post.account, secret="pb_wrong")
    assert "401: the credentials are wrong" in probed(post).fault


@pytest.mark.parametrize("upstream", ["compass", "pulseboard"])
def test_a_wrong_cloud_id_is_told_with_the_right_one(upstream: str) -> None:
    post = Post.to_us(upstream)
    post.account = replace(post.account, cloud_id="another")
    fault = probed(post).fault
    assert fault == f"cloudId: another is not this site, whose cloudId is {actions.cloud_id()}"


def test_a_first_test_learns_the_cloud_id() -> None:
    post = Post.to_us("compass")
    post.account = replace(post.account, cloud_id="")
    assert probed(post).cloud_id == actions.cloud_id()
    assert probed(post).fault == ""


def test_a_viewer_of_another_pulseboard_cannot_send() -> None:
    assert "those of a viewer" in probed(Post.to_us("pulseboard", role="viewer")).fault


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
def test_the_address_of_something_else_is_told(upstream: str) -> None:
    post = Post.to_us(upstream)
    post.account = replace(post.account, cloud_id=actions.cloud_id())
    letters = post.upstream.probe(post.account)
    page = post.send(replace(letters[0], path="/sign-in/", method="GET"))
    assert (
        "is this the address of its API?"
        in post.upstream.probed(post.account, (page,) * len(letters)).fault
    )


def probed(post: Post) -> Any:
    letters = post.upstream.probe(post.account)
    return post.upstream.probed(post.account, tuple(map(post.send, letters)))
