"""The badges of a row, its branch or pipeline and how grave it is: read from what a wire has left
over, or told by a program; a click on one filters."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from feeds import actions
from tests.codehosts import CodeHost
from tests.conftest import Caller
from tests.events import EVENTS
from tests.house import ROOT, house
from tests.hub import BUILD, Hub
from tests.pages import Html, signed_in

GRAVE = EVENTS["incident"]["incidentProperties"] | {"severity": {"level": "TWO"}}
#: Of each kind of Compass: the parameter, the badge of the event, and what it has for that.
COMPASS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "push": ("ref", "main", {}),
    "build": ("ref", "main", {}),
    "deployment": ("ref", "main", {}),
    "alert": ("level", "P1", {}),
    "incident": ("level", "Sev 2", {"incidentProperties": GRAVE}),
    "vulnerability": ("level", "High", {}),
}
FORGET = """
import django; django.setup()
from feeds.models import Activity
print(Activity.objects.filter(ref__isnull=False).count(),
      Activity.objects.filter(level__isnull=False).count())
Activity.objects.update(ref=None, level=None)
"""


@pytest.mark.parametrize("kind", COMPASS)
def test_a_badge_of_a_row_shows_only_events_that_have_it(kind: str, bot: Caller, db: None) -> None:
    name, value, own = COMPASS[kind]
    for one in (kind, "custom"):
        actions.create_source("shop/web", kind=one)
    assert bot.event(kind, **own).status_code == 202
    assert bot.event("custom", displayName="Another").status_code == 202
    reader = signed_in()
    (link,) = [
        one["href"] for one in Html(reader.get("/")).all("article.row a") if one.text == value
    ]
    assert parse_qs(urlsplit(link).query) == {name: [value]}
    assert len(Html(reader.get(link)).rows) == 1
    assert Html(reader.get(f"/?{name}=-{value}")).titles == ["Another"]


def test_the_branch_of_a_code_host_is_one_too(admin: Caller) -> None:
    host = CodeHost.of("github", admin.user)
    document = json.loads((ROOT / "tests/documents/github/push.json").read_text())
    assert host.call("push", document).status_code < 300
    branch = document["ref"].removeprefix("refs/heads/")
    (found,) = admin.get("/api/v1/activities", ref=branch).json()["results"]
    assert found["ref"] == branch
    assert found["level"] is None


def test_the_branch_of_teamhub_is_one_too(viewer: Caller, db: None) -> None:
    hub = Hub.of("bot")
    assert hub.post(BUILD | {"ref": "refs/heads/master"}).status_code == 201
    (found,) = viewer.get("/api/v1/activities", ref="master").json()["results"]
    assert found["ref"] == "master"


def test_a_program_tells_them_and_the_last_update_counts(bot: Caller) -> None:
    event = {"kind": "custom", "title": "Scan", "external_id": "1", "sequence": 1,
             "source": {"external_id": "scans", "kind": "custom"}}  # fmt: skip
    assert _sent(bot, event | {"ref": "release/1", "level": "minor"}) == "created"
    assert _sent(bot, event | {"ref": "release/2", "sequence": 2}) == "updated"
    (found,) = bot.get("/api/v1/activities", query="branch:release/2").json()["results"]
    assert (found["ref"], found["level"]) == ("release/2", None)
    header, line = bot.get("/feed.csv", ref="release/2").getvalue().decode().splitlines()
    row = dict(zip(header.split(","), line.split(","), strict=True))
    assert row["ref"] == "release/2"
    refused = bot.post("/api/v1/activities", event | {"ref": 7})
    assert refused.status_code == 400
    assert "ref" in refused.content.decode()


def _sent(bot: Caller, event: dict[str, Any]) -> str:
    return str(bot.post("/api/v1/activities", event)["X-Pulseboard-Outcome"])


def test_the_box_calls_them_as_people_do(bot: Caller, db: None) -> None:
    actions.create_source("shop/web", kind="push")
    assert bot.event("push").status_code == 202
    reader: Client = signed_in()
    there = reader.get("/", {"query": 'branch:main severity:"Sev 2"'})
    assert there["Location"] == "/?ref=main&level=Sev+2"
    suggested = reader.get("/feed/suggestions", {"text": "branch:ma"})
    assert "branch:main" in suggested.content.decode()


def test_what_was_here_before_is_read_by_the_migration() -> None:
    with house() as place:
        place.migrate()
        place.manage("demo")
        before = place.run("-c", FORGET)
        assert all(int(count) for count in before.split())
        place.manage("migrate", "feeds", "0015_badges", "--verbosity", "0")
        place.manage("migrate", "--verbosity", "0")
        assert place.run("-c", FORGET) == before
