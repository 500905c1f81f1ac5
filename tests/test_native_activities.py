"""Activities of our own making: create them, report their progress, delete them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from feeds import actions
from feeds.dialects import native
from feeds.models import Activity, Component, EventKind, EventSource, Refusal
from tests.conftest import Caller
from tests.dialects.documents import exactly, load, names
from tests.pages import signed_in

PATH = "/api/v1/activities"
LEAST = {"kind": "build", "title": "web #1", "source": {"external_id": "ci/web"}}


def create(caller: Caller, **fields: Any) -> Any:
    return caller.post(PATH, {**LEAST, **fields})


def change(caller: Caller, activity: Any, **fields: Any) -> Any:
    return caller.patch(f"{PATH}/{activity['uuid']}", fields)


def faults(response: Any) -> dict[str, str]:
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["type"] == "about:blank"
    return {error["field"]: error["message"] for error in body.get("errors", [])}


# ---- create


def test_the_words_of_the_dialect_are_those_of_the_models() -> None:
    assert list(native.KINDS) == EventKind.values
    assert list(native.STATES) == Activity.State.values


@pytest.mark.parametrize("name", names("native"))
def test_a_stored_document_is_rendered_as_it_was_sent(bot: Caller, name: str) -> None:
    actions.create_component("Checkout")
    document = load(name)
    response = bot.post(PATH, document)
    assert response.status_code == 201, response.content
    activity = Activity.objects.select_related("source").get()
    assert exactly(native.render(activity.columns())) == exactly(document)
    assert response.json()["dialect"] == "native"
    assert response.json()["title"] == document["title"][:255]


def test_what_is_not_said_is_made(bot: Caller) -> None:
    before = datetime.now(UTC)
    made = create(bot).json()
    assert made["actor"] == {"key": "bot", "name": "bot", "image": ""}
    assert made["external_id"]
    assert (made["verb"], made["generator"], made["state"]) == ("post", "API", "")
    assert before <= datetime.fromisoformat(made["occurred_at"]) <= datetime.now(UTC)
    assert made["author"] == "bot"
    assert create(bot).json()["uuid"] != made["uuid"]


def test_a_component_alone_gets_a_source_of_its_own_for_each_kind(bot: Caller) -> None:
    web = actions.create_component("Web")
    identity = str(web.uuid)
    ari = f"ari:cloud:compass:{actions.cloud_id()}:component/{identity}/{identity}"
    for reference in ("web", identity, ari):
        body = {"kind": "custom", "title": "x", "component": reference}
        made = bot.post(PATH, body).json()
        assert made["components"] == [{"uuid": identity, "slug": "web", "name": "Web"}]
    assert EventSource.objects.count() == 1
    assert bot.get(PATH, component="web").json()["results"][0]["uuid"] == made["uuid"]


def test_the_same_external_id_updates_and_an_older_sequence_changes_nothing(bot: Caller) -> None:
    first = create(bot, external_id="7", sequence=2)
    again = create(bot, external_id="7", sequence=3, title="newer")
    stale = create(bot, external_id="7", sequence=3, title="stale")
    assert [answer.status_code for answer in (first, again, stale)] == [201, 200, 200]
    outcomes = [answer["X-Pulseboard-Outcome"] for answer in (first, again, stale)]
    assert outcomes == ["created", "updated", "stale"]
    assert stale.json()["title"] == "newer"
    # Without a sequence, the later request is the newer one.
    assert create(bot, external_id="7", title="newest").json()["title"] == "newest"


def test_the_body_is_kept_as_it_was_sent(bot: Caller) -> None:
    body = '{ "kind":"custom",\n"title": "caf\\u00e9", "source": {"external_id": "x"} }'
    assert bot.post(PATH, body).json()["raw"] == body


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"kind": "is required", "title": "is required"}),
        ({"title": " "}, {"title": "must not be empty"}),
        ({"source": None}, {"source": "is required where there is no component"}),
        ({"source": {}}, {"source.external_id": "is required"}),
        ({"source": {"external_id": "x", "kind": "flag"}},
         {"source.kind": "must be the kind of the activity"}),
        ({"progress": 101}, {"progress": "must be a whole number from 0 to 100"}),
        ({"sequence": 2**63}, {"sequence": "must fit in 64 bits"}),
        ({"url": "javascript:alert(1)"}, {"url": "must be an absolute http or https URL"}),
        ({"actor": {"image": "data:x"}}, {"actor.image": "must be an absolute http or https URL"}),
        ({"occurred_at": "2026-11-21"},
         {"occurred_at": "must be a date and time with its offset, such as 2026-11-21T14:03:07Z"}),
        ({"external_id": ""}, {"external_id": "must not be empty"}),
        ({"actor": {"nmae": "x"}},
         {"actor.nmae": "is not one of actor.image, actor.key, actor.name"}),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_its_rule(
    bot: Caller, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    response = bot.post(PATH, {**LEAST, **body} if body else body)
    assert response.status_code == 400
    assert faults(response) == wrong
    assert not Activity.objects.exists()
    assert Refusal.objects.get().status == 400


def test_a_typo_is_refused_and_not_dropped(bot: Caller) -> None:
    response = create(bot, staet="running", tittle="x")
    assert faults(response).keys() == {"staet", "tittle"}


def test_all_faults_are_told_at_once(bot: Caller) -> None:
    response = create(bot, kind="castle", state="x", progress="y", extra=1)
    assert faults(response).keys() == {"kind", "state", "progress", "extra"}


@pytest.mark.parametrize("body", ["{", "[]", "3", "null", b"\xff", '{"title": "\\ud800"}'])
def test_a_body_that_is_no_object_says_so(bot: Caller, body: Any) -> None:
    response = bot.post(PATH, body)
    assert response.status_code == 400
    assert faults(response).keys() == {"body"}


def test_an_unknown_component_is_404_and_a_full_one_409(bot: Caller, settings: Any) -> None:
    body = {"kind": "custom", "title": "x", "component": "nowhere"}
    assert bot.post(PATH, body).status_code == 404
    settings.SOURCES_PER_COMPONENT = 0
    actions.create_component("Nowhere")
    assert bot.post(PATH, body).status_code == 409
    assert not Activity.objects.exists()


@pytest.mark.parametrize(
    ("role", "actor", "status"),
    [
        ("composer", {"key": "maria"}, 403),
        ("composer", {"name": "Maria"}, 403),
        ("composer", {"key": "composer"}, 201),
        ("composer", {"key": "composer@example.com"}, 201),
        ("composer", {}, 201),
        ("bot", {"key": "maria", "name": "Maria"}, 201),
        ("admin", {"key": "maria"}, 201),
        ("viewer", {}, 403),
    ],
)
def test_only_bots_and_admins_name_another_actor(
    caller: Any, role: str, actor: dict[str, str], status: int
) -> None:
    assert create(caller(role), actor=actor).status_code == status


# ---- progress


@pytest.fixture
def build(bot: Caller) -> Any:
    return create(bot, state="running", progress=10, external_id="1", sequence=5).json()


def test_progress_goes_on_and_ends(bot: Caller, build: Any) -> None:
    on_its_way = change(bot, build, progress=62, title="web #1: test 3 of 5")
    assert on_its_way.status_code == 200
    assert on_its_way.json()["progress"] == 62
    assert on_its_way.json()["sequence"] == 6
    done = change(bot, build, progress=100, state="succeeded", url="https://ci.example.com/1")
    assert (done.json()["state"], done.json()["sequence"]) == ("succeeded", 7)
    assert done.json()["occurred_at"] == build["occurred_at"]
    assert done.json()["touched_at"] > build["touched_at"]
    assert bot.get(f"{PATH}/{build['uuid']}").json() == done.json()


def test_what_a_change_says_is_rendered_too(bot: Caller, build: Any) -> None:
    change(bot, build, progress=None, state="pending", title="x" * 300)
    activity = Activity.objects.select_related("source").get()
    rendered = native.render(activity.columns())
    assert rendered == {
        **LEAST, "external_id": "1", "sequence": 6, "state": "pending", "progress": None,
        "title": "x" * 300,
    }  # fmt: skip
    assert activity.title == "x" * 255
    change(bot, build, title="short again")
    activity.refresh_from_db()
    assert native.render(activity.columns())["title"] == "short again"


@pytest.mark.parametrize("progress", [9, 0, None])
def test_progress_may_not_go_back_while_running(bot: Caller, build: Any, progress: Any) -> None:
    response = change(bot, build, progress=progress)
    assert response.status_code == 409
    assert faults(response).keys() == {"progress"}
    assert change(bot, build, progress=progress, state="pending").status_code == 200
    assert change(bot, build, progress=1, state="running").status_code == 200


def test_an_empty_change_is_a_sign_of_life(bot: Caller, build: Any) -> None:
    alive = change(bot, build).json()
    raised = ("touched_at", "sequence", "details")
    assert {name for name in alive if alive[name] != build[name]} == set(raised)
    assert alive["touched_at"] > build["touched_at"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kind": "push"}, {"kind"}),
        ({"title": None}, {"title"}),
        ({"title": ""}, {"title"}),
        ({"progress": "x", "state": "y"}, {"progress", "state"}),
        ({"sequence": 9}, {"sequence"}),
    ],
)
def test_a_wrong_change_is_named(
    bot: Caller, build: Any, fields: dict[str, Any], wrong: set[str]
) -> None:
    response = change(bot, build, **fields)
    assert response.status_code == 400
    assert faults(response).keys() == wrong


def test_only_the_sender_and_admins_change_an_activity(
    caller: Any, bot: Caller, admin: Caller, build: Any
) -> None:
    assert change(caller("bot", "another"), build, progress=20).status_code == 403
    assert change(caller("viewer"), build, progress=20).status_code == 403
    assert change(admin, build, progress=20).status_code == 200
    found = bot.get(f"{PATH}/{build['uuid']}").json()
    assert (found["author"], found["actor"]["key"]) == ("bot", "bot")


def test_what_came_by_another_wire_is_not_changed_here(bot: Caller, admin: Caller) -> None:
    actions.create_source("shop/web", kind="custom")
    bot.event()
    (found,) = bot.get(PATH).json()["results"]
    for caller in (bot, admin):
        assert change(caller, found, title="mine").status_code == 409
    assert bot.get(PATH).json()["results"] == [found]


# ---- delete


def test_the_sender_and_admins_delete_and_nobody_else(
    caller: Any, bot: Caller, admin: Caller
) -> None:
    first, second = create(bot).json(), create(bot).json()
    for stranger in (caller("composer"), caller("viewer")):
        assert stranger.delete(f"{PATH}/{first['uuid']}").status_code == 403
    assert Client().delete(f"{PATH}/{first['uuid']}").status_code == 401
    assert bot.delete(f"{PATH}/{first['uuid']}").status_code == 204
    assert admin.delete(f"{PATH}/{second['uuid']}").status_code == 204
    assert bot.delete(f"{PATH}/{first['uuid']}").status_code == 404
    assert bot.get(PATH).json()["results"] == []


# ---- pages, errors, sessions


def test_previous_leads_back(bot: Caller, settings: Any) -> None:
    settings.RATE_LIMIT = 0
    for number in range(7):
        create(bot, external_id=str(number), occurred_at=f"2026-11-21T14:00:0{number}Z")
    first = bot.get(PATH, limit="3").json()
    assert first["previous"] is None
    second = bot.get(first["next"]).json()
    third = bot.get(second["next"]).json()
    assert third["next"] is None
    back = bot.get(third["previous"]).json()
    assert [row["uuid"] for row in back["results"]] == [row["uuid"] for row in second["results"]]
    assert back["next"].startswith(f"{settings.SITE_URL}{PATH}?")


def test_a_page_costs_the_same_queries_whatever_its_size(
    bot: Caller, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.RATE_LIMIT = 0
    for number in range(12):
        actions.create_component(f"C{number}")
        create(bot, source={"external_id": str(number)}, component=f"c{number}")
    for limit in ("2", "12"):
        with django_assert_num_queries(3):  # who, the rows, their components
            assert len(bot.get(PATH, limit=limit).json()["results"]) == int(limit)


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("get", f"{PATH}?tpye=build", {}, 400),
        ("get", f"{PATH}?format=xml", {}, 400),
        ("get", PATH, {"headers": {"accept": "application/xml"}}, 406),
        ("put", PATH, {"data": "{}", "content_type": "application/json"}, 405),
        ("post", PATH, {"data": "<x/>", "content_type": "application/xml"}, 415),
        ("get", "/api/v1/nothing", {}, 404),
        ("get", "/api/v1/activities/not-a-uuid", {}, 404),
        ("post", f"{PATH}?type=build", {"data": "{}", "content_type": "application/json"}, 400),
    ],
)
def test_every_error_is_a_problem(
    bot: Caller, method: str, path: str, options: Any, status: int
) -> None:
    headers = {"authorization": bot.basic, **options.pop("headers", {})}
    response = getattr(bot.client, method)(path, headers=headers, **options)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert body["title"]
    assert body["detail"]


def test_a_body_that_is_too_large_is_413(bot: Caller) -> None:
    assert create(bot, content="x" * 256 * 1024).status_code == 413


def test_a_session_may_write_with_its_csrf_token_only(db: None) -> None:
    client = signed_in("composer")
    client.handler.enforce_csrf_checks = True
    refused = client.post(PATH, LEAST, content_type="application/json")
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    assert "CSRF" in refused.json()["detail"]
    client.get("/settings/")
    token = client.cookies["csrftoken"].value
    taken = client.post(
        PATH, LEAST, content_type="application/json", headers={"x-csrftoken": token}
    )
    assert taken.status_code == 201


def test_writes_count_against_the_limit_and_reads_do_not(bot: Caller, settings: Any) -> None:
    settings.RATE_LIMIT = 2
    assert create(bot)["X-RateLimit-Remaining"] == "1"
    assert "X-RateLimit-Limit" not in bot.get(PATH)
    assert create(bot, title=3)["X-RateLimit-Remaining"] == "0"
    refused = create(bot)
    assert refused.status_code == 429
    assert refused["Content-Type"] == "application/problem+json"
    assert int(refused["Retry-After"]) >= 1


def test_the_row_of_the_feed_shows_it(bot: Caller) -> None:
    Component.objects.create(name="Web", slug="web")
    create(bot, state="running", progress=40, content="<b>plain</b> text", component="web")
    page = signed_in("viewer").get("/")
    assert "web #1" in page.content.decode()
