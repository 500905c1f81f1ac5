"""A heartbeat that is mirrored to Compass, or to another Pulseboard."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from django.test import Client

from feeds import actions as feed
from feeds import http, outbox
from feeds.dialects.outward import heartbeats as wire
from feeds.models import Connection, Delivery, Role
from heartbeats import actions
from heartbeats.models import Heartbeat
from tests.heartbeats.beats import FAIL, LOG, START, at, make, ping, watch
from tests.house import House, house
from tests.outbox.office import connect, send_once
from tests.upstream import Rule, upstream

pytestmark = pytest.mark.django_db(transaction=True)
PONG = {"message": "PONG - Heartbeat received"}
PINGED = Rule(status=202, body=PONG, path="/heartbeats/ping", takes=False)
MADE = Rule(status=201, body={}, takes=False)
_PERSON = """
import json
from feeds import actions
from feeds.models import Role
user = actions.create_user("mirror", role=Role.BOT, email="mirror@example.com")
print(json.dumps([user.email, actions.create_token(user, role=Role.BOT), actions.cloud_id()]))
"""


@pytest.fixture(autouse=True)
def _private_upstreams(settings: Any) -> Iterator[None]:
    settings.PRIVATE_UPSTREAMS = True
    settings.UPSTREAM_TIMEOUT = 2
    yield
    http.close()


def titles(*states: str) -> list[str]:
    """Return what letters there are, in order, without the name."""
    rows = Delivery.objects.filter(**({"state__in": states} if states else {})).order_by("id")
    return [title.rpartition(": ")[2] for title in rows.values_list("title", flat=True)]


def later(seconds: float = 1) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def mirrored(url: str = "http://127.0.0.1:9", **fields: Any) -> Heartbeat:
    return make(mirror=connect(url), now=datetime.now(UTC), **fields)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[House]:
    """Run another Pulseboard."""
    with house(os.environ.get("DATABASE_URL", ""), PRIVATE_UPSTREAMS="1") as found:
        found.migrate()
        with found.served():
            yield found


def test_another_pulseboard_shows_what_is_made_pinged_changed_and_deleted_here(
    elsewhere: House,
) -> None:
    email, secret, cloud_id = json.loads(elsewhere.manage("shell", "-v0", "-c", _PERSON))
    place = f"{elsewhere.url}/v1/teams/4b26961a/heartbeats"

    def there() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(place, auth=(email, secret), timeout=9).json()[
            "values"
        ]
        return found

    connection = feed.create_connection(
        "there", dialect="pulseboard", base_url=elsewhere.url, account=email, secret=secret,
        cloud_id=cloud_id, per_minute=0,
    )  # fmt: skip
    name = "nightly Ä & co/1"
    beat = make(name, mirror=connection, mirror_team="4b26961a", alert_priority="P1")
    outbox.drain(linger=3)
    (seen,) = there()
    assert (seen["name"], seen["status"], seen["alertPriority"]) == (name, "Pending", "P1")
    assert actions.ping(beat.ping_key, actions.Signal(), now=datetime.now(UTC))
    outbox.drain(linger=3)
    assert [each["status"] for each in there()] == ["Responsive"]
    actions.change_heartbeat(beat, {"description": "At night"}, now=datetime.now(UTC))
    outbox.drain(linger=3)
    assert [each["description"] for each in there()] == ["At night"]
    actions.delete_heartbeat(beat, now=datetime.now(UTC))
    outbox.drain(linger=3)
    assert there() == []
    assert titles() == titles("confirmed") == ["make", "set", "ping", "change", "delete"]


def test_a_pong_proves_nothing() -> None:
    with upstream("", [PINGED, Rule(status=200, body={"values": [], "links": {}}, method="GET"),
                       MADE]) as up:  # fmt: skip
        beat = mirrored(up.url)
        ping(beat, 1)
        outbox.drain(linger=3)
        asked = [request.path for request in up.requests if request.method == "GET"]
    letter = Delivery.objects.get(title__endswith="ping")
    assert (letter.state, letter.status) == ("accepted", 202)
    assert letter.reason == "accepted, but reading it back did not show it"
    assert asked[-1].endswith("/teams/ops/heartbeats?name=backup")


@pytest.mark.parametrize(("status", "state"), [("Responsive", "confirmed"), ("Off", "accepted")])
def test_a_ping_is_confirmed_when_the_heartbeat_is_responsive_there(
    status: str, state: str
) -> None:
    page = {"values": [{"name": "backup", "status": status}], "links": {}}
    with upstream("", [PINGED, Rule(status=200, body=page, method="GET"), MADE]) as up:
        ping(mirrored(up.url), 1)
        outbox.drain(linger=3)
    assert Delivery.objects.get(title__endswith="ping").state == state


def test_one_ping_that_waits_is_enough_and_only_success_is_a_ping() -> None:
    beat = mirrored()
    for minute in (1, 2, 3):
        ping(beat, minute)
    ping(beat, 4, START)
    ping(beat, 4, LOG)
    assert titles() == ["make", "set", "ping"]


def test_two_that_mirror_each_other_do_not_ping_for_ever() -> None:
    beat = mirrored()
    ping(beat, 1, actions.Signal(user_agent=http.AGENT))
    assert titles() == ["make", "set"]


def test_no_late_ping_says_that_a_dead_program_lives() -> None:
    beat = mirrored()
    ping(beat, 0)
    assert watch(6) == 1
    assert titles("queued") == ["make", "set"]
    assert titles("cancelled") == ["ping"]
    ping(beat, 7)
    assert titles("queued") == ["make", "set", "ping"]
    ping(beat, 8, FAIL)
    assert titles("queued") == ["make", "set"]


def test_where_it_is_mirrored_no_more_it_is_deleted() -> None:
    beat, other = mirrored(), connect("http://127.0.0.1:10")
    actions.change_heartbeat(beat, {"mirror": other}, now=at(1))
    actions.change_heartbeat(beat, {"mirror": None}, now=at(2))
    first, *_ = Connection.objects.order_by("id")
    letters = [
        (letter.connection, letter.title.rpartition(": ")[2])
        for letter in Delivery.objects.order_by("id")
    ]
    assert letters == [
        (first, "make"), (first, "set"), (first, "delete"), (other, "make"), (other, "set"),
        (other, "delete"),
    ]  # fmt: skip


def test_what_the_vendor_does_not_know_is_not_sent() -> None:
    beat = mirrored()
    for fields in ({"tags": ["prod"]}, {"repeat_minutes": 5}, {"description": ""}):
        actions.change_heartbeat(beat, fields, now=at(1))
    actions.snooze(beat, until=at(60), now=at(1))
    assert titles() == ["make", "set"]
    actions.pause(beat, now=at(2))
    assert Delivery.objects.order_by("id").last().body["enabled"] is False  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fields", "interval", "unit"),
    [
        ({}, 5, "minutes"),
        ({"interval": 2, "interval_unit": "Days"}, 2, "days"),
        ({"grace": timedelta(minutes=3)}, 8, "minutes"),
        ({"cron": "30 2 * * *"}, 24 * 60, "minutes"),
        ({"cron": "0 9 * * 1-5", "grace": timedelta(minutes=1)}, 3 * 24 * 60 + 1, "minutes"),
    ],
)
def test_it_is_never_due_there_before_it_is_due_here(
    fields: dict[str, Any], interval: int, unit: str
) -> None:
    mirrored(**fields)
    body = Delivery.objects.order_by("id")[0].body
    assert body is not None
    assert (body["interval"], body["intervalUnit"]) == (interval, unit)


def test_letters_go_to_the_host_that_the_vendor_documents() -> None:
    make(mirror=connect("https://shop.atlassian.net"), mirror_team="a b/c")
    letter = Delivery.objects.order_by("id")[0]
    cloud = letter.connection.cloud_id
    place = f"https://api.atlassian.com/compass/cloud/{cloud}/ops/v1/teams/a%20b%2Fc/heartbeats"
    assert letter.path == place
    assert wire.place("https://proxy.example.com", "", "t").startswith("/compass/cloud/-/ops/")


def test_a_name_that_is_there_already_is_set_as_it_is_here() -> None:
    double = {"errors": [{"title": "There is one.", "code": "HEARTBEAT_ALREADY_EXISTS"}]}
    with upstream("", [Rule(status=422, body=double, method="POST"), MADE]) as up:
        mirrored(up.url)
        assert send_once(later()) == 1
        assert send_once(later()) == 1
        assert [request.method for request in up.requests] == ["POST", "PATCH"]
    assert titles("accepted") == ["make", "set"]
    assert "already" in Delivery.objects.order_by("id")[0].reason


def test_a_team_that_is_forbidden_stops_no_other_letters() -> None:
    with upstream("", [Rule(status=403, body={"errors": []})]) as up:
        mirrored(up.url)
        send_once(later())
    assert titles("dead") == ["make"]
    assert Connection.objects.get().paused_at is None


def test_the_form_asks_where_to_and_does_not_ask_where_there_is_nowhere(client: Client) -> None:
    user = feed.create_user("ada", role=Role.COMPOSER)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert b"Mirror to" not in client.get("/heartbeats/new/").content
    connection = connect("http://127.0.0.1:9")
    connect("http://127.0.0.1:9", "teamhub")
    page = client.get("/heartbeats/new/").content.decode()
    assert str(connection.uuid) in page
    assert "teamhub" not in page
    given = {
        "team": "ops", "name": "backup", "interval": "5", "interval_unit": "minutes", "grace": "0",
        "grace_unit": "minutes", "alert_priority": "P3", "repeat_minutes": "0", "enabled": "on",
        "mirror": str(connection.uuid), "mirror_team": "4b26961a",
    }  # fmt: skip
    answer = client.post("/heartbeats/new/", given)
    assert answer.status_code == 302, answer.content.decode()
    assert titles() == ["make", "set"]
    beat = Heartbeat.objects.get()
    assert client.post(f"{beat.get_absolute_url()}edit/", given).status_code == 302
    assert titles() == ["make", "set"]
    given["mirror"] = ""
    client.post(f"{beat.get_absolute_url()}edit/", given)
    assert titles() == ["make", "set", "delete"]
