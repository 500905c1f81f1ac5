"""The page of one event; and text from outside, which must stay text wherever it is shown."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from feeds import actions
from feeds.models import Activity, EventSource
from tests.conftest import Caller
from tests.events import EVENTS, TIME
from tests.pages import Html, record, signed_in

BAD = "</script><img src=x onerror=alert(1)>"
BREAKOUT = "\"'><svg onload=alert(1)>"
LINKS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:x",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "//evil.example",
    "/sign-out/",
    "http://[",
)


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


def every_page(activity: Activity) -> list[str]:
    pages = ["/", "/components/", "/sources/", activity.get_absolute_url()]
    pages.append(reverse("source", args=[activity.source.uuid]))
    pages += [reverse("component", args=[one.slug]) for one in activity.source.components.all()]
    return pages


def facts(page: Html) -> dict[str, str]:
    cells = page.all(".facts dt"), page.all(".facts dd")
    return {name.text: value.text for name, value in zip(*cells, strict=True)}


# ---- the page


def test_the_page_shows_what_we_read_and_what_was_sent(bot: Caller, reader: Client) -> None:
    web = actions.create_component("Web")
    actions.attach(web, actions.create_source("shop/web", kind="deployment"))
    bot.event("deployment", displayName="payments-api 2.41.0")
    activity = Activity.objects.get()
    response = reader.get(activity.get_absolute_url())
    page = Html(response)
    assert response.status_code == 200
    assert page.one("h1").text == "payments-api 2.41.0"
    assert page.one(".pill").text == "Succeeded"
    shown = facts(page)
    assert shown["Type"] == "Deployment"
    assert shown["Target"].startswith("Production")
    assert shown["Branch or pipeline"] == "main"
    assert (shown["Components"], shown["Source"]) == ("Web", "shop/web")
    assert (shown["Sent by"], shown["Sequence"]) == ("bot", "1")
    assert shown["Occurred"].startswith("2026-11-21 14:03:07 UTC")
    sent = "".join(page.one("#raw").pieces)
    assert json.loads(sent) == json.loads(activity.raw)
    assert sent.startswith('{\n  "cloudId": ')


def test_an_event_that_is_gone_is_a_page_to_people_and_a_part_to_a_drawer(reader: Client) -> None:
    gone = f"/activities/{uuid.uuid4()}/"
    page, part = reader.get(gone), reader.get(gone, headers={"HX-Request": "true"})
    assert (page.status_code, part.status_code) == (404, 404)
    assert len(Html(page).all("header.bar")) == 1
    assert Html(part).all("header") == []
    assert "it was deleted, is older than we keep" in Html(part).one(".empty").text


def test_an_update_shows_in_its_place_with_its_sequence(bot: Caller, reader: Client) -> None:
    actions.create_source("shop/web", kind="build")
    begun = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    bot.event("build", state="IN_PROGRESS", lastUpdated=begun)
    address = Activity.objects.get().get_absolute_url()
    assert Html(reader.get(address)).one(".pill").text == "Running"
    bot.event("build", state="FAILED", updateSequenceNumber=7, lastUpdated=begun)
    page = Html(reader.get(address))
    assert page.one(".pill").text == "Failed"
    assert facts(page)["Sequence"] == "7"
    assert len(Html(reader.get("/")).rows) == 1


def test_a_running_event_shows_its_progress(reader: Client) -> None:
    (half,) = record(1, state="running", progress=40, occurred_at=timezone.now())
    record(1, before=1, state="running", occurred_at=timezone.now())
    page = Html(reader.get(half.get_absolute_url()))
    assert page.one("progress")["value"] == "40"
    bars = Html(reader.get("/")).all("article.row progress.progress")
    assert [bar.attrs.get("value") for bar in bars] == [None, "40"]
    assert all(bar["aria-label"] for bar in bars)


def test_an_unknown_uuid_is_a_404_page(reader: Client) -> None:
    response = reader.get(reverse("activity", args=[uuid.uuid4()]))
    assert response.status_code == 404
    assert Html(response).one("h1").text == "Nothing is here"
    assert reader.get("/activities/not-a-uuid/").status_code == 404


@pytest.mark.parametrize("raw", ["", "no JSON {", "[" * 100_000, '{"x": "\\ud800"}', "9" * 5000])
def test_a_body_that_is_no_json_is_shown_as_it_is(reader: Client, raw: str) -> None:
    (activity,) = record(1, raw=raw)
    response = reader.get(activity.get_absolute_url())
    assert response.status_code == 200
    assert "".join(Html(response).one("#raw").pieces) == raw


def test_the_page_stays_when_its_author_leaves(bot: Caller, reader: Client) -> None:
    actions.create_source("shop/web", kind="custom")
    bot.event()
    bot.user.delete()
    page = Html(reader.get(Activity.objects.get().get_absolute_url()))
    assert facts(page)["Sent by"] == "somebody who is gone"


# ---- text from outside


def assert_harmless(response: Any, page: str) -> None:
    text = response.content.decode()
    assert response.status_code == 200, page
    assert "<img src=x" not in text, page
    assert "<svg onload" not in text, page
    for element in Html(response).elements:
        assert not any(name.startswith("on") for name in element.attrs), (page, element)
        assert "style" not in element.attrs, (page, element)
        for name in ("href", "src", "action", "hx-get"):
            address = element.attrs.get(name, "/").strip().lower()
            assert address.startswith(("/", "?", "#", "http://", "https://", "mailto:")), page
            assert not address.startswith("//"), page
        if element.tag == "script":
            assert element.attrs.get("src"), page


@pytest.mark.parametrize("text", [BAD, BREAKOUT])
def test_text_is_never_markup(reader: Client, text: str) -> None:
    (activity,) = record(
        1, title=text, content=text, generator=text, actor_key=text, actor_name=text, icon=text,
        object_key=text, object_type=text, target_key=text, url=text, target_url=text,
        actor_image=text, source_id=text, source_name=text, verb=text, raw=json.dumps({"x": text}),
        details={"event": {"build": {"buildProperties": {"pipeline": {"displayName": text}}}}},
    )  # fmt: skip
    component = actions.create_component(text, description=text, owner_team=text)
    component.links = [{"name": text, "url": "javascript:alert(1)"}, {"name": text, "url": text}]
    component.save(update_fields=["links"])
    actions.attach(component, EventSource.objects.get())
    sender = actions.Sender(activity.author) if activity.author else None
    assert sender
    actions.log_refusal(sender, status=400, reason=text, body=text, source_id=activity.source.pk)
    for address in every_page(activity):
        assert_harmless(reader.get(address), address)
    for name in ("actor", "target", "generator", "source", "q"):
        assert_harmless(reader.get("/", {name: text}), name)


@pytest.mark.parametrize("dialect", ["teamhub", "streams"])
@pytest.mark.parametrize("link", LINKS)
def test_only_web_addresses_become_links(reader: Client, dialect: str, link: str) -> None:
    (activity,) = record(
        1, dialect=dialect, url=link, target_url=link, target_key="x", actor_image=link, icon=link,
        title=f'see <a href="{link}">this</a>', content=f'<a href="{link}">this</a>',
    )  # fmt: skip
    for address in every_page(activity):
        assert_harmless(reader.get(address), address)
    page = Html(reader.get("/"))
    assert link not in [a.attrs.get("href") for a in page.all("article.row a")]
    assert page.one("article.row .object").text.startswith("see ")


def test_titles_of_activity_streams_are_cleaned_html(reader: Client) -> None:
    (activity,) = record(
        1, dialect="streams", kind="activity", actor_key="maria",
        title=f'<b>Maria</b> closed <a href="https://x.example/ONE-1" onclick="x()" '
        f'style="color:red" target="_top">ONE-1</a>{BAD}<script>alert(1)</script>',
        content='<p>Well <em>done</em><iframe src="https://x.example"></iframe></p>'
        '<form action="https://x.example"><button>Sign in</button></form>',
    )  # fmt: skip
    for address in every_page(activity):
        assert_harmless(reader.get(address), address)
    page = Html(reader.get("/"))
    link = page.one("article.row .object a")
    assert set(link.attrs) == {"href", "rel"}
    assert "noopener" in link["rel"]
    assert page.one("article.row .object b").text == "Maria"
    assert "alert" not in page.one("article.row .object").text
    detail = Html(reader.get(activity.get_absolute_url()))
    assert detail.one(".prose em").text == "done"
    assert detail.all("iframe") == []
    assert [form["action"] for form in detail.all("form") if form["method"] == "get"] == []


def test_tags_in_the_titles_of_other_wires_are_shown_as_they_are(reader: Client) -> None:
    record(1, title="fix <b>bold</b> & co")
    assert Html(reader.get("/")).titles == ["fix <b>bold</b> & co"]


@pytest.mark.parametrize(
    "odd",
    [{}, {"event": None}, {"event": []}, {"event": {}}, "text", 7, [1], True,
     {"event": {"deployment": 7}}, {"event": {"deployment": {"deploymentProperties": []}}}],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["deployment", "activity"])
def test_odd_details_are_shown_nowhere_and_break_nothing(
    reader: Client, odd: Any, kind: str
) -> None:
    (activity,) = record(1, kind=kind, details=odd)
    for address in every_page(activity):
        assert reader.get(address).status_code == 200


@pytest.mark.parametrize("odd", [None, 7, "", [], {}, [None], {"x": {}}, "x" * 5000, True])
def test_an_odd_value_anywhere_in_the_details_breaks_nothing(reader: Client, odd: Any) -> None:
    properties = dict.fromkeys(
        ("pipeline", "environment", "severity", "priority", "branchName", "state"), odd
    )
    nested = {name: dict.fromkeys(("displayName", "category", "level", "label"), odd)
              for name in ("pipeline", "environment", "severity")}  # fmt: skip
    number = 0
    for fields in (properties, nested):
        for kind, wire in (("deployment", "deployment"), ("incident", "incident"),
                           ("push", "pushEvent"), ("vulnerability", "vulnerability")):  # fmt: skip
            own = {f"{wire}Properties": fields}
            record(1, before=number, kind=kind, details={"event": {kind: own}})
            number += 1
    page = reader.get("/")
    assert (page.status_code, len(Html(page).rows)) == (200, 8)
    for activity in Activity.objects.all():
        assert reader.get(activity.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("kind", EVENTS)
def test_every_kind_has_a_row_and_a_page(bot: Caller, reader: Client, kind: str) -> None:
    component = actions.create_component("Web")
    bot.event(kind, component=str(component.uuid))
    activity = Activity.objects.get()
    row = Html(reader.get("/")).one("article.row")
    assert "sent" not in row.text or kind in ("deployment", "build")
    assert TIME[11:19] in row.text
    assert reader.get(activity.get_absolute_url()).status_code == 200
    assert Html(reader.get("/components/web/")).rows == [str(activity.uuid)]
