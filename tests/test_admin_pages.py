"""The pages on which admins keep the site: what they set wins, and nobody locks themselves out."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions, limits
from feeds.models import Activity, ApiToken, AuditEntry, Role, User
from tests.conftest import Caller
from tests.pages import PASSWORD, Html, person, record, signed_in
from tests.test_accounts import read, sign_in

USERS = "/settings/users/"


@pytest.fixture
def boss(db: None) -> Client:
    return signed_in("admin", "boss")


# ---- the site


def test_what_the_page_says_wins_over_the_environment(
    boss: Client, bot: Caller, settings: Any
) -> None:
    settings.RATE_LIMIT, settings.CLOUD_ID = 100, "from-the-environment"
    assert "100, as RATE_LIMIT in the environment says" in boss.get("/settings/limits/").text
    assert boss.post("/settings/limits/", {"rate_limit": "7"}).status_code == 302
    assert bot.event()["X-RateLimit-Limit"] == "7"
    boss.post("/settings/site/", {"name": "Shop operations", "adopted_cloud_id": "adopted"})
    assert actions.cloud_id() == "adopted"
    assert "Shop operations" in Html(boss.get("/")).one(".brand").text
    boss.post("/settings/limits/", {"rate_limit": ""})
    boss.post("/settings/site/", {"name": "", "adopted_cloud_id": ""})
    assert bot.event()["X-RateLimit-Limit"] == "100"
    assert actions.cloud_id() == "from-the-environment"
    for body in ({"rate_limit": "-1"}, {"rate_limit": "many"}):
        assert boss.post("/settings/limits/", body).status_code == 422
    said = AuditEntry.objects.filter(kind="site").values_list("changes", flat=True)
    assert [["rate limit", "as in the environment", "7"]] in list(said)


def test_the_site_costs_a_request_no_query(bot: Caller) -> None:
    actions.site()
    with CaptureQueriesContext(connection) as queries:
        assert limits.count(actions.Sender(bot.user)).limit == actions.rate_limit()
        actions.retention()
    assert not [query for query in queries if "feeds_site" in query["sql"]]


def test_a_shorter_retention_tells_first_how_many_events_go(boss: Client) -> None:
    record(3, occurred_at=timezone.now() - timedelta(days=50))
    Activity.objects.update(received_at=timezone.now() - timedelta(days=50))
    answer = boss.post("/settings/retention/", {"retention_days": "30"})
    assert answer.status_code == 422
    assert "3 events are older and would be deleted" in answer.text
    assert actions.retention() == timedelta(days=400)
    sure = {"retention_days": "30", "sure": "on"}
    assert boss.post("/settings/retention/", sure).status_code == 302
    actions.prune()
    assert not Activity.objects.exists()
    for days in ("0", "36501", "x"):
        assert boss.post("/settings/retention/", {"retention_days": days}).status_code == 422


def test_a_new_company_key_shuts_out_the_old_one(boss: Client) -> None:
    old = actions.site().company_key
    assert boss.post("/settings/site/company-key/").status_code == 302
    assert actions.site().company_key != old
    assert old not in boss.get("/settings/site/").text
    assert actions.site().company_key in boss.get("/settings/site/").text
    assert actions.site().company_key not in str(list(AuditEntry.objects.values()))


# ---- users


NEW = {"username": "cleo", "name": "Cleo", "email": "cleo@example.com", "role": "composer"}


def test_who_is_invited_sets_a_password_by_a_link_that_works_once(boss: Client) -> None:
    made = boss.post(USERS + "new/", {**NEW, "entrance": "link", "password": ""})
    assert made.status_code == 201
    (link,) = re.findall(r"http://[^<\s]*(/sign-in/invitation/[^<\s]+)", made.text)
    guest = Client()
    form = guest.get(link, follow=True)
    assert Html(form).one("h1").text == "Set your password"
    address = form.redirect_chain[-1][0]
    weak = {"new_password1": "12345678", "new_password2": "12345678"}
    assert guest.post(address, weak).status_code == 422
    good = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert guest.post(address, good)["Location"] == "/sign-in/"
    assert sign_in(Client(), "cleo").status_code == 302
    used = Client().get(link, follow=True)
    assert Html(used).one("h1").text == "This link is used up"
    assert Html(used).link("main a.btn") == "/sign-in/"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**NEW, "username": "BOSS"}, "username"),
        ({**NEW, "username": "a b"}, "username"),
        ({**NEW, "email": "BOSS@example.com"}, "email"),
        ({**NEW, "role": "king"}, "role"),
        ({**NEW, "entrance": "password", "password": "short"}, "password"),
    ],
)
def test_a_user_that_cannot_be_made_says_why(boss: Client, body: Any, field: str) -> None:
    answer = boss.post(USERS + "new/", {"entrance": "link", "password": "", **body})
    assert answer.status_code == 422
    assert Html(answer).one(f"#id_{field}")["aria-invalid"] == "true"
    assert User.objects.count() == 1


def test_users_are_found_changed_shut_out_and_let_in_again(boss: Client) -> None:
    boss.post(USERS + "new/", {**NEW, "entrance": "password", "password": PASSWORD})
    cleo = User.objects.get(username="cleo")
    found = Html(boss.get(USERS, {"q": "CLEO@", "role": "composer"})).all("tbody tr")
    assert len(found) == 1
    assert Html(boss.get(USERS, {"q": "nobody"})).link(".empty a") == USERS
    page = f"{USERS}{cleo.pk}/"
    made = boss.post(page + "tokens/", {"name": "CI", "role": "composer"})
    (secret,) = re.findall(r"pb_[\w-]{30,}", made.text)
    assert read(secret) == 200
    boss.post(page, {"name": "Cleopatra", "email": "", "role": "viewer"})
    assert read(secret) == 401, "a weaker role takes its tokens with it"
    entry = AuditEntry.objects.filter(kind="user").latest("id")
    assert ["role", "composer", "viewer"] in entry.changes
    session = Client()
    assert sign_in(session, "cleo").status_code == 302
    boss.post(page + "active/")
    assert session.get("/").status_code == 302
    assert sign_in(Client(), "cleo").status_code == 422
    boss.post(page + "active/", {"active": "1"})
    assert sign_in(Client(), "cleo").status_code == 302


def test_the_last_admin_stays_one(boss: Client) -> None:
    me = User.objects.get(username="boss")
    page = f"{USERS}{me.pk}/"
    answer = boss.post(page, {"name": "", "email": "", "role": "viewer"})
    assert answer.status_code == 422
    assert "make somebody else an admin first" in Html(answer).one(".summary").text
    boss.post(page + "active/")
    me.refresh_from_db()
    assert (me.role, me.is_active) == ("admin", True)
    person("admin", "deputy")
    assert boss.post(page, {"name": "", "email": "", "role": "viewer"}).status_code == 302
    assert boss.get(USERS).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_leave_one() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one write at a time: there is no race to try")
    users = [person("admin", "ana"), person("admin", "ben")]
    gate = threading.Barrier(2)

    def demote(user: User) -> None:
        try:
            gate.wait()
            actions.set_role(user, Role.VIEWER)
        except actions.Conflict:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.filter(role=Role.ADMIN).count() == 1


# ---- tokens


def test_tokens_that_nobody_used_for_long_are_found(boss: Client) -> None:
    owner = person("bot", "ci")
    for name, made, used in (("old", 200, None), ("idle", 200, 91), ("busy", 200, 1),
                             ("new", 1, None)):  # fmt: skip
        actions.create_token(owner, role=Role.BOT, name=name)
        now = timezone.now()
        ApiToken.objects.filter(name=name).update(
            created_at=now - timedelta(days=made),
            last_used_at=used and now - timedelta(days=used),
        )
    rows = Html(boss.get("/settings/tokens/?unused=on&q=ci")).all("tbody tr")
    assert {row.text.split()[0] for row in rows} == {"old", "idle"}
    assert len(Html(boss.get("/settings/tokens/")).all("tbody tr")) == 4


@pytest.mark.parametrize("role", ["viewer", "composer", "bot"])
def test_nobody_else_opens_these_pages(role: str, db: None) -> None:
    client = signed_in(role)
    for path in ("site/", "retention/", "limits/", "users/", "users/new/", "users/1/", "audit/"):
        assert client.get(f"/settings/{path}").status_code == 403, path
        assert client.post(f"/settings/{path}").status_code == 403, path
