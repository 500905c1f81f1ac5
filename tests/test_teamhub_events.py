"""TeamHub events in: `POST /api/events` and `PUT /api/events/:id`, through the front door."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds import actions
from feeds.dialects import teamhub
from feeds.models import Activity, ApiToken, EventSource, Refusal
from tests.dialects.documents import anything, load, mutated, names
from tests.hub import BUILD, EVENTS, RUNNING, Hub, fields, store
from tests.lanes import LANES

moderately = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture(params=LANES, autouse=True)
def _lane(db: None) -> None:
    """Run each test twice."""


@pytest.fixture
def hub(_lane: None) -> Hub:
    return Hub.of("bot")


def moments(event: Any) -> set[str]:
    """Take the times of EVENT that the server gave, all but `timestamp`, out of it."""
    return {event.pop(name) for name in ("api_timestamp", "created_at", "updated_at")}


# ---- POST


def test_the_vendors_example_of_a_post_is_answered_as_the_vendor_does(hub: Hub) -> None:
    response = hub.post(load("teamhub/post-request"))
    assert (response.status_code, response["Content-Type"]) == (201, "application/json")
    made, example = response.json(), load("teamhub/post-response")
    assert re.fullmatch("[0-9a-f]{24}", made["id"])
    assert int(made["id"][:8], 16) == pytest.approx(time.time(), abs=5)
    assert all(re.fullmatch(TIME, moment) for moment in {*moments(made), made["timestamp"]})
    moments(example)
    for name in ("id", "timestamp"):
        made.pop(name), example.pop(name)
    assert made == example


def test_a_posted_build_is_an_event_of_its_repository(hub: Hub) -> None:
    body = json.dumps(BUILD, indent=3).encode() + b"\n "
    identity = hub.post(body).json()["id"]
    activity = Activity.objects.select_related("source", "author").get()
    assert (activity.external_id, activity.dialect, activity.kind) == (identity, "teamhub", "build")
    assert (activity.state, activity.progress, activity.title) == (
        "succeeded", 100, "luotsi-ci-bot built chef Development",
    )  # fmt: skip
    assert (activity.source.external_id, activity.actor_key) == ("luotsi/chef", "luotsi-ci-bot")
    assert activity.raw == body.decode()
    stored = teamhub.render(activity.columns())
    assert stored == {k: v for k, v in hub.get(f"{EVENTS}/{identity}").json().items()
                      if not k.startswith("api_")}  # fmt: skip


@pytest.mark.parametrize("accept", ["application/vnd.hth.v1", "application/vnd.deveo.v1", "*/*"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_version_and_both_forms_of_a_body_are_taken(
    hub: Hub, accept: str, wrapped: bool
) -> None:
    response = hub.post({"event": BUILD} if wrapped else BUILD, accept=accept)
    assert (response.status_code, response["Content-Type"]) == (201, "application/json")
    assert response.json()["objects"]["name"] == "Development"


def test_what_is_left_out_gets_the_documented_defaults(hub: Hub) -> None:
    made = hub.post({"target": "build", "operation": "failed", "project": "a", "repository": "b"})
    event = made.json()
    assert (event["progress"], event["subject"]) == (100, {"id": "luotsi-ci-bot"})
    assert event["timestamp"] == event["created_at"] == event["updated_at"]
    assert event["objects"] == {"project": {"id": "a"}, "repository": {"id": "b"}}


def test_a_live_build_may_leave_out_its_operation_and_name_a_revision(hub: Hub) -> None:
    event = hub.post(load("teamhub/post-request-live")).json()
    assert (event["operation"], event["progress"]) == ("created", 10)
    assert event["objects"]["commits"] == [{"id": "2372"}]
    assert event["timestamp"] == "2026-11-20T09:15:00Z"
    assert Activity.objects.get().state == "running"


def test_of_more_than_100_commits_100_are_listed_and_all_are_counted(hub: Hub) -> None:
    objects = hub.post({**BUILD, "commits": [f"c{n}" for n in range(150)]}).json()["objects"]
    assert (len(objects["commits"]), objects["commit_count"]) == (100, 150)


def test_what_only_the_server_says_is_ignored_in_a_request(hub: Hub) -> None:
    odd = {"id": "mine", "created_at": "then", "objects": {"project": "x"}, "subject": {"id": "x"}}
    event = hub.post({**BUILD, **odd, "api_status": 500}).json()
    assert event["id"] != "mine"
    assert event["subject"] == {"id": "luotsi-ci-bot"}
    assert event["objects"]["project"] == {"id": "luotsi"}
    assert event["api_status"] == 201


@pytest.mark.parametrize("role", ["viewer", "composer", "admin"])
def test_only_bots_write(hub: Hub, role: str) -> None:
    identity, other = hub.running(), Hub.of(role, role)
    for response in (other.post(BUILD), other.put(identity, {"progress": 50})):
        assert response.status_code == 403
        assert response.json()["error"]["code"] == "forbidden"
        assert role in response.json()["error"]["message"]
    assert Activity.objects.get().progress == 40


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"target": "push"}, {"target": "must be one of build"}),
        ({"operation": "voted"}, {"operation": "must be one of created, completed, failed"}),
        (
            {"operation": "created"},
            {"operation": "must be one of completed, failed when progress is 100"},
        ),
        ({"progress": 101}, {"progress": "must be a whole number from 0 to 100"}),
        (
            {"project": None, "repository": 5},
            {"project": "is required", "repository": "must be an id, or an object with an id"},
        ),
        ({"commits": [None]}, {"commits": "must be a list of commit ids"}),
        ({"resources": "http://x"}, {"resources": "must be a list of strings"}),
    ],
)
def test_a_wrong_field_is_422_with_its_name_and_rule(
    hub: Hub, change: dict[str, Any], wrong: dict[str, str]
) -> None:
    response = hub.post({**BUILD, **change})
    body = response.json()
    assert (response.status_code, body["api_status"]) == (422, 422)
    assert re.fullmatch(TIME, body["api_timestamp"])
    assert body["error"]["code"] == "invalid"
    assert body["error"]["fields"] == wrong
    assert all(f"{name}: {rule}" in body["error"]["message"] for name, rule in wrong.items())
    assert not Activity.objects.exists()


def test_a_refused_body_stands_in_the_log_of_its_source(hub: Hub) -> None:
    hub.post(BUILD)
    hub.post({**BUILD, "progress": 500})
    refusal = Refusal.objects.get()
    assert (refusal.status, refusal.source) == (422, EventSource.objects.get())
    assert refusal.reason == "progress: must be a whole number from 0 to 100"
    assert json.loads(refusal.body)["progress"] == 500


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": NaN}', b'"\\ud800"', b"[" * 100_000])
def test_what_is_no_json_is_400(hub: Hub, method: str, body: bytes) -> None:
    path = EVENTS if method == "POST" else f"{EVENTS}/{hub.running()}"
    response = hub.ask(method, path, body)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "malformed"
    assert Refusal.objects.get().status == 400


@pytest.mark.parametrize("body", [[], 5, None, "x", {}, {"event": 5}, {"event": {}}])
def test_json_that_is_no_event_is_422(hub: Hub, body: Any) -> None:
    assert hub.post(json.dumps(body).encode()).status_code == 422


def test_a_body_of_256_kb_is_taken_and_one_byte_more_is_413(hub: Hub, settings: Any) -> None:
    room = settings.EVENT_BODY_LIMIT - len(json.dumps({**BUILD, "more": ""}))
    assert hub.post({**BUILD, "more": "x" * room}).status_code == 201
    response = hub.post({**BUILD, "more": "x" * (room + 1)})
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", EVENTS, "GET, POST"),
        ("DELETE", EVENTS, "GET, POST"),
        ("POST", f"{EVENTS}/5211cf501cf3592d2100000d", "GET, PUT"),
        ("PATCH", f"{EVENTS}/5211cf501cf3592d2100000d", "GET, PUT"),
        ("GET", "/api/account/sessions", "POST"),
    ],
)
def test_another_method_is_405_and_says_which_are_allowed(
    hub: Hub, method: str, path: str, allowed: str
) -> None:
    response = hub.ask(method, path, b"{}")
    assert (response.status_code, response["Allow"]) == (405, allowed)
    assert response.json()["error"]["code"] == "method_not_allowed"


def test_events_of_this_wire_are_not_counted_for_the_rate_limit(hub: Hub, settings: Any) -> None:
    settings.RATE_LIMIT = 2
    assert {hub.post(BUILD).status_code for _ in range(5)} == {201}


def test_a_revoked_key_is_401_at_once_on_every_method(hub: Hub) -> None:
    identity = hub.running()
    assert hub.put(identity, {"progress": 41}).status_code == 200
    actions.revoke_token(ApiToken.objects.get())
    answers = [hub.get(), hub.get(f"{EVENTS}/{identity}"), hub.post(BUILD), hub.post({})]
    answers += [hub.put(identity, {"progress": 42}), hub.put(identity, {}), hub.put("x", {})]
    assert {response.status_code for response in answers} == {401}
    assert Activity.objects.get().progress == 41
    assert not Refusal.objects.exists()


def test_a_usual_post_and_put_take_few_round_trips(hub: Hub, request: Any) -> None:
    identity = hub.running()
    hub.put(identity, {"progress": 41})
    fast = connection.vendor == "postgresql" and not connection.in_atomic_block
    with CaptureQueriesContext(connection) as queries:
        hub.post(RUNNING)
    assert len(queries) == (0 if fast else 3), "the fast lane has a cursor of its own"
    with CaptureQueriesContext(connection) as queries:
        hub.put(identity, {"progress": 42})
    assert len(queries) == (1 if fast else 3)


# ---- the vendor's server trigger


def test_a_push_of_the_server_trigger_is_taken_with_an_empty_200(hub: Hub) -> None:
    response = hub.post(load("teamhub/server-trigger"))
    assert (response.status_code, response.content) == (200, b"")
    (event,) = hub.get().json()["results"]
    assert re.fullmatch("[0-9a-f]{24}", event["id"])
    assert (event["operation"], event["target"], event["progress"]) == ("created", "push", 100)
    assert event["subject"] == {"id": "assimov"}
    assert event["objects"] == {
        "project": {"id": "luotsi"},
        "repository": {"id": "chef"},
        "ref": "master",
        "last_commit": "393fe81b0f6c39f3006f748f5b16cdddcbe01c80",
    }
    assert hub.get(f"{EVENTS}/{event['id']}").status_code == 200
    activity = Activity.objects.get()
    assert activity.title == "assimov pushed to chef master"
    assert json.loads(activity.raw) == load("teamhub/server-trigger")


def test_a_trigger_that_sends_twice_makes_one_event_which_does_not_move(hub: Hub) -> None:
    hub.post(load("teamhub/server-trigger"))
    before = Activity.objects.get()
    assert hub.post(load("teamhub/server-trigger")).status_code == 200
    after = Activity.objects.get()
    assert (after.occurred_at, after.touched_at) == (before.occurred_at, before.touched_at)


@pytest.mark.parametrize(
    ("change", "objects"),
    [
        ({"repoName": "chef"}, {"repository": {"id": "chef"}}),
        ({"repoName": None}, {"project": {"id": "luotsi"}, "repository": {"id": "chef"}}),
        ({"repoName": "", "repo": ""}, {"repository": {"id": "TeamHub"}}),
        ({"timestamp": 5}, {"project": {"id": "luotsi"}, "repository": {"id": "chef"}}),
    ],
)
def test_an_odd_trigger_is_a_push_too(hub: Hub, change: Any, objects: Any) -> None:
    assert hub.post({**load("teamhub/server-trigger"), **change}).status_code == 200
    (event,) = hub.get().json()["results"]
    assert {name: event["objects"].get(name) for name in objects} == objects


def test_a_trigger_without_a_pusher_or_from_no_bot_is_refused(hub: Hub) -> None:
    assert fields(hub.post({**load("teamhub/server-trigger"), "pusher": None})) == {
        "pusher": "is required"
    }
    assert Hub.of("admin", "root").post(load("teamhub/server-trigger")).status_code == 403


# ---- PUT


def test_the_vendors_example_of_a_put_is_answered_as_the_vendor_does(hub: Hub) -> None:
    store(load("teamhub/build-before-the-put"))
    example = load("teamhub/put-response")
    response = hub.put(example["id"], load("changes/teamhub/put-request"))
    made = response.json()
    assert response.status_code == 200
    assert made["created_at"] == "2013-08-19T07:54:56Z", "it stays, and so does timestamp"
    assert made["updated_at"] > made["created_at"]
    moments(made), moments(example)
    assert made == example


def test_a_build_goes_from_its_start_to_its_end(hub: Hub) -> None:
    began = "2026-11-20T09:15:00Z"
    identity = hub.running(progress=0, timestamp=began, name="Nightly")
    first = Activity.objects.get()
    for progress in (1, 60, 60, 99):
        response = hub.put(identity, {"progress": progress})
        assert (response.status_code, response.json()["progress"]) == (200, progress)
        assert response.json()["timestamp"] == began
    ended = hub.put(identity, {"event": {"progress": 100, "operation": "failed", "name": "no"}})
    assert (ended.status_code, ended.json()["operation"]) == (200, "failed")
    activity = Activity.objects.get()
    assert (activity.state, activity.progress, activity.uuid) == ("failed", 100, first.uuid)
    assert activity.details["objects"]["name"] == "Nightly"
    assert json.loads(activity.raw)["name"] == "Nightly", "the body that made the event stays"
    assert activity.touched_at > first.touched_at
    got = hub.get(f"{EVENTS}/{identity}").json()
    said = ended.json()
    assert moments(got) | moments(said)
    assert got == said


def test_any_bot_may_change_a_build_and_the_subject_stays(hub: Hub) -> None:
    response = Hub.of("bot", "another-bot").put(hub.running(), {"progress": 50})
    assert response.json()["subject"] == {"id": "luotsi-ci-bot"}
    assert Activity.objects.get().actor_key == "luotsi-ci-bot"


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"progress": 39}, {"progress": "must not go back from 40"}),
        ({"progress": -1}, {"progress": "must be a whole number from 0 to 100"}),
        ({"progress": "half"}, {"progress": "must be a whole number"}),
        (
            {"progress": 100},
            {"operation": "must be one of completed, failed when progress is 100"},
        ),
        ({"operation": "voted"}, {"operation": "must be one of created, completed, failed"}),
        ([], {"body": "must be an object"}),
    ],
)
def test_a_wrong_change_is_422_and_changes_nothing(hub: Hub, change: Any, wrong: Any) -> None:
    identity = hub.running()
    response = hub.put(identity, change)
    assert (response.status_code, fields(response)) == (422, wrong)
    assert Activity.objects.get().progress == 40
    assert Refusal.objects.get().source == EventSource.objects.get()


def test_what_is_complete_or_no_build_is_not_changed(hub: Hub) -> None:
    store(load("teamhub/list-push"))
    ended = hub.post(BUILD).json()["id"]
    failed_early = hub.running(operation="failed")
    for identity in (ended, failed_early, load("teamhub/list-push")["id"]):
        response = hub.put(identity, {"progress": 100, "operation": "completed"})
        assert response.status_code == 422
        assert fields(response) == {"event": "must be a build that is not complete"}


@pytest.mark.parametrize("identity", ["5" * 24, "x", "%00", "5" * 5000, "\N{SNOWMAN}"])
def test_an_unknown_id_is_404(hub: Hub, identity: str) -> None:
    for response in (hub.put(identity, {"progress": 5}), hub.get(f"{EVENTS}/{identity}")):
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"


def test_progress_may_not_go_back_however_long_ago_the_build_began(hub: Hub) -> None:
    identity = hub.running()
    hub.put(identity, {"progress": 60})
    Activity.objects.update(occurred_at=timezone.now() - timedelta(days=1))
    assert hub.put(identity, {"progress": 50}).status_code == 422
    assert hub.put(identity, {"progress": 61}).status_code == 200


# ---- whatever comes


@moderately
@given(document=mutated("teamhub") | anything)
def test_a_post_of_anything_is_answered(hub: Hub, document: Any) -> None:
    response = hub.post(json.dumps(document).encode())
    assert response.status_code in {200, 201, 400, 422}
    if response.status_code == 201:
        made = hub.get(f"{EVENTS}/{response.json()['id']}", expand="subject,objects.commits")
        assert (made.status_code, made.json()["target"]) == (200, "build")
        assert set(made.json()["objects"]["project"]) == {"id"}


@moderately
@given(change=st.dictionaries(st.sampled_from(["progress", "operation", "event"]), anything))
def test_a_put_of_anything_is_answered_and_never_goes_back(hub: Hub, change: Any) -> None:
    identity = hub.running()
    response = hub.put(identity, change)
    assert response.status_code in {200, 400, 422}
    after = Activity.objects.get(external_id=identity)
    assert 40 <= (after.progress or 0) <= 100
    assert hub.get(f"{EVENTS}/{identity}").json()["progress"] == after.progress


@pytest.mark.parametrize("name", names("teamhub"))
def test_every_document_that_has_an_id_can_be_read_back_as_it_came(hub: Hub, name: str) -> None:
    document = load(name)
    document = document.get("event", document)
    if "id" not in document:
        pytest.skip("a request, which is no event yet")
    store(document)
    got = hub.get(f"{EVENTS}/{document['id']}", expand="subject,objects.commits").json()
    assert teamhub.answer(vars(teamhub.parse(document, now=timezone.now()))).keys() <= got.keys()
    assert (got["target"], got["timestamp"]) == (document["target"], document["timestamp"])
