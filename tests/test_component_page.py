"""The page of a component: what stands where, what happened of late, and which sources send."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions
from feeds.models import Activity, Component, EventSource
from tests.conftest import Caller
from tests.pages import Html, record, signed_in


@pytest.fixture
def web(db: None) -> Component:
    return actions.create_component("Web", slug="web")


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def deploy(bot: Caller, number: int, state: str, where: str, at: datetime, **fields: Any) -> None:
    environment = {"category": "STAGING", "displayName": where.title(), "environmentId": where}
    if where == "prod":
        environment["category"] = "PRODUCTION"
    body = {
        "sequenceNumber": number, "state": state, "environment": environment,
        "pipeline": {"pipelineId": "p", "url": "https://ci.example.com", "displayName": "main"},
        **fields,
    }  # fmt: skip
    answer = bot.event(
        "deployment", component="web", displayName=f"web 2.{number}", deploymentProperties=body,
        lastUpdated=stamp(at), updateSequenceNumber=1,
    )  # fmt: skip
    assert answer.status_code == 202, answer.content


def page(query: str = "", client: Client | None = None) -> Html:
    return Html((client or signed_in("viewer", f"v{query}")).get(f"/components/web/{query}"))


# ---- what stands where


def test_each_environment_shows_its_last_deployment_and_the_last_that_worked(
    bot: Caller, web: Component
) -> None:
    deploy(bot, 40, "SUCCESSFUL", "prod", ago(days=3))
    deploy(bot, 41, "FAILED", "prod", ago(hours=5))
    deploy(bot, 42, "SUCCESSFUL", "staging", ago(hours=1))
    found = page().all(".stands")
    assert [one.text.split()[0] for one in found] == ["Prod", "Staging"]
    assert "web 2.41" in found[0].text
    assert "Last that worked: web 2.40" in found[0].text
    assert "Failed" in found[0].text
    assert "web 2.42" in found[1].text
    assert "Last that worked" not in found[1].text
    answer = bot.get("/api/v1/components/web/deployments").json()
    stands = [(one["environment"], one["stands"]["title"]) for one in answer["results"]]
    assert stands == [("prod", "web 2.40"), ("staging", "web 2.42")]
    newest = Activity.objects.get(title="web 2.41")
    assert newest.get_absolute_url() in {a["href"] for a in page("?").all(".stands a")}


def test_a_release_long_ago_is_not_lost_behind_daily_deployments_elsewhere(
    bot: Caller, web: Component
) -> None:
    deploy(bot, 1, "SUCCESSFUL", "prod", ago(days=200))
    source = EventSource.objects.get()
    record(300, kind="deployment", source_id=source.external_id, target_key="staging",
           state="succeeded", occurred_at=ago(hours=2))  # fmt: skip
    assert [one.text.split()[0] for one in page().all(".stands")] == ["Prod", "staging"]


def test_a_component_without_deployments_says_what_to_do(web: Component) -> None:
    assert "No deployment yet" in page().one("section[aria-labelledby=deployed]").text


# ---- the timeline


def test_lanes_hold_the_kinds_of_the_window_and_marks_lead_to_their_events(
    bot: Caller, web: Component
) -> None:
    deploy(bot, 1, "SUCCESSFUL", "prod", ago(hours=3), startedAt=stamp(ago(hours=6)),
           completedAt=stamp(ago(hours=3)))  # fmt: skip
    deploy(bot, 2, "IN_PROGRESS", "staging", ago(minutes=1), startedAt=stamp(ago(hours=2)))
    bot.event("push", component="web", lastUpdated=stamp(ago(hours=12)))
    bot.event("build", component="web", lastUpdated=stamp(ago(days=3)),
              buildProperties={"state": "FAILED", "startedAt": stamp(ago(days=3)),
                               "pipeline": {"pipelineId": "1"}})  # fmt: skip
    day = page()
    names = [name.text for name in day.all(".lane-name a")]
    assert names == ["Deployment → Prod", "Deployment → Staging", "Push"]
    marks = day.all("a.mark")
    events = Activity.objects.exclude(kind="build").order_by("kind", "title")
    assert [mark["href"] for mark in marks] == [event.get_absolute_url() for event in events]
    done, running, push = (mark.text for mark in marks)
    assert "Deployment, Succeeded: web 2.1" in done
    assert "took 3 h" in done
    assert "Running: web 2.2" in running
    assert "goes on for 2 h" in running
    assert "took" not in push
    places = [bar for bar in day.all("a.mark rect") if bar.attrs.get("y") == "9"]
    assert [round(float(bar["x"].rstrip("%"))) for bar in places] == [75, 92]
    week = page("?window=7d")
    assert "Build" in [name.text for name in week.all(".lane-name a")]
    assert "1, 1 failed or open" in week.one("ol.lanes").text
    assert [a.text for a in week.all("nav.spans-of a[aria-current=true]")] == ["7 days"]
    assert len(Html(signed_in("viewer", "z").get(day.link(".lane-name a"))).rows) == 1


def test_a_window_with_too_much_is_cut_and_says_so(web: Component) -> None:
    rows = record(230, occurred_at=ago(hours=1))
    actions.attach(web, rows[0].source)
    found = page()
    assert len(found.all("a.mark")) == 200
    assert "only the newest 200 are drawn" in found.one("section[aria-labelledby=timeline]").text


def test_an_empty_window_offers_a_longer_one_and_a_wrong_one_is_named(web: Component) -> None:
    empty = page().one("section[aria-labelledby=timeline]")
    assert "Nothing happened here in this window" in empty.text
    client = signed_in("viewer", "x")
    answer = client.get("/components/web/", {"window": "1y"})
    assert answer.status_code == 400
    assert "window: '1y' is not one of 24h, 7d, 30d" in Html(answer).one("#f-error").text
    assert client.get("/components/web/", {"window": ""}).status_code == 200


# ---- sources, heartbeats, and what one may do here


def test_sources_say_how_they_stand(web: Component) -> None:
    rows = [record(1, before=n, occurred_at=ago(hours=72 + 2 * n))[0] for n in range(100)]
    actions.attach(web, rows[0].source)
    actions.attach(web, actions.create_source("idle", kind="push"))
    text = page().one("section[aria-labelledby=sources]").text
    assert "silent for 3 d, usually every 2 h" in text
    assert "nothing has come yet" in text


def test_who_may_compose_is_offered_it_and_admins_attach_on_demand(web: Component) -> None:
    client = signed_in("composer")
    found = page(client=client)
    assert found.link(".head-side a") == "/compose/?component=web"
    assert client.get(found.link(".head-side a")).status_code == 200
    assert page("?attach=1", client).all("form#attach") == []
    assert page(client=signed_in()).all(".head-side a") == []
    boss = signed_in("admin", "boss")
    assert page(client=boss).all("form#attach") == []
    assert page("?attach=1", boss).one("form#attach")


def test_the_page_costs_a_fixed_number_of_queries(bot: Caller, web: Component) -> None:
    boss = signed_in("admin", "boss")
    counts = []
    for number in (1, 2):
        deploy(bot, number, "SUCCESSFUL", "prod", ago(hours=number))
        source = actions.create_source(f"s{number}", kind="push")
        actions.attach(web, source)
        record(30, before=100 * number, kind="push", source_id=f"s{number}",
               occurred_at=ago(hours=1))  # fmt: skip
        boss.get("/components/web/")
        with CaptureQueriesContext(connection) as queries:
            assert boss.get("/components/web/?window=30d").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14, [query["sql"][:200] for query in queries]
