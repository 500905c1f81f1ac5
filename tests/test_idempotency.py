"""Idempotency-Key: a request that is sent again is answered again, and done once."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.test import Client
from django.utils import timezone

from feeds import actions
from feeds.models import Activity, ApiToken, Component, KeptAnswer, SavedView
from tests.conftest import Caller
from tests.events import compass_event
from tests.house import House

PATH = "/api/v1/activities"
BODY = {"kind": "build", "title": "web #1", "source": {"external_id": "ci/web"}}


def send(caller: Caller, body: Any = BODY, path: str = PATH, key: str = "k1") -> Any:
    return caller.post(path, body, **{"Idempotency-Key": key})


def test_a_repeat_gets_the_same_answer_and_does_nothing(bot: Caller) -> None:
    first, second = send(bot), send(bot)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert second["Content-Type"] == first["Content-Type"] == "application/json"
    assert Activity.objects.count() == 1


def test_without_a_key_a_repeat_is_another_request(bot: Caller) -> None:
    assert bot.post(PATH, BODY).json()["uuid"] != bot.post(PATH, BODY).json()["uuid"]
    assert not KeptAnswer.objects.exists()


@pytest.mark.parametrize(
    ("body", "path"),
    [({**BODY, "title": "other"}, PATH), (BODY, "/api/v1/sources"), (json.dumps(BODY) + " ", PATH)],
)
def test_another_request_with_the_same_key_is_422(bot: Caller, body: Any, path: str) -> None:
    send(bot)
    bot.user.role = "admin"
    bot.user.save()
    ApiToken.objects.update(role="admin")
    refused = send(bot, body, path)
    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"
    assert Activity.objects.count() == 1


def test_keys_of_two_users_have_nothing_to_do_with_each_other(caller: Any, bot: Caller) -> None:
    other = caller("bot", "other")
    assert send(bot).json()["author"] == "bot"
    assert send(other).json()["author"] == "other"


def test_a_refusal_is_kept_too_and_leaves_nothing_else(bot: Caller, admin: Caller) -> None:
    first = send(bot, {**BODY, "state": "x"})
    second = send(bot, {**BODY, "state": "x"})
    assert (first.status_code, second.status_code) == (400, 400)
    assert first.content == second.content
    assert second["Content-Type"] == "application/problem+json"
    missing = {"kind": "custom", "title": "x", "component": "web"}
    assert send(bot, missing, key="k2").status_code == 404
    actions.create_component("Web")
    assert send(bot, missing, key="k2").status_code == 404  # the same answer, as promised
    assert send(bot, missing, key="k3").status_code == 201


def test_what_is_answered_before_the_work_keeps_nothing(
    bot: Caller, viewer: Caller, settings: Any
) -> None:
    assert send(viewer).status_code == 403
    settings.RATE_LIMIT = 1
    assert send(bot, key="a").status_code == 201
    assert send(bot, key="b").status_code == 429
    assert Client().post(PATH, "{}", content_type="application/json").status_code == 401
    assert list(KeptAnswer.objects.values_list("key", flat=True)) == ["a"]


def test_a_fault_of_ours_keeps_nothing(bot: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    bot.client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr("feeds.api.native.activities.activity_json", _broken)
        assert send(bot).status_code == 500
    assert not Activity.objects.exists()
    assert not KeptAnswer.objects.exists()
    assert send(bot).status_code == 201


def _broken(*args: Any) -> Any:
    raise RuntimeError("the machine fails between the work and the answer")


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9", "a\tb"])
def test_a_key_is_1_to_255_printable_characters(bot: Caller, key: str) -> None:
    refused = send(bot, key=key)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
    assert not Activity.objects.exists()


def test_the_longest_key_is_taken(bot: Caller) -> None:
    assert send(bot, key="~" * 255).status_code == send(bot, key="~" * 255).status_code == 201
    assert Activity.objects.count() == 1


def test_a_key_is_forgotten_after_a_day(bot: Caller) -> None:
    first = send(bot).json()["uuid"]
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert send(bot).json()["uuid"] == first
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert send(bot).json()["uuid"] != first


def test_old_answers_are_pruned(bot: Caller) -> None:
    send(bot, key="old")
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    send(bot, key="new")
    actions.prune()
    assert [kept.key for kept in KeptAnswer.objects.all()] == ["new"]


def test_the_secret_of_a_token_is_not_kept(bot: Caller) -> None:
    body = {"name": "ci", "role": "bot"}
    first = send(bot, body, "/api/v1/tokens")
    assert first.status_code == 201
    second = send(bot, body, "/api/v1/tokens")
    assert second.status_code == 409
    assert "shown once" in second.json()["detail"]
    assert first.json()["secret"] not in KeptAnswer.objects.get().body
    assert ApiToken.objects.filter(name="ci").count() == 1
    # A refusal has no secret, and is answered again.
    for _ in range(2):
        assert send(bot, {"name": "ci"}, "/api/v1/tokens", key="k2").status_code == 400


def test_bulk_takes_a_key_and_answers_every_line_again(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    body = [compass_event(id="1"), {"x": 1}]
    first, second = (send(bot, body, "/api/v1/events") for _ in range(2))
    assert (first.status_code, second.status_code) == (207, 207)
    assert first.content == second.content
    bad = [{"x": 1}]
    first, second = (send(bot, bad, "/api/v1/events", key="k2") for _ in range(2))
    assert (first.status_code, second.status_code) == (422, 422)
    assert first["Content-Type"] == second["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("components", {"name": "Web"}, Component),
        ("views", {"name": "All"}, SavedView),
        ("sources", {"external_id": "x", "kind": "build"}, None),
    ],
)
def test_every_post_takes_a_key(admin: Caller, path: str, body: Any, model: Any) -> None:
    first, second = (send(admin, body, f"/api/v1/{path}") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert model is None or model.objects.count() == 1


# ---- at once


@pytest.mark.xdist_group("served")
@pytest.mark.parametrize("attempt", range(3))
def test_20_requests_at_once_with_one_key_make_one_activity(served: House, attempt: int) -> None:
    email = f"once-{attempt}@example.com"
    token = served.manage("create_token", email, "--role", "bot")
    source = f"once/{attempt}"
    body = {**BODY, "source": {"external_id": source}}
    gate = threading.Barrier(20, timeout=60)

    def one(_: int) -> requests.Response:
        gate.wait()
        return requests.post(
            served.url + PATH,
            json=body,
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "the one"},
            timeout=60,
        )

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(one, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers].count(None) == 1
    found = requests.get(
        served.url + PATH,
        params={"source": source},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert len(found.json()["results"]) == 1


@pytest.mark.xdist_group("served")
def test_changes_at_once_lose_nothing_and_progress_only_grows(served: House) -> None:
    token = served.manage("create_token", "racer@example.com", "--role", "bot")
    headers = {"Authorization": f"Bearer {token}"}
    body = {**BODY, "state": "running", "progress": 0, "sequence": 1}
    made = requests.post(served.url + PATH, json=body, headers=headers, timeout=60).json()
    address = f"{served.url}{PATH}/{made['uuid']}"
    gate = threading.Barrier(16, timeout=60)

    def one(number: int) -> int:
        gate.wait()
        changed = {"progress": number} if number else {"content": "the log"}
        return requests.patch(address, json=changed, headers=headers, timeout=60).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(one, range(16)))
    found = requests.get(address, headers=headers, timeout=60).json()
    assert set(statuses) <= {200, 409}
    assert found["sequence"] == 1 + statuses.count(200)
    assert (found["progress"], found["content"]) == (15, "the log")
