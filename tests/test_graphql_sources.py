"""Aliases and event sources over GraphQL: what can be asked, changed, and refused."""

from __future__ import annotations

from typing import Any

import pytest

from feeds import actions
from feeds.models import Alias, Attachment, Component, EventSource, Webhook
from tests.conftest import Caller
from tests.graph import (
    NOBODY,
    TYPES,
    Catalogue,
    ari_of,
    compass,
    errors_of,
    mutate,
    nobody,
    query_error,
)

HUGE = "https://" + "x" * 2000

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.make()


# ---- aliases


def alias(caller: Caller, verb: str, component: str = "checkout", **fields: Any) -> Any:
    fields = {"externalId": "77", "externalSource": "sentry", **fields}
    details = "componentDetails { externalAliases { externalAliasId } }"
    type = f"{verb.capitalize()}CompassComponentExternalAliasInput"
    name = f"{verb}ComponentExternalAlias"
    return mutate(caller, name, type, details, componentId=component, externalAlias=fields)


def test_an_alias_is_made_and_deleted(bot: Caller, catalogue: Catalogue) -> None:
    for _ in range(2):  # the second time changes nothing
        payload = alias(bot, "create", url="https://sentry.example.com")
        ids = [one["externalAliasId"] for one in payload["componentDetails"]["externalAliases"]]
        assert ids == ["1042", "77"]
    assert alias(bot, "delete")["success"] is True
    message = "We couldn’t find the external alias. Check for typos and try again."  # noqa: RUF001
    assert errors_of(alias(bot, "delete")) == [("EXTERNAL_ALIAS_NOT_FOUND", 404, message)]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"externalId": ""}, "EXTERNAL_ALIAS_ID_CANNOT_BE_EMPTY"),
        ({"externalId": "x" * 1025}, "EXTERNAL_ALIAS_ID_TOO_LONG"),
        ({"externalSource": "x" * 1025}, "EXTERNAL_ALIAS_SOURCE_TOO_LONG"),
        ({"url": "javascript:alert(1)"}, "FORMAT_INVALID"),
        (
            {"externalId": "1042", "externalSource": "gitlab"},
            "EXTERNAL_ALIAS_COULD_NOT_BE_CREATED",
        ),
    ],
)
def test_an_alias_that_breaks_a_rule_is_not_made(
    bot: Caller, catalogue: Catalogue, fields: dict[str, str], kind: str
) -> None:
    assert errors_of(alias(bot, "create", component="cart", **fields))[0][0] == kind
    assert Alias.objects.count() == 1


def test_the_longest_alias_is_found_again(bot: Caller, catalogue: Catalogue) -> None:
    assert alias(bot, "create", externalId="i" * 1024, externalSource="s" * 1024)["success"]


# ---- event sources


def source(caller: Caller, name: str, details: str = "", **fields: Any) -> Any:
    known = {"cloudId": actions.cloud_id(), "eventType": "BUILD", "externalEventSourceId": "a/b"}
    type = f"{name[0].upper()}{name[1:]}Input"
    return mutate(caller, name, type, details, **{**known, **fields})


def test_a_source_that_is_made_twice_is_the_same(bot: Caller) -> None:
    details = "eventSource { id eventType }"
    first, second = (source(bot, "createEventSource", details) for _ in range(2))
    assert first["success"] is second["success"] is True
    assert first["eventSource"] == second["eventSource"]
    other = source(bot, "createEventSource", details, eventType="PULL_REQUEST")
    assert other["eventSource"]["eventType"] == "PULL_REQUEST"
    assert EventSource.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({"cloudId": "x"}, "CLOUD_ID_INVALID"), ({"externalEventSourceId": " "}, "FIELD_MISSING")],
)
def test_a_source_of_nowhere_is_not_made(bot: Caller, fields: dict[str, str], kind: str) -> None:
    payload = source(bot, "createEventSource", "eventSource { id }", **fields)
    assert errors_of(payload)[0][0] == kind
    assert payload["eventSource"] is None
    assert not EventSource.objects.exists()


def attachment(caller: Caller, verb: str, component: str, source: str) -> Any:
    type = f"{verb.capitalize()}EventSourceInput"
    return mutate(
        caller, f"{verb}EventSource", type, componentId=component, eventSourceId=source
    )  # fmt: skip


def test_attaching_and_detaching_twice_succeeds(bot: Caller, catalogue: Catalogue) -> None:
    place = ari_of(catalogue.cart), ari_of(catalogue.builds)
    for verb, count in (("attach", 2), ("attach", 2), ("detach", 1), ("detach", 1)):
        assert attachment(bot, verb, *place)["success"] is True
        assert Attachment.objects.count() == count


def test_what_is_not_there_is_not_attached(bot: Caller, catalogue: Catalogue) -> None:
    builds, checkout = ari_of(catalogue.builds), ari_of(catalogue.checkout)
    for verb in ("attach", "detach"):
        for place, kind in (
            ((nobody(), builds), ("COMPONENT_NOT_FOUND", 404, "Component not found")),
            ((checkout, ari_of(EventSource(uuid=NOBODY))), ("EVENT_SOURCE_NOT_FOUND", 404)),
            ((checkout, checkout), ("EVENT_SOURCE_NOT_FOUND", 404)),
            ((checkout, "nonsense"), ("EVENT_SOURCE_NOT_FOUND", 404)),
            ((builds, builds), ("COMPONENT_ARI_INVALID", 400)),
        ):
            (error,) = errors_of(attachment(bot, verb, *place))
            assert error[: len(kind)] == kind


def test_a_component_takes_no_more_sources_than_it_may(
    bot: Caller, catalogue: Catalogue, settings: Any
) -> None:
    settings.SOURCES_PER_COMPONENT = 1
    second = actions.create_source("c/d", kind="build")
    (error,) = errors_of(attachment(bot, "attach", "checkout", ari_of(second)))
    assert error[:2] == ("ATTACHED_EVENT_SOURCE_LIMIT_REACHED", 409)


def test_a_source_that_is_attached_is_deleted_only_if_the_caller_insists(
    bot: Caller, catalogue: Catalogue
) -> None:
    bot.event("build", component="checkout", externalEventSourceId="shop/checkout")
    delete = {"externalEventSourceId": "shop/checkout"}
    assert errors_of(source(bot, "deleteEventSource", **delete))[0][1] == 409
    assert catalogue.builds.activities.exists()
    insists = {**delete, "deleteIfAttachedToComponents": True}
    assert source(bot, "deleteEventSource", **insists)["success"] is True
    assert not EventSource.objects.exists()
    (error,) = errors_of(source(bot, "deleteEventSource", **insists))
    assert error[:2] == ("EVENT_SOURCE_NOT_FOUND", 404)


def test_a_source_that_nothing_is_attached_to_is_deleted(bot: Caller) -> None:
    actions.create_source("a/b", kind="build")
    assert source(bot, "deleteEventSource")["success"] is True
    assert not EventSource.objects.exists()


def test_a_source_is_read_by_what_names_it(viewer: Caller, catalogue: Catalogue) -> None:
    query = f"""query ($cloudId: ID!, $id: ID!, $type: CompassEventType!) {{ compass {{
        eventSource(cloudId: $cloudId, eventType: $type, externalEventSourceId: $id) {{
            ... on EventSource {{ id externalEventSourceId }} {TYPES}
    }} }} }}"""
    known = {"cloudId": actions.cloud_id(), "id": "shop/checkout", "type": "BUILD"}
    found = compass(viewer, query, **known)["eventSource"]
    assert found == {"id": ari_of(catalogue.builds), "externalEventSourceId": "shop/checkout"}
    for wrong, kind in (
        ({"type": "PUSH"}, "EVENT_SOURCE_NOT_FOUND"),
        ({"id": "x"}, "EVENT_SOURCE_NOT_FOUND"),
        ({"cloudId": "x"}, "CLOUD_ID_INVALID"),
    ):
        answer = compass(viewer, query, **{**known, **wrong})["eventSource"]
        assert query_error(answer)[:2] == (kind, 404)


# ---- several at once, and webhooks


def test_mutations_of_one_request_stand_each_for_itself(bot: Caller) -> None:
    made = [f'm{n}: createComponent(cloudId: $c, input: {{name: "{name}"}}) {{ success }}'
            for n, name in enumerate(["One", "", "Three"])]  # fmt: skip
    query = f"mutation ($c: ID!) {{ compass {{ {' '.join(made)} }} }}"
    answer = compass(bot, query, c=actions.cloud_id())
    assert [payload["success"] for payload in answer.values()] == [True, False, True]
    assert {row.name for row in Component.objects.all()} == {"One", "Three"}


def test_an_incoming_webhook_is_one_of_ours(bot: Caller) -> None:
    def make(**fields: Any) -> Any:
        known = {"cloudId": actions.cloud_id(), "name": "Code", "source": "gitlab_self_managed"}
        details = "webhookDetails { id name source }"
        type = "CompassCreateIncomingWebhookInput"
        return mutate(bot, "createIncomingWebhook", type, details, **{**known, **fields})

    details = make()["webhookDetails"]
    hook = Webhook.objects.get()
    assert (hook.name, hook.dialect, hook.user) == ("Code", "gitlab", bot.user)
    assert details["id"].rpartition("/")[2] == hook.token
    assert make(source="github_enterprise_server")["success"]
    for wrong in ({"source": "svn"}, {"name": " "}, {"name": "x" * 101}, {"cloudId": "x"}):
        assert errors_of(make(**wrong))
    assert Webhook.objects.count() == 2
