"""Connections and letters over our own API: what the pages can, and no secret ever comes out."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from feeds import outbox, vault
from feeds.models import Activity, Connection, Delivery
from tests.conftest import Caller
from tests.letters import SECRET, compose, connect, dead, letter, refused
from tests.upstream import upstream
from tests.upstream_wires import CLOUD_ID

CONNECTIONS = "/api/v1/connections"
DELIVERIES = "/api/v1/deliveries"
COMPASS = {
    "name": "Prod", "dialect": "compass", "base_url": "https://team.atlassian.net/",
    "account": "ana@example.com", "secret": SECRET,
}  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _own_network(settings: Any) -> None:
    settings.PRIVATE_UPSTREAMS = True


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def faults(response: Any) -> dict[str, str]:
    assert response.status_code == 400, response.json()
    return {fault["field"]: fault["message"] for fault in response.json()["errors"]}


# ---- connections


def test_a_connection_is_made_read_changed_and_deleted(admin: Caller) -> None:
    made = admin.post(CONNECTIONS, COMPASS)
    assert made.status_code == 201
    body = made.json()
    path = f"{CONNECTIONS}/{body['uuid']}"
    assert body["base_url"] == "https://team.atlassian.net"
    assert (body["per_minute"], body["pulls"], body["cloud_id"]) == (100, False, "")
    assert admin.get(path).json() == body
    assert admin.get(CONNECTIONS).json()["results"] == [body]
    changed = admin.patch(path, {"name": "Renamed", "per_minute": 50}).json()
    assert changed == {**body, "name": "Renamed", "per_minute": 50}
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404


def test_the_secret_goes_in_and_never_comes_out(admin: Caller) -> None:
    made = admin.post(CONNECTIONS, COMPASS)
    path = f"{CONNECTIONS}/{made.json()['uuid']}"
    changed = admin.patch(path, {"secret": "another"})
    assert changed.status_code == 200
    for answer in (made, changed, admin.get(path), admin.get(CONNECTIONS)):
        assert SECRET not in answer.content.decode()
        assert "secret" not in answer.content.decode()
    connection = Connection.objects.get()
    assert vault.unseal(connection.sealed_secret) == "another"
    admin.patch(path, {"account": "ben@example.com"})
    connection.refresh_from_db()
    assert vault.unseal(connection.sealed_secret) == "another", "what is left out stays"


@pytest.mark.parametrize(
    ("wrong", "field", "rule"),
    [
        ({"dialect": "cvs"}, "dialect", "not a valid choice"),
        ({"base_url": "http://team.atlassian.net"}, "base_url", "Must begin with https://"),
        ({"base_url": "https://127.0.0.1"}, "base_url", "not a public address"),
        ({"account": "ana"}, "account", "valid email"),
        ({"per_minute": True}, "per_minute", "must be a whole number"),
        ({"per_minute": -1}, "per_minute", "greater than or equal to 0"),
        ({"company_key": "x"}, "company_key", "has no such field"),
        ({"pulls": True}, "pulls", "has no such field"),
        ({"sealed_secret": "x"}, "sealed_secret", "is not one of"),
        ({"secret": ""}, "secret", "blank"),
    ],
)
def test_a_fault_names_its_field(
    admin: Caller, wrong: dict[str, Any], field: str, rule: str
) -> None:
    assert rule in faults(admin.post(CONNECTIONS, {**COMPASS, **wrong}))[field]
    assert not Connection.objects.exists()


def test_a_name_is_taken_once(admin: Caller) -> None:
    assert admin.post(CONNECTIONS, COMPASS).status_code == 201
    assert "exists already" in faults(admin.post(CONNECTIONS, COMPASS))["name"]


def test_a_secret_that_is_kept_does_not_follow_to_another_host(admin: Caller) -> None:
    path = f"{CONNECTIONS}/{admin.post(CONNECTIONS, COMPASS).json()['uuid']}"
    refused = admin.patch(path, {"base_url": "https://evil.example.com"})
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["field"] == "secret"


@pytest.mark.usefixtures("_own_network")
def test_a_connection_is_tested(admin: Caller) -> None:
    with upstream("compass") as up:
        made = connect(up.url, cloud_id="")
        path = f"{CONNECTIONS}/{made.uuid}/test"
        assert admin.post(path, None).json() == {"ok": True, "fault": "", "cloud_id": CLOUD_ID}
        up.script(*refused(401))
    found = admin.post(path, None).json()
    assert found["ok"] is False
    assert "connection refused" in found["fault"]


def test_a_connection_is_paused_and_resumed(admin: Caller) -> None:
    path = f"{CONNECTIONS}/{connect().uuid}"
    for _ in range(2):
        paused = admin.post(f"{path}/pause", None).json()
        assert paused["pause_reason"] == "paused by admin"
    assert paused["paused_at"] is not None
    for _ in range(2):
        assert admin.post(f"{path}/resume", None).json()["paused_at"] is None


def test_only_admins_see_connections(viewer: Caller, bot: Caller) -> None:
    path = f"{CONNECTIONS}/{connect().uuid}"
    for caller in (viewer, bot):
        assert caller.get(CONNECTIONS).status_code == 403
        assert caller.get(path).status_code == 403
        assert caller.post(CONNECTIONS, COMPASS).status_code == 403
        assert caller.patch(path, {"name": "x"}).status_code == 403
        assert caller.delete(path).status_code == 403
        for action in ("test", "pause", "resume"):
            assert caller.post(f"{path}/{action}", None).status_code == 403
    assert Client().get(path).status_code == 401


# ---- letters


@pytest.mark.usefixtures("_own_network")
def test_letters_are_listed_filtered_and_read(bot: Caller, viewer: Caller) -> None:
    with upstream("compass") as up:
        good, gone = connect(up.url, "Good"), connect(name="Gone")
        compose(bot.user, good)
        compose(bot.user, gone)
        outbox.drain(linger=0)
    listed = viewer.get(DELIVERIES).json()["results"]
    assert [each["state"] for each in listed] == ["retrying", "accepted"]
    (accepted,) = viewer.get(DELIVERIES, state="accepted").json()["results"]
    assert viewer.get(DELIVERIES, connection=str(good.uuid)).json()["results"] == [accepted]
    assert accepted["connection"] == {"uuid": str(good.uuid), "name": "Good"}
    assert accepted["author"] == "bot"
    found = Delivery.objects.get(uuid=accepted["uuid"])
    assert found.activity is not None
    assert accepted["activity"] == str(found.activity.uuid)
    whole = viewer.get(f"{DELIVERIES}/{accepted['uuid']}").json()
    assert without(without(whole, "request"), "attempts") == accepted
    assert whole["request"]["headers"]["Authorization"] == "••••"
    assert whole["request"]["body"] == up.requests[0].json()
    assert [each["status"] for each in whole["attempts"]] == [202]
    assert SECRET not in viewer.get(f"{DELIVERIES}/{accepted['uuid']}").content.decode()
    Activity.objects.filter(pk=found.activity.pk).delete()
    assert viewer.get(f"{DELIVERIES}/{accepted['uuid']}").json()["activity"] is None


@pytest.mark.parametrize("query", ["state=lost", "connection=x", f"connection={'0' * 32}", "who=x"])
def test_a_filter_that_cannot_be_is_named(viewer: Caller, query: str) -> None:
    name, _, value = query.partition("=")
    assert [*faults(viewer.get(DELIVERIES, **{name: value}))] == [name]


@pytest.mark.usefixtures("_own_network")
def test_a_letter_is_cancelled_and_retried_by_its_author_and_by_admins(
    bot: Caller, admin: Caller, viewer: Caller, caller: Any
) -> None:
    with upstream("compass", script=refused()) as up:
        found = dead(compose(bot.user, connect(up.url)))
        path = f"{DELIVERIES}/{found.uuid}"
        assert caller("composer", "eve").post(f"{path}/retry", None).status_code == 403
        assert viewer.post(f"{path}/retry", None).status_code == 403
        assert bot.post(f"{path}/retry", None).json()["state"] == "queued"
        again = bot.post(f"{path}/retry", None)
        assert again.status_code == 409
        assert "this one is queued" in again.json()["detail"]
        assert admin.post(f"{path}/cancel", None).json()["state"] == "cancelled"
        assert admin.post(f"{path}/cancel", None).status_code == 409
        assert admin.post(f"{path}/retry", None).json()["state"] == "queued"


def test_strangers_see_no_letters(settings: Any, bot: Caller) -> None:
    settings.ANONYMOUS_READ = True
    path = f"{DELIVERIES}/{letter(compose(bot.user, connect())).uuid}"
    for address in (DELIVERIES, path):
        assert Client().get(address).status_code == 401
