"""A caller of the GraphQL API, and the small catalogue that its tests begin with."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from feeds import actions, ari
from feeds.models import Component, EventSource
from tests.conftest import Caller
from tests.events import compass_event

PATH = "/gateway/api/graphql"
NOBODY = uuid.UUID("00000000-0000-4000-8000-000000000000")
TYPES = "... on QueryError { __typename message identifier extensions { errorType statusCode } }"


def ask(caller: Caller, query: str, /, **variables: Any) -> Any:
    """Return the whole answer to QUERY, which must come with 200."""
    response = caller.post(PATH, {"query": query, "variables": variables})
    assert response.status_code == 200, response.content
    return response.json()


def compass(caller: Caller, query: str, /, **variables: Any) -> Any:
    """Return what the catalogue answers to QUERY, which must be without errors at the top."""
    answer = ask(caller, query, **variables)
    assert "errors" not in answer, answer
    return answer["data"]["compass"]


def mutate(caller: Caller, name: str, type: str, details: str = "", /, **input: Any) -> Any:
    """Return DETAILS of the payload of the mutation NAME, whose input is of TYPE."""
    query = f"""mutation ($input: {type}!) {{ compass {{ {name}(input: $input) {{
        success errors {{ message extensions {{ errorType statusCode }} }} {details}
    }} }} }}"""
    return compass(caller, query, input=input)[name]


def create(caller: Caller, details: str = "componentDetails { id }", /, **input: Any) -> Any:
    """Return the payload of createComponent."""
    query = f"""mutation ($cloudId: ID!, $input: CreateCompassComponentInput!) {{ compass {{
        createComponent(cloudId: $cloudId, input: $input) {{
            success errors {{ message extensions {{ errorType statusCode }} }} {details}
        }}
    }} }}"""
    return compass(caller, query, cloudId=actions.cloud_id(), input=input)["createComponent"]


def send(caller: Caller, kind: str = "custom", **fields: Any) -> Any:
    """Return the payload of createCompassEvent for an event of KIND."""
    event = compass_event(kind, **fields)
    return mutate(caller, "createCompassEvent", "CompassCreateEventInput", **event)


def ari_of(row: Component | EventSource) -> str:
    """Return the ARI of a component or of an event source."""
    write = ari.component if isinstance(row, Component) else ari.event_source
    return write(actions.cloud_id(), actions.site().workspace_id, row.uuid)


def errors_of(payload: Any) -> list[tuple[str, int, str]]:
    """Return type, status and message of each error of a failed mutation."""
    assert payload["success"] is False
    return [
        (error["extensions"]["errorType"], error["extensions"]["statusCode"], error["message"])
        for error in payload["errors"]
    ]


@dataclass
class Catalogue:
    """Two components, one of which has a source of builds."""

    checkout: Component
    cart: Component
    builds: EventSource

    @classmethod
    def make(cls) -> Catalogue:
        links = [{"type": "REPOSITORY", "url": "https://git.example.com/shop/checkout"}]
        checkout = actions.create_component("Checkout", labels=["backend"], links=links)
        actions.create_alias(checkout, source="gitlab", external_id="1042")
        builds = actions.create_source("shop/checkout", kind="build")
        actions.attach(checkout, builds)
        return cls(checkout, actions.create_component("Cart"), builds)

    def fill(self, text: str) -> str:
        """Put the ids of this catalogue where TEXT names them."""
        places = {
            "CLOUD_ID": actions.cloud_id(),
            "COMPONENT_ID": ari_of(self.checkout),
            "OTHER_ID": ari_of(self.cart),
            "SOURCE_ID": ari_of(self.builds),
        }
        for name, value in places.items():
            text = text.replace(name, value)
        return text


def nobody() -> str:
    """Return the ARI of a component that is not there."""
    return ari_of(Component(uuid=NOBODY))


def query_error(answer: Any) -> tuple[str, int, str]:
    """Return type, status and message of a QueryError, whose extensions are a list."""
    assert answer["__typename"] == "QueryError"
    (extension,) = answer["extensions"]
    return extension["errorType"], extension["statusCode"], answer["message"]


def component(caller: Caller, id: str, fields: str = "id") -> Any:
    """Ask for FIELDS of the component ID."""
    query = f"query ($id: ID!) {{ compass {{ component(id: $id) {{ ... on CompassComponent {{ {fields} }} {TYPES} }} }} }}"  # noqa: E501
    return compass(caller, query, id=id)["component"]
