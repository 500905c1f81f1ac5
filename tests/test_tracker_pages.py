"""Issues and projects of a tracker: what names them, who and what they touched, how far it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions
from tests.conftest import Caller
from tests.pages import Html, record, signed_in

SHA = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
PIPELINE = {"pipelineId": "web-24", "url": "https://ci.example.com", "displayName": "main"}


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in()


def ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


def stamp(minutes: float) -> str:
    return ago(minutes).strftime("%Y-%m-%dT%H:%M:%SZ")


def push(bot: Caller, title: str, sha: str, minutes: float) -> None:
    bot.event(
        "push", component="web", displayName=title, lastUpdated=stamp(minutes),
        pushEventProperties={"id": sha, "branchName": "main",
                             "author": {"name": "Maria", "email": "maria@example.com"}},
    )  # fmt: skip


def build(bot: Caller, sha: str, minutes: float, state: str = "SUCCESSFUL") -> None:
    bot.event(
        "build", component="web", displayName="web #24", description=f"Commit {sha}",
        lastUpdated=stamp(minutes),
        buildProperties={"state": state, "startedAt": stamp(minutes + 1), "pipeline": PIPELINE},
    )  # fmt: skip


def deploy(bot: Caller, number: int, where: str, minutes: float, **fields: Any) -> None:
    state, pipeline = fields.pop("state", "SUCCESSFUL"), fields.pop("pipeline", "other")
    bot.event(
        "deployment", component="web", displayName=f"web 2.{number}", lastUpdated=stamp(minutes),
        deploymentProperties={
            "sequenceNumber": number, "state": state, "startedAt": stamp(minutes + 1),
            "pipeline": {**PIPELINE, "pipelineId": pipeline},
            "environment": {"category": "PRODUCTION" if where == "prod" else "STAGING",
                            "displayName": where.title(), "environmentId": where},
        },
        **fields,
    )  # fmt: skip


def way(reader: Client, key: str = "SHOP-7") -> list[str]:
    page = Html(reader.get(f"/issues/{key}/"))
    return [item.text for item in page.all("section[aria-labelledby=way] li")]


# ---- what is theirs


def test_an_issue_shows_what_is_about_it_or_names_it_and_a_project_what_is_about_its_issues(
    reader: Client,
) -> None:
    (one,) = record(1, target_key="ONE-1", project_key="ONE")
    (other,) = record(1, before=1, target_key="ONE-2", project_key="ONE")
    (itself,) = record(1, before=2, target_key="ONE", project_key="ONE")
    record(1, before=3, target_key="TWO-1", project_key="TWO")
    (naming,) = record(1, before=4, kind="push", title="ONE-1: round totals once")
    record(1, before=5, kind="push", title="ONE-11: round totals twice")
    page = Html(reader.get("/issues/ONE-1/"))
    assert page.rows == [str(naming.uuid), str(one.uuid)]
    assert page.one("h1").text == "ONE-1"
    assert page.link(".crumbs a") == "/projects/ONE/"
    assert page.link(".between a") == "/?issue=ONE-1"
    feed = Html(reader.get("/?issue=ONE-1"))
    assert feed.rows == page.rows
    assert feed.one(".chip").text.startswith("Issue is ONE-1")
    assert len(Html(reader.get("/?issue=-ONE-1")).rows) == 4
    project = Html(reader.get("/projects/ONE/"))
    assert project.rows == [str(row.uuid) for row in (itself, other, one)]
    assert project.link(".between a") == "/?project=ONE"


def test_the_query_box_and_programs_know_issues_too(reader: Client, viewer: Caller) -> None:
    (one,) = record(1, title="SHOP-7: round totals once")
    record(1, before=1)
    assert reader.get("/", {"query": "names:SHOP-7"})["Location"] == "/?issue=SHOP-7"
    found = viewer.get("/api/v1/activities", issue="SHOP-7").json()["results"]
    assert [row["uuid"] for row in found] == [str(one.uuid)]
    counted = viewer.get("/api/v1/activities/facets", issue="SHOP-7").json()
    assert [value["count"] for value in counted["facets"]["type"]["values"]] == [1]


def test_an_issue_says_since_when_who_and_where(bot: Caller, reader: Client) -> None:
    web = actions.create_component("Web")
    old, new = record(2, title="SHOP-7: fix it", actor_key="maria", actor_name="Maria Lopez")
    (last,) = record(1, before=2, title="see SHOP-7", actor_key="bot", source_id="elsewhere")
    actions.attach(web, old.source)
    page = Html(reader.get("/issues/SHOP-7/"))
    times = [time["datetime"] for time in page.all("header.head time")]
    assert [text[:19] for text in times] == [
        f"{row.occurred_at:%Y-%m-%dT%H:%M:%S}" for row in (old, last)
    ]
    assert "3 events" in page.one(".head .sub").text
    people = page.one("section[aria-labelledby=people]").text
    assert people.index("bot") < people.index("Maria Lopez")
    assert people.endswith("2 events")
    links = {a["href"] for a in page.all("section.card li a")}
    assert {"/people/maria/", "/?issue=SHOP-7&actor=maria"} <= links
    places = page.one("section[aria-labelledby=touched]").text
    assert "Web 2 events" in places
    assert "elsewhere 1 event" in places
    assert "3 events in all; 1 of them about no component" in places
    assert new.get_absolute_url() in {a["href"] for a in page.all("article.row a")}


def test_of_many_events_the_first_is_still_known(reader: Client) -> None:
    (first,) = record(1, target_key="SHOP-7", project_key="SHOP")
    record(520, before=100, target_key="SHOP-7", project_key="SHOP")
    for path in ("/issues/SHOP-7/", "/projects/SHOP/"):
        page = Html(reader.get(path))
        assert page.all(".head time")[0]["datetime"][:19] == first.occurred_at.isoformat()[:19]
        assert "over 500 events" in page.one(".head .sub").text
        assert "Of the newest 500 events" in page.one("section[aria-labelledby=touched]").text


# ---- how far its changes have come


def test_an_issue_shows_the_last_deployment_of_its_changes_to_each_environment(
    bot: Caller, reader: Client
) -> None:
    actions.create_component("Web", slug="web")
    push(bot, "SHOP-7: round totals once", SHA, 60)
    build(bot, SHA, 50)
    deploy(bot, 1, "staging", 40, description=f"Commit {SHA}")
    deploy(bot, 2, "staging", 30, description=f"Commit {SHA}", state="FAILED")
    deploy(bot, 3, "prod", 20, description=f"Commit {SHA[:12]}")
    deploy(bot, 4, "prod", 10, description="Commit 0123456789abcdef")
    prod, staging, built, pushed = way(reader)
    assert prod.startswith("Prod web 2.3")
    assert "Exact same commit da15608" in prod
    assert prod.endswith("Succeeded")
    assert staging.startswith("Staging web 2.2")
    assert "Last that worked: web 2.1" in staging
    assert staging.endswith("Failed")
    assert built.startswith("Build")
    assert "web #24" in built
    assert "Exact names it" in pushed


def test_the_pipeline_of_its_build_makes_a_deployment_likely_and_others_not(
    bot: Caller, reader: Client
) -> None:
    actions.create_component("Web", slug="web")
    push(bot, "SHOP-7: round totals once", SHA, 60)
    build(bot, SHA, 50)
    deploy(bot, 1, "prod", 40, pipeline="web-24")
    push(bot, "SHOP-8: something else", "0123456789abcdef0123", 35)
    deploy(bot, 2, "staging", 30)
    first = way(reader)[0]
    assert first.startswith("Prod web 2.1")
    page = Html(reader.get("/issues/SHOP-7/"))
    assert page.link(".stands a.badge") == "/?environment=prod"  # where it stands, not who names it
    assert "Likely same pipeline web-24" in first
    assert not any("Staging" in item for item in way(reader))
    assert [item.split()[0] for item in way(reader, "SHOP-8")] == ["Not", "Push"]


def test_a_change_that_went_nowhere_yet_says_so(bot: Caller, reader: Client) -> None:
    actions.create_component("Web", slug="web")
    push(bot, "SHOP-7: round totals once", SHA, 60)
    nothing, pushed = way(reader)
    assert nothing.startswith("Not deployed yet, as far as events tell")
    assert "SHOP-7: round totals once" in pushed


# ---- projects


def test_a_project_lists_the_issues_that_were_named_last(reader: Client) -> None:
    record(2, target_key="SHOP-1", project_key="SHOP", title="moved", actor_name="Maria")
    record(1, before=2, kind="push", title="SHOP-2: round totals", actor_name="Jonas")
    record(1, before=3, target_key="SHOP-1", project_key="SHOP", title="closed")
    record(1, before=4, target_key="SHOP", project_key="SHOP", title="itself")
    record(1, before=5, kind="push", title="SHOPS-9: no issue of it")
    page = Html(reader.get("/projects/SHOP/"))
    items = page.all("section[aria-labelledby=issues] li")
    assert [item.text.split()[0] for item in items] == ["SHOP-1", "SHOP-2"]
    assert "3 events" in items[0].text
    assert "closed" in items[0].text
    assert "Jonas pushed" in items[1].text
    assert page.all("section[aria-labelledby=volume] svg.spark a")
    assert page.link("section[aria-labelledby=issues] li a") == "/issues/SHOP-1/"


# ---- nothing, and bounds


def test_without_events_they_say_what_to_do_and_lead_to_the_tracker(
    reader: Client, settings: Any
) -> None:
    settings.TRACKER_URL = "https://jira.example.com/browse/{key}"
    page = Html(reader.get("/issues/ONE-1/"))
    assert "as soon as an event is about ONE-1, or names it" in page.one(".empty").text
    assert "Write ONE-1 into a commit message" in page.one("section[aria-labelledby=way]").text
    assert page.link(".head-side a") == "https://jira.example.com/browse/ONE-1"
    assert page.all("section[aria-labelledby=volume]") == []
    project = Html(reader.get("/projects/ONE/"))
    assert "Write ONE-1 into a commit" in project.one("section[aria-labelledby=issues]").text
    assert project.link(".head-side a") == "https://jira.example.com/browse/ONE"


def test_they_cost_a_bounded_number_of_queries(bot: Caller, reader: Client) -> None:
    actions.create_component("Web", slug="web")
    for number in range(30):
        sha = f"{number:02}{SHA[2:]}"
        push(bot, f"SHOP-7: part {number}", sha, 100 - number)
        build(bot, sha, 60 - number)
        deploy(bot, number, f"env{number}", 30, pipeline="web-24")
    record(60, before=1, target_key="SHOP-7", project_key="SHOP")
    for path, most in (("/issues/SHOP-7/", 18), ("/projects/SHOP/", 16)):
        reader.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert reader.get(path).status_code == 200
        assert len(queries) <= most, [query["sql"][:150] for query in queries]
        with CaptureQueriesContext(connection) as queries:
            reader.get(path, headers={"HX-Request": "true"})
        assert len(queries) <= 8, "htmx asks for the rows alone"


def test_what_only_names_an_issue_of_a_project_is_one_click_from_its_page(reader: Client) -> None:
    (about,) = record(1, target_key="SHOP-1", project_key="SHOP")
    record(1, before=1, kind="push", title="SHOP-7 round the totals")
    page = Html(reader.get("/projects/SHOP/"))
    assert page.rows == [str(about.uuid)], "a commit message names an issue, and is not about it"
    link = page.link("section[aria-labelledby=issues] p a")
    assert link == "/?issue=SHOP-7&issue=SHOP-1"
    named = Html(reader.get(link))
    assert named.titles == ["SHOP-7 round the totals", about.title]
    assert [chip.text for chip in named.all(".chip")] == ["Issue is SHOP-7", "Issue is SHOP-1"]
