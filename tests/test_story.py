"""The story of a change: what joins events, how sure that is, and where it shows."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feeds import actions
from feeds.models import Activity, Component, Correlation
from tests.codehosts import CodeHost
from tests.conftest import Caller
from tests.dialects.documents import load
from tests.events import compass_event
from tests.pages import Html, record, signed_in

SHA = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"  # of the documents of GitHub and GitLab
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


@pytest.fixture
def checkout(db: None) -> Component:
    return actions.create_component("Checkout")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def story(reader: Client, activity: Activity) -> list[tuple[str, str]]:
    """Return the steps of ACTIVITY's story on its page: what they say, and how sure they are."""
    steps = Html(reader.get(activity.get_absolute_url())).all("section#story li")
    pills = ("Exact", "Likely")
    return [
        (step.text, next((pill for pill in pills if f" {pill} " in step.text), "This event"))
        for step in steps
    ]


def sureness(reader: Client, one: Activity, other: Activity) -> str:
    """Say how the page of ONE links OTHER, "" if it does not; their rows must agree."""
    found = [how for text, how in story(reader, one) if other.title in text]
    assert glyph(reader, one) == glyph(reader, other) == ("1 linked" if found else "")
    return found[0] if found else ""


def glyph(reader: Client, activity: Activity) -> str:
    """Return what the row of ACTIVITY in the feed says of its links."""
    links = Html(reader.get("/")).all(f"article#ev-{activity.uuid} a.linked")
    return "".join(link.text for link in links)


def pair(one: dict[str, Any], other: dict[str, Any]) -> tuple[Activity, Activity]:
    """Record two events: a push and a deployment, unless they say otherwise."""
    plain: dict[str, Any] = {"dialect": "native", "occurred_at": NOON, "source_id": "shop/web"}
    push = {"kind": "push", "external_id": "one", "title": "the first"}
    deployment = {"kind": "deployment", "external_id": "two", "title": "the second"}
    (first,) = record(**{**plain, **push, **one})
    (second,) = record(**{**plain, **deployment, **other})
    return first, second


# ---- one story, told by several wires


def test_documents_of_three_wires_tell_one_story(
    bot: Caller, checkout: Component, reader: Client
) -> None:
    github = CodeHost.of("github", bot.user, checkout)
    gitlab = CodeHost.of("gitlab", bot.user, checkout)
    deployment = load("gitlab/deployment-success")
    del deployment["commit_url"]  # so that only the short SHA is left
    for code_host, event, document in (
        (github, "push", load("github/push")),
        (github, "pull_request", load("github/pull-request-closed-by-merging")),
        (github, "workflow_run", load("github/workflow-run-completed")),
        (gitlab, "Deployment Hook", deployment),
    ):
        assert code_host.call(event, document).status_code < 300
    image = compass_event(
        "build", component=checkout.slug, displayName="image", description=f"Commit {SHA[:9]}",
        externalEventSourceId="shop/checkout", lastUpdated="2026-11-21T13:01:00Z",
    )  # fmt: skip
    image["event"]["build"]["buildProperties"]["startedAt"] = "2026-11-21T13:00:00Z"
    incident = compass_event("incident", component=checkout.slug, displayName="Nobody can pay")
    incident["event"]["incident"]["incidentProperties"]["startTime"] = "2026-11-21T13:10:00Z"
    assert [bot.send(each).status_code for each in (image, incident)] == [202, 202]
    found = story(reader, Activity.objects.get(kind="incident"))
    expected = [
        ("Test the rounding", "Exact"), ("CI #163", "Exact"), ("Round refunds", "Exact"),
        ("image", "Exact"), ("Checkout main", "Likely"), ("Nobody can pay", "This event"),
    ]  # fmt: skip
    assert len(found) == len(expected), found
    for (text, how), (word, wanted) in zip(found, expected, strict=True):
        assert word in text
        assert how == wanted, text
    assert "same component, 7 min after the deployment" in found[4][0]
    assert glyph(reader, Activity.objects.get(kind="push")) == "4 linked"
    assert glyph(reader, Activity.objects.get(kind="deployment")) == "5 linked"
    assert glyph(reader, Activity.objects.get(kind="incident")) == "1 linked"


# ---- exact


@pytest.mark.parametrize(
    ("one", "other", "linked"),
    [
        ({"object_key": SHA}, {"object_key": SHA, "source_id": "gl/other"}, True),
        ({"object_key": SHA}, {"object_key": SHA[:7]}, True),
        ({"object_key": SHA[:7]}, {"object_key": SHA[:12]}, True),
        ({"object_key": SHA}, {"object_key": SHA[:8], "source_id": "shop/other"}, False),
        ({"object_key": SHA}, {"object_key": SHA[:12], "source_id": "shop/other"}, True),
        ({"object_key": SHA}, {"object_key": SHA[:7] + "f" * 33}, False),
        ({"object_key": SHA}, {"url": f"https://x.example/shop/web/commit/{SHA[:7]}"}, True),
        ({"object_key": SHA}, {"content": f"of commits: {SHA[:8]}"}, True),
        ({"object_key": SHA}, {"url": f"https://x.example/c/compare/{SHA}...{'a' * 40}"}, False),
        ({"object_key": "0" * 40}, {"object_key": "0" * 40}, False),
        ({"object_key": "v20261121"}, {"object_key": "v20261121"}, False),
        ({"kind": "pull_request", "object_key": "12"}, {"title": "the second (#12)"}, True),
        ({"kind": "pull_request", "object_key": "12"},
         {"title": "the second (#12)", "source_id": "shop/other"}, False),
        ({"kind": "pull_request", "object_key": "12"},
         {"source_id": "ci", "url": "https://git.example.com/Shop/Web/-/merge_requests/12"}, True),
        ({"kind": "pull_request", "object_key": "12"},
         {"content": "See merge request shop/web!12"}, True),
        ({"kind": "incident", "external_id": "INC-7", "occurred_at": at(300)},
         {"content": "Rolled back for INC-7"}, True),
        ({"content": "for INC-7"}, {"content": "Rolled back for INC-7"}, False),
    ],
)  # fmt: skip
def test_what_names_the_same_is_linked_exactly(
    reader: Client, one: dict[str, Any], other: dict[str, Any], linked: bool
) -> None:
    first, second = pair(one, other)
    wanted = "Exact" if linked else ""
    assert sureness(reader, first, second) == sureness(reader, second, first) == wanted


def test_an_update_adds_what_it_names_and_keeps_what_was_named(reader: Client) -> None:
    push, build = pair({"object_key": SHA}, {"kind": "build", "object_key": "a" * 40})
    record(
        dialect="native", kind="build", external_id="two", title=build.title, sequence=2,
        object_key=SHA, occurred_at=NOON,
    )  # fmt: skip
    assert sureness(reader, push, build) == "Exact"
    (other,) = record(kind="push", external_id="z", title="older", object_key="a" * 40)
    assert "older" in " ".join(text for text, _ in story(reader, build))
    assert glyph(reader, build) == "2 linked"
    assert glyph(reader, other) == "1 linked"


def test_a_change_by_our_own_api_is_read_too(bot: Caller, reader: Client) -> None:
    (push,) = record(kind="push", object_key=SHA, title="a push")
    given = {"kind": "custom", "title": "Freeze", "source": {"external_id": "ops"}}
    assert bot.post("/api/v1/activities", given).status_code == 201
    made = Activity.objects.get(kind="custom")
    assert glyph(reader, push) == ""
    path = f"/api/v1/activities/{made.uuid}"
    assert bot.patch(path, {"content": f"because of {SHA}"}).status_code == 200
    assert glyph(reader, push) == glyph(reader, made) == "1 linked"


# ---- likely

BROKEN = {"kind": "incident", "external_id": "two", "title": "the second", "dialect": "git"}


@pytest.mark.parametrize(
    ("one", "other", "linked"),
    [
        ({}, {"occurred_at": at(0)}, True),
        ({}, {"occurred_at": at(60)}, True),
        ({}, {"occurred_at": at(61)}, False),
        ({}, {"occurred_at": at(-1)}, False),
        ({}, {"kind": "alert"}, True),
        ({}, {"kind": "custom"}, False),
        ({"state": "failed"}, {}, True),
        ({"state": "cancelled"}, {}, False),
        ({"state": "pending"}, {}, False),
        ({"target_key": "staging"}, {}, False),
        ({"target_key": "staging"}, {"target_key": "Staging"}, True),
        ({"target_key": "prod"}, {"target_key": "staging"}, False),
        ({}, {"source_id": "attached"}, True),
        ({}, {"source_id": "elsewhere"}, False),
        ({"kind": "build", "external_id": "p-1"},
         {"kind": "deployment", "object_key": "p-1", "occurred_at": at(23 * 60)}, True),
        ({"kind": "build", "external_id": "p-1"},
         {"kind": "deployment", "object_key": "p-1", "occurred_at": at(25 * 60)}, False),
        ({"kind": "build", "external_id": "p-1"}, {"kind": "deployment", "object_key": "p"}, False),
    ],
)  # fmt: skip
def test_what_stands_close_together_is_linked_likely(
    reader: Client, checkout: Component, one: dict[str, Any], other: dict[str, Any], linked: bool
) -> None:
    actions.attach(checkout, actions.create_source("shop/web", kind="deployment"))
    actions.attach(checkout, actions.create_source("attached", kind="incident"))
    deployed = {"kind": "deployment", "dialect": "native", "target_key": "prod"}
    first, second = pair({**deployed, **one}, {**BROKEN, **other})
    wanted = "Likely" if linked else ""
    assert sureness(reader, first, second) == sureness(reader, second, first) == wanted


def test_an_incident_counts_from_its_begin_also_when_it_was_resolved_much_later(
    bot: Caller, reader: Client, checkout: Component
) -> None:
    deployment = compass_event(
        "deployment", component=checkout.slug, lastUpdated=at(90).isoformat()
    )
    properties = deployment["event"]["deployment"]["deploymentProperties"]
    properties |= {"startedAt": at(0).isoformat(), "state": "ROLLED_BACK"}
    incident = compass_event("incident", component=checkout.slug, lastUpdated=at(600).isoformat())
    incident["event"]["incident"]["displayName"] = "Nobody can pay"
    incident["event"]["incident"]["incidentProperties"]["startTime"] = at(9).isoformat()
    assert [bot.send(each).status_code for each in (deployment, incident)] == [202, 202]
    first, second = (Activity.objects.get(kind=kind) for kind in ("deployment", "incident"))
    assert sureness(reader, first, second) == sureness(reader, second, first) == "Likely"


def test_likelihoods_do_not_add_up(reader: Client, checkout: Component) -> None:
    for kind in ("deployment", "incident"):
        actions.attach(checkout, actions.create_source("shop/web", kind=kind))
    deployed = {"kind": "deployment", "dialect": "native"}
    (first,) = record(**deployed, external_id="a", title="first", occurred_at=at(0))
    record(**{**BROKEN, "occurred_at": at(50)})
    record(**deployed, external_id="b", title="last", occurred_at=at(40))
    assert [text for text, _ in story(reader, first) if "last" in text] == []
    assert len(story(reader, first)) == 2


# ---- what it costs, and what becomes of it


def test_a_page_of_the_feed_asks_the_same_few_questions_whatever_is_linked(
    reader: Client, checkout: Component
) -> None:
    for kind in ("deployment", "incident", "build"):
        actions.attach(checkout, actions.create_source("shop/web", kind=kind))

    def queries() -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as found:
            reader.get("/")
        return [one["sql"] for one in found.captured_queries]

    for kind in ("push", "deployment", "incident"):
        record(1, kind=kind, object_key=SHA)
    queries()
    few = queries()
    for kind in ("push", "deployment", "incident"):
        record(20, before=1, kind=kind, object_key=SHA)
    many = queries()
    assert len(many) <= len(few) + 1 < 15, "the facets of more than one page are counted"
    assert sum("correlation" in sql for sql in many) == 1
    counts = [link.text for link in Html(reader.get("/")).all("a.linked")]
    assert len(counts) == 50
    assert "20+ linked" in counts


def test_what_is_deleted_names_nothing_any_more(admin: Caller, reader: Client) -> None:
    push, deployment = pair({"object_key": SHA}, {"object_key": SHA})
    (other,) = record(kind="build", external_id="x", object_key=SHA, title="a build")
    assert glyph(reader, other) == "2 linked"
    assert admin.delete(f"/api/v1/activities/{push.uuid}").status_code == 204
    assert glyph(reader, other) == "1 linked"
    actions.delete_source(deployment.source)
    assert glyph(reader, other) == ""
    Activity.objects.update(
        occurred_at=NOON - timedelta(days=4000), received_at="2001-01-01T00:00Z"
    )
    actions.prune()
    assert not Correlation.objects.exists()


def test_events_that_were_here_before_are_joined_by_the_migration(bot: Caller) -> None:
    code_host = CodeHost.of("github", bot.user)
    for event, name in (("push", "push"), ("pull_request", "pull-request-closed-by-merging")):
        code_host.call(event, load(f"github/{name}"))
    assert bot.send(load("compass/reference-push") | {"cloudId": actions.cloud_id()}).status_code
    record(3, kind="push", object_key=SHA)
    held = set(Correlation.objects.values_list("activity_id", "key", "rest"))
    assert len(held) > 5
    Correlation.objects.filter(key__startswith="commit:").delete()
    migration = importlib.import_module("feeds.migrations.0014_correlate")
    for _ in range(2):  # one that was stopped begins again
        migration.forwards(apps, None)
        assert set(Correlation.objects.values_list("activity_id", "key", "rest")) == held


def test_states_and_environments_of_a_story_lead_to_the_feed_with_them(reader: Client) -> None:
    sha = "a74e68d7de52f98c1ea4f3c48fd5bbec70fa507c"
    text = f"Commit {sha}"
    push, deployment = pair(
        {"content": text},
        {"content": text, "target_key": "production", "state": "failed"},
    )
    page = Html(reader.get(push.get_absolute_url()))
    assert page.link("section#story a.badge") == "/?target=production"
    assert page.link("section#story a.pill") == "/?state=failed"
    beside = Html(reader.get(f"/?type=push&event={deployment.uuid}"))
    assert beside.link("section#story a.badge") == "/?type=push&target=production"
    assert beside.link("section#story a.pill") == "/?type=push&state=failed"
