"""Our OpenAPI document: complete, valid, and true of what the API answers, whatever it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from feeds import actions
from tests.conftest import Caller
from tests.letters import compose, connect, letter

DOCUMENT = "/api/v1/openapi.json"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 8  # of each operation, role, and good or bad data
SCHEMA = schemathesis.openapi.from_wsgi(DOCUMENT, get_wsgi_application())
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}


@pytest.fixture
def things(admin: Caller, viewer: Caller) -> dict[str, str]:
    """Make one of everything, and return what stands in paths for it."""
    component = actions.create_component("Web")
    actions.add_dependency(component, actions.create_component("Payments"))
    source = actions.create_source("shop/web", kind="build")
    actions.attach(component, source)
    alias = actions.create_alias(component, source="jira", external_id="WEB")
    view = actions.save_view(viewer.user, name="All", shared=True)
    token, _ = actions.issue_token(viewer.user, role=viewer.user.role)
    webhook, _ = actions.create_webhook("GitHub", dialect="github", user=admin.user)
    connection = connect()  # where nothing listens, and nobody may send
    made = admin.post(
        "/api/v1/activities",
        {"kind": "build", "title": "web #1", "source": {"external_id": "shop/web"}},
    )
    return {
        "reference": "web",
        "activities": made.json()["uuid"],
        "sources": str(source.uuid),
        "views": str(view.uuid),
        "aliases": alias.digest,
        "dependencies": "payments",
        "tokens": str(token.pk),
        "webhooks": str(webhook.uuid),
        "connections": str(connection.uuid),
        "deliveries": str(letter(compose(admin.user, connection)).uuid),
    }


@pytest.fixture
def _one_connection(things: dict[str, str]) -> Iterator[None]:
    """Keep the connection of the test open at the ends of requests, as Django's client does.

    That client connects the signals again after each request, so this comes after THINGS.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def paths_to(path: str, things: dict[str, str]) -> dict[str, str]:
    """Return what to put in PATH, so that it leads to something."""
    steps = path.split("/")
    named = {name.strip("{}"): steps[at - 1] for at, name in enumerate(steps) if "{" in name}
    return {name: things.get(name) or things[kind] for name, kind in named.items()}


@pytest.mark.usefixtures("_one_connection")
@pytest.mark.parametrize("role", ["admin", "viewer"])
@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_every_answer_is_one_that_the_document_promises(
    label: str,
    role: str,
    things: dict[str, str],
    admin: Caller,
    viewer: Caller,
    settings: Any,
) -> None:
    settings.RATE_LIMIT = 0
    operation = OPERATIONS[label]
    caller = admin if role == "admin" else viewer
    real = paths_to(operation.path, things)
    cases = (
        st.one_of(
            operation.as_strategy(mode, path_parameters=real or None) for mode in GenerationMode
        )
        | operation.as_strategy()
    )

    @moderately
    @given(case=cases)
    def run(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, headers={"Authorization": caller.basic})

    run()


def moderately(run: Callable[..., None]) -> Callable[..., None]:
    """Run RUN on the same few examples each time."""
    few = hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    return few(run)
