"""Components over GraphQL: what can be asked, changed, and refused."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from feeds import actions
from feeds.models import Component, EventSource
from tests.conftest import Caller
from tests.graph import (
    TYPES,
    Catalogue,
    ari_of,
    ask,
    compass,
    component,
    create,
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


# ---- components, read


def test_a_component_shows_all_that_is_kept_of_it(viewer: Caller, catalogue: Catalogue) -> None:
    fields = """id name description slug ownerId state type typeId url labels { name }
        links { id type url name objectId eventSources { id } }
        externalAliases { externalAliasId externalSource url }
        eventSources { id eventType externalEventSourceId forgeAppId }
        fields { definition { id } } customFields { definition { id } }
        dataManager { ecosystemAppId }
        relationships {
            ... on CompassRelationshipConnection { nodes { type } pageInfo { hasNextPage } }
        }
        metricSources { ... on CompassComponentMetricSourcesConnection { nodes { id } } }
        scorecardScores { scorecardId }"""
    found = component(viewer, ari_of(catalogue.checkout), fields)
    (link,) = found.pop("links")
    assert uuid.UUID(link.pop("id"))
    assert link == {
        "type": "REPOSITORY", "url": "https://git.example.com/shop/checkout", "name": None,
        "objectId": None, "eventSources": [],
    }  # fmt: skip
    assert found == {
        "id": ari_of(catalogue.checkout),
        "name": "Checkout",
        "description": "",
        "slug": "checkout",
        "ownerId": None,
        "state": "ACTIVE",
        "type": "SERVICE",
        "typeId": "SERVICE",
        "url": "http://127.0.0.1:8000/components/checkout/",
        "labels": [{"name": "backend"}],
        "externalAliases": [{"externalAliasId": "1042", "externalSource": "gitlab", "url": None}],
        "eventSources": [
            {
                "id": ari_of(catalogue.builds),
                "eventType": "BUILD",
                "externalEventSourceId": "shop/checkout",
                "forgeAppId": None,
            }
        ],
        "fields": [],
        "customFields": [],
        "dataManager": None,
        "relationships": {"nodes": [], "pageInfo": {"hasNextPage": False}},
        "metricSources": {"nodes": []},
        "scorecardScores": [],
    }


def test_a_component_is_found_by_its_ari_its_uuid_and_its_slug(
    viewer: Caller, catalogue: Catalogue
) -> None:
    for reference in (ari_of(catalogue.cart), str(catalogue.cart.uuid), "cart"):
        assert component(viewer, reference) == {"id": ari_of(catalogue.cart)}


def test_types_that_the_old_enum_lacks_are_other(viewer: Caller) -> None:
    actions.create_component("Site", type="WEBSITE")
    assert component(viewer, "site", "type typeId") == {"type": "OTHER", "typeId": "WEBSITE"}


def test_a_component_that_is_not_there_is_said_in_the_vendors_words(viewer: Caller) -> None:
    expected = ("COMPONENT_NOT_FOUND", 404, "Component not found")
    for reference in (nobody(), "nobody", "", "\N{SNOWMAN}", "x" * 5000):
        answer = component(viewer, reference)
        assert query_error(answer) == expected
        assert answer["identifier"] == reference


@pytest.mark.parametrize(
    "ari", ["ari:cloud:compass:x:component/a/b", "ari:", "ari:cloud:jira::x/y"]
)
def test_an_ari_of_something_else_is_refused(viewer: Caller, ari: str) -> None:
    assert query_error(component(viewer, ari))[:2] == ("COMPONENT_ARI_INVALID", 400)


def test_components_by_ids_come_once_each_and_without_those_that_are_not_there(
    viewer: Caller, catalogue: Catalogue
) -> None:
    ids = [ari_of(catalogue.cart), "cart", nobody(), "ari:x", ari_of(catalogue.checkout)]
    query = "query ($ids: [ID!]!) { compass { components(ids: $ids) { name } } }"
    found = compass(viewer, query, ids=ids)["components"]
    assert sorted(row["name"] for row in found) == ["Cart", "Checkout"]


def test_more_than_thirty_ids_are_an_error_at_the_top(viewer: Caller) -> None:
    query = "query ($ids: [ID!]!) { compass { components(ids: $ids) { name } } }"
    assert "errors" not in ask(viewer, query, ids=["x"] * 30)
    (error,) = ask(viewer, query, ids=["x"] * 31)["errors"]
    assert error["extensions"]["errorType"] == "NUMBER_OF_ITEMS_REQUESTED_INVALID_EXCEPTION"
    assert error["path"] == ["compass", "components"]


def test_references_are_slugs_or_aris(viewer: Caller, catalogue: Catalogue) -> None:
    query = f"""query ($one: ComponentReferenceInput!) {{ compass {{
        componentByReference(reference: $one) {{ ... on CompassComponent {{ name }} {TYPES} }}
        componentsByReferences(references: [$one]) {{ name }}
    }} }}"""
    slug = {"cloudId": actions.cloud_id(), "slug": "cart"}
    for good in ({"ari": ari_of(catalogue.cart)}, {"slug": slug}, {"slug": slug, "ari": None}):
        answer = compass(viewer, query, one=good)
        assert answer["componentByReference"] == {"name": "Cart"}
        assert answer["componentsByReferences"] == [{"name": "Cart"}]
    for bad, kind in (
        ({}, "ARGUMENT_INVALID"),
        ({"slug": slug, "ari": "cart"}, "ARGUMENT_INVALID"),
        ({"ari": nobody()}, "COMPONENT_NOT_FOUND"),
        ({"slug": {**slug, "slug": "x"}}, "COMPONENT_NOT_FOUND"),
        ({"slug": {**slug, "cloudId": "x"}}, "CLOUD_ID_INVALID"),
    ):
        answer = compass(viewer, query, one=bad)
        assert query_error(answer["componentByReference"])[0] == kind
        assert answer["componentsByReferences"] == []


def test_a_component_is_found_by_its_name_in_another_system(
    viewer: Caller, catalogue: Catalogue
) -> None:
    query = f"""query ($cloudId: ID!, $source: ID!, $id: ID!) {{ compass {{
        componentByExternalAlias(cloudId: $cloudId, externalSource: $source, externalID: $id) {{
            ... on CompassComponent {{ name }} {TYPES}
    }} }} }}"""

    def find(source: str, id: Any, cloud_id: str = "") -> Any:
        variables = {"source": source, "id": id, "cloudId": cloud_id or actions.cloud_id()}
        return compass(viewer, query, **variables)["componentByExternalAlias"]

    assert find("gitlab", "1042") == {"name": "Checkout"}
    assert find("gitlab", 1042) == {"name": "Checkout"}
    assert query_error(find("github", "1042"))[2] == "Component not found"
    assert query_error(find("gitlab", "1042", "x"))[:2] == ("CLOUD_ID_INVALID", 404)


# ---- components, changed


def test_a_component_is_made_with_all_that_is_given(bot: Caller) -> None:
    links = [{"type": "ON_CALL", "url": "https://pager.example.com", "objectId": "9"}]
    payload = create(
        bot, name="Search", description="Finds", typeId="LIBRARY", ownerId="team/1", slug="finder",
        state="PENDING", labels=["b", "a", "b"], links=links,
    )  # fmt: skip
    assert payload["success"] is True
    made = Component.objects.get()
    assert payload["componentDetails"] == {"id": ari_of(made)}
    assert (made.name, made.description, made.type) == ("Search", "Finds", "LIBRARY")
    assert (made.owner_team, made.slug, made.state) == ("team/1", "finder", "PENDING")
    assert made.labels == ["b", "a"]
    (link,) = made.links
    assert link.items() >= {**links[0], "name": ""}.items()


@pytest.mark.parametrize(
    ("fields", "kind", "status"),
    [
        ({"name": " "}, "COMPONENT_NAME_BLANK", 400),
        ({"name": "x" * 101}, "COMPONENT_NAME_TOO_LONG", 400),
        ({"description": "x" * 1001}, "COMPONENT_DESCRIPTION_TOO_LONG", 400),
        ({"typeId": "ROBOT"}, "ARGUMENT_INVALID", 400),
        ({"slug": "a b"}, "FORMAT_INVALID", 400),
        ({"slug": "x" * 65}, "CONSTRAINT_VIOLATION", 400),
        ({"slug": "cart"}, "STORE_CONFLICT_EXCEPTION", 409),
        ({"slug": "new"}, "STORE_CONFLICT_EXCEPTION", 409),
        ({"state": ""}, "CONSTRAINT_VIOLATION", 400),
        ({"state": "x" * 33}, "CONSTRAINT_VIOLATION", 400),
        ({"ownerId": "x" * 101}, "CONSTRAINT_VIOLATION", 400),
        ({"labels": ["Upper"]}, "FORMAT_INVALID", 400),
        ({"labels": ["a b"]}, "FORMAT_INVALID", 400),
        ({"labels": [""]}, "FORMAT_INVALID", 400),
        ({"labels": ["x" * 40]}, "CONSTRAINT_VIOLATION", 400),
        ({"labels": [f"l{n}" for n in range(21)]}, "CONSTRAINT_VIOLATION", 409),
        ({"links": [{"type": "PROJECT", "url": "javascript:alert(1)"}]}, "FORMAT_INVALID", 400),
        ({"links": [{"type": "PROJECT", "url": HUGE}]}, "CONSTRAINT_VIOLATION", 400),
    ],
)  # fmt: skip
def test_a_component_that_breaks_a_rule_is_not_made(
    bot: Caller, catalogue: Catalogue, fields: dict[str, Any], kind: str, status: int
) -> None:
    payload = create(bot, **{"name": "Search", **fields})
    (error,) = errors_of(payload)
    assert error[:2] == (kind, status)
    assert payload["componentDetails"] is None
    assert Component.objects.count() == 2


def test_all_that_is_wrong_with_a_component_is_said_at_once(bot: Caller) -> None:
    payload = create(bot, name="", description="x" * 1001, labels=["A", "ok", "B C"])
    assert len(errors_of(payload)) == 4


def test_only_the_named_fields_of_a_component_change(bot: Caller, catalogue: Catalogue) -> None:
    start = {"description": "Old", "owner_team": "team/1", "labels": ["x"], "name": "Checkout"}
    Component.objects.filter(slug="checkout").update(**start)

    def update(**fields: Any) -> Component:
        identity = ari_of(catalogue.checkout)
        payload = mutate(
            bot, "updateComponent", "UpdateCompassComponentInput", id=identity, **fields
        )
        assert payload["success"] is True
        return Component.objects.get(pk=catalogue.checkout.pk)

    after = update(name="Till", slug=None)
    assert (after.name, after.slug, after.description) == ("Till", "checkout", "Old")
    assert (after.owner_team, after.labels) == ("team/1", ["x"])
    assert update(description="").description == ""
    assert update(ownerId=None).owner_team == ""
    assert update(state="DEPRECATED").state == "DEPRECATED"


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"slug": "cart"}, "STORE_CONFLICT_EXCEPTION", "Another component with the slug"),
        ({"name": None}, "FIELD_CANNOT_BE_NULL", "name"),
        ({"name": ""}, "COMPONENT_NAME_BLANK", "name"),
        ({"id": "nobody"}, "COMPONENT_NOT_FOUND", "Component not found"),
        ({"id": "ari:x"}, "COMPONENT_ARI_INVALID", "componentId"),
    ],
)
def test_a_change_that_breaks_a_rule_changes_nothing(
    bot: Caller, catalogue: Catalogue, fields: dict[str, Any], kind: str, words: str
) -> None:
    fields = {"id": ari_of(catalogue.checkout), **fields}
    payload = mutate(bot, "updateComponent", "UpdateCompassComponentInput", **fields)
    ((found, _, message),) = errors_of(payload)
    assert found == kind
    assert words in message
    assert Component.objects.get(pk=catalogue.checkout.pk).slug == "checkout"


def test_a_deleted_component_is_gone_and_its_sources_stay(
    bot: Caller, catalogue: Catalogue
) -> None:
    identity = ari_of(catalogue.checkout)
    delete = ("deleteComponent", "DeleteCompassComponentInput", "deletedComponentId")
    assert mutate(bot, *delete, id=identity)["deletedComponentId"] == identity
    payload = mutate(bot, *delete, id=identity)
    assert errors_of(payload) == [("COMPONENT_NOT_FOUND", 404, "Component not found")]
    assert payload["deletedComponentId"] is None
    assert EventSource.objects.get() == catalogue.builds


def test_labels_are_added_once_and_up_to_twenty(bot: Caller, catalogue: Catalogue) -> None:
    def add(*names: str) -> Any:
        details = "addedLabels { name } componentDetails { labels { name } }"
        fields = {"componentId": ari_of(catalogue.checkout), "labelNames": names}
        return mutate(
            bot, "addComponentLabels", "AddCompassComponentLabelsInput", details, **fields
        )

    payload = add("team:shop", "backend")
    assert payload["addedLabels"] == [{"name": "team:shop"}, {"name": "backend"}]
    names = [label["name"] for label in payload["componentDetails"]["labels"]]
    assert names == ["backend", "team:shop"]
    assert errors_of(add("Two Words"))[0][0] == "FORMAT_INVALID"
    assert errors_of(add(*(f"l{n}" for n in range(19))))[0][:2] == ("CONSTRAINT_VIOLATION", 409)
    assert add(*(f"l{n}" for n in range(18)))["success"] is True


def test_links_are_added_up_to_ten_of_a_type(bot: Caller, catalogue: Catalogue) -> None:
    def add(**link: Any) -> Any:
        details = "createdComponentLink { id type url name } componentDetails { links { id } }"
        fields = {"componentId": "checkout", "link": {"type": "DASHBOARD", **link}}
        name = "createComponentLink"
        return mutate(bot, name, "CreateCompassComponentLinkInput", details, **fields)

    payload = add(url="https://grafana.example.com", name="Grafana")
    created = payload["createdComponentLink"]
    assert {"id": created["id"]} in payload["componentDetails"]["links"]
    assert (created["type"], created["name"]) == ("DASHBOARD", "Grafana")
    assert errors_of(add(url="ftp://example.com"))[0][0] == "FORMAT_INVALID"
    for _ in range(9):
        assert add(url="https://grafana.example.com")["success"]
    assert errors_of(add(url="https://grafana.example.com"))[0][:2] == ("CONSTRAINT_VIOLATION", 409)


def on_checkout(caller: Caller, name: str, details: str, /, **fields: Any) -> Any:
    """Return the payload of a mutation NAME of links or labels, for the component Checkout."""
    kind = name.replace("Component", "CompassComponent", 1)
    type = f"{kind[0].upper()}{kind[1:]}Input"
    return mutate(caller, name, type, details, **{"componentId": "checkout", **fields})


def test_removed_labels_are_gone_and_those_that_were_not_there_are_no_fault(
    bot: Caller, catalogue: Catalogue
) -> None:
    actions.add_labels(catalogue.checkout, ["team:shop", "go"])

    def remove(*names: str, **fields: Any) -> Any:
        details = "removedLabelNames componentDetails { labels { name } }"
        return on_checkout(bot, "removeComponentLabels", details, labelNames=names, **fields)

    payload = remove("go", "backend", "nothing", "go")
    assert payload["success"] is True
    assert payload["removedLabelNames"] == ["backend", "go"]
    assert payload["componentDetails"] == {"labels": [{"name": "team:shop"}]}
    again = remove("go", "Two Words")
    assert (again["success"], again["removedLabelNames"]) == (True, [])
    assert Component.objects.get(slug="checkout").labels == ["team:shop"]
    gone = errors_of(remove("team:shop", componentId=nobody()))
    assert gone == [("COMPONENT_NOT_FOUND", 404, "Component not found")]


def test_a_deleted_link_is_gone_and_the_others_stay(bot: Caller, catalogue: Catalogue) -> None:
    (kept,) = catalogue.checkout.links
    link = actions.add_link(catalogue.checkout, {"type": "PROJECT", "url": kept["url"]})

    def delete(identity: str, **fields: Any) -> Any:
        details = "deletedCompassLinkId componentDetails { links { id } }"
        return on_checkout(bot, "deleteComponentLink", details, link=identity, **fields)

    payload = delete(link["id"])
    assert payload["deletedCompassLinkId"] == link["id"]
    assert payload["componentDetails"] == {"links": [{"id": kept["id"]}]}
    for unknown in (link["id"], "", "x" * 5000):
        again = delete(unknown)
        assert errors_of(again)[0][:2] == ("COMPONENT_LINK_NOT_FOUND", 404)
        assert again["deletedCompassLinkId"] is None
    assert errors_of(delete(kept["id"], componentId="cart"))[0][0] == "COMPONENT_LINK_NOT_FOUND"
    assert errors_of(delete(kept["id"], componentId=nobody()))[0][0] == "COMPONENT_NOT_FOUND"
    assert Component.objects.get(slug="checkout").links == [kept]


def test_a_link_that_was_kept_without_an_id_goes_by_its_address(
    bot: Caller, catalogue: Catalogue
) -> None:
    address = "https://wiki.example.com"
    Component.objects.filter(slug="checkout").update(links=[{"url": address}])
    (link,) = component(bot, "checkout", "links { id }")["links"]
    fields = {"id": link["id"], "name": "Wiki", "type": "DOCUMENT"}
    changed = on_checkout(bot, "updateComponentLink", "updatedComponentLink { id }", link=fields)
    assert changed["updatedComponentLink"] == {"id": address}
    assert on_checkout(bot, "deleteComponentLink", "", link=address)["success"] is True
    assert Component.objects.get(slug="checkout").links == []


def test_only_the_named_fields_of_a_link_change(bot: Caller, catalogue: Catalogue) -> None:
    (before,) = catalogue.checkout.links

    def update(**link: Any) -> Any:
        details = "updatedComponentLink { id type url name objectId }"
        link = {"id": before["id"], **link}
        return on_checkout(bot, "updateComponentLink", details, link=link)

    named = update(name="Code", objectId="7", url=None)["updatedComponentLink"]
    assert named == {
        "id": before["id"], "type": "REPOSITORY", "url": before["url"], "name": "Code",
        "objectId": "7",
    }  # fmt: skip
    cleared = update(name="", objectId="", type="PROJECT")["updatedComponentLink"]
    assert cleared == {**named, "name": None, "objectId": None, "type": "PROJECT"}
    assert errors_of(update(url="ftp://example.com"))[0][:2] == ("FORMAT_INVALID", 400)
    assert errors_of(update(name="x" * 256))[0][:2] == ("CONSTRAINT_VIOLATION", 400)
    assert errors_of(update(id="nothing"))[0][:2] == ("COMPONENT_LINK_NOT_FOUND", 404)
    (after,) = Component.objects.get(slug="checkout").links
    assert (after["type"], after["url"], after["name"]) == ("PROJECT", before["url"], "")


def test_a_link_takes_no_type_of_which_there_are_ten(bot: Caller, catalogue: Catalogue) -> None:
    (link,) = catalogue.checkout.links
    for number in range(10):
        url = f"https://example.com/{number}"
        other = actions.add_link(catalogue.checkout, {"type": "PROJECT", "url": url})
    change = {"id": link["id"], "type": "PROJECT"}
    refused = on_checkout(bot, "updateComponentLink", "", link=change)
    assert errors_of(refused)[0][:2] == ("CONSTRAINT_VIOLATION", 409)
    same = {"id": other["id"], "type": "PROJECT", "name": "Tenth"}
    assert on_checkout(bot, "updateComponentLink", "", link=same)["success"] is True


def test_a_component_becomes_one_of_another_type(bot: Caller, catalogue: Catalogue) -> None:
    def update(**fields: Any) -> Any:
        fields = {"id": ari_of(catalogue.checkout), **fields}
        details = "componentDetails { id name typeId type }"
        name = "updateComponentType"
        return mutate(bot, name, "UpdateCompassComponentTypeInput", details, **fields)

    details = {"id": ari_of(catalogue.checkout), "name": "Checkout"}
    for fields, found in (
        ({"typeId": "WEBSITE"}, ("WEBSITE", "OTHER")),
        ({"type": "LIBRARY"}, ("LIBRARY", "LIBRARY")),
    ):
        expected = {**details, "typeId": found[0], "type": found[1]}
        assert update(**fields)["componentDetails"] == expected
    for wrong, kind in (
        ({"typeId": "ROBOT"}, ("ARGUMENT_INVALID", 400)),
        ({}, ("FIELD_MISSING", 400)),
        ({"typeId": None}, ("FIELD_MISSING", 400)),
        ({"typeId": "WEBSITE", "id": nobody()}, ("COMPONENT_NOT_FOUND", 404)),
    ):
        assert errors_of(update(**wrong))[0][:2] == kind
    assert Component.objects.get(slug="checkout").type == "LIBRARY"


def test_a_component_is_changed_by_reference(bot: Caller, catalogue: Catalogue) -> None:
    def update(reference: Any, **fields: Any) -> Any:
        fields = {"reference": reference, **fields}
        details = "componentDetails { name description }"
        name = "updateComponentByReference"
        return mutate(bot, name, "UpdateCompassComponentByReferenceInput", details, **fields)

    slug = {"slug": {"cloudId": actions.cloud_id(), "slug": "cart"}}
    named = update(slug, name="Basket")["componentDetails"]
    assert named == {"name": "Basket", "description": ""}
    described = update({"ari": ari_of(catalogue.cart)}, description="Holds")["componentDetails"]
    assert described == {"name": "Basket", "description": "Holds"}
    assert errors_of(update({"ari": nobody()}, name="X"))[0][0] == "COMPONENT_NOT_FOUND"
    assert errors_of(update({}, name="X"))[0][0] == "ARGUMENT_INVALID"
    assert errors_of(update(slug, name=""))[0][0] == "COMPONENT_NAME_BLANK"
    assert Component.objects.get(slug="cart").name == "Basket"
