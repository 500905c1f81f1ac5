"""Composing by the pages: who may, what is said of wrong answers, and where an event goes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from feeds import actions
from feeds.composing import KINDS
from feeds.models import Activity, Composition, Delivery, EventTemplate, User
from tests.composed import connect, filled, given, new_form
from tests.pages import Html, record, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def composer() -> Client:
    return signed_in("composer")


def compose(client: Client, key: str = "custom", query: str = "", **changes: Any) -> Any:
    """Fill in the form of KEY as somebody who changes CHANGES, and send it."""
    form = new_form(client, key, query)
    return client.post(form.action, form.changed(**changes))


def words(response: Any) -> str:
    return " ".join(Html(response).one("main").text.split())


# ---- who may


def test_a_viewer_reads_that_viewers_send_nothing() -> None:
    response = signed_in("viewer").get("/compose/new/custom/")
    assert response.status_code == 403
    assert "A viewer reads; composers, bots and admins send events." in words(response)


@pytest.mark.parametrize(
    "path",
    ["", "new/custom/", "choose/", "paste/"]
    + [f"{part}/custom/" for part in ("check", "preview", "snippets", "templates")],
)
def test_every_page_is_closed_to_viewers_and_to_strangers(path: str) -> None:
    viewer = signed_in("viewer")
    for send in (viewer.get, viewer.post):
        assert send(f"/compose/{path}").status_code == 403
    assert Client().get(f"/compose/{path}")["Location"].startswith("/sign-in/")
    assert not Composition.objects.exists()


def test_the_navigation_leads_there_who_may_send() -> None:
    assert Html(signed_in("composer").get("/")).link("nav a[href=/compose/]")
    assert not Html(signed_in("viewer").get("/")).link("nav a[href=/compose/]")


def test_there_is_a_card_for_each_kind(composer: Client) -> None:
    page = Html(composer.get("/compose/"))
    links = [card["href"] for card in page.all(".kinds a")]
    assert links == [f"/compose/new/{key}/" for key in KINDS]
    assert all(composer.get(link, follow=True).status_code == 200 for link in links)
    assert composer.get("/compose/new/weather/").status_code == 404


# ---- sending


def test_what_somebody_composes_is_theirs(composer: Client) -> None:
    response = compose(composer, displayName="We moved")
    assert response.status_code == 303
    activity = Activity.objects.get()
    assert response["Location"] == activity.get_absolute_url()
    assert (activity.title, activity.author, activity.actor_key) == (
        "We moved", User.objects.get(), "composer",
    )  # fmt: skip
    assert "It is in the feed, and goes nowhere else." in words(composer.get(response["Location"]))


def test_the_same_form_sent_again_leads_to_the_same_event(composer: Client) -> None:
    form = new_form(composer)
    first = composer.post(form.action, form.values)
    again = composer.post(form.action, form.changed(displayName="Other words", url=""))
    assert again.status_code == 303
    assert again["Location"] == first["Location"]
    assert Activity.objects.count() == Composition.objects.count() == 1
    assert "This form was sent before" in words(composer.get(again["Location"]))


def test_the_address_of_a_form_is_that_of_one_event(composer: Client) -> None:
    address = composer.get("/compose/new/custom/?component=")["Location"]
    form, again = given(filled(composer.get(address))), given(filled(composer.get(address)))
    assert form.values["identity"] == again.values["identity"]
    composer.post(form.action, form.values)
    composer.post(form.action, again.values)
    assert Activity.objects.count() == 1


def test_a_form_that_somebody_else_sent_makes_nothing(composer: Client) -> None:
    form = new_form(composer)
    composer.post(form.action, form.values)
    response = signed_in("composer", "other").post(form.action, form.values)
    assert response.status_code == 409
    assert "this form was sent by somebody else" in words(response)
    assert Activity.objects.count() == 1


def test_a_wrong_answer_is_said_on_top_and_at_its_field(composer: Client) -> None:
    response = compose(composer, displayName="", url="")
    assert response.status_code == 422
    page = Html(response)
    summary = {link["href"]: link.text for link in page.all(".summary a")}
    assert summary == {
        "#id_displayName": "Title: This field is required.",
        "#id_url": "Link: This field is required.",
    }
    field = page.one("#id_displayName")
    assert field["aria-invalid"] == "true"
    assert "id_displayName_error" in field["aria-describedby"].split()
    assert page.one("#id_displayName_error").text == "This field is required."
    assert "open" in page.one(".more-fields").attrs, "a fault in the details shows"
    assert not Composition.objects.exists()


@pytest.mark.parametrize(
    ("key", "changes", "field", "rule"),
    [
        ("custom", {"lastUpdated": "noon"}, "lastUpdated", "Must be a date and time"),
        ("custom", {"updateSequenceNumber": "1.5"}, "updateSequenceNumber", "whole number"),
        ("custom", {"icon": "SUN"}, "icon", "Select a valid choice"),
        ("vulnerability", {"score": "11"}, "score", "less than or equal to 10"),
        ("activity", {"id": "no address"}, "id", "Must be an absolute http or https URL."),
        ("activity", {"title": "é" * 256}, "title", "Is longer than 255 characters."),
        ("activity", {"id": "", "url": ""}, "id", "Is required where there is no url."),
        ("activity", {"actor-id": "maria"}, "actor-id", "Only a bot or an admin may name another"),
        ("teamhub-build", {"progress": "101"}, "progress", "less than or equal to 100"),
        ("teamhub-build", {"operation": "created"}, "operation", "Must be one of completed"),
        ("custom", {"send_at": "2001-01-01T00:00"}, "send_at", "Must be in the future"),
        ("custom", {"component": "nothing"}, "component", "Select a valid choice"),
    ],
)  # fmt: skip
def test_each_rule_is_said_at_the_field_that_breaks_it(
    composer: Client, key: str, changes: dict[str, str], field: str, rule: str
) -> None:
    response = compose(composer, key, **changes)
    assert response.status_code == 422
    assert rule in Html(response).one(f"#id_{field}_error").text
    assert not Activity.objects.exists()


def test_a_number_that_is_not_higher_than_what_we_have_is_a_conflict(composer: Client) -> None:
    compose(composer, id="7", updateSequenceNumber="10")
    response = compose(composer, id="7", updateSequenceNumber="10")
    assert response.status_code == 409
    assert "not lower exists" in Html(response).one("#id_updateSequenceNumber_error").text
    assert compose(composer, id="7").status_code == 303, "left empty, it is the next one"
    assert Activity.objects.count() == 1


def test_a_time_without_an_offset_is_utc(composer: Client) -> None:
    compose(composer, lastUpdated="2026-11-20 14:03")
    assert Activity.objects.get().occurred_at.isoformat() == "2026-11-20T14:03:00+00:00"


def test_what_is_about_a_component_shows_on_it(composer: Client) -> None:
    shop = actions.create_component("Shop")
    compose(composer, "incident", "?component=shop", displayName="No basket")
    assert list(shop.sources.values_list("external_id", "kind")) == [("composed/shop", "incident")]
    assert Html(composer.get("/components/shop/")).titles == ["No basket"]
    assert composer.get("/compose/new/incident/?component=nothing", follow=True).status_code == 404


# ---- where it goes


def test_one_form_goes_to_several_upstreams(composer: Client) -> None:
    compass, pulse = connect("compass"), connect("pulseboard")
    shop = actions.create_component("Shop")
    response = compose(
        composer, "custom", "?component=shop",
        **{f"to-{compass.uuid}": "on", f"to-{pulse.uuid}": "on",
           f"there-{compass.uuid}": "ari:there"},
    )  # fmt: skip
    letters = Delivery.objects.order_by("connection__name")
    assert [letter.connection for letter in letters] == [compass, pulse]
    body: Any = letters[0].body
    assert body["componentId"] == "ari:there"
    page = composer.get(response["Location"])
    assert "on its way to compass, pulseboard" in words(page)
    sent = Html(page)
    for letter in letters:
        assert sent.link(f"a[href={letter.get_absolute_url()}]")
    assert "Queued" in words(page)
    again = filled(composer.get("/compose/new/custom/?component=shop", follow=True)).values
    assert again[f"there-{compass.uuid}"] == "ari:there", "what it is called there is remembered"
    assert shop.compositions.count() == 1


def test_only_upstreams_that_take_the_wire_are_offered(composer: Client) -> None:
    made = {name: connect(name) for name in ("compass", "streams", "teamhub", "pulseboard")}
    vendors = {"custom": "compass", "activity": "streams", "teamhub-build": "teamhub"}
    for key, vendor in vendors.items():
        page = composer.get(f"/compose/new/{key}/", follow=True).content.decode()
        offered = {name for name, each in made.items() if f'name="to-{each.uuid}"' in page}
        assert offered == {vendor, "pulseboard"}
    response = compose(composer, **{f"to-{made['streams'].uuid}": "on"})
    assert response.status_code == 303
    assert not Delivery.objects.exists()


def test_a_paused_upstream_says_so_and_its_letters_wait(composer: Client) -> None:
    compass = connect("compass")
    actions.pause(compass, by=User.objects.get())
    assert "paused by composer" in words(composer.get("/compose/new/custom/", follow=True))
    assert compose(composer, **{f"to-{compass.uuid}": "on"}).status_code == 303
    assert Delivery.objects.get().state == "queued"


def test_without_a_connection_it_says_who_can_add_one(composer: Client) -> None:
    assert "Ask an admin" in words(composer.get("/compose/new/custom/", follow=True))
    admin = signed_in("admin").get("/compose/new/custom/", follow=True)
    assert Html(admin).link("main a[href=/settings/connections/]")


# ---- while it is filled in


def test_a_field_is_checked_by_itself(composer: Client) -> None:
    form = new_form(composer, "activity")

    def said(field: str, **changes: str) -> str:
        path = f"/compose/check/activity/?field={field}"
        return composer.post(path, form.changed(**changes)).content.decode().strip()

    assert said("id", id="x", title="y") == "Must be an absolute http or https URL."
    assert said("title", id="x", title="y") == "", "only the field that was asked for"
    assert said("id", id="", url="") == "Is required where there is no url."
    assert said("id") == ""
    assert "&lt;b&gt;" in said("icon-width", **{"icon-width": "<b>"}) or "whole" in said(
        "icon-width", **{"icon-width": "<b>"}
    )


def test_the_preview_is_the_row_that_the_feed_will_draw(composer: Client) -> None:
    form = new_form(composer, "activity")
    said = form.changed(title='<b>Hello</b> <script>alert(1)</script><a href="javascript:x">y</a>')
    preview = composer.post("/compose/preview/activity/", said, headers={"HX-Request": "true"})
    text = preview.content.decode()
    assert "<script" not in text
    assert "javascript:" not in text
    composer.post(form.action, said)
    row, drawn = Html(preview).one("article.row"), Html(composer.get("/")).one("article.row")
    before, after = (re.sub(r"now|\d\d:\d\d:\d\d", "", one.text) for one in (row, drawn))
    assert before == after
    assert preview["Cache-Control"] == "no-store"


def test_what_still_runs_has_a_preview_too(composer: Client) -> None:
    told = {"operation": "created", "progress": "10"}
    for key, running in (("deployment", {"state": "IN_PROGRESS"}), ("teamhub-build", told)):
        form = new_form(composer, key)
        path = f"/compose/preview/{key}/"
        drawn = composer.post(path, form.changed(**running), headers={"HX-Request": "true"})
        assert "Running" in Html(drawn).one("article.row .pill").text


def test_without_javascript_the_preview_comes_with_the_whole_form(composer: Client) -> None:
    form = new_form(composer)
    page = composer.post("/compose/preview/custom/", form.changed(displayName="Half way"))
    assert Html(page).titles == ["Half way"]
    again = filled(page)
    assert again.values["displayName"] == "Half way"
    assert again.values["identity"] == form.values["identity"]
    assert composer.get("/compose/preview/custom/")["Location"] == "/compose/new/custom/"


def test_the_request_is_shown_for_scripts(composer: Client) -> None:
    form = new_form(composer)
    path = "/compose/snippets/custom/"
    page = composer.post(path, form.changed(displayName=""), headers={"HX-Request": "true"})
    assert "as soon as this is right: Title" in page.content.decode()
    page = Html(composer.post("/compose/snippets/custom/", form.changed(displayName="Scripted")))
    curl = page.one("#curl-1").text
    assert "/gateway/api/compass/v1/events" in curl
    assert '"displayName": "Scripted"' in curl
    assert actions.cloud_id() in curl
    assert "secrets.PULSEBOARD_SECRET" in page.one("#step-1").text
    assert "import requests" in page.one("#python-1").text
    pasted = filled(
        composer.post("/compose/paste/", {"pasted": "".join(page.one("#curl-1").pieces)})
    )
    assert pasted.values["displayName"] == "Scripted"


@pytest.mark.parametrize(
    ("key", "dialect", "path"),
    [("activity", "streams", "/rest/activities/1.0/"), ("teamhub-build", "teamhub", "/api/events"),
     ("custom", "compass", "/gateway/api/compass/v1/events")],
)  # fmt: skip
def test_the_request_is_that_of_each_upstream_and_holds_no_secret(
    composer: Client, key: str, dialect: str, path: str
) -> None:
    connection = connect(dialect)
    form = new_form(composer, key)
    said = form.changed(**{f"to-{connection.uuid}": "on"})
    page = composer.post(f"/compose/snippets/{key}/", said, headers={"HX-Request": "true"})
    assert f"https://{dialect}.example.com{path}" in Html(page).one("#curl-1").text
    assert "the-secret" not in page.content.decode()


def test_another_kind_keeps_what_was_changed(composer: Client) -> None:
    actions.create_component("Shop")
    form = new_form(composer, "deployment")
    said = form.changed(kind="incident", component="shop", description="All of it", state="FAILED")
    page = composer.post("/compose/choose/", said)
    identity = form.values["identity"]
    assert page["HX-Replace-Url"] == f"/compose/new/incident/?form={identity}"
    values = filled(page).values
    assert values["state"] == "", "that of a deployment is none of an incident"
    assert (values["description"], values["component"]) == ("All of it", "shop")
    assert values["externalEventSourceId"] == "composed/shop"
    assert values["identity"] == form.values["identity"]
    said = filled(page).changed(kind="activity", displayName="It burns")
    activity = filled(composer.post("/compose/choose/", said)).values
    assert (activity["title"], activity["content"]) == ("It burns", "All of it")
    chosen = composer.get("/compose/choose/?kind=flag&component=shop")
    assert chosen["Location"] == "/compose/new/flag/?component=shop"


# ---- filling it from elsewhere


def test_what_cannot_be_read_is_refused_in_words(composer: Client) -> None:
    for text, rule in (("", "required"), ("{", "JSON"), ('{"a": 1}', "must be an event of"),
                       ("curl https://x -d @file", "the file is on your machine")):  # fmt: skip
        response = composer.post("/compose/paste/", {"pasted": text})
        assert response.status_code == 422
        assert rule in words(response)


def test_any_event_of_the_wires_can_be_duplicated(composer: Client) -> None:
    compose(composer, "deployment", displayName="First", sequenceNumber="7",
            **{"environment-environmentId": "eu"})  # fmt: skip
    first = Activity.objects.get()
    link = Html(composer.get(first.get_absolute_url())).link(
        f"a[href=/compose/new/deployment/?from={first.uuid}]"
    )
    values = filled(composer.get(link, follow=True)).values
    assert values["displayName"] == "First"
    assert values["environment-environmentId"] == "eu"
    assert values["sequenceNumber"] == "8", "it is the next deployment"
    assert values["lastUpdated"] == values["updateSequenceNumber"] == ""
    assert composer.post("/compose/new/deployment/", values).status_code == 303
    assert Activity.objects.count() == 2
    assert composer.get(f"/compose/new/custom/?from={first.uuid}", follow=True).status_code == 404
    assert composer.get("/compose/new/custom/?from=nonsense", follow=True).status_code == 404


def test_what_no_form_makes_is_not_duplicated(composer: Client) -> None:
    (push,) = record(kind="push")
    page = composer.get(push.get_absolute_url()).content.decode()
    assert "Duplicate" not in page
    assert "Change" not in page


def test_a_template_is_kept_used_and_deleted(composer: Client) -> None:
    form = new_form(composer, "incident")
    said = form.changed(displayName="", description="Look at the dashboard", id="7",
                        **{"severity-level": "ONE", "template-name": "Outage"})  # fmt: skip
    assert composer.post("/compose/templates/incident/", said).status_code == 201
    template = EventTemplate.objects.get()
    assert (template.name, template.shared, template.kind) == ("Outage", False, "incident")
    link = Html(composer.get("/compose/")).link(
        f"a[href=/compose/new/incident/?template={template.uuid}]"
    )
    values = filled(composer.get(link, follow=True)).values
    assert (values["description"], values["severity-level"]) == ("Look at the dashboard", "ONE")
    assert values["displayName"] == "", "what it does not say is as in a new form"
    assert values["id"] not in ("", "7"), "a template has no id"
    taken = composer.post("/compose/templates/incident/", said)
    assert taken.status_code == 422
    assert "you have a template" in words(taken)
    other = signed_in("composer", "other")
    assert other.get(link, follow=True).status_code == 404
    assert other.post(f"/compose/templates/{template.uuid}/delete/").status_code == 404
    assert composer.post(f"/compose/templates/{template.uuid}/delete/").status_code == 303
    assert not EventTemplate.objects.exists()


def test_a_shared_template_is_for_all_and_deleted_by_its_owner(composer: Client) -> None:
    form = new_form(composer)
    said = form.changed(**{"template-name": "For all", "template-shared": "on"})
    composer.post("/compose/templates/custom/", said)
    template = EventTemplate.objects.get()
    other = signed_in("composer", "other")
    page = other.get("/compose/")
    assert "For all" in words(page)
    assert f"/compose/templates/{template.uuid}/delete/" not in page.content.decode()
    assert (
        other.get(f"/compose/new/custom/?template={template.uuid}", follow=True).status_code == 200
    )


def test_a_template_of_wrong_answers_is_not_kept(composer: Client) -> None:
    form = new_form(composer)
    said = form.changed(lastUpdated="noon", **{"template-name": "Odd"})
    assert composer.post("/compose/templates/custom/", said).status_code == 422
    assert not EventTemplate.objects.exists()
