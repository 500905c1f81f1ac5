"""Events over GraphQL: sent as over REST, and read back, newest first, a page at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from feeds import actions
from feeds.dialects.mapping import Draft, read_time
from feeds.models import Activity, EventKind, EventSource, Refusal
from tests.conftest import Caller
from tests.events import EVENTS, TIME, compass_event
from tests.graph import PATH, TYPES, Catalogue, ask, compass, errors_of, mutate, send

REPOSITORY = "https://git.example.com/shop/checkout"
PROPERTIES = {
    "alert": "alertProperties { id status priority createdAt acknowledgedAt snoozedAt closedAt }",
    "build": """buildProperties {
        state startedAt completedAt pipeline { pipelineId displayName url } }""",
    "custom": "customEventProperties { id icon }",
    "deployment": """deploymentSequenceNumber state environment { environmentId }
        pipeline { pipelineId } deploymentProperties { sequenceNumber state startedAt completedAt
        environment { category displayName environmentId }
        pipeline { pipelineId displayName url } }""",
    "flag": "flagProperties { id status }",
    "incident": "incidentProperties { id state severity { label level } startTime endTime }",
    "lifecycle": "lifecycleProperties { id stage }",
    "pullRequest": "pullRequestEventProperties { id repoUrl pullRequestUrl status }",
    "push": "pushEventProperties { id branchName }",
    "vulnerability": """vulnerabilityProperties { id state severity { level label } score
        discoverySource vulnerableTarget vulnerabilityStartTime remediationTime }""",
}
WHOLE = """__typename eventType displayName description url lastUpdated updateSequenceNumber
""" + " ".join(
    f"... on Compass{wire[0].upper()}{wire[1:]}Event {{ {fields} }}"
    for wire, fields in PROPERTIES.items()
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.make()


def events(
    caller: Caller, fields: str = "displayName", component: str = "checkout", **query: Any
) -> Any:
    """Return the connection of COMPONENT's events, or the QueryError instead."""
    text = f"""query ($id: ID!, $query: CompassEventsQuery) {{ compass {{ component(id: $id) {{
        ... on CompassComponent {{ events(query: $query) {{ {TYPES}
            ... on CompassEventConnection {{
                nodes {{ {fields} }} edges {{ cursor node {{ displayName }} }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
    }} }} }} }} }} }}"""
    return compass(caller, text, id=component, query=query)["component"]["events"]


def names(connection: Any) -> list[str]:
    return [node["displayName"] for node in connection["nodes"]]


def at(minute: int) -> str:
    return f"2026-11-21T14:{minute:02}:00Z"


# ---- sent


@pytest.mark.parametrize("kind", EVENTS)
def test_every_kind_comes_back_as_it_was_sent(bot: Caller, catalogue: Catalogue, kind: str) -> None:
    component = None if kind == "pullRequest" else "checkout"
    event = compass_event(kind, component=component)
    if kind == "pullRequest":
        event["event"][kind]["pullRequestProperties"]["repoUrl"] = REPOSITORY
    payload = mutate(bot, "createCompassEvent", "CompassCreateEventInput", **event)
    assert payload == {"success": True, "errors": []}
    (node,) = events(bot, WHOLE)["nodes"]
    sent = event["event"][kind]
    assert node["__typename"] == f"Compass{kind[0].upper()}{kind[1:]}Event"
    assert node["lastUpdated"] == TIME
    assert node["displayName"] == sent.get("displayName", "Pull request 7")
    name = next(name for name in sent if name.endswith("Properties"))
    answered = node["pullRequestEventProperties" if kind == "pullRequest" else name]
    author = sent[name].pop("author", None)  # it is not read back, as in Compass
    assert author is None or kind == "push"
    for key, value in sent[name].items():
        found = answered[key]
        assert (
            {**value, **found} == {**found, **value} if isinstance(value, dict) else found == value
        )


def test_a_deployment_has_the_old_copies_too(bot: Caller, catalogue: Catalogue) -> None:
    send(bot, "deployment", component="checkout", sequenceNumber=7)
    (node,) = events(bot, WHOLE)["nodes"]
    assert (node["deploymentSequenceNumber"], node["state"]) == (7, "SUCCESSFUL")
    assert node["environment"] == {"environmentId": "prod"}
    assert node["pipeline"] == {"pipelineId": "pipeline-1"}


def test_what_is_sent_over_one_wire_is_the_same_event_on_the_other(
    bot: Caller, catalogue: Catalogue
) -> None:
    bot.event("build", component="checkout", state="IN_PROGRESS", updateSequenceNumber=1)
    assert send(bot, "build", component="checkout", updateSequenceNumber=2)["success"]
    assert send(bot, "build", component="checkout", state="FAILED")["success"]  # 1 again: stale
    (node,) = events(bot, WHOLE)["nodes"]
    assert node["buildProperties"]["state"] == "SUCCESSFUL"
    assert Refusal.objects.get().reason == "ignored: sequence 1 is not above 2"


def test_the_input_of_an_event_is_kept_as_it_came(bot: Caller) -> None:
    event = compass_event("pullRequest")
    mutate(bot, "createCompassEvent", "CompassCreateEventInput", **event)
    assert json.loads(Activity.objects.get().raw) == event


@pytest.mark.parametrize("moment", ["2026-11-21T16:03:07.3394497+02:00", "2026-11-21 14:03:07Z"])
def test_moments_are_answered_in_utc(bot: Caller, catalogue: Catalogue, moment: str) -> None:
    send(bot, "incident", component="checkout", lastUpdated=moment)
    (node,) = events(bot, "lastUpdated")["nodes"]
    assert node["lastUpdated"] in {"2026-11-21T14:03:07.339449Z", "2026-11-21T14:03:07Z"}


@pytest.mark.parametrize(
    ("change", "kind", "status"),
    [
        ({"cloudId": "x"}, "CLOUD_ID_INVALID", 404),
        ({"componentId": None}, "CREATE_EVENT_SOURCE_NOT_FOUND", 404),
        ({"componentId": "nobody"}, "COMPONENT_NOT_FOUND", 404),
        ({"componentId": "ari:x"}, "COMPONENT_ARI_INVALID", 400),
        ({"event": {}}, "ONE_OF_DIRECTIVE_VALIDATION_ERROR", 400),
        ({"event": {**compass_event("flag", cloud_id="x")["event"],
                    **compass_event("push", cloud_id="x")["event"]}},
         "ONE_OF_DIRECTIVE_VALIDATION_ERROR", 400),
        ({"event": compass_event("flag", cloud_id="x", lastUpdated="soon")["event"]},
         "FORMAT_INVALID", 400),
    ],
)  # fmt: skip
def test_a_wrong_event_is_refused_in_the_payload_and_logged(
    bot: Caller, catalogue: Catalogue, change: dict[str, Any], kind: str, status: int
) -> None:
    event = {**compass_event("custom", component="checkout"), **change}
    payload = mutate(bot, "createCompassEvent", "CompassCreateEventInput", **event)
    (error,) = errors_of(payload)
    assert error[:2] == (kind, status)
    refusal = Refusal.objects.get()
    assert (refusal.status, refusal.reason) == (status, error[2])
    assert json.loads(refusal.body) == event
    assert not Activity.objects.exists()


def test_all_that_is_wrong_with_an_event_is_said_at_once(bot: Caller) -> None:
    wrong = {"createdAt": "soon", "closedAt": "later"}
    event = compass_event("alert", component="checkout", lastUpdated="never")
    event["event"]["alert"]["alertProperties"] |= wrong
    payload = mutate(bot, "createCompassEvent", "CompassCreateEventInput", **event)
    assert [message.partition(":")[0] for _, _, message in errors_of(payload)] == [
        "event.alert.lastUpdated",
        "event.alert.alertProperties.createdAt",
        "event.alert.alertProperties.closedAt",
    ]


def test_a_full_component_takes_no_event_of_a_new_source(
    bot: Caller, catalogue: Catalogue, settings: Any
) -> None:
    settings.SOURCES_PER_COMPONENT = 1
    payload = send(bot, "custom", component="checkout")
    assert errors_of(payload)[0][:2] == ("ATTACHED_EVENT_SOURCE_LIMIT_REACHED", 409)


def test_composers_send_too(caller: Any, catalogue: Catalogue) -> None:
    assert send(caller("composer"), "custom", component="checkout")["success"] is True


def test_events_count_for_the_limit_of_both_wires(
    bot: Caller, catalogue: Catalogue, settings: Any
) -> None:
    settings.RATE_LIMIT = 2
    bot.event("custom", component="checkout")
    event = compass_event("custom", component="checkout", updateSequenceNumber=2)
    one = "createCompassEvent(input: $i) { success errors { extensions { statusCode } } }"
    query = f"mutation ($i: CompassCreateEventInput!) {{ compass {{ a: {one} b: {one} }} }}"
    body = {"query": query, "variables": {"i": event}}
    response = bot.post(PATH, body)
    answer = response.json()["data"]["compass"]
    assert answer["a"]["success"] is True
    assert answer["b"]["errors"] == [{"extensions": {"statusCode": 429}}]
    assert (response.status_code, response["X-RateLimit-Remaining"]) == (200, "0")
    response = bot.post(PATH, body)  # nothing was done, and so clients may see it from afar
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert ask(bot, "{ __typename }")["data"]  # whoever reads is not counted


def test_a_token_that_was_revoked_a_moment_ago_sends_nothing(bot: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    assert send(bot)["success"] is True
    actions.revoke_token(bot.user.tokens.get())
    assert errors_of(send(bot, updateSequenceNumber=2))[0][:2] == ("UNAUTHORIZED", 401)
    assert Activity.objects.get().sequence == 1


# ---- read


def test_the_newest_come_first_and_pages_follow_one_another(
    bot: Caller, catalogue: Catalogue
) -> None:
    for minute in range(5):
        source = "shop/checkout" if minute % 2 else "shop/other"
        send(
            bot, "custom", component="checkout", id=str(minute), displayName=f"at {minute}",
            lastUpdated=at(minute if minute else 1), externalEventSourceId=source,
        )  # fmt: skip
    first = events(bot, first=2)
    assert names(first) == ["at 4", "at 3"]
    assert first["pageInfo"]["hasNextPage"] is True
    assert first["pageInfo"]["hasPreviousPage"] is False
    assert [edge["node"]["displayName"] for edge in first["edges"]] == names(first)
    cursors = [edge["cursor"] for edge in first["edges"]]
    assert cursors == [first["pageInfo"]["startCursor"], first["pageInfo"]["endCursor"]]
    second = events(bot, first=2, after=cursors[-1])
    assert names(second) == ["at 2", "at 1"]
    assert second["pageInfo"]["hasPreviousPage"] is True
    third = events(bot, first=2, after=second["pageInfo"]["endCursor"])  # of the same minute
    assert names(third) == ["at 0"]
    assert third["pageInfo"]["hasNextPage"] is False
    assert names(events(bot, after=None)) == ["at 4", "at 3", "at 2", "at 1", "at 0"]
    assert events(bot, component="cart")["nodes"] == []


def test_a_page_has_twenty_five_events_unless_another_length_is_asked(
    bot: Caller, catalogue: Catalogue, settings: Any
) -> None:
    settings.RATE_LIMIT = 0
    for number in range(101):
        send(bot, "custom", component="checkout", id=str(number), displayName=str(number))
    assert len(events(bot)["nodes"]) == 25
    page = events(bot, first=100)
    assert len(page["nodes"]) == 100
    assert page["pageInfo"]["hasNextPage"] is True


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ({"first": 0}, "NUMBER_OF_ITEMS_REQUESTED_INVALID_EXCEPTION"),
        ({"first": 101}, "NUMBER_OF_ITEMS_REQUESTED_INVALID_EXCEPTION"),
        ({"first": -(2**31)}, "NUMBER_OF_ITEMS_REQUESTED_INVALID_EXCEPTION"),
        ({"after": "nonsense"}, "ARGUMENT_INVALID"),
        ({"after": "9" * 400 + "_1"}, "ARGUMENT_INVALID"),
        ({"timeParameters": {"startFrom": at(2), "endAt": at(1)}}, "ARGUMENT_INVALID"),
        ({"timeParameters": {"startFrom": "yesterday"}}, "FORMAT_INVALID"),
    ],
)
def test_a_page_that_cannot_be_is_a_query_error(
    viewer: Caller, catalogue: Catalogue, query: dict[str, Any], kind: str
) -> None:
    answer = events(viewer, **query)
    assert answer["__typename"] == "QueryError"
    assert answer["extensions"] == [{"errorType": kind, "statusCode": 400}]


def test_events_are_picked_by_type_and_by_time(bot: Caller, catalogue: Catalogue) -> None:
    for minute, kind in enumerate(["custom", "deployment", "incident"]):
        send(bot, kind, component="checkout", displayName=kind, lastUpdated=at(minute))
    assert names(events(bot, eventTypes=["DEPLOYMENT", "INCIDENT"])) == ["incident", "deployment"]
    assert names(events(bot, eventTypes="PUSH")) == []
    assert len(names(events(bot, eventTypes=[]))) == 3
    for times, expected in (
        ({"startFrom": at(1)}, ["incident", "deployment"]),
        ({"endAt": at(1)}, ["deployment", "custom"]),
        ({"startFrom": at(1), "endAt": at(1)}, ["deployment"]),
        ({"startFrom": "2026-11-21T15:01:00+01:00", "endAt": None}, ["incident", "deployment"]),
    ):
        assert names(events(bot, timeParameters=times)) == expected


def test_deployments_are_picked_by_environment_and_state(bot: Caller, catalogue: Catalogue) -> None:
    send(bot, "custom", component="checkout", displayName="custom")
    for number, (category, state) in enumerate(
        [("PRODUCTION", "FAILED"), ("STAGING", "FAILED"), ("PRODUCTION", "SUCCESSFUL")]
    ):
        event = compass_event("deployment", component="checkout", sequenceNumber=number)
        deployment = event["event"]["deployment"]
        deployment["displayName"] = f"{category} {state}"
        deployment["deploymentProperties"]["environment"]["category"] = category
        deployment["deploymentProperties"]["state"] = state
        assert mutate(bot, "createCompassEvent", "CompassCreateEventInput", **event)["success"]
    for asked, expected in (
        ({"states": ["FAILED"]}, {"PRODUCTION FAILED", "STAGING FAILED"}),
        ({"environments": "STAGING"}, {"STAGING FAILED"}),
        ({"environments": ["PRODUCTION"], "states": ["FAILED"]}, {"PRODUCTION FAILED"}),
    ):
        found = set(names(events(bot, eventFilters={"deployments": asked})))
        assert found == {*expected, "custom"}  # the filter is of deployments only


def test_a_source_has_a_page_of_its_own(bot: Caller, catalogue: Catalogue) -> None:
    for minute in range(3):
        send(bot, "custom", component="checkout", id=str(minute), displayName=str(minute),
             lastUpdated=at(minute))  # fmt: skip
    query = f"""query ($cloudId: ID!, $query: CompassEventsInEventSourceQuery) {{ compass {{
        eventSource(cloudId: $cloudId, eventType: CUSTOM, externalEventSourceId: "shop/web") {{
            ... on EventSource {{ events(query: $query) {{ {TYPES} ... on CompassEventConnection {{
                nodes {{ displayName }} pageInfo {{ endCursor }} }} }} }} }} }} }}"""

    def page(**asked: Any) -> Any:
        answer = compass(bot, query, cloudId=actions.cloud_id(), query=asked)
        return answer["eventSource"]["events"]

    assert names(page(first=2)) == ["2", "1"]
    assert names(page(after=page(first=2)["pageInfo"]["endCursor"])) == ["0"]
    assert page(first=0)["__typename"] == "QueryError"


def test_detaching_hides_events_and_attaching_shows_them_again(
    bot: Caller, catalogue: Catalogue
) -> None:
    send(bot, "custom", component="checkout")
    source = EventSource.objects.get(kind="custom")
    actions.detach(catalogue.checkout, source)
    assert names(events(bot)) == []
    actions.attach(catalogue.checkout, source)
    assert names(events(bot)) == ["An event"]


def test_an_event_without_its_fields_is_an_empty_object(bot: Caller, catalogue: Catalogue) -> None:
    send(bot, "custom", component="checkout")
    assert events(bot, "... on CompassBuildEvent { displayName }")["nodes"] == [{}]


# ---- events of other wires


@pytest.mark.parametrize("kind", EventKind.values)
@pytest.mark.parametrize("state", ["", "running", "resolved"])
def test_an_activity_of_another_wire_shows_as_its_nearest_kind(
    bot: Caller, catalogue: Catalogue, kind: str, state: str
) -> None:
    draft = Draft(
        dialect="streams", kind=kind, source_id="else", external_id="1", sequence=3,
        title="From elsewhere", occurred_at=read_time(TIME), verb="post", state=state,
        icon="https://example.com/icon.png", details={"event": {"unlike": "Compass"}},
    )  # fmt: skip
    actions.record(actions.Sender(bot.user), draft)
    actions.attach(catalogue.checkout, EventSource.objects.get(kind=kind, external_id="else"))
    (node,) = events(bot, WHOLE)["nodes"]
    assert (node["displayName"], node["lastUpdated"]) == ("From elsewhere", TIME)
    assert node["updateSequenceNumber"] == 3
    expected = "CUSTOM" if kind == "activity" else kind.upper()
    assert node["eventType"] == expected
    assert names(events(bot, eventTypes=[expected])) == ["From elsewhere"]
