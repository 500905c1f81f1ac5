"""Our own API under /api/v1/, with the names that other tools rely on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from feeds import actions
from feeds.models import Activity, Component, EventSource, Refusal
from tests.conftest import Caller
from tests.events import compass_event

FIELDS = {
    *("uuid", "dialect", "source", "external_id", "sequence", "kind", "verb", "state", "progress"),
    *("title", "content", "url", "actor", "object", "target", "components", "occurred_at"),
    *("received_at", "raw"),
}


@pytest.fixture
def web(db: None) -> Component:
    component = actions.create_component("Web")
    actions.attach(component, actions.create_source("shop/web", kind="custom"))
    return component


# ---- reading


def test_an_activity_comes_back_with_every_field_and_the_body_as_sent(
    bot: Caller, web: Component
) -> None:
    body = json.dumps(compass_event(), indent=1)
    bot.post("/compass/v1/events", body)
    (found,) = bot.get("/api/v1/activities").json()["results"]
    assert set(found) >= FIELDS
    assert found["raw"] == body
    assert found["source"]["external_id"] == "shop/web"
    assert found["components"] == [{"uuid": str(web.uuid), "slug": "web", "name": "Web"}]
    assert found["occurred_at"] == "2026-11-21T14:03:07Z"
    assert bot.get(f"/api/v1/activities/{found['uuid']}").json() == found


def test_next_leads_through_every_activity_once(bot: Caller, web: Component, settings: Any) -> None:
    settings.RATE_LIMIT = 0
    for number in range(23):
        bot.event(id=str(number))
    seen, following = [], "/api/v1/activities?limit=5&type=custom"
    while following:
        answer = bot.get(following).json()
        seen += [row["external_id"] for row in answer["results"]]
        following = answer["next"]
        assert following is None or following.startswith(settings.SITE_URL)
    assert seen == [str(number) for number in range(22, -1, -1)]


def test_the_filters_are_those_of_the_page(bot: Caller, web: Component) -> None:
    bot.event(displayName="needle")
    bot.event(id="2", displayName="hay")
    for query, count in [
        ({"q": "needle"}, 1), ({"type": "-custom"}, 0), ({"component": "web"}, 2),
        ({"actor": ["bot", "nobody"]}, 2), ({"source": "shop/web", "q": "hay"}, 1),
        ({"generator": "ci.example.com"}, 2), ({"until": "2026-11-21"}, 0),
    ]:  # fmt: skip
        assert len(bot.get("/api/v1/activities", **query).json()["results"]) == count, query


@pytest.mark.parametrize(
    ("query", "field"),
    [({"type": "x"}, "type"), ({"limit": "0"}, "limit"), ({"limit": "501"}, "limit"),
     ({"limit": "x"}, "limit"), ({"before": "x"}, "before"), ({"since": "x"}, "since")],
)  # fmt: skip
def test_a_bad_parameter_is_a_problem_that_names_it(
    viewer: Caller, query: dict[str, str], field: str
) -> None:
    response = viewer.get("/api/v1/activities", **query)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["errors"][0]["field"] == field


def test_an_unknown_activity_is_a_problem_404(viewer: Caller) -> None:
    for path in ("6d447ccc-9412-4003-8dd5-0f717339c5f6", "x"):
        response = viewer.get(f"/api/v1/activities/{path}")
        assert (response.status_code, response.json()["status"]) == (404, 404)


def test_strangers_are_asked_who_they_are_unless_the_site_is_open(db: None, settings: Any) -> None:
    response = Client().get("/api/v1/activities")
    assert (response.status_code, response["WWW-Authenticate"][:5]) == (401, "Basic")
    settings.ANONYMOUS_READ = True
    assert Client().get("/api/v1/activities").status_code == 200
    assert Client().post("/api/v1/components", {"name": "x"}).status_code == 401


# ---- components and sources


def test_an_admin_creates_a_component_a_source_and_attaches_it(admin: Caller) -> None:
    component = admin.post("/api/v1/components", {"name": "Web shop", "owner_team": "Store"})
    assert component.status_code == 201
    assert component.json()["slug"] == "web-shop"
    assert component.json()["id"].endswith(component.json()["uuid"])
    source = admin.post("/api/v1/sources", {"external_id": "shop/web", "kind": "PULL_REQUEST"})
    assert (source.status_code, source.json()["kind"]) == (201, "pull_request")
    path = f"/api/v1/sources/{source.json()['uuid']}/components"
    for name, status in (("uuid", 201), ("slug", 200), ("id", 200)):
        attached = admin.post(path, {"component": component.json()[name]})
        assert attached.status_code == status
        assert attached.json()["components"] == ["web-shop"]
    (listed,) = admin.get("/api/v1/sources").json()["results"]
    assert listed == {**source.json(), "components": ["web-shop"]}
    assert admin.get("/api/v1/components").json()["results"] == [component.json()]


def test_a_component_may_bring_its_uuid_along_from_compass(admin: Caller) -> None:
    identity = "6d447ccc-9412-4003-8dd5-0f717339c5f6"
    assert admin.post("/api/v1/components", {"name": "A", "uuid": identity}).status_code == 201
    reference = f"ari:cloud:compass:{actions.cloud_id()}:component/{identity}/{identity}"
    assert admin.event(component=reference).status_code == 202
    again = admin.post("/api/v1/components", {"name": "B", "uuid": identity})
    assert again.status_code in {400, 409}


def test_asking_for_a_source_that_exists_answers_it(admin: Caller) -> None:
    body = {"external_id": "shop/web", "kind": "build"}
    first, second = (admin.post("/api/v1/sources", body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("components", {}, "name"),
        ("components", {"name": ""}, "name"),
        ("components", {"name": "x" * 101}, "name"),
        ("components", {"name": "x", "slug": "not a slug"}, "slug"),
        ("components", {"name": "x", "type": "CASTLE"}, "type"),
        ("components", {"name": "x", "links": "y"}, "links"),
        ("components", {"name": "x", "links": [{"url": "javascript:x"}]}, "links[0].url"),
        ("components", {"name": "x\x00"}, "body"),
        ("sources", {"kind": "build"}, "external_id"),
        ("sources", {"external_id": "x", "kind": "castle"}, "kind"),
        ("sources", {"external_id": "x" * 300, "kind": "build"}, "external_id"),
    ],
)
def test_a_wrong_field_is_named(admin: Caller, path: str, body: Any, field: str) -> None:
    response = admin.post(f"/api/v1/{path}", body)
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {field}


@pytest.mark.parametrize("body", ["{", "[]", "3", b"\xff", '{"name": "\\ud800"}'])
def test_a_body_that_is_no_object_is_400(admin: Caller, body: Any) -> None:
    for path in ("/api/v1/components", "/api/v1/sources"):
        response = admin.post(path, body)
        assert response.status_code == 400, response.content
        assert response["Content-Type"] == "application/problem+json"


def test_a_taken_slug_is_409_and_a_taken_name_gets_another_slug(admin: Caller) -> None:
    assert admin.post("/api/v1/components", {"name": "Web"}).json()["slug"] == "web"
    assert admin.post("/api/v1/components", {"name": "Web"}).json()["slug"] == "web-2"
    response = admin.post("/api/v1/components", {"name": "Other", "slug": "web"})
    assert response.status_code in {400, 409}
    assert "slug" in response.content.decode()


def test_the_21st_attachment_is_a_problem_409(admin: Caller) -> None:
    actions.create_component("Web")
    for number in range(21):
        source = actions.create_source(f"source-{number}", kind="build")
        path = f"/api/v1/sources/{source.uuid}/components"
        response = admin.post(path, {"component": "web"})
    assert response.status_code == 409
    assert "20" in response.json()["detail"]


def test_no_component_takes_the_address_of_a_page(admin: Caller) -> None:
    assert admin.post("/api/v1/components", {"name": "New"}).json()["slug"] == "new-2"
    refused = admin.post("/api/v1/components", {"name": "x", "slug": "new"})
    assert refused.status_code == 409


@pytest.mark.parametrize("role", ["viewer", "composer", "bot"])
def test_only_admins_change_the_catalogue(caller: Any, role: str) -> None:
    response = caller(role).post("/api/v1/components", {"name": "x"})
    assert (response.status_code, response.json()["status"]) == (403, 403)
    assert not Component.objects.exists()


# ---- events in bulk


def lines(count: int, **fields: Any) -> list[Any]:
    return [compass_event(id=str(number), **fields) for number in range(count)]


@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_1000_events_are_taken_at_once_each_with_its_line(
    bot: Caller, web: Component, form: str
) -> None:
    texts = [json.dumps(event) for event in lines(1000)]
    body = f"[{' , '.join(texts)}]" if form == "array" else "\r\n".join(texts) + "\n\n"
    response = bot.post("/api/v1/events", body)
    assert response.status_code == 200
    answer = response.json()
    assert (answer["created"], answer["refused"]) == (1000, 0)
    assert [result["line"] for result in answer["results"]] == list(range(1, 1001))
    found = {str(row.uuid): row for row in Activity.objects.all()}
    for text, result in zip(texts, answer["results"], strict=True):
        assert found[result["activity"]].raw == text


def test_one_wrong_line_does_not_spoil_the_others(bot: Caller, web: Component) -> None:
    wrong = compass_event(id="9", icon=3, displayName=4)
    body = [*lines(2), wrong, {"x": 1}, compass_event("build"), "text", *lines(1)]
    response = bot.post("/api/v1/events", body)
    assert response.status_code == 207
    outcomes = [result["outcome"] for result in response.json()["results"]]
    assert outcomes == ["created", "created", *["refused"] * 4, "stale"]
    messages = [error["message"] for error in response.json()["results"][2]["errors"]]
    assert messages == ["event.custom.displayName: must be a string"]
    assert response.json()["results"][4]["status"] == 404
    assert Refusal.objects.filter(outcome="refused").count() == 4


def test_atomic_takes_all_or_none(bot: Caller, web: Component) -> None:
    for bad in ({}, compass_event("build")):  # one that cannot be read, one that has no source
        response = bot.post("/api/v1/events?atomic=1", [*lines(2), bad])
        assert response.status_code == 422
        outcomes = [result["outcome"] for result in response.json()["results"]]
        assert outcomes == ["rolled_back", "rolled_back", "refused"]
        assert not Activity.objects.exists()
    assert bot.post("/api/v1/events?atomic=1", lines(2)).json()["created"] == 2


def test_of_one_event_twice_in_a_request_the_highest_sequence_stays(
    bot: Caller, web: Component
) -> None:
    body = [compass_event(updateSequenceNumber=n, displayName=f"s{n}") for n in (2, 5, 3, 5)]
    answer = bot.post("/api/v1/events", body).json()
    assert [result["outcome"] for result in answer["results"]] == [
        "stale", "created", "stale", "stale",
    ]  # fmt: skip
    assert len({result["activity"] for result in answer["results"]}) == 1
    assert Activity.objects.get().title == "s5"


@pytest.mark.parametrize(
    ("body", "status"),
    [("", 400), ("[]", 400), ("[{]", 400), (b"\xff", 400), ("[" * 5000, 400), ("[1,]", 400),
     ("{\n{", 422), ("[null]", 422)],
)  # fmt: skip
def test_a_bulk_body_that_cannot_be_read_says_so(bot: Caller, body: Any, status: int) -> None:
    assert bot.post("/api/v1/events", body).status_code == status


def test_1001_events_are_refused(bot: Caller) -> None:
    response = bot.post("/api/v1/events", [{}] * 1001)
    assert response.status_code == 400
    assert response.json()["detail"] == "body: must hold 1 to 1000 events; it holds 1001"


def test_a_line_over_256_kb_is_refused_alone(bot: Caller, web: Component) -> None:
    body = [*lines(1), compass_event(id="big", description="x" * 256 * 1024)]
    response = bot.post("/api/v1/events", body)
    assert response.status_code == 207
    assert response.json()["results"][1]["status"] == 413


def test_a_character_that_no_database_keeps_spoils_its_own_event_only(
    bot: Caller, web: Component
) -> None:
    response = bot.post("/api/v1/events", [*lines(1), compass_event(id="nul", description="a\0b")])
    assert response.status_code == 207
    (fault,) = response.json()["results"][1]["errors"]
    assert "NUL" in fault["message"]


def test_bulk_is_for_those_who_may_send(viewer: Caller) -> None:
    assert viewer.post("/api/v1/events", lines(1)).status_code == 403
    assert Client().post("/api/v1/events", "[]", content_type="application/json").status_code == 401


def test_a_bulk_request_counts_as_one(bot: Caller, web: Component, settings: Any) -> None:
    settings.RATE_LIMIT = 1
    assert bot.post("/api/v1/events", lines(3))["X-RateLimit-Remaining"] == "0"
    refused = bot.post("/api/v1/events", lines(3))
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) >= 1


def test_every_kind_of_a_source_stands_apart_in_bulk(bot: Caller) -> None:
    for kind in ("custom", "build"):
        actions.create_source("shop/web", kind=kind)
    bot.post("/api/v1/events", [compass_event("custom"), compass_event("build")])
    kinds = EventSource.objects.values_list("activities__kind", flat=True)
    assert sorted(kinds) == ["build", "custom"]
