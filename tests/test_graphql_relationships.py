"""Relationships of Compass: the mutations, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from feeds import actions
from feeds.actions.dependencies import DEPENDENCIES_PER_COMPONENT
from feeds.models import AuditEntry, Component, Dependency
from tests.conftest import Caller
from tests.graph import Catalogue, ari_of, errors_of, mutate, nobody

RELATED = """createdCompassRelationship {
    type relationshipType startNode { slug name } endNode { id relationships(query: {direction: INWARD}) {
        ... on CompassRelationshipConnection { nodes { startNode { slug } } } } } }"""  # noqa: E501

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.make()


def create(caller: Caller, start: str, end: str, details: str = "", **fields: Any) -> Any:
    nodes = {"startNodeId": start, "endNodeId": end, **fields}
    return mutate(caller, "createRelationship", "CreateCompassRelationshipInput", details, **nodes)


def delete(caller: Caller, start: str, end: str, **fields: Any) -> Any:
    nodes = {"startNodeId": start, "endNodeId": end, **fields}
    return mutate(caller, "deleteRelationship", "DeleteCompassRelationshipInput", **nodes)


def test_a_relationship_is_made_read_and_deleted(bot: Caller, catalogue: Catalogue) -> None:
    checkout, cart = ari_of(catalogue.checkout), ari_of(catalogue.cart)
    made = create(bot, checkout, cart, RELATED, type="DEPENDS_ON")
    assert (made["success"], made["errors"]) == (True, [])
    assert made["createdCompassRelationship"] == {
        "type": "DEPENDS_ON", "relationshipType": "DEPENDS_ON",
        "startNode": {"slug": "checkout", "name": "Checkout"},
        "endNode": {
            "id": cart, "relationships": {"nodes": [{"startNode": {"slug": "checkout"}}]},
        },
    }  # fmt: skip
    row = Dependency.objects.get()
    assert (row.component, row.needs) == (catalogue.checkout, catalogue.cart)
    for _ in range(2):
        assert delete(bot, checkout, cart)["success"] is True
        assert not Dependency.objects.exists()
    changes = list(AuditEntry.objects.order_by("id").values_list("verb", "changes"))[-2:]
    assert changes == [
        ("changed", [["depends on", "none", "Cart"]]),
        ("changed", [["depends on", "Cart", "none"]]),
    ]


def test_two_components_may_need_each_other(bot: Caller, catalogue: Catalogue) -> None:
    assert create(bot, "checkout", "cart", relationshipType="DEPENDS_ON")["success"] is True
    assert create(bot, "cart", "checkout")["success"] is True
    assert delete(bot, "cart", "checkout")["success"] is True
    assert Dependency.objects.get().component == catalogue.checkout


@pytest.mark.parametrize(
    ("start", "end", "fault"),
    [
        ("checkout", "cart", ("RELATIONSHIP_ALREADY_EXISTS", 409)),
        ("cart", "cart", ("RELATIONSHIP_NODES_SELF_REFERENCING_ERROR", 409)),
        ("NOBODY", "cart", ("RELATIONSHIP_START_NODE_NOT_FOUND", 404)),
        ("cart", "NOBODY", ("RELATIONSHIP_END_NODE_NOT_FOUND", 404)),
        ("ari:cloud:x", "cart", ("COMPONENT_ARI_INVALID", 400)),
    ],
)
def test_what_cannot_be_related_is_refused_in_the_words_of_the_vendor(
    bot: Caller, catalogue: Catalogue, start: str, end: str, fault: tuple[str, int]
) -> None:
    actions.add_dependency(catalogue.checkout, catalogue.cart)
    start, end = (nobody() if name == "NOBODY" else name for name in (start, end))
    refused = create(bot, start, end, "createdCompassRelationship { type }")
    assert [error[:2] for error in errors_of(refused)] == [fault]
    assert refused["createdCompassRelationship"] is None
    assert Dependency.objects.count() == 1


def test_a_component_depends_on_so_many_and_no_more(bot: Caller, catalogue: Catalogue) -> None:
    for number in range(DEPENDENCIES_PER_COMPONENT):
        actions.add_dependency(catalogue.checkout, actions.create_component(f"Part {number}"))
    ((kind, status, words),) = errors_of(create(bot, "checkout", "cart"))
    assert (kind, status) == ("RELATIONSHIP_LIMIT_REACHED", 409)
    assert str(DEPENDENCIES_PER_COMPONENT) in words


def test_children_are_not_kept(bot: Caller, catalogue: Catalogue) -> None:
    for change in (create, delete):
        refused = change(bot, "checkout", "cart", relationshipType="CHILD_OF")
        assert errors_of(refused)[0][:2] == ("ARGUMENT_INVALID", 400)
    assert not Dependency.objects.exists()


def test_who_may_only_send_changes_no_relationship(caller: Any, catalogue: Catalogue) -> None:
    for change in (create, delete):
        assert errors_of(change(caller("composer"), "checkout", "cart"))[0][:2] == (
            "PERMISSION_DENIED",
            403,
        )
    assert not Dependency.objects.exists()
    assert Component.objects.count() == 2
