"""The audit log: who changed what, from where, in words without secrets, and nothing forgotten."""

from __future__ import annotations

import ast
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds import actions
from feeds.models import AuditEntry, Role
from tests.conftest import Caller
from tests.house import ROOT
from tests.letters import SECRET, connect
from tests.pages import Html, person, record, signed_in

#: What changes the site by our own API, and a body that does.
CHANGES: dict[str, Any] = {
    "POST /api/v1/components": {"name": "Shop"},
    "PATCH /api/v1/components/{reference}": {"description": "Sells."},
    "DELETE /api/v1/components/{reference}": None,
    "POST /api/v1/components/{reference}/sources": {"source": "the loose one"},
    "DELETE /api/v1/components/{reference}/sources/{identity}": None,
    "POST /api/v1/components/{reference}/aliases": {"source": "git", "external_id": "7"},
    "DELETE /api/v1/components/{reference}/aliases/{identity}": None,
    "POST /api/v1/components/{reference}/dependencies": {"component": "third"},
    "DELETE /api/v1/components/{reference}/dependencies/{other}": None,
    "POST /api/v1/sources": {"external_id": "new", "kind": "push"},
    "PATCH /api/v1/sources/{identity}": {"name": "Web builds"},
    "DELETE /api/v1/sources/{identity}": None,
    "POST /api/v1/sources/{identity}/components": {"component": "other"},
    "DELETE /api/v1/sources/{identity}/components/{reference}": None,
    "POST /api/v1/tokens": {"name": "CI", "role": "bot"},
    "DELETE /api/v1/tokens/{id}": None,
    "POST /api/v1/webhooks": {"name": "Forge", "dialect": "github"},
    "DELETE /api/v1/webhooks/{identity}": None,
    "POST /api/v1/webhooks/{identity}/secret": {},
    "POST /api/v1/webhooks/{identity}/revocation": {},
    "POST /api/v1/connections": {
        "name": "Stage", "dialect": "compass", "base_url": "https://stage.example.com",
        "account": "bo@example.com", "secret": SECRET,
    },
    "PATCH /api/v1/connections/{identity}": {"name": "Production", "secret": SECRET},
    "DELETE /api/v1/connections/{identity}": None,
    "POST /api/v1/connections/{identity}/pause": {},
    "POST /api/v1/connections/{identity}/resume": {},
}  # fmt: skip
#: What leaves no entry: events and letters, whose history is the feed and the outbox, and what
#: people keep for themselves.
NOT_THE_SITE = ("activities", "events", "views", "deliveries", "me")
ASKS_ONLY = {  # or sends an event
    "POST /api/v1/connections/{identity}/test", "POST /api/v1/sources/{identity}/test",
}  # fmt: skip
#: Actions that leave none for that reason, or that change nothing, or that no person decides.
NO_ENTRY = {
    "abandon_runs", "amend", "amend_activity", "cancel_composition", "cancel_delivery",
    "change_composition", "change_view", "claim_answer", "cloud_id", "completed",
    "component_named", "compose", "count_replay", "delete_activity", "delete_template",
    "delete_view", "differences", "draft_of", "find_component", "find_source", "forget_site",
    "keep_answer", "last_signs", "leave_sign", "link_id", "log_delivery", "log_in", "log_refusal",
    "look", "may_touch", "name_actor", "plan_replay", "prefer", "prune", "rate_limit", "record",
    "record_many", "release_due", "replay", "repository_of", "retention", "retract",
    "retry_delivery", "revise", "save_template", "save_view", "silent", "site", "touch_token",
    "used_of", "values_of", "words",
    # what people keep for themselves
    "duplicate_view", "mark_view", "open_with", "rotate_feed_token", "star_view", "update_query",
    # heartbeats: signs of life, and letters
    "document", "new_secret", "ping", "ping_named", "remind", "retry_notification",
    "silent_until", "storable", "test_channel", "watch",
}  # fmt: skip


@pytest.fixture
def things(admin: Caller) -> dict[str, str]:
    """One of everything, by the name of its place in an address."""
    web, other = actions.create_component("Web"), actions.create_component("Other")
    source = actions.create_source("shop/web", kind="build")
    loose = actions.create_source("loose", kind="push")
    actions.attach(web, source)
    assert other.slug == "other"
    actions.create_component("Third")
    actions.add_dependency(web, other)
    alias = actions.create_alias(web, source="jira", external_id="WEB")
    webhook, _ = actions.create_webhook("GitHub", dialect="github", user=admin.user)
    token, _ = actions.issue_token(person("viewer", "vi"), role=Role.VIEWER)
    connection = connect("https://prod.example.com")
    return {
        "reference": "web", "sources": str(source.uuid), "aliases": alias.digest,
        "tokens": str(token.pk), "webhooks": str(webhook.uuid), "loose": str(loose.uuid),
        "connections": str(connection.uuid), "other": "other",
    }  # fmt: skip


def test_every_operation_that_changes_the_site_is_tried_here(viewer: Caller) -> None:
    document = viewer.get("/api/v1/openapi.json").json()
    changing = {
        f"{method.upper()} {path}"
        for path, found in document["paths"].items()
        for method in found
        if method in {"post", "put", "patch", "delete"} and path.split("/")[3] not in NOT_THE_SITE
    }
    assert changing - ASKS_ONLY == set(CHANGES)


@pytest.mark.parametrize("operation", sorted(CHANGES))
def test_every_operation_of_an_admin_leaves_an_entry(
    operation: str, things: dict[str, str], admin: Caller
) -> None:
    method, path = operation.split(" ")
    steps = path.split("/")
    for at, step in enumerate(steps):
        if step.startswith("{"):
            steps[at] = things.get(step.strip("{}")) or things[steps[at - 1]]
    body = CHANGES[operation]
    if body == {"source": "the loose one"}:
        body = {"source": things["loose"]}
    if operation.endswith("/resume"):
        admin.post("/".join([*steps[:-1], "pause"]), {})
    before = AuditEntry.objects.count()
    call = {"POST": admin.post, "PATCH": admin.patch}.get(method)
    answer = call("/".join(steps), body) if call else admin.delete("/".join(steps))
    assert 200 <= answer.status_code < 300, answer.content
    assert AuditEntry.objects.count() > before
    entry = AuditEntry.objects.latest("id")
    assert (entry.user, entry.who, entry.address) == (admin.user, "admin", "127.0.0.1")
    assert entry.via.startswith("token"), "so that one knows which to revoke"
    assert entry.changes or entry.verb != AuditEntry.Verb.CHANGED
    told = json.dumps(list(AuditEntry.objects.values_list("subject", "changes", "via")))
    secrets = [SECRET, admin.secret, *([answer.json().get("secret")] if answer.content else [])]
    assert not [secret for secret in secrets if secret and secret in told]


def exported(package: str) -> set[str]:
    """Return the functions that PACKAGE offers."""
    module = __import__(package, fromlist=["*"])
    names = getattr(module, "__all__", None) or dir(module)
    found = ((name, getattr(module, name)) for name in names)
    return {name for name, one in found if getattr(one, "__module__", "").startswith(package)
            and callable(one) and not isinstance(one, type)}  # fmt: skip


def noting(folder: Path) -> set[str]:
    """Return the functions in FOLDER from which calls lead to note()."""
    calls: dict[str, set[str]] = {}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                called = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
                names = {getattr(one, "attr", getattr(one, "id", "")) for one in called}
                calls.setdefault(node.name, set()).update(names)
    found = {"note"}
    while more := {name for name, called in calls.items() if called & found} - found:
        found |= more
    return found


@pytest.mark.parametrize("package", ["feeds.actions", "heartbeats.actions"])
def test_every_action_leaves_an_entry_or_is_said_to_need_none(package: str) -> None:
    silent = exported(package) - noting(ROOT / package.replace(".", "/"))
    assert silent <= NO_ENTRY, "call note(), or say in NO_ENTRY that nobody will ask who did it"


# ---- what an entry says


def test_an_entry_tells_what_was_before_and_what_is_now(db: None) -> None:
    boss = signed_in("admin", "boss")
    component = actions.create_component("Web", labels=["shop"])
    form = {"name": "Web shop", "slug": "web", "type": "SERVICE", "owner_team": "Sales"}
    assert boss.post("/components/web/edit/", form).status_code == 302
    entry = AuditEntry.objects.latest("id")
    assert (entry.who, entry.via, entry.address) == ("boss", "pages", "127.0.0.1")
    assert (entry.kind, entry.verb, entry.subject) == ("component", "changed", "Web shop")
    assert ["name", "Web", "Web shop"] in entry.changes
    assert ["owner team", "none", "Sales"] in entry.changes
    assert boss.post("/components/web/edit/", form).status_code == 302
    assert AuditEntry.objects.latest("id") == entry, "what changes nothing leaves no entry"
    made = AuditEntry.objects.earliest("id")
    assert (made.user, made.who, made.address) == (None, "a command on the server", "")
    boss.post("/components/web/delete/")
    page = Html(boss.get("/settings/audit/"))
    assert page.all(".audit tbody tr")[0].text.endswith("Component Web shop deleted")
    assert "name: Web → Web shop" in page.all(".audit tbody tr")[1].text
    assert component.name == "Web"


def test_an_entry_goes_back_with_what_it_tells_of(admin: Caller) -> None:
    before = AuditEntry.objects.count()
    admin.post("/api/v1/components", {"name": "Web", "slug": "web"})
    assert admin.post("/api/v1/components", {"name": "Web", "slug": "web"}).status_code == 409
    assert AuditEntry.objects.count() == before + 1


def test_the_log_is_read_page_by_page_and_by_what_one_looks_for(
    admin: Caller, viewer: Caller, bot: Caller
) -> None:
    for number in range(60):
        actions.create_component(f"Part {number}")
    actions.create_source("shop/web", kind="build")
    boss = Client()
    boss.force_login(admin.user)
    first = Html(boss.get("/settings/audit/?kind=component"))
    assert len(first.all(".audit tbody tr")) == 50
    second = Html(boss.get("/settings/audit/" + first.link("a[rel=next]")))
    assert [row.text.rpartition("Component ")[2] for row in second.all(".audit tbody tr")] == [
        f"Part {number} made" for number in reversed(range(10))
    ]
    found = Html(boss.get("/settings/audit/?q=shop/w&verb=created")).all(".audit tbody tr")
    assert [row.text.partition("Source ")[2] for row in found] == ["shop/web (build) made"]
    tomorrow = f"{timezone.now() + timedelta(days=1):%Y-%m-%d}"
    assert Html(boss.get(f"/settings/audit/?since={tomorrow}")).one(".empty h2")
    assert boss.get("/settings/audit/?kind=weather").status_code == 400
    page = admin.get("/api/v1/audit", kind="component", limit="2").json()
    assert [entry["subject"] for entry in page["results"]] == ["Part 59", "Part 58"]
    following = admin.client.get(page["next"], headers={"authorization": admin.basic}).json()
    assert [entry["subject"] for entry in following["results"]] == ["Part 57", "Part 56"]
    for fault in ({"kind": "weather"}, {"since": "yesterday"}, {"until": "2026-11-22T10:00"}):
        assert admin.get("/api/v1/audit", **fault).status_code == 400, fault
    for other in (viewer, bot):
        assert other.get("/api/v1/audit").status_code == 403
    assert signed_in("composer").get("/settings/audit/").status_code == 403


def test_the_log_outlives_a_retention_that_was_cut_short(db: None, settings: Any) -> None:
    settings.RETENTION = timedelta(days=1)
    record()
    actions.create_component("Web")
    AuditEntry.objects.update(at=timezone.now() - timedelta(days=399))
    kept = AuditEntry.objects.count()
    actions.prune()
    assert AuditEntry.objects.count() == kept
    AuditEntry.objects.update(at=timezone.now() - timedelta(days=401))
    actions.prune()
    assert AuditEntry.objects.count() == 0
