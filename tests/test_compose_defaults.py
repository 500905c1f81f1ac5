"""What a new form says by itself, what it asks for, and how the preview shows what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from feeds import actions
from feeds.models import Composition, User
from tests.composed import filled, new_form
from tests.events import compass_event
from tests.pages import Html, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def composer() -> Client:
    return signed_in("composer")


def compose(client: Client, key: str, query: str = "", **changes: Any) -> Any:
    """Give what the form of KEY asks for, change CHANGES, and send it."""
    form = new_form(client, key, query)
    return client.post(form.action, form.changed(**changes))


def test_the_defaults_are_those_of_the_last_event_of_the_component(composer: Client) -> None:
    shop = actions.create_component("Shop")
    event = compass_event("deployment", component=str(shop.uuid), sequenceNumber=41)
    author = User.objects.get()
    actions.record(
        actions.Sender(author), actions.draft_of("compass", event, author=author, component=shop)
    )
    form = filled(composer.get("/compose/new/deployment/?component=shop", follow=True)).values
    assert form["environment-environmentId"] == "prod"
    assert form["pipeline-pipelineId"] == "pipeline-1"
    assert form["sequenceNumber"] == "42"
    assert form["externalEventSourceId"] == "shop/web"
    assert form["state"] == "SUCCESSFUL"
    assert form["displayName"] == "", "it is another event"
    other = filled(composer.get("/compose/new/deployment/", follow=True)).values
    assert other["externalEventSourceId"] == "composed"
    assert (other["state"], other["environment-displayName"]) == ("", "")


@pytest.mark.parametrize(
    ("name", "sort", "identity"),
    [("Prod", "PRODUCTION", "prod"), ("QA", "TESTING", "qa"), ("EU west", "UNMAPPED", "eu-west")],
)
def test_an_environment_is_what_its_name_tells(
    composer: Client, name: str, sort: str, identity: str
) -> None:
    response = compose(composer, "deployment", **{"environment-displayName": name})
    assert response.status_code == 303
    told: Any = Composition.objects.get().document["event"]["deployment"]["deploymentProperties"]
    assert told["environment"] == {
        "displayName": name, "category": sort, "environmentId": identity,
    }  # fmt: skip


def test_the_state_of_an_incident_is_not_that_of_the_last_one(composer: Client) -> None:
    actions.create_component("Shop")
    compose(composer, "incident", "?component=shop", state="RESOLVED")
    form = filled(composer.get("/compose/new/incident/?component=shop", follow=True)).values
    assert form["state"] == ""


def test_the_preview_says_what_is_missing(composer: Client) -> None:
    form = new_form(composer)
    said = form.changed(displayName="")
    preview = composer.post("/compose/preview/custom/", said, headers={"HX-Request": "true"})
    assert "as soon as this is given: Title" in preview.content.decode()
    assert Html(preview).titles == ["…"], "it is drawn as far as it goes"
    said = form.changed(displayName="", lastUpdated="noon")
    preview = composer.post("/compose/preview/custom/", said, headers={"HX-Request": "true"})
    assert "as soon as this is right: Title, Time" in preview.content.decode()
    assert Html(preview).titles == []


def test_the_preview_makes_up_no_state(composer: Client) -> None:
    for key, given_so_far in (("deployment", {}), ("vulnerability", {"state": "OPEN"})):
        form = filled(composer.get(f"/compose/new/{key}/", follow=True))
        said = form.changed(displayName="Half way", **given_so_far)
        page = composer.post(f"/compose/preview/{key}/", said, headers={"HX-Request": "true"})
        assert Html(page).titles == ["Half way"]
        assert [pill.text for pill in Html(page).all("article.row .pill")] == (
            ["Open"] if given_so_far else []
        )
        badges = [badge.text for badge in Html(page).all("article.row .badge")]
        assert badges == (["…"] if key == "deployment" else [])
    form = filled(composer.get("/compose/new/teamhub-build/", follow=True))
    said = form.changed(repository="web")
    page = composer.post("/compose/preview/teamhub-build/", said, headers={"HX-Request": "true"})
    assert "as soon as this is right: State" in page.content.decode(), "its title says how it went"
