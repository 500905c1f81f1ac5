"""`POST /gateway/api/compass/v1/events`, through the front door."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from feeds import actions, ari
from feeds.models import Activity, ApiToken, Component, EventSource, Refusal, Role
from tests.conftest import Caller
from tests.events import EVENTS, compass_event
from tests.lanes import LANES

PASSWORD = "s3cret!x"
PATHS = ("/gateway/api/compass/v1/events", "/compass/v1/events")


@pytest.fixture(params=LANES, autouse=True)
def _lane(db: None) -> None:
    """Run each test twice."""


def component_ari(component: Component) -> str:
    return ari.component(actions.cloud_id(), actions.site().workspace_id, component.uuid)


def errors(response: Any) -> list[tuple[str, str]]:
    return [(error["type"], error["message"]) for error in response.json()["errors"]]


def only_activity() -> Activity:
    return Activity.objects.select_related("source", "author").get()


# ---- what is taken


@pytest.mark.parametrize("kind", EVENTS)
def test_each_kind_is_taken_with_an_empty_202(bot: Caller, kind: str) -> None:
    if kind != "pullRequest":
        actions.create_source("shop/web", kind=kind)
    response = bot.event(kind)
    assert (response.status_code, response.content) == (202, b"")
    assert response["X-Pulseboard-Outcome"] == "created"
    activity = only_activity()
    assert response["X-Pulseboard-Activity"] == str(activity.uuid)
    assert activity.kind == {"pullRequest": "pull_request"}.get(kind, kind)
    assert json.loads(activity.raw) == compass_event(kind)


@pytest.mark.parametrize("path", PATHS)
def test_both_paths_answer(bot: Caller, path: str) -> None:
    actions.create_source("shop/web", kind="custom")
    assert bot.post(path, compass_event()).status_code == 202


def test_the_body_is_kept_exactly_as_sent(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    body = json.dumps(compass_event(displayName="Größe ✓"), indent=3, ensure_ascii=False) + "\n "
    assert bot.post(PATHS[0], body.encode()).status_code == 202
    assert only_activity().raw == body


def test_a_sender_is_the_actor_where_the_wire_names_none(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    bot.event()
    activity = only_activity()
    assert (activity.actor_key, activity.author) == (bot.user.username, bot.user)


def test_the_author_of_a_push_is_its_actor(bot: Caller) -> None:
    actions.create_source("shop/web", kind="push")
    bot.event("push")
    activity = only_activity()
    assert (activity.actor_key, activity.actor_name) == ("maria@example.com", "Maria Lopez")


def test_text_over_255_is_cut_in_the_feed_and_kept_whole_beside_it(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    title = "x" * 5000
    assert bot.event(displayName=title).status_code == 202
    activity = only_activity()
    assert activity.title == title[:255]
    assert activity.details["event"]["custom"]["displayName"] == title


def test_ids_longer_than_an_index_can_hold_stay_apart(bot: Caller) -> None:
    source = "s" * 3000
    actions.create_source(source, kind="custom")
    for ending in "ab":
        response = bot.event(externalEventSourceId=source, id="i" * 3000 + ending)
        assert response["X-Pulseboard-Outcome"] == "created"
    assert Activity.objects.count() == 2
    assert bot.event(externalEventSourceId=source, id="i" * 3000 + "a").status_code == 202
    assert Activity.objects.count() == 2


# ---- identity and order


def test_a_higher_sequence_updates_and_an_equal_or_lower_one_is_stale(bot: Caller) -> None:
    actions.create_source("shop/web", kind="build")
    first = bot.event("build", updateSequenceNumber=5, state="IN_PROGRESS")
    second = bot.event("build", updateSequenceNumber=6, state="SUCCESSFUL")
    assert second["X-Pulseboard-Outcome"] == "updated"
    assert second["X-Pulseboard-Activity"] == first["X-Pulseboard-Activity"]
    for sequence in (6, 5, -1):
        response = bot.event("build", updateSequenceNumber=sequence, state="FAILED")
        assert (response.status_code, response["X-Pulseboard-Outcome"]) == (202, "stale")
        assert response["X-Pulseboard-Activity"] == first["X-Pulseboard-Activity"]
    activity = only_activity()
    assert (activity.state, activity.sequence) == ("succeeded", 6)
    reasons = list(Refusal.objects.order_by("id").values_list("outcome", "reason", flat=False))
    assert reasons[0] == ("ignored", "ignored: sequence 6 is not above 6")
    assert len(reasons) == 3


def test_an_update_keeps_when_the_event_was_first_received(bot: Caller) -> None:
    actions.create_source("shop/web", kind="build")
    bot.event("build", updateSequenceNumber=1)
    before = only_activity()
    bot.event("build", updateSequenceNumber=2)
    after = only_activity()
    assert after.received_at == before.received_at
    assert after.touched_at > before.touched_at


def test_deployments_differ_by_pipeline_environment_and_sequence_number(bot: Caller) -> None:
    actions.create_source("shop/web", kind="deployment")
    production = EVENTS["deployment"]["deploymentProperties"]["environment"]
    bot.event("deployment")
    bot.event("deployment", sequenceNumber=2)
    bot.event("deployment", pipelineId="other")
    properties = {
        **EVENTS["deployment"]["deploymentProperties"],
        "environment": {**production, "environmentId": "staging"},
    }
    bot.event("deployment", deploymentProperties=properties)
    assert Activity.objects.count() == 4
    again = bot.event("deployment", updateSequenceNumber=2, state="FAILED")
    assert again["X-Pulseboard-Outcome"] == "updated"


def test_sequence_numbers_of_64_bits_are_taken_and_65_bits_are_refused(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    assert bot.event(updateSequenceNumber=2**63 - 1).status_code == 202
    assert only_activity().sequence == 2**63 - 1
    response = bot.event(updateSequenceNumber=2**63)
    assert errors(response) == [
        ("FORMAT_INVALID", "event.custom.updateSequenceNumber: must fit in 64 bits")
    ]


# ---- sources and components


def test_without_a_component_an_unknown_source_is_404(bot: Caller) -> None:
    response = bot.event()
    assert response.status_code == 404
    assert errors(response)[0][0] == "CREATE_EVENT_SOURCE_NOT_FOUND"
    assert not Activity.objects.exists()


def test_a_source_is_of_one_kind(bot: Caller) -> None:
    actions.create_source("shop/web", kind="build")
    assert bot.event("custom").status_code == 404


def test_a_component_makes_and_attaches_the_source(bot: Caller) -> None:
    component = actions.create_component("Web")
    reference = component_ari(component)
    assert bot.event(component=reference)["X-Pulseboard-Outcome"] == "created"
    assert bot.event(component=reference, id="2")["X-Pulseboard-Outcome"] == "created"
    assert list(component.sources.values_list("external_id", "kind")) == [("shop/web", "custom")]


def test_a_known_source_is_attached_to_the_component_that_is_named(bot: Caller) -> None:
    source = actions.create_source("shop/web", kind="custom")
    component = actions.create_component("Web")
    bot.event(component=component_ari(component))
    assert list(component.sources.all()) == [source]


@pytest.mark.parametrize(
    ("reference", "status", "kind"),
    [
        ("ari:cloud:compass:{cloud}:component/{uuid}/{uuid}", 404, "COMPONENT_NOT_FOUND"),
        ("ari:cloud:compass:other:component/{uuid}/{uuid}", 400, "COMPONENT_ARI_INVALID"),
        ("ari:cloud:jira:{cloud}:issue/{uuid}", 400, "COMPONENT_ARI_INVALID"),
        ("ari:cloud:compass:{cloud}:component/x/y", 400, "COMPONENT_ARI_INVALID"),
        ("nothing-of-that-name", 404, "COMPONENT_NOT_FOUND"),
    ],
)
def test_a_component_that_cannot_be_found_is_an_error(
    bot: Caller, reference: str, status: int, kind: str
) -> None:
    named = reference.format(cloud=actions.cloud_id(), uuid="6d447ccc-9412-4003-8dd5-0f717339c5f6")
    response = bot.event(component=named)
    assert (response.status_code, errors(response)[0][0]) == (status, kind)
    assert not EventSource.objects.exists()


def test_the_21st_source_of_a_component_is_409(bot: Caller) -> None:
    component = actions.create_component("Web")
    reference = component_ari(component)
    for number in range(20):
        sent = bot.event(component=reference, externalEventSourceId=f"source-{number}")
        assert sent.status_code == 202
    response = bot.event(component=reference, externalEventSourceId="source-20")
    assert response.status_code == 409
    assert errors(response)[0][0] == "ATTACHED_EVENT_SOURCE_LIMIT_REACHED"
    assert not EventSource.objects.filter(external_id="source-20").exists()
    assert (
        bot.event(component=reference, externalEventSourceId="source-3", id="2").status_code == 202
    )


def test_a_pull_request_shows_on_the_components_of_its_repository(bot: Caller) -> None:
    component = actions.create_component("Web")
    actions.attach(component, actions.create_source("gh/shop/web", kind="push"))
    assert bot.event("pullRequest").status_code == 202
    assert "pull_request" in component.sources.values_list("kind", flat=True)


def test_a_source_attached_later_brings_the_pull_requests_of_its_repository(bot: Caller) -> None:
    bot.event("pullRequest")
    component = actions.create_component("Web")
    actions.attach(component, actions.create_source("shop/web", kind="push"))
    assert "pull_request" in component.sources.values_list("kind", flat=True)


def test_another_cloud_id_is_404(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    response = bot.send(compass_event(cloud_id="0a44684d-52c3-4c0c-99f8-9d89ec294759"))
    assert (response.status_code, errors(response)[0][0]) == (404, "CLOUD_ID_INVALID")
    assert not Activity.objects.exists()


def test_a_site_may_adopt_the_cloud_id_that_pipelines_send(bot: Caller, settings: Any) -> None:
    settings.CLOUD_ID = "0a44684d-52c3-4c0c-99f8-9d89ec294759"
    actions.create_source("shop/web", kind="custom")
    assert bot.send(compass_event(cloud_id=settings.CLOUD_ID)).status_code == 202


# ---- what is refused


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body: must be JSON"),
        (b"{", "body: must be JSON"),
        (b"\xff\xfe{}", "body: must be UTF-8; byte 0 is not"),
        (b"[]", "body: must be an object"),
        (b"3", "body: must be an object"),
        (b'{"cloudId": NaN}', "body: must be JSON, which has no NaN"),
        (b'{"x": 1e999}', "body: must not hold the number 1e999: it is out of range"),
        (b'{"x": ' + b"9" * 5000 + b"}", "body: must not hold a number of more than 4300 digits"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body: must not nest deeper"),
        (b'{"x": ' + b'{"x":' * 500 + b"1" + b"}" * 501, "body: must not nest deeper"),
        (b'{"x": "\\u0000"}', "body: must not contain the NUL character"),
        (b'{"\\u0000": 1}', "body: must not contain the NUL character"),
        (b'{"x": "\\ud800"}', "body: must not contain half a surrogate pair"),
        (b"\x00", "body: must be JSON"),
    ],
)
def test_a_body_that_is_no_document_is_400_and_says_why(
    bot: Caller, body: bytes, message: str
) -> None:
    response = bot.post(PATHS[0], body)
    assert response.status_code == 400
    assert errors(response)[0][0] == "FORMAT_INVALID"
    assert errors(response)[0][1].startswith(message)
    assert Refusal.objects.get().status == 400


def test_all_faults_are_named_at_once_with_their_paths(bot: Caller) -> None:
    actions.create_source("shop/web", kind="build")
    response = bot.event(
        "build", displayName=7, lastUpdated="yesterday", updateSequenceNumber="x", state="DONE"
    )
    assert response.status_code == 400
    assert errors(response) == [
        ("FORMAT_INVALID", "event.build.displayName: must be a string"),
        (
            "FORMAT_INVALID",
            "event.build.lastUpdated: must be a date and time with its offset, "
            "such as 2026-11-21T14:03:07Z",
        ),
        ("FORMAT_INVALID", "event.build.updateSequenceNumber: must be a whole number"),
        (
            "FORMAT_INVALID",
            "event.build.buildProperties.state: must be one of IN_PROGRESS, SUCCESSFUL, "
            "CANCELLED, FAILED, ERROR, TIMED_OUT, UNKNOWN",
        ),
    ]
    refusal = Refusal.objects.get()
    assert refusal.source == EventSource.objects.get()
    assert "displayName: must be a string" in refusal.reason
    assert json.loads(refusal.body)["event"]["build"]["displayName"] == 7


@pytest.mark.parametrize("kinds", [[], ["custom", "build"]])
def test_zero_or_two_kinds_are_refused(bot: Caller, kinds: list[str]) -> None:
    event = {kind: EVENTS[kind] for kind in kinds}
    response = bot.send({"cloudId": actions.cloud_id(), "event": event})
    assert response.status_code == 400
    assert errors(response)[0][0] == "ONE_OF_DIRECTIVE_VALIDATION_ERROR"


@pytest.mark.parametrize(
    "moment",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", "2026-11-21",
     "2026-11-21T14:03:07", "", "٢٠٢٦-11-21T14:03:07Z", "2026-W47-6T00:00:00Z" * 9],
)  # fmt: skip
def test_an_odd_date_is_400(bot: Caller, moment: str) -> None:
    actions.create_source("shop/web", kind="custom")
    response = bot.event(lastUpdated=moment)
    assert response.status_code == 400
    assert "event.custom.lastUpdated" in errors(response)[0][1]


def test_a_body_of_256_kb_is_taken_and_one_byte_more_is_413(bot: Caller, settings: Any) -> None:
    actions.create_source("shop/web", kind="custom")
    frame = len(json.dumps(compass_event(description="")))
    room = settings.EVENT_BODY_LIMIT - frame
    assert bot.event(description="x" * room).status_code == 202
    response = bot.event(id="2", description="x" * (room + 1))
    assert response.status_code == 413
    assert errors(response) == [
        ("PAYLOAD_TOO_LARGE", f"body: must not be over {settings.EVENT_BODY_LIMIT} bytes")
    ]
    assert len(Refusal.objects.get().body) == 10_000


def test_the_log_keeps_the_last_100_of_a_source_and_of_a_token(bot: Caller, settings: Any) -> None:
    settings.RATE_LIMIT = 0
    source = actions.create_source("shop/web", kind="custom")
    for number in range(103):
        bot.event(displayName=number)
        bot.post(PATHS[0], b"{" * (number + 1))
    assert source.refusals.count() == 100
    assert Refusal.objects.filter(source=None).count() == 100
    assert source.refusals.first().body.count('"displayName": 102') == 1


# ---- who may


def test_no_credentials_and_wrong_credentials_are_401_and_tell_how(bot: Caller) -> None:
    client = Client()
    for header in (None, "Basic eA==", "Basic %%%", "Bearer nothing", "Digest x", "Basic Ym90OngA"):
        headers = {"authorization": header} if header else {}
        response = client.post(PATHS[0], "{}", content_type="application/json", headers=headers)
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Basic")
        assert errors(response)[0][0] == "UNAUTHORIZED"


def test_a_token_goes_with_its_own_user_only(bot: Caller, admin: Caller) -> None:
    stolen = Caller(admin.user, bot.secret)
    assert stolen.event().status_code == 401


def test_basic_takes_the_user_name_and_bearer_takes_the_token(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    by_name = Caller(type(bot.user)(username="BOT", email="BOT"), bot.secret)
    assert by_name.event().status_code == 202
    response = Client().post(
        PATHS[0], json.dumps(compass_event(id="2")), content_type="application/json",
        headers={"authorization": f"Bearer {bot.secret}"},
    )  # fmt: skip
    assert response.status_code == 202


def test_a_person_may_send_with_the_password(db: None) -> None:
    user = actions.create_user(
        "ana", role=Role.COMPOSER, email="ana@example.com", password="s3cret!x"
    )
    actions.create_source("shop/web", kind="custom")
    assert Caller(user, PASSWORD).event().status_code == 202
    assert Caller(user, "wrong").event(id="2").status_code == 401


def test_a_revoked_token_is_401_at_once(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    assert bot.event().status_code == 202
    actions.revoke_token(ApiToken.objects.get())
    assert bot.event(id="2").status_code == 401
    assert Activity.objects.count() == 1


def test_the_token_of_a_user_who_left_is_401_at_once(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    assert bot.event().status_code == 202
    type(bot.user).objects.filter(pk=bot.user.pk).update(is_active=False)
    assert bot.event(id="2").status_code == 401


def test_a_viewer_gets_403_in_the_form_of_the_wire(viewer: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    response = viewer.event()
    assert (response.status_code, errors(response)[0][0]) == (403, "PERMISSION_DENIED")
    assert not Activity.objects.exists()


@pytest.mark.parametrize("role", ["composer", "bot", "admin"])
def test_everybody_else_may_send(caller: Any, role: str) -> None:
    actions.create_source("shop/web", kind="custom")
    assert caller(role).event().status_code == 202


def test_only_post_is_allowed(bot: Caller) -> None:
    assert bot.get(PATHS[0]).status_code == 405


# ---- how often


def test_the_101st_request_of_a_minute_is_an_empty_429(bot: Caller, settings: Any) -> None:
    settings.RATE_LIMIT = 5
    actions.create_source("shop/web", kind="custom")
    for number in range(5):
        response = bot.event(id=str(number))
        assert response["X-RateLimit-Limit"] == "5"
        assert response["X-RateLimit-Remaining"] == str(4 - number)
    refused = bot.event(id="5")
    assert (refused.status_code, refused.content) == (429, b"")
    assert 1 <= int(refused["Retry-After"]) <= 61
    assert Activity.objects.count() == 5


def test_a_refused_body_counts_as_a_request_too(bot: Caller, settings: Any) -> None:
    settings.RATE_LIMIT = 2
    assert bot.send({}).status_code == 400
    assert bot.event().status_code == 404
    assert bot.send({}).status_code == 429


def test_each_user_has_a_budget_of_its_own(caller: Any, settings: Any) -> None:
    settings.RATE_LIMIT = 1
    actions.create_source("shop/web", kind="custom")
    one, other = caller("bot", "one"), caller("bot", "other")
    assert [c.event(id=c.user.username).status_code for c in (one, other, one)] == [202, 202, 429]
