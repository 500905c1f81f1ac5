"""Webhooks by our own API, and many calls at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from django.test import Client

from feeds import actions
from feeds.models import User, Webhook
from tests.codehosts import CodeHost, signature
from tests.conftest import Caller
from tests.dialects.documents import load, put
from tests.house import House
from tests.pages import person


@pytest.fixture
def admin_user(db: None) -> User:
    return person("admin", "ana")


@pytest.fixture
def hub(admin_user: User) -> CodeHost:
    """GitHub, and a webhook that it knows."""
    return CodeHost.of("github", admin_user)


# ---- our own API


def test_an_admin_manages_webhooks_by_the_api(admin: Caller) -> None:
    actions.create_component("Checkout")
    asked = {"name": "Shop", "dialect": "github", "component": "checkout"}
    made = admin.post("/api/v1/webhooks", asked)
    assert made.status_code == 201
    webhook = made.json()
    host = CodeHost(Webhook.objects.get(), webhook.pop("secret"))
    assert webhook["address"].endswith(host.path)
    assert host.call("push", load("github/push")).status_code == 202
    path = f"/api/v1/webhooks/{webhook['uuid']}"
    assert admin.get(path).json() == webhook
    assert admin.get("/api/v1/webhooks").json()["results"] == [webhook]
    (delivery,) = admin.get(f"{path}/deliveries").json()["results"]
    assert (delivery["event"], delivery["outcome"]) == ("push", "created")
    host.secret = admin.post(f"{path}/secret", "").json()["secret"]
    assert host.call("push", load("github/push")).status_code == 202
    assert admin.post(f"{path}/revocation", "").json()["revoked_at"]
    assert host.call("push", load("github/push")).status_code == 404
    assert host.client.delete(path, headers={"authorization": admin.basic}).status_code == 204
    assert not Webhook.objects.exists()


def test_a_webhook_that_cannot_be_made_says_why(admin: Caller) -> None:
    response = admin.post("/api/v1/webhooks", {"name": "", "dialect": "cvs", "secret": "x"})
    assert response.status_code == 400
    assert {fault["field"] for fault in response.json()["errors"]} == {"name", "dialect", "secret"}
    asked = {"name": "Shop", "dialect": "gitlab", "component": "unknown"}
    assert admin.post("/api/v1/webhooks", asked).status_code == 404
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "bot"])
def test_only_admins_see_webhooks(hub: CodeHost, caller: Any, role: str) -> None:
    other = caller(role)
    path = f"/api/v1/webhooks/{hub.webhook.uuid}"
    for address in ("/api/v1/webhooks", path, f"{path}/deliveries"):
        assert other.get(address).status_code == 403
        assert Client().get(address).status_code == 401
    for address in ("/api/v1/webhooks", f"{path}/secret", f"{path}/revocation"):
        assert other.post(address, {}).status_code == 403


# ---- races, run for real


@pytest.mark.xdist_group("served")
def test_the_same_delivery_ten_times_at_once_is_one_row(served: House) -> None:
    token = served.manage("create_token", "hook-admin@example.com", "--role", "admin")
    headers = {"Authorization": f"Bearer {token}"}
    asked = {"name": "Race", "dialect": "github"}
    made = requests.post(
        f"{served.url}/api/v1/webhooks", json=asked, headers=headers, timeout=20
    ).json()
    document = put(load("github/push"), "repository.full_name", f"race/{token[-8:]}")
    body = urlencode({"payload": json.dumps(document)}).encode()
    path = made["address"].partition("/hooks/")[2]
    signed = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "same",
        "X-Hub-Signature-256": signature(made["secret"], body),
        "Content-Type": "application/x-www-form-urlencoded",
    }

    def deliver(_: int) -> tuple[int, str, str]:
        answer = requests.post(f"{served.url}/hooks/{path}", body, headers=signed, timeout=20)
        found = answer.headers
        return answer.status_code, found["X-Pulseboard-Outcome"], found["X-Pulseboard-Activity"]

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(deliver, range(10)))
    assert {status for status, _, _ in answers} == {202}
    assert sorted(outcome for _, outcome, _ in answers) == ["created"] + ["stale"] * 9
    assert len({activity for _, _, activity in answers}) == 1
