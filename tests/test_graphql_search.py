"""searchComponents: by name, by what is kept of a component, in pages."""

from __future__ import annotations

from typing import Any

import pytest

from feeds import actions
from tests.conftest import Caller
from tests.graph import TYPES, compass

pytestmark = pytest.mark.django_db


def search(caller: Caller, cloud_id: str = "", **query: Any) -> Any:
    text = f"""query ($cloudId: String!, $query: CompassSearchComponentQuery) {{ compass {{
        searchComponents(cloudId: $cloudId, query: $query) {{ {TYPES}
            ... on CompassSearchComponentConnection {{
                totalCount nodes {{ link component {{ name slug }} }} edges {{ cursor }}
                pageInfo {{ hasNextPage hasPreviousPage endCursor }} }} }} }} }}"""
    variables = {"cloudId": cloud_id or actions.cloud_id(), "query": query}
    return compass(caller, text, **variables)["searchComponents"]


def names(caller: Caller, **query: Any) -> list[str]:
    return [node["component"]["name"] for node in search(caller, **query)["nodes"]]


def filtered(caller: Caller, name: str, **conditions: Any) -> list[str]:
    return names(caller, fieldFilters={"name": name, "filter": conditions})


@pytest.fixture
def shop(db: None) -> None:
    link = {"type": "REPOSITORY", "url": "https://git.example.com/shop/cart"}
    actions.create_component("Cart", labels=["shop", "team:a"], links=[link], owner_team="team/1")
    actions.create_component("Shopping cart", type="LIBRARY", labels=["sh"], state="PENDING")
    actions.create_component("Cart service (old)", slug="legacy")
    actions.create_component("Mail")
    component = actions.find_component("cart")
    actions.attach(component, actions.create_source("shop/cart", kind="build"))


@pytest.mark.usefixtures("shop")
def test_the_exact_name_comes_first_then_what_begins_with_it(viewer: Caller) -> None:
    assert names(viewer, query="cart") == ["Cart", "Cart service (old)", "Shopping cart"]
    assert names(viewer, query=" cart SHOP ") == ["Shopping cart"]
    assert names(viewer, query="legacy") == ["Cart service (old)"]  # a slug is a name too
    assert names(viewer, query="100% _ \\") == []
    assert len(names(viewer, query="")) == len(names(viewer)) == 4


@pytest.mark.usefixtures("shop")
def test_a_result_links_to_the_page_of_its_component(viewer: Caller) -> None:
    (node,) = search(viewer, query="mail")["nodes"]
    assert node["link"] == "http://127.0.0.1:8000/components/mail/"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("sort", [{}, {"name": "title", "order": "DESC"}, {"name": "name"}])
def test_pages_follow_one_another(viewer: Caller, sort: dict[str, str]) -> None:
    query = {"sort": sort} if sort else {}
    everything = names(viewer, **query)
    assert everything == sorted(everything, reverse=sort.get("order") == "DESC")
    seen, after, pages = [], None, 0
    while True:
        page = search(viewer, first=1, after=after, **query)
        seen += [node["component"]["name"] for node in page["nodes"]]
        assert page["totalCount"] == 4
        assert page["pageInfo"]["hasPreviousPage"] is bool(after)
        pages += 1
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
        assert page["edges"] == [{"cursor": after}]
    assert (seen, pages) == (everything, 4)


@pytest.mark.usefixtures("shop")
def test_the_exact_name_stays_first_over_pages(viewer: Caller) -> None:
    first = search(viewer, query="cart", first=2)
    after = first["pageInfo"]["endCursor"]
    assert [node["component"]["name"] for node in first["nodes"]] == ["Cart", "Cart service (old)"]
    assert names(viewer, query="cart", after=after) == ["Shopping cart"]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("name", "conditions", "expected"),
    [
        ("labels", {"eq": "shop"}, {"Cart"}),
        ("labels", {"in": ["sh", "team:a", None]}, {"Cart", "Shopping cart"}),
        ("labels", {"neq": "shop"}, {"Shopping cart", "Cart service (old)", "Mail"}),
        ("ownerId", {"eq": "team/1"}, {"Cart"}),
        ("type", {"eq": "LIBRARY"}, {"Shopping cart"}),
        ("state", {"neq": "PENDING"}, {"Cart", "Cart service (old)", "Mail"}),
        ("links", {"eq": "https://git.example.com/shop/cart"}, {"Cart"}),
        ("linkTypes", {"in": ["REPOSITORY", "PROJECT"]}, {"Cart"}),
        ("linkTypes", {"eq": "PROJECT"}, set()),
        ("eventSourceCount", {"eq": "1"}, {"Cart"}),
        ("eventSourceCount", {"gt": "0"}, {"Cart"}),
        ("eventSourceCount", {"gte": "1", "lt": "2"}, {"Cart"}),
        ("eventSourceCount", {"neq": "0"}, {"Cart"}),
        ("eventSourceCount", {"in": ["1", "2"]}, {"Cart"}),
        ("eventSourceCount", {"lte": "0"}, {"Shopping cart", "Cart service (old)", "Mail"}),
        ("compass:tier", {"eq": "1"}, set()),  # nothing is kept of it, so nobody has it
        ("score", {"gte": "50"}, set()),
        ("compass:tier", {"neq": "1"}, {"Cart", "Shopping cart", "Cart service (old)", "Mail"}),
        ("type", {}, {"Cart", "Shopping cart", "Cart service (old)", "Mail"}),
    ],
)  # fmt: skip
def test_components_are_picked_by_what_is_kept_of_them(
    viewer: Caller, name: str, conditions: dict[str, Any], expected: set[str]
) -> None:
    assert set(filtered(viewer, name, **conditions)) == expected


@pytest.mark.usefixtures("shop")
def test_filters_add_up(viewer: Caller) -> None:
    filters = [
        {"name": "labels", "filter": {"eq": "shop"}},
        {"name": "labels", "filter": {"eq": "team:a"}},
        None,
    ]
    assert names(viewer, fieldFilters=filters) == ["Cart"]
    filters[1] = {"name": "labels", "filter": {"eq": "team:b"}}
    assert names(viewer, fieldFilters=filters) == []


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ({"first": 0}, "NUMBER_OF_ITEMS_REQUESTED_INVALID_EXCEPTION"),
        ({"first": 201}, "NUMBER_OF_ITEMS_REQUESTED_INVALID_EXCEPTION"),
        ({"after": "nonsense"}, "ARGUMENT_INVALID"),
        ({"after": "W10="}, "ARGUMENT_INVALID"),
        ({"after": "WzEsIjEiLDFlOTld"}, "ARGUMENT_INVALID"),
        ({"after": "WzEsIlx1MDAwMCIsMV0="}, "ARGUMENT_INVALID"),
        ({"sort": {"name": "age"}}, "ARGUMENT_INVALID"),
        ({"fieldFilters": {"name": "age"}}, "ARGUMENT_INVALID"),
        ({"fieldFilters": {"name": "type", "filter": {"gt": "A"}}}, "ARGUMENT_INVALID"),
        ({"fieldFilters": {"name": "eventSourceCount", "filter": {"eq": "x"}}}, "ARGUMENT_INVALID"),
        ({"cloud_id": "x"}, "CLOUD_ID_INVALID"),
    ],
)
def test_a_search_that_cannot_be_is_a_query_error(
    viewer: Caller, query: dict[str, Any], kind: str
) -> None:
    answer = search(viewer, **query)
    assert answer["__typename"] == "QueryError"
    assert answer["extensions"][0]["errorType"] == kind


def test_two_hundred_components_come_at_once(viewer: Caller) -> None:
    for number in range(201):
        actions.create_component(f"c{number:03}")
    page = search(viewer, first=200)
    assert len(page["nodes"]) == 200
    assert page["pageInfo"]["hasNextPage"] is True
    assert len(search(viewer)["nodes"]) == 25
