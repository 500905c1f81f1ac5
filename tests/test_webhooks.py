"""Webhooks in: who may call, what becomes of each call, and that it is logged."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from django.test import Client

from feeds import actions, vault
from feeds.dialects import github, gitlab
from feeds.models import Activity, Component, EventSource, HookDelivery, User, Webhook
from tests.codehosts import CodeHost, signature
from tests.dialects.documents import exactly, load, names, put
from tests.octokit import examples
from tests.pages import person

Outcome = HookDelivery.Outcome


@pytest.fixture
def admin_user(db: None) -> User:
    return person("admin", "ana")


@pytest.fixture
def hub(admin_user: User) -> CodeHost:
    """GitHub, and a webhook that it knows."""
    return CodeHost.of("github", admin_user)


@pytest.fixture
def lab(admin_user: User) -> CodeHost:
    """GitLab, and a webhook that it knows."""
    return CodeHost.of("gitlab", admin_user)


def header_of(name: str) -> str:
    """Return the event that GitLab names when it sends the document NAME."""
    kind = load(name)["object_kind"]
    return {"release": "Release Hook"}.get(kind, f"{kind.replace('_', ' ').title()} Hook")


# ---- every document


@pytest.mark.parametrize("name", names("github"))
def test_a_document_of_github_is_stored_and_comes_out_as_it_was_sent(
    hub: CodeHost, name: str
) -> None:
    document = load(name)
    event = github.parse(document, now=hub.webhook.created_at).object_type
    response = hub.call(event, document)
    activity = Activity.objects.select_related("source").get()
    assert (response.status_code, response["X-Pulseboard-Outcome"]) == (202, "created")
    assert response["X-Pulseboard-Activity"] == str(activity.uuid)
    assert response.json()["outcome"] == "created"
    assert activity.raw == json.dumps(document)
    assert exactly(github.render(activity.columns())) == exactly(document)
    assert activity.author == hub.webhook.user
    assert activity.source.repository == "shop/checkout"
    (delivery,) = hub.log
    assert (delivery.outcome, delivery.status, delivery.event) == (Outcome.CREATED, 202, event)
    assert delivery.activity == activity.uuid
    assert delivery.body == activity.raw[:10_000]


@pytest.mark.parametrize("name", names("gitlab"))
def test_a_document_of_gitlab_is_stored_and_comes_out_as_it_was_sent(
    lab: CodeHost, name: str
) -> None:
    document = load(name)
    response = lab.call(header_of(name), document)
    activity = Activity.objects.select_related("source").get()
    assert (response.status_code, response["X-Pulseboard-Outcome"]) == (202, "created")
    assert exactly(gitlab.render(activity.columns())) == exactly(document)
    assert activity.source.repository == "shop/checkout"


def test_every_example_of_every_event_of_github_is_taken_or_ignored(hub: CodeHost) -> None:
    for event, documents in examples().items():
        for document in documents:
            response = hub.call(event, document)
            expected = 200 if event == "ping" else 202
            assert response.status_code == expected, (event, response.content)
            outcome = response["X-Pulseboard-Outcome"]
            assert (outcome == "ignored") == (event not in github.EVENTS), event
    assert {activity.kind for activity in Activity.objects.all()} == {
        "push", "pull_request", "build", "deployment", "activity",
    }  # fmt: skip
    assert len(hub.log) == actions.DELIVERIES_KEPT == 100


@pytest.mark.parametrize("form", [False, True])
def test_github_may_send_json_or_a_form(hub: CodeHost, form: bool) -> None:
    assert hub.call("push", load("github/push"), form=form).status_code == 202
    activity = Activity.objects.get()
    assert activity.raw.startswith("payload=%7B" if form else "{")
    assert activity.title == "Test the rounding of refunds (and 1 more)"


def test_the_address_works_without_its_slash_and_only_by_post(hub: CodeHost) -> None:
    body = json.dumps(load("github/push")).encode()
    headers: Any = hub.headers("push", body)
    bare = hub.path.rstrip("/")
    answer = Client().post(bare, body, content_type="application/json", headers=headers)
    assert answer.status_code == 202
    assert Client().get(hub.path).status_code == 405


@pytest.mark.parametrize("path", ["/gateway/api/compass/v1/webhooks", "/compass/v1/webhooks"])
def test_the_address_works_as_compass_writes_it(hub: CodeHost, path: str) -> None:
    body = json.dumps(load("github/push")).encode()
    address = f"{path}/{hub.webhook.token}"
    signed: Any = hub.headers("push", body)
    answer = Client().post(address, body, content_type="application/json", headers=signed)
    assert (answer.status_code, answer["X-Pulseboard-Outcome"]) == (202, "created")
    unsigned = Client().post(address, body, content_type="application/json")
    assert unsigned.status_code == 401
    unknown = Client().post(f"{path}/nobody", body, content_type="application/json")
    assert unknown.status_code == 404
    assert len(hub.log) == 2


# ---- what is not shown


def test_the_first_call_of_github_is_answered_and_logged(hub: CodeHost) -> None:
    response = hub.call("ping", {"zen": "Keep it logically awesome.", "hook_id": 1})
    assert response.status_code == 200
    (delivery,) = hub.log
    assert (delivery.outcome, delivery.reason) == (Outcome.IGNORED, "ignored: ping")
    assert not Activity.objects.exists()


@pytest.mark.parametrize("event", ["star", "push\x00", "x" * 300, ""])
def test_what_nobody_shows_is_no_error_of_the_code_host(hub: CodeHost, event: str) -> None:
    response = hub.call(event, {"action": "created"})
    assert response.status_code == 202
    (delivery,) = hub.log
    assert delivery.outcome == Outcome.IGNORED
    assert delivery.reason.startswith("ignored: event ")
    assert delivery.reason.endswith("is not one that Pulseboard shows")


def test_what_gitlab_sends_beside_is_ignored(lab: CodeHost) -> None:
    assert lab.call("Job Hook", {"object_kind": "build"}).status_code == 202
    assert lab.log[0].reason == "ignored: event job is not one that Pulseboard shows"


# ---- who may call


def test_an_address_that_nobody_gave_out_is_404(db: None) -> None:
    for path in ("/hooks/unknown/", "/hooks/unknown", "/hooks/%00/", "/hooks/é/"):
        assert Client().post(path, "{}", content_type="application/json").status_code == 404


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Hub-Signature-256", None),
        ("X-Hub-Signature-256", "sha256=" + "0" * 64),
        ("X-Hub-Signature-256", "sha1=" + "0" * 40),
        ("X-Hub-Signature-256", ""),
    ],
)
def test_a_missing_or_wrong_signature_is_401_and_logged(
    hub: CodeHost, header: str, value: str | None
) -> None:
    response = hub.call("push", load("github/push"), **{header: value, "X-Hub-Signature": "sha1=0"})
    assert response.status_code == 401
    assert response.json()["errors"][0]["field"] == "X-Hub-Signature-256"
    (delivery,) = hub.log
    assert (delivery.outcome, delivery.status) == (Outcome.REFUSED, 401)
    assert "not made with the secret" in delivery.reason
    assert not Activity.objects.exists()


def test_hex_digits_may_be_capitals(hub: CodeHost) -> None:
    body = json.dumps(load("github/push")).encode()
    capitals = signature(hub.secret, body).upper().replace("SHA", "sha")
    assert hub.call("push", body, **{"X-Hub-Signature-256": capitals}).status_code == 202


def test_a_signature_is_of_these_bytes(hub: CodeHost) -> None:
    body = json.dumps(load("github/push")).encode()
    other = signature(hub.secret, body + b" ")
    assert hub.call("push", body, **{"X-Hub-Signature-256": other}).status_code == 401


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_gitlab_must_know_the_token(lab: CodeHost, token: str | None) -> None:
    document = load("gitlab/push")
    assert lab.call("Push Hook", document, **{"X-Gitlab-Token": token}).status_code == 401
    assert lab.call("Push Hook", document).status_code == 202


def test_after_a_new_secret_the_old_one_is_worth_nothing(hub: CodeHost) -> None:
    old, hub.secret = hub.secret, actions.rotate_secret(hub.webhook)
    assert hub.call("push", load("github/push")).status_code == 202
    hub.secret = old
    assert hub.call("push", load("github/push")).status_code == 401


def test_a_revoked_webhook_is_404_and_what_it_brought_stays(hub: CodeHost) -> None:
    assert hub.call("push", load("github/push")).status_code == 202
    actions.revoke_webhook(hub.webhook)
    assert hub.call("push", load("github/push")).status_code == 404
    assert Activity.objects.count() == len(hub.log) == 1


@pytest.mark.parametrize(
    ("change", "status"), [({"is_active": False}, 401), ({"role": "viewer"}, 403)]
)
def test_a_webhook_may_no_more_than_who_made_it(
    hub: CodeHost, change: dict[str, Any], status: int
) -> None:
    User.objects.filter(pk=hub.webhook.user.pk).update(**change)
    assert hub.call("push", load("github/push")).status_code == status
    assert hub.log[0].reason.startswith("webhook: who made it may ")
    assert not Activity.objects.exists()


def test_calls_are_not_counted(hub: CodeHost, settings: Any) -> None:
    settings.RATE_LIMIT = 1
    for _ in range(3):
        response = hub.call("push", load("github/push"))
        assert response.status_code == 202
        assert "X-RateLimit-Limit" not in response


# ---- sealed secrets


def test_a_secret_is_sealed_at_rest_and_outlives_a_change_of_the_key(
    hub: CodeHost, settings: Any
) -> None:
    assert hub.secret not in Webhook.objects.get().sealed_secret
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert hub.call("push", load("github/push")).status_code == 202
    settings.SECRET_KEY_FALLBACKS = []
    response = hub.call("push", load("github/push"))
    assert response.status_code == 503
    assert "set a new secret" in hub.log[0].reason
    hub.secret = actions.rotate_secret(hub.webhook)
    assert hub.call("push", load("github/push")).status_code == 202


def test_a_seal_is_different_each_time_and_notices_a_change() -> None:
    first, second = vault.seal("s3cret"), vault.seal("s3cret")
    assert first != second
    assert vault.unseal(first) == vault.unseal(second) == "s3cret"
    for broken in (first[:-4] + "AAA=", first[1:], "", "é"):
        with pytest.raises(vault.SealBroken):
            vault.unseal(broken)


# ---- bodies


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "must be JSON"),
        (b"[]", "body: must be an object"),
        (b"{}", "ref: is required"),
        (b'{"ref": "\\u0000"}', "NUL"),
        (b'{"ref": "\\ud800"}', "surrogate"),
        (b"\xff", "must be UTF-8"),
        (b"[" * 100_000, "must not nest deeper"),
        (b'{"ref": ' + b"9" * 5000 + b"}", "4300 digits"),
    ],
)
def test_a_body_that_cannot_be_read_is_400_with_the_reason(
    hub: CodeHost, body: bytes, words: str
) -> None:
    response = hub.call("push", body)
    assert response.status_code == 400
    assert words in hub.log[0].reason
    assert hub.log[0].outcome == Outcome.REFUSED


def test_all_faults_are_named_at_once(hub: CodeHost) -> None:
    document = put(put(load("github/push"), "ref", 5), "repository.full_name", None)
    response = hub.call("push", document)
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {"field": "repository.full_name", "message": "is required"},
        {"field": "ref", "message": "must be a string"},
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"other=1", "payload: is required"),
        (b"payload=", "payload: is required"),
        (b"payload=%FF", "must be a form"),
        (b"&".join([b"a=1"] * 20), "must be a form"),
        (b"x=\x00&payload=%7B%7D", "NUL"),
        (b"payload=%00", "must be JSON"),
        (b"payload=%7B%7D", "ref: is required"),
    ],
)
def test_a_form_that_cannot_be_read_is_400(hub: CodeHost, body: bytes, words: str) -> None:
    headers: Any = hub.headers("push", body)
    response = Client().post(
        hub.path, body, content_type="application/x-www-form-urlencoded", headers=headers
    )
    assert response.status_code == 400
    assert words in hub.log[0].reason


def test_a_body_over_the_limit_is_413_and_its_beginning_is_logged(
    hub: CodeHost, settings: Any
) -> None:
    body = b'{"ref": "' + b"x" * settings.HOOK_BODY_LIMIT + b'"}'
    assert hub.call("push", body).status_code == 413
    assert hub.log[0].reason == "body: must not be over 5242880 bytes"
    assert hub.log[0].body == body[:10_000].decode()
    fits = load("github/push") | {"padding": ""}
    padding = settings.HOOK_BODY_LIMIT - len(json.dumps(fits))
    assert hub.call("push", {**fits, "padding": "x" * padding}).status_code == 202


def test_what_is_logged_can_be_kept_by_any_database(hub: CodeHost) -> None:
    odd = {"X-GitHub-Delivery": "é" * 200}
    assert hub.call("push", b'{"ref": "\x00"}', **odd).status_code == 400
    assert "\N{SYMBOL FOR NULL}" in hub.log[0].body
    assert len(hub.log[0].delivery_id) <= 100


# ---- one event, one row


def test_a_redelivery_changes_nothing(hub: CodeHost) -> None:
    for expected in ("created", "stale"):
        response = hub.call("push", load("github/push"), **{"X-GitHub-Delivery": "same"})
        assert (response.status_code, response["X-Pulseboard-Outcome"]) == (202, expected)
    assert Activity.objects.count() == 1
    assert [delivery.outcome for delivery in hub.log] == [Outcome.STALE, Outcome.CREATED]
    assert [delivery.reason for delivery in hub.log] == [
        "we have had it, or later news of the same",
        "",
    ]
    assert {delivery.activity for delivery in hub.log} == {Activity.objects.get().uuid}


def test_a_run_is_live_until_it_has_ended(hub: CodeHost) -> None:
    hub.call("workflow_run", load("github/workflow-run-in-progress"))
    assert Activity.objects.get().state == "running"
    response = hub.call("workflow_run", load("github/workflow-run-completed"))
    assert response["X-Pulseboard-Outcome"] == "updated"
    assert Activity.objects.get().state == "failed"


def test_an_end_that_overtakes_its_beginning_stays_the_end(hub: CodeHost, lab: CodeHost) -> None:
    hub.call("workflow_run", load("github/workflow-run-completed"))
    late = hub.call("workflow_run", load("github/workflow-run-in-progress"))
    assert late["X-Pulseboard-Outcome"] == "stale"
    assert Activity.objects.get().state == "failed"
    for name, state in (
        ("success", "succeeded"),
        ("running", "succeeded"),
        ("pending", "succeeded"),
    ):
        assert lab.call("Pipeline Hook", load(f"gitlab/pipeline-{name}")).status_code == 202
        assert Activity.objects.get(dialect="gitlab").state == state


def test_a_deployment_and_its_statuses_are_one_row_in_any_order(hub: CodeHost) -> None:
    hub.call("deployment_status", load("github/deployment-status-success"))
    hub.call("deployment", load("github/deployment"))
    activity = Activity.objects.get()
    assert (activity.kind, activity.state) == ("deployment", "succeeded")
    assert activity.target_key == "production"


@pytest.mark.parametrize("seed", range(3))
def test_the_news_of_a_pipeline_end_the_same_in_any_order(lab: CodeHost, seed: int) -> None:
    news = [load(f"gitlab/pipeline-{name}") for name in ("pending", "running", "success")] * 2
    random.Random(seed).shuffle(news)
    for document in news:
        lab.call("Pipeline Hook", document)
    assert Activity.objects.get().state == "succeeded"


# ---- components


def test_what_a_webhook_brings_shows_on_its_component(admin_user: User) -> None:
    checkout = actions.create_component("Checkout")
    host = CodeHost.of("github", admin_user, checkout)
    host.call("push", load("github/push"))
    host.call("workflow_run", load("github/workflow-run-completed"))
    sources = EventSource.objects.filter(components=checkout)
    assert {(source.external_id, source.kind) for source in sources} == {
        ("shop/checkout", "push"),
        ("shop/checkout", "build"),
    }


def test_a_pull_request_shows_where_its_repository_is_known(hub: CodeHost) -> None:
    web = actions.create_component("Web")
    actions.attach(web, actions.create_source("https://github.com/Shop/Checkout.git", kind="push"))
    hub.call("pull_request", load("github/pull-request-closed-by-merging"))
    assert Activity.objects.get().source.components.get() == web


def test_a_full_component_costs_no_event(admin_user: User, settings: Any) -> None:
    settings.SOURCES_PER_COMPONENT = 1
    checkout = actions.create_component("Checkout")
    host = CodeHost.of("github", admin_user, checkout)
    host.call("push", load("github/push"))
    response = host.call("workflow_run", load("github/workflow-run-completed"))
    assert (response.status_code, response["X-Pulseboard-Outcome"]) == (202, "created")
    assert host.log[0].reason == ("shown on no component: Checkout has 1 event sources, its limit")


def test_a_webhook_outlives_its_component(admin_user: User) -> None:
    checkout = actions.create_component("Checkout")
    host = CodeHost.of("github", admin_user, checkout)
    actions.delete_component(Component.objects.get(pk=checkout.pk))
    assert host.call("push", load("github/push")).status_code == 202
