"""`GET /api/events`: filters, paging and expansion, through the front door."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feeds import actions
from feeds.models import Role, User
from tests.dialects.documents import load
from tests.hub import BUILD, EVENTS, Hub, fields, store

EXAMPLES = ("list-push", "list-push-2815-commits", "list-project-user", "company-user", "branch")


@pytest.fixture
def hub(db: None) -> Hub:
    return Hub.of("viewer", "reader")


@pytest.fixture
def examples(hub: Hub) -> None:
    for name in EXAMPLES:
        store(load(f"teamhub/{name}"))


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [event["id"] for event in response.json()["results"]]


def timeless(document: Any) -> Any:
    return {name: value for name, value in document.items() if name != "api_timestamp"}


@pytest.mark.usefixtures("examples")
def test_the_vendors_first_example_the_two_latest_events_of_a_project(hub: Hub) -> None:
    body = hub.get(project="luotsi", limit=2, operation="created", target="push").json()
    assert body["metadata"] == {"more_results": False, "next_offset": None, "count": 2}
    assert [timeless(event) for event in body["results"]] == [
        timeless(load("teamhub/list-push")),
        timeless(load("teamhub/list-push-2815-commits")),
    ]


@pytest.mark.usefixtures("examples")
def test_the_vendors_second_example_the_last_user_that_was_added(hub: Hub) -> None:
    document = load("teamhub/list-project-user")
    store({**document, "id": "5" * 24, "timestamp": "2012-10-01T00:00:00Z"})
    query = {"project": "luotsi", "limit": 1, "operation": "created", "target": "project_user"}
    body = hub.get(**query).json()
    assert body["metadata"] == {"more_results": True, "next_offset": 1, "count": 1}
    assert [timeless(event) for event in body["results"]] == [timeless(document)]


def test_the_vendors_example_of_one_event(hub: Hub) -> None:
    document = load("teamhub/get-repository")
    store(document)
    response = hub.get(f"{EVENTS}/{document['id']}")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert timeless(response.json()) == timeless(document)


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["company-user", "branch", "list-push", "list-push-2815-commits",
              "list-project-user"]),
        ({"project": "luotsi"}, ["branch", "list-push", "list-push-2815-commits",
                                 "list-project-user"]),
        ({"project": "Luotsi"}, []),
        ({"project": "luo"}, []),
        ({"project": "lu%tsi"}, []),
        ({"repository": "devrel"}, ["branch", "list-push"]),
        ({"repository": "vrel"}, []),
        ({"project": "luotsi", "repository": "luotsi"}, ["list-push-2815-commits"]),
        ({"project": "other", "repository": "luotsi"}, []),
        ({"subject": "assimov"}, ["branch", "list-push"]),
        ({"operation": "deleted"}, ["branch"]),
        ({"target": "branch,user"}, ["company-user", "branch"]),
        ({"target": " branch , ,nothing"}, ["branch"]),
        ({"target": "branch", "subject": "jlaiho"}, []),
        ({"operation": "no such word"}, []),
        ({"unknown": "parameter", "project": "", "target": "branch"}, ["branch"]),
    ],
)  # fmt: skip
def test_a_filter_keeps_what_matches_newest_first(
    hub: Hub, query: dict[str, str], found: list[str]
) -> None:
    # The branch and the user of the examples happened at the same moment but for 250 ms.
    assert ids(hub.get(**query)) == [load(f"teamhub/{name}")["id"] for name in found]


def test_events_of_other_wires_are_not_listed(hub: Hub, caller: Any) -> None:
    actions.create_source("luotsi/chef", kind="build")
    sender = caller("bot")
    assert sender.event("build", externalEventSourceId="luotsi/chef").status_code == 202
    assert ids(hub.get(project="luotsi")) == []
    assert hub.get(f"{EVENTS}/pipeline-1").status_code == 404


# ---- paging


def fill(count: int) -> list[str]:
    """Store COUNT pushes, a second apart, and return their ids, newest first."""
    document = load("teamhub/list-push")
    made = [f"{number:024x}" for number in range(count)]
    for number, identity in enumerate(made):
        store({**document, "id": identity, "timestamp": f"2026-11-20T09:{number // 60:02}:"
               f"{number % 60:02}Z"})  # fmt: skip
    return made[::-1]


def test_a_page_is_25_long_and_never_longer_than_100(hub: Hub) -> None:
    made = fill(120)
    assert ids(hub.get()) == made[:25]
    assert ids(hub.get(limit=3, offset=5)) == made[5:8]
    for limit in (100, 101, 10**30):
        assert ids(hub.get(limit=limit)) == made[:100]
    assert hub.get(limit=1000).json()["metadata"] == {
        "more_results": True, "next_offset": 100, "count": 100,
    }  # fmt: skip


def test_next_offset_leads_through_everything_and_ends_at_null(hub: Hub) -> None:
    made, seen, offset = fill(50), [], 0
    while offset is not None:
        response = hub.get(limit=20, offset=offset)
        seen += ids(response)
        metadata = response.json()["metadata"]
        assert metadata["more_results"] is (metadata["next_offset"] is not None)
        offset = metadata["next_offset"]
    assert seen == made


def test_who_pages_while_events_arrive_misses_none_and_tells_doubles_by_id(hub: Hub) -> None:
    made, bot, offset = fill(60), Hub.of("bot"), 0
    seen: list[str] = []
    while offset is not None:
        response = hub.get(limit=20, offset=offset, target="push,build")
        seen += ids(response)
        offset = response.json()["metadata"]["next_offset"]
        if len(seen) < 80:
            bot.post(BUILD)
    assert len(seen) > len(set(seen)), "pages shift, as the vendor's do"
    assert set(made) <= set(seen)


@pytest.mark.parametrize("offset", [50, 10**6, 10**18, 10**30])
def test_a_page_behind_the_end_is_empty(hub: Hub, offset: int) -> None:
    fill(3)
    body = hub.get(offset=offset).json()
    assert body == {
        "metadata": {"more_results": False, "next_offset": None, "count": 0}, "results": [],
    }  # fmt: skip


LIMIT = "must be a whole number, 1 or more"
OFFSET = "must be a whole number, 0 or more"


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"limit": "0"}, {"limit": LIMIT}),
        ({"limit": "-5", "offset": "-1"}, {"limit": LIMIT, "offset": OFFSET}),
        ({"limit": "ten"}, {"limit": LIMIT}),
        ({"limit": "2.5"}, {"limit": LIMIT}),
        ({"limit": ""}, {"limit": LIMIT}),
        ({"limit": "\N{SUPERSCRIPT TWO}"}, {"limit": LIMIT}),
        ({"offset": "x"}, {"offset": OFFSET}),
        ({"project": "a\x00b"}, {"project": "must not contain the NUL character"}),
    ],
)
def test_a_wrong_parameter_is_422_with_its_name(hub: Hub, query: Any, wrong: Any) -> None:
    response = hub.get(**query)
    assert (response.status_code, fields(response)) == (422, wrong)


# ---- expand


def test_references_are_ids_unless_they_are_expanded(hub: Hub) -> None:
    document = load("teamhub/expanded-subject")
    commits = [{"id": "c1", "message": "Fix"}, "c2"]
    store({**document, "objects": {**document["objects"], "commits": commits,
                                   "code_reviews": [{"id": "7", "title": "Look"}]}})  # fmt: skip
    (plain,) = hub.get().json()["results"]
    assert plain["subject"] == {"id": "assimov"}
    assert plain["objects"]["commits"] == [{"id": "c1"}, {"id": "c2"}]
    assert plain["objects"]["code_reviews"] == [{"id": "7"}]
    (whole,) = hub.get(
        expand="subject, objects.commits,objects.code_reviews,objects.unknown"
    ).json()["results"]
    assert whole["subject"] == document["subject"]
    assert whole["objects"]["commits"] == [commits[0], {"id": "c2"}]
    assert whole["objects"]["code_reviews"] == [{"id": "7", "title": "Look"}]
    one = hub.get(f"{EVENTS}/{document['id']}", expand="subject").json()
    assert one["subject"] == document["subject"]


def test_a_subject_that_is_a_user_here_is_expanded_by_name_and_another_stays(hub: Hub) -> None:
    actions.create_user("assimov", role=Role.COMPOSER, name="Isaac Asimov", email="i@example.com")
    store(load("teamhub/subject-as-a-string"))
    store(load("teamhub/list-project-user"))
    known, unknown = hub.get(expand="subject").json()["results"]
    assert known["subject"] == {"id": "assimov", "first_name": "Isaac", "last_name": "Asimov"}
    assert unknown["subject"] == {"id": "thuovinen"}


@pytest.mark.parametrize("count", [2, 60])
def test_a_page_takes_four_queries_however_long_it_is(hub: Hub, count: int) -> None:
    fill(count)
    hub.get()
    with CaptureQueriesContext(connection) as queries:
        hub.get(limit=100, project="luotsi", expand="subject,objects.commits")
    assert len(queries) == 4, "the key, the sources, the page, the users"


def test_everybody_may_read_where_the_installation_says_so(hub: Hub, settings: Any) -> None:
    store(load("teamhub/list-push"))
    assert Client().get(EVENTS).status_code == 401
    settings.ANONYMOUS_READ = True
    assert ids(Client().get(EVENTS)) == [load("teamhub/list-push")["id"]]
    assert Client().post(EVENTS).status_code == 401
    wrong = {"authorization": "hth.company_key='x',account_key='y'"}
    assert Client().get(EVENTS, headers=wrong).status_code == 401


def test_who_has_left_reads_nothing(hub: Hub) -> None:
    User.objects.update(is_active=False)
    assert hub.get().status_code == 401
