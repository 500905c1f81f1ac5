"""The pages of issues, projects and people: whose events they show, and to whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions
from feeds.models import Role, User
from tests.pages import Html, person, record, signed_in


def recent() -> datetime:
    return timezone.now() - timedelta(hours=1)


@pytest.mark.parametrize(
    "path", ["/issues/one-1/", "/issues/ONE-0/", "/issues/ONE/", "/projects/ONE-1/", "/people/x/"]
)
def test_what_is_no_key_and_nobody_is_not_found(db: None, path: str) -> None:
    assert signed_in().get(path).status_code == 404


def test_a_profile_shows_what_somebody_did(db: None) -> None:
    actions.create_user("maria.l+x@y", role=Role.BOT, name="Maria Lopez", email="m@secret.example")
    (own,) = record(1, actor_key="maria.l+x@y", actor_name="Maria Lopez")
    record(1, before=1, actor_key="other")
    response = signed_in().get("/people/MARIA.L+x@y/")
    page = Html(response)
    assert page.rows == [str(own.uuid)]
    assert page.link(".actor") == "/?actor=maria.l%2Bx%40y"
    assert page.one(".head .avatar").text == "ML"
    assert "Bot" in page.one(".head .sub").text
    assert b"secret.example" not in response.content


def test_a_page_of_a_feed_that_cannot_be_read_is_a_fault(db: None) -> None:
    reader = signed_in()
    for path in ("/issues/ONE-1/", "/projects/ONE/", "/people/viewer/"):
        assert reader.get(path, {"before": "x"}).status_code == 400


def test_e_mails_are_for_admins_alone(client: Any, db: None, settings: Any) -> None:
    person("composer", "ann")
    for path in ("/people/", "/people/ann/"):
        assert b"ann@example.com" in signed_in("admin", f"boss{len(path)}").get(path).content
        assert b"ann@example.com" not in signed_in("bot", f"bot{len(path)}").get(path).content
        assert client.get(path).status_code == 302
    settings.ANONYMOUS_READ = True
    for path in ("/people/", "/people/ann/"):
        shown = client.get(path)
        assert shown.status_code == 200
        assert b"ann@example.com" not in shown.content
        assert b"Composer" not in shown.content


def test_people_are_listed_by_name_but_for_those_who_left(db: None) -> None:
    for name in ("bob", "Ann", "gone"):
        person("viewer", name)
    User.objects.filter(username="gone").update(is_active=False)
    reader = signed_in("viewer", "zoe")
    page = Html(reader.get("/people/"))
    assert [name.text for name in page.all("th .person a")] == ["Ann", "bob", "zoe"]
    assert "no longer here" in Html(reader.get("/people/gone/")).one(".head .sub").text


def test_the_page_of_an_event_links_issue_actor_and_sender(db: None) -> None:
    person("viewer", "ann")
    (row,) = record(1, actor_key="ann", target_key="ONE-1", project_key="ONE")
    links = {a["href"] for a in Html(signed_in().get(row.get_absolute_url())).all("dd a")}
    assert {"/people/ann/", "/issues/ONE-1/", "/people/recorder/"} <= links


# ---- actors who are no users, and repositories


def test_an_actor_who_is_no_user_has_a_page_that_says_what_it_worked_on(db: None) -> None:
    web = actions.create_component("Web")
    rows = record(3, actor_key="dependabot[bot]", actor_name="Dependabot", occurred_at=recent())
    actions.attach(web, rows[0].source)
    record(2, before=3, actor_key="dependabot[bot]", source_id="other", occurred_at=recent())
    reader = signed_in()
    address = next(
        a["href"] for a in Html(reader.get(rows[0].get_absolute_url())).all("dd a")
        if a.text == "Dependabot"
    )  # fmt: skip
    page = Html(reader.get(address))
    assert page.one("h1").text == "dependabot[bot]"  # the newest event says no name
    assert len(page.rows) == 5
    assert page.one("section[aria-labelledby=touched]").text.startswith("Worked on Web 3 events")
    assert (
        "5 events in all; 2 of them about no component"
        in page.one("section[aria-labelledby=touched]").text
    )
    assert "5 events in 30 days" in page.one("svg.spark")["aria-label"]
    assert reader.get("/people/somebody-else/").status_code == 404


@pytest.mark.parametrize("key", ["https://ci.example.com/bots/7", "a b@c?d#e", "50%"])
def test_any_key_of_an_actor_leads_to_its_page(db: None, key: str) -> None:
    (row,) = record(1, actor_key=key)
    reader = signed_in()
    links = [a["href"] for a in Html(reader.get(row.get_absolute_url())).all("dd a")]
    address = next(link for link in links if link.startswith("/people/") and "recorder" not in link)
    assert Html(reader.get(address)).rows == [str(row.uuid)]


def test_the_list_finds_people_and_shows_who_else_acted(db: None) -> None:
    person("viewer", "ann")
    record(1, actor_key="ann")
    record(1, before=1, actor_key="robot", actor_name="Robot")
    reader = signed_in("viewer", "zoe")
    page = Html(reader.get("/people/"))
    assert [a["href"] for a in page.all("section.card li a")] == ["/people/robot/"]
    assert page.one("section.card li a").text == "Robot"
    found = Html(reader.get("/people/", {"q": "AN"}))
    assert [name.text for name in found.all("th .person a")] == ["ann"]
    assert found.all("section.card") == []
    first = Html(reader.get("/people/", {"sort": "seen"})).all("th .person a")[0]
    assert first.text == "ann"


def test_a_repository_shows_all_its_sources_its_pull_requests_and_branches(bot: Any) -> None:
    repository = "https://git.example.com/Shop/Web"
    bot.event("pullRequest", pullRequestProperties={
        "id": "7", "repoUrl": repository, "pullRequestUrl": f"{repository}/pull/7",
        "status": "CREATED"})  # fmt: skip
    bot.event("pullRequest", pullRequestProperties={
        "id": "8", "repoUrl": repository, "pullRequestUrl": f"{repository}/pull/8",
        "status": "MERGED"})  # fmt: skip
    actions.create_source("shop/web", kind="push")
    for number, branch in enumerate(("main", "fix", "main")):
        bot.event("push", updateSequenceNumber=number, displayName=f"push {number}",
                  pushEventProperties={"id": str(number), "branchName": branch},
                  lastUpdated=f"2026-11-21T14:0{number}:00Z")  # fmt: skip
    record(1, source_id="shop/other")
    reader = signed_in()
    page = Html(reader.get("/repositories/shop/web/"))
    assert len(page.rows) == 5
    pulls = page.one("section[aria-labelledby=pulls]").text
    assert "Pull request 7" in pulls
    assert "Pull request 8" not in pulls
    branches = [item.text.split()[:3] for item in page.all("section[aria-labelledby=branches] li")]
    assert branches == [["main", "push", "2"], ["fix", "push", "1"]]
    event = page.link("article.row a.object")
    assert "/repositories/shop/web/" in {a["href"] for a in Html(reader.get(event)).all("dd a")}
    for nobody in ("/repositories/shop/nothing/", "/repositories/shop/"):
        assert reader.get(nobody).status_code == 404


def test_these_pages_cost_a_fixed_number_of_queries(bot: Any) -> None:
    boss = signed_in("admin", "boss")
    actions.create_source("shop/web", kind="push")
    bot.event("push")
    record(60, before=1, actor_key="robot")
    for path in ("/people/", "/people/robot/", "/people/boss/", "/repositories/shop/web/"):
        boss.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(path).status_code == 200
        assert len(queries) <= 15, [query["sql"][:200] for query in queries]
