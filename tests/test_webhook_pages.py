"""The pages of webhooks: their secret is shown once, and their deliveries until the end."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from feeds import actions
from feeds.models import Activity, Webhook
from tests.codehosts import CodeHost
from tests.dialects.documents import load
from tests.pages import Html, signed_in

PATH = "/settings/webhooks/"


@pytest.fixture
def ana(db: None) -> Client:
    """The browser of an admin."""
    return signed_in("admin", "ana")


@pytest.fixture
def hub(ana: Client) -> CodeHost:
    """GitHub, with a webhook that the admin made on the page."""
    made = ana.post(PATH, {"name": "Shop", "dialect": "github", "component": ""})
    return CodeHost(Webhook.objects.get(), Html(made).one("#secret").text)


def test_an_empty_page_says_what_to_do(ana: Client) -> None:
    page = Html(ana.get(PATH))
    assert "No webhooks yet" in page.one(".empty").text
    assert [option["value"] for option in page.all("#id_dialect option")] == ["github", "gitlab"]
    assert PATH in [link["href"] for link in Html(ana.get("/settings/")).all(".site-nav a")]


@pytest.mark.parametrize(
    ("dialect", "event", "words"),
    [
        ("github", "push", "Content type: application/json"),
        ("gitlab", "Push Hook", "Secret token: the secret that is shown once"),
    ],
)
def test_a_good_answer_shows_address_secret_and_steps_once(
    ana: Client, dialect: str, event: str, words: str
) -> None:
    actions.create_component("Checkout")
    response = ana.post(PATH, {"name": "Shop", "dialect": dialect, "component": "checkout"})
    page, webhook = Html(response), Webhook.objects.get()
    assert response.status_code == 201
    assert "no-store" in response["Cache-Control"]
    secret = page.one("#secret").text
    assert len(secret) == 43
    assert page.one("#address").text == f"http://127.0.0.1:8000/hooks/{webhook.token}/"
    assert words in page.one("ol.steps").text
    assert webhook.component is not None
    host = CodeHost(webhook, secret)
    assert host.call(event, load(f"{dialect}/push")).status_code == 202
    for path in (PATH, webhook.get_absolute_url()):
        assert secret not in ana.get(path).content.decode()
    assert Html(ana.get(PATH)).all("tbody a")[0].text == "Shop"


def test_a_wrong_answer_is_422_and_makes_nothing(ana: Client) -> None:
    response = ana.post(PATH, {"name": "", "dialect": "cvs", "component": "unknown"})
    assert response.status_code == 422
    assert len(Html(response).all(".summary li")) == 3
    assert not Webhook.objects.exists()


def test_the_page_shows_what_became_of_each_call(ana: Client, hub: CodeHost) -> None:
    path = hub.webhook.get_absolute_url()
    assert "Nothing has come in yet" in Html(ana.get(path)).one("main").text
    hub.call("ping", {"zen": "Half measures are as bad as nothing at all."})
    hub.call("push", load("github/push"))
    hub.call("push", load("github/push"))
    hub.call("push", b"{}")
    hub.call("star", {"action": "<b>created</b>"}, **{"X-Hub-Signature-256": "sha256=0"})
    page = Html(ana.get(path))
    calls = [line.text for line in page.all("ul.log li")]
    assert [call.split()[0] for call in calls] == [
        "Refused", "Refused", "Stale", "Created", "Ignored",
    ]  # fmt: skip
    assert "401 star X-Hub-Signature-256: is missing" in calls[0]
    assert "<b>created</b>" in calls[0]
    assert not page.all("ul.log li pre b"), "what came is text and no HTML"
    assert "400 push repository: is required; ref: is required" in calls[1]
    assert "200 ping ignored: ping" in calls[4]
    activity = Activity.objects.get()
    links = [link["href"] for link in page.all("ul.log a")]
    assert links == [activity.get_absolute_url()] * 2


def test_a_new_secret_is_shown_once_and_ends_the_old_one(ana: Client, hub: CodeHost) -> None:
    response = ana.post(f"{hub.webhook.get_absolute_url()}secret/")
    old, hub.secret = hub.secret, Html(response).one("#secret").text
    assert "no-store" in response["Cache-Control"]
    assert hub.secret != old
    assert hub.call("push", load("github/push")).status_code == 202
    hub.secret = old
    assert hub.call("push", load("github/push")).status_code == 401


def test_a_revoked_webhook_stays_with_its_log(ana: Client, hub: CodeHost) -> None:
    hub.call("push", load("github/push"))
    path = hub.webhook.get_absolute_url()
    assert ana.post(f"{path}revoke/")["Location"] == path
    page = Html(ana.get(path))
    assert "whoever calls it gets 404" in page.one("main").text
    assert len(page.all("ul.log li")) == 1
    assert not page.all("button.danger"), "it cannot be revoked twice"
    assert hub.call("push", load("github/push")).status_code == 404


def test_a_deleted_webhook_is_asked_about_and_its_events_stay(ana: Client, hub: CodeHost) -> None:
    hub.call("push", load("github/push"))
    path = f"{hub.webhook.get_absolute_url()}delete/"
    assert "cannot be undone" in Html(ana.get(path)).one("main").text
    assert Webhook.objects.exists()
    assert ana.post(path)["Location"] == PATH
    assert not Webhook.objects.exists()
    assert Activity.objects.count() == 1


def test_only_admins_open_these_pages(hub: CodeHost) -> None:
    path, ben = hub.webhook.get_absolute_url(), signed_in("composer", "ben")
    for address in (PATH, path, f"{path}delete/"):
        assert ben.get(address).status_code == 403
        assert Client().get(address).status_code == 302
    for address in (PATH, f"{path}secret/", f"{path}revoke/", f"{path}delete/"):
        assert ben.post(address, {"name": "x", "dialect": "github"}).status_code == 403
    assert [*Webhook.objects.values_list("revoked_at")] == [(None,)]
    assert PATH not in ben.get("/settings/").content.decode()


@pytest.mark.parametrize("action", ["secret", "revoke"])
def test_a_link_changes_nothing(ana: Client, hub: CodeHost, action: str) -> None:
    assert ana.get(f"{hub.webhook.get_absolute_url()}{action}/").status_code == 405


def test_rows_of_code_hosts_say_what_happened(ana: Client, hub: CodeHost) -> None:
    told: list[tuple[str, str]] = [
        ("push", "github/push"),
        ("workflow_run", "github/workflow-run-in-progress"),
        ("deployment_status", "github/deployment-status-success"),
        ("release", "github/release-published"),
    ]
    for event, name in told:
        assert hub.call(event, load(name)).status_code == 202
    lines: Any = [line.text for line in Html(ana.get("/")).all("article.row h2")]
    assert lines == [
        "mlopez published the release Refunds → shop/checkout",
        "mlopez deployed checkout main → production",
        "mlopez is building CI #163: Test the rounding of refunds → shop/checkout",
        "mlopez pushed Test the rounding of refunds (and 1 more) → shop/checkout",
    ]
