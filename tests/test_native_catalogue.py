"""Components, sources, aliases, tokens, saved views and oneself over our own API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from feeds import actions
from feeds.models import Alias, ApiToken, Attachment, Component, EventSource, SavedView
from tests.conftest import Caller
from tests.pages import Html, signed_in

V1 = "/api/v1"


@pytest.fixture
def web(db: None) -> Component:
    return actions.create_component("Web")


@pytest.fixture
def source(web: Component) -> EventSource:
    found = actions.create_source("shop/web", kind="custom")
    actions.attach(web, found)
    return found


def walk(caller: Caller, path: str, **query: str) -> list[Any]:
    """Follow `next` to the end and `previous` back to the start; both see the same rows."""
    pages, at = [], caller.get(path, **query).json()
    pages.append(at["results"])
    while at["next"]:
        at = caller.get(at["next"]).json()
        pages.append(at["results"])
    back = [at["results"]]
    while at["previous"]:
        at = caller.get(at["previous"]).json()
        back.append(at["results"])
    assert back[::-1] == pages
    return [row for rows in pages for row in rows]


# ---- lists


def test_lists_are_walked_forwards_and_backwards_also_where_names_are_the_same(
    admin: Caller,
) -> None:
    for number in range(7):
        actions.create_component("Same" if number % 2 else f"C{number}")
        actions.create_source(f"shop/{number}", kind="build")
        actions.save_view(admin.user, name=f"View {number}")
        actions.issue_token(admin.user, role=admin.user.role, name=str(number))
    slugs = [row["slug"] for row in walk(admin, f"{V1}/components", limit="2")]
    assert slugs == ["c0", "c2", "c4", "c6", "same", "same-2", "same-3"]
    assert len(walk(admin, f"{V1}/sources", limit="3")) == 7
    assert len(walk(admin, f"{V1}/views", limit="7")) == 7
    names = [row["name"] for row in walk(admin, f"{V1}/tokens", limit="3")]
    assert names == ["6", "5", "4", "3", "2", "1", "0", ""]


def test_a_list_finds_a_part_of_a_name(viewer: Caller, source: EventSource) -> None:
    actions.create_component("100% done_")
    for path, text, count in [
        ("components", "WE", 1), ("components", "0%", 1), ("components", "%", 1),
        ("components", "_", 1), ("components", "x", 0), ("sources", "hop/", 1),
    ]:  # fmt: skip
        found = viewer.get(f"{V1}/{path}", q=text).json()["results"]
        assert len(found) == count, (path, text)


@pytest.mark.parametrize(
    "query",
    [{"cursor": "x"}, {"cursor": "WzEsMl0="}, {"cursor": "é"}, {"cursor": "W1tdLCIiLDFd"},
     {"limit": "0"}, {"limit": "501"}, {"limit": "٣"}, {"q": "\x00"}, {"page": "2"},
     {"cursor": "WzAsICJcdTAwMDAiLCAxXQ=="}, {"cursor": "WzAsICJ4IiwgMWU5OV0="}],
)  # fmt: skip
def test_a_bad_parameter_of_a_list_is_named(viewer: Caller, query: dict[str, str]) -> None:
    response = viewer.get(f"{V1}/components", **query)
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] in query


def test_lists_cost_the_same_queries_whatever_their_size(
    admin: Caller, django_assert_num_queries: Any
) -> None:
    for number in range(10):
        component = actions.create_component(f"C{number}")
        actions.create_alias(component, source="jira", external_id=str(number))
        for kind in ("build", "flag"):
            source = actions.create_source(f"shop/{number}", kind=kind)
            actions.attach(component, source)
        actions.save_view(admin.user, name=f"View {number}")
        actions.issue_token(admin.user, role=admin.user.role)
    admin.get(f"{V1}/components")  # the site is remembered from now on
    for path, queries in [
        ("components", 3), ("sources", 3), ("tokens", 2), ("views", 2), ("components/c1/sources", 4)
    ]:  # fmt: skip
        for limit in ("1", "10"):
            with django_assert_num_queries(queries):
                assert admin.get(f"{V1}/{path}", limit=limit).status_code == 200


# ---- components


def test_a_component_is_changed_field_by_field(admin: Caller, web: Component) -> None:
    path = f"{V1}/components/web"
    before = admin.get(path).json()
    changed = admin.patch(
        path, {"labels": ["tier-1", "tier-1", "shop"], "state": "PENDING", "owner_team": "Store"}
    )
    assert changed.status_code == 200
    assert changed.json()["labels"] == ["tier-1", "shop"]
    assert changed.json()["name"] == before["name"]
    assert changed.json()["updated_at"] > before["updated_at"]
    link = {"type": "DASHBOARD", "name": "Load", "url": "https://example.com"}
    (made,) = admin.patch(path, {"links": [link]}).json()["links"]
    assert made == {**link, "id": made["id"]}
    assert admin.patch(path, {"slug": "shop"}).json()["slug"] == "shop"
    assert admin.get(path).status_code == 404
    assert admin.get(f"{V1}/components/{web.uuid}").json()["labels"] == ["tier-1", "shop"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"nmae": "x"}, {"nmae"}),
        ({"name": 5}, {"name"}),
        ({"uuid": str(uuid.uuid4())}, {"uuid"}),
        ({"labels": ["ok", "Not Ok"]}, {"labels[1]"}),
        ({"labels": "x"}, {"labels"}),
        ({"links": [{"url": "https://x"}, {"url": "ftp://x", "extra": 1}]},
         {"links[1].url", "links[1].extra"}),
        ({"name": "", "type": "CASTLE", "x": 1}, {"name", "type", "x"}),
    ],
)  # fmt: skip
def test_a_wrong_or_unknown_field_is_named(
    admin: Caller, web: Component, body: Any, fields: set[str]
) -> None:
    response = admin.patch(f"{V1}/components/web", body)
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == fields


def test_what_exists_already_is_409(admin: Caller, web: Component) -> None:
    actions.create_component("Shop")
    taken = admin.patch(f"{V1}/components/shop", {"slug": "web"})
    assert (taken.status_code, taken.json()["errors"][0]["field"]) == (409, "slug")
    again = admin.post(f"{V1}/components", {"name": "B", "uuid": str(web.uuid)})
    assert (again.status_code, again.json()["errors"][0]["field"]) == (409, "uuid")


def test_a_component_is_deleted_and_its_source_stays(admin: Caller, source: EventSource) -> None:
    assert admin.delete(f"{V1}/components/web").status_code == 204
    assert admin.delete(f"{V1}/components/web").status_code == 404
    assert admin.get(f"{V1}/sources/{source.uuid}").json()["components"] == []


def test_sources_are_attached_and_detached_from_both_sides(admin: Caller, web: Component) -> None:
    made = admin.post(f"{V1}/sources", {"external_id": "shop/web", "kind": "build"}).json()
    sides = [
        (f"{V1}/components/web/sources", {"source": made["uuid"]}, made["uuid"]),
        (f"{V1}/sources/{made['uuid']}/components", {"component": "web"}, "web"),
    ]
    for path, body, name in sides:
        assert admin.post(path, body).status_code == 201
        assert admin.post(path, body).status_code == 200
        assert len(admin.get(path).json()["results"]) == 1
        assert admin.delete(f"{path}/{name}").status_code == 204
        assert admin.delete(f"{path}/{name}").status_code == 404
        assert admin.get(path).json()["results"] == []
    assert not Attachment.objects.exists()


def test_aliases_are_added_found_and_removed(admin: Caller, web: Component) -> None:
    path = f"{V1}/components/web/aliases"
    body = {"source": "jira", "external_id": "WEB/1?", "url": "https://jira.example.com"}
    made = admin.post(path, body)
    assert made.status_code == 201
    assert admin.post(path, body).json() == made.json()
    assert admin.get(path).json()["results"] == [made.json()]
    assert admin.get(f"{V1}/components/web").json()["aliases"] == [made.json()]
    actions.create_component("Other")
    assert admin.post(f"{V1}/components/other/aliases", body).status_code == 409
    assert admin.delete(f"{path}/{made.json()['id']}").status_code == 204
    assert admin.delete(f"{path}/{made.json()['id']}").status_code == 404
    assert not Alias.objects.exists()


# ---- sources


def test_a_source_is_renamed_read_and_deleted_with_its_events(
    admin: Caller, bot: Caller, source: EventSource
) -> None:
    path = f"{V1}/sources/{source.uuid}"
    assert admin.get(path).json()["last_seen"] is None
    bot.event()
    assert admin.get(path).json()["last_seen"] == "2026-11-21T14:03:07Z"
    assert admin.patch(path, {"name": "Shop"}).json()["name"] == "Shop"
    assert admin.patch(path, {"external_id": "y"}).status_code == 400
    assert admin.delete(path).status_code == 204
    assert admin.get(f"{V1}/activities").json()["results"] == []


def test_what_was_refused_is_for_members(bot: Caller, source: EventSource, settings: Any) -> None:
    settings.ANONYMOUS_READ = True
    bot.event()
    bot.event()
    path = f"{V1}/sources/{source.uuid}/refusals"
    (refusal,) = bot.get(path).json()["results"]
    assert refusal["outcome"] == "ignored"
    assert "sequence" in refusal["reason"]
    assert Client().get(f"{V1}/sources/{source.uuid}").status_code == 200
    assert Client().get(path).status_code == 401


# ---- tokens


def test_a_token_is_made_works_and_is_revoked(bot: Caller) -> None:
    made = bot.post(f"{V1}/tokens", {"name": "ci", "role": "composer"}).json()
    assert made["secret"].startswith(made["prefix"])
    mine = Caller(bot.user, made["secret"])
    who = mine.get(f"{V1}/me").json()
    assert (who["username"], who["role"], who["token"]["name"]) == ("bot", "composer", "ci")
    path = f"{V1}/tokens/{made['id']}"
    assert "secret" not in bot.get(path).json()
    assert bot.get(f"{path}/refusals").json()["results"] == []
    assert bot.delete(path).status_code == 204
    assert mine.get(f"{V1}/me").status_code == 401
    assert bot.get(path).json()["revoked_at"]


def test_no_token_makes_or_revokes_a_stronger_one(admin: Caller) -> None:
    made = admin.post(f"{V1}/tokens", {"name": "weak", "role": "viewer"}).json()
    weak = Caller(admin.user, made["secret"])
    refused = weak.post(f"{V1}/tokens", {"name": "strong", "role": "admin"})
    assert refused.status_code == 403
    strong = ApiToken.objects.get(role="admin")
    assert weak.delete(f"{V1}/tokens/{strong.pk}").status_code == 403
    assert weak.delete(f"{V1}/tokens/{made['id']}").status_code == 204


def test_one_sees_ones_own_tokens_and_admins_all(bot: Caller, admin: Caller) -> None:
    assert [row["user"] for row in bot.get(f"{V1}/tokens").json()["results"]] == ["bot"]
    assert {row["user"] for row in admin.get(f"{V1}/tokens").json()["results"]} == {"bot", "admin"}
    other = ApiToken.objects.get(user=admin.user)
    assert bot.get(f"{V1}/tokens/{other.pk}").status_code == 404
    assert bot.delete(f"{V1}/tokens/{other.pk}").status_code == 404


def test_who_and_where_am_i(viewer: Caller, settings: Any) -> None:
    settings.ANONYMOUS_READ = True
    site = viewer.get(f"{V1}/site").json()
    assert site["cloud_id"] == actions.cloud_id()
    assert site["company_key"] == actions.site().company_key
    assert site["limits"]["requests_a_minute"] == 100
    for path in ("me", "site", "tokens", "views"):
        assert Client().get(f"{V1}/{path}").status_code == 401
    assert signed_in("composer").get(f"{V1}/me").json()["token"] is None


# ---- saved views


def test_a_view_is_saved_shared_changed_and_deleted(viewer: Caller, bot: Caller) -> None:
    body = {"name": "Failed", "query": "?type=build&state=failed&before=1_1"}
    made = viewer.post(f"{V1}/views", body)
    assert made.status_code == 201
    assert made.json()["query"] == "type=build&state=failed"
    path = f"{V1}/views/{made.json()['uuid']}"
    assert bot.get(path).status_code == 404
    assert viewer.patch(path, {"shared": True}).json()["shared"] is True
    assert bot.get(path).json()["user"] == "viewer"
    assert bot.patch(path, {"name": "Mine"}).status_code == 403
    assert bot.delete(path).status_code == 403
    assert viewer.post(f"{V1}/views", body).status_code == 409
    assert viewer.delete(path).status_code == 204
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [({"name": "x", "query": "type=castle"}, "query"), ({"name": "x", "query": "tpye=x"}, "query"),
     ({"name": "x", "shared": "yes"}, "shared"), ({"query": ""}, "name"),
     ({"name": "x", "user": "admin"}, "user"), ({"name": "x", "query": "since=x"}, "query")],
)  # fmt: skip
def test_a_wrong_view_is_refused(viewer: Caller, body: Any, field: str) -> None:
    response = viewer.post(f"{V1}/views", body)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_a_view_is_saved_from_the_feed_without_javascript(db: None) -> None:
    client = signed_in("viewer")
    page = Html(client.get("/?type=build&state=failed&q="))
    (save,) = [link for link in page.all("a") if link.text == "Save view"]
    form = Html(client.get(save["href"]))
    query = form.one("input[name=query]")["value"]
    made = client.post(save["href"], {"name": "Failed builds", "query": query})
    assert made.status_code == 302
    assert made["Location"].endswith("&type=build&state=failed")
    (link,) = [link for link in Html(client.get("/")).all("a") if link.text == "Failed builds"]
    assert link["href"] == made["Location"]
    view = SavedView.objects.get()
    again = client.post("/views/new/", {"name": "Failed builds", "query": ""})
    assert again.status_code == 422
    wrong = client.post(f"/views/{view.uuid}/edit/", {"name": "x", "query": "type=castle"})
    assert wrong.status_code == 422
    client.post(f"/views/{view.uuid}/edit/", {"name": "Shared", "query": "", "shared": "on"})
    others = signed_in("composer")
    assert "Shared" in others.get("/views/").content.decode()
    assert others.post(f"/views/{view.uuid}/delete/").status_code == 404
    assert client.post(f"/views/{view.uuid}/delete/").status_code == 302
    assert not SavedView.objects.exists()


def test_programs_ask_how_often_a_source_sends_and_try_it(bot: Caller, source: EventSource) -> None:
    address = f"/api/v1/sources/{source.uuid}"
    assert bot.get(f"{address}/rhythm").json() == {
        "last_seen": None, "silent": False, "silent_seconds": None, "usual_seconds": None,
        "counted": 0,
    }  # fmt: skip
    made = bot.post(f"{address}/test", "")
    assert made.status_code == 201
    assert (made.json()["title"], made.json()["source"]["uuid"]) == ("Test event", str(source.uuid))
    assert bot.get(f"{address}/rhythm").json()["counted"] == 1
    days = bot.get(f"{address}/days").json()
    assert (len(days["days"]), days["total"], days["cut"]) == (30, 1, False)
    assert days["days"][-1]["count"] == 1


# ---- who may do what

READ = {"anonymous": 401, "viewer": 200, "composer": 200, "bot": 200, "admin": 200}
MANAGE = {"anonymous": 401, "viewer": 403, "composer": 403, "bot": 403, "admin": 400}
SEND = {"anonymous": 401, "viewer": 403, "composer": 400, "bot": 400, "admin": 400}
OWN = {"anonymous": 401, "viewer": 400, "composer": 400, "bot": 400, "admin": 400}
#: What each role is answered to a GET, or to a body that holds one unknown field.
MATRIX = {
    "GET activities": READ, "GET components": READ, "GET components/web": READ,
    "GET components/web/sources": READ, "GET components/web/aliases": READ, "GET sources": READ,
    "GET sources/{source}": READ, "GET sources/{source}/components": READ,
    "GET sources/{source}/refusals": READ, "GET sources/{source}/rhythm": READ,
    "GET sources/{source}/days": READ, "GET components/web/deployments": READ,
    "GET tokens": READ, "GET views": READ, "GET me": READ,
    "GET site": READ,
    "POST activities": SEND, "POST events": SEND,
    "POST components": MANAGE, "PATCH components/web": MANAGE,
    "POST components/web/sources": MANAGE, "POST components/web/aliases": MANAGE,
    "POST sources": MANAGE, "PATCH sources/{source}": MANAGE,
    "POST sources/{source}/components": MANAGE,
    "DELETE components/web?x=1": MANAGE, "DELETE components/web/aliases/x?x=1": MANAGE,
    "DELETE components/web/sources/{source}?x=1": MANAGE, "DELETE sources/{source}?x=1": MANAGE,
    "DELETE sources/{source}/components/web?x=1": MANAGE,
    "POST tokens": OWN, "POST views": OWN,
}  # fmt: skip


@pytest.mark.parametrize("operation", MATRIX)
def test_each_role_does_what_it_may(caller: Any, source: EventSource, operation: str) -> None:
    method, _, path = operation.partition(" ")
    path = f"{V1}/{path.format(source=source.uuid)}"
    for role, status in MATRIX[operation].items():
        headers = {} if role == "anonymous" else {"authorization": caller(role).basic}
        body = '{"unknown": 1}' if path != f"{V1}/events" else ""
        sent = {} if method == "GET" else {"data": body, "content_type": "application/json"}
        response = getattr(Client(), method.lower())(path, headers=headers, **sent)
        assert response.status_code == status, (role, response.content)
