"""What components need: on their pages, by our own API, and by the GraphQL of Compass."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from feeds import actions
from feeds.models import AuditEntry, Component, Dependency
from tests.conftest import Caller
from tests.pages import Html, signed_in

V1 = "/api/v1/components"


@pytest.fixture
def shop(db: None) -> list[Component]:
    return [actions.create_component(name) for name in ("Web", "Checkout", "Payments")]


def lists(client: Client, slug: str) -> list[str]:
    """Return what the page of SLUG says it depends on, and what needs it."""
    return [cell.text for cell in Html(client.get(f"/components/{slug}/")).all("section#needs dd")]


def test_an_admin_adds_and_removes_a_dependency(shop: list[Component]) -> None:
    admin, viewer = signed_in("admin"), signed_in("viewer")
    path = "/components/web/needs/"
    assert admin.post(path, {"component": "checkout"}).status_code == 302
    assert lists(viewer, "web") == ["Checkout", "nothing that is said here"]
    assert lists(viewer, "checkout") == ["nothing that is said here", "Web"]
    assert lists(admin, "web")[0] == "Checkout Remove"
    removal = Html(admin.get("/components/web/")).one("section#needs dd button")["formaction"]
    assert viewer.post(removal).status_code == viewer.post(path).status_code == 403
    assert admin.post(removal).status_code == 302
    assert lists(viewer, "web")[0] == "nothing that is said here"
    assert AuditEntry.objects.filter(changes__icontains="depends on").count() == 2


@pytest.mark.parametrize("named", ["", "web", "nobody", "\x00", "ari:cloud:x"])
def test_what_cannot_be_needed_is_refused_in_words(shop: list[Component], named: str) -> None:
    admin = signed_in("admin")
    answer = admin.post("/components/web/needs/", {"component": named}, follow=True)
    assert "It cannot be added" in answer.content.decode()
    assert not Dependency.objects.exists()


def test_programs_do_the_same(admin: Caller, viewer: Caller, shop: list[Component]) -> None:
    path = f"{V1}/web/dependencies"
    made = admin.post(path, {"component": "payments"})
    assert (made.status_code, made.json()["slug"]) == (201, "payments")
    assert admin.post(path, {"component": str(shop[2].uuid)}).status_code == 200
    assert admin.post(path, {"component": "checkout"}).status_code == 201
    assert [one["slug"] for one in viewer.get(path).json()["results"]] == ["checkout", "payments"]
    assert viewer.post(path, {"component": "checkout"}).status_code == 403
    refused = admin.post(path, {"component": "web"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "needs")
    assert admin.post(path, {"component": "nobody"}).status_code == 404
    assert admin.post(path, {"needs": "checkout"}).status_code == 400
    assert admin.delete(f"{path}/payments").status_code == 204
    assert admin.delete(f"{path}/payments").status_code == 404
    actions.delete_component(shop[1])
    assert viewer.get(path).json()["results"] == []


RELATED = """
query related($cloudId: ID!, $slug: String!, $query: CompassRelationshipQuery) {
  compass { componentByReference(reference: {slug: {slug: $slug, cloudId: $cloudId}}) {
    ... on CompassComponent { relationships(query: $query) {
      ... on CompassRelationshipConnection {
        nodes { type startNode { slug } endNode { slug } } pageInfo { hasNextPage endCursor } }
      ... on QueryError { message } } } } } }
"""


def test_compass_clients_read_them_as_relationships(bot: Caller, shop: list[Component]) -> None:
    actions.add_dependency(shop[0], shop[1])
    actions.add_dependency(shop[0], shop[2])
    actions.add_dependency(shop[1], shop[0])

    def ask(slug: str = "web", **query: Any) -> Any:
        variables = {"cloudId": actions.cloud_id(), "slug": slug, "query": query or None}
        answer = bot.post("/graphql", {"query": RELATED, "variables": variables}).json()
        return answer["data"]["compass"]["componentByReference"]["relationships"]

    def pairs(found: Any) -> list[tuple[str, str]]:
        return [(one["startNode"]["slug"], one["endNode"]["slug"]) for one in found["nodes"]]

    assert pairs(ask()) == [("web", "checkout"), ("web", "payments")]
    assert pairs(ask(direction="INWARD")) == [("checkout", "web")]
    first = ask(first=1)
    assert pairs(first) == [("web", "checkout")]
    assert first["pageInfo"]["hasNextPage"]
    rest = ask(first=1, after=first["pageInfo"]["endCursor"])
    assert pairs(rest) == [("web", "payments")]
    assert not rest["pageInfo"]["hasNextPage"]
    assert rest["nodes"][0]["type"] == "DEPENDS_ON"
    assert "message" in ask(after="nonsense")
