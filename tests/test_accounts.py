"""Signing in and out, tokens, and Django's admin."""

from __future__ import annotations

import base64
import itertools
import re
import shlex
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin as django_admin
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from feeds import actions
from feeds.models import Activity, ApiToken, AuditEntry, Component, EventSource, Refusal, Role, User
from tests.conftest import Caller
from tests.pages import PASSWORD, Html, person, record, signed_in

SIGN_IN = "/sign-in/"
WRONG = {"username": "ana", "password": "wrong"}


def sign_in(client: Client, name: str = "ana", password: str = PASSWORD, **more: str) -> Any:
    return client.post(SIGN_IN, {"username": name, "password": password, **more})


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def read(secret: str) -> int:
    """Ask our API for activities with a token."""
    headers = {"authorization": f"Bearer {secret}"}
    return Client().get("/api/v1/activities", headers=headers).status_code


@pytest.fixture
def ana(db: None) -> User:
    return person("composer", "ana")


# ---- in and out


@pytest.mark.parametrize("name", ["ana", "ANA", "ana@example.com", "Ana@Example.com"])
def test_one_signs_in_by_name_or_by_e_mail(ana: User, name: str) -> None:
    client = Client()
    response = sign_in(client, name)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_in(client)
    assert client.get(SIGN_IN)["Location"] == "/", "who is in has no use for the form"


@pytest.mark.parametrize(
    ("name", "password"), [("ana", "wrong"), ("ben", PASSWORD), ("", ""), ("a\x00a", PASSWORD)]
)
def test_a_wrong_name_or_password_is_422_and_does_not_say_which(
    ana: User, name: str, password: str
) -> None:
    client = Client()
    response = sign_in(client, name, password)
    page = Html(response)
    assert response.status_code == 422
    assert page.one(".summary")["role"] == "alert"
    assert not is_in(client)
    if name and "\x00" not in name:
        assert "do not go together" in page.one(".summary").text


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}])
def test_who_left_and_who_has_no_password_cannot_sign_in(ana: User, change: Any) -> None:
    User.objects.filter(pk=ana.pk).update(**change)
    client = Client()
    assert sign_in(client, password=change.get("password", PASSWORD)).status_code == 422
    assert not is_in(client)


def test_who_left_is_out_at_once(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    assert is_in(client)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert not is_in(client)


def test_five_wrong_passwords_lock_this_name_from_this_address(ana: User) -> None:
    person("composer", "ben")
    client = Client(REMOTE_ADDR="192.0.2.7")
    for name in ("ana", "ana@example.com", "ANA", "ana"):
        assert sign_in(client, name, "wrong").status_code == 422
    response = sign_in(client, "ana", "wrong")
    assert response.status_code == 429
    assert "Wait 15 minutes" in Html(response).one("main").text
    assert sign_in(client, "ana", PASSWORD).status_code == 429, "the right one comes too late"
    assert sign_in(client, "ana@example.com", PASSWORD).status_code == 429
    assert not is_in(client)
    assert sign_in(Client(REMOTE_ADDR="192.0.2.8")).status_code == 302, "from elsewhere"
    assert sign_in(client, "ben").status_code == 302, "somebody else"


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("/?type=build&q=x", "/?type=build&q=x"),
        ("/settings/", "/settings/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_next_leads_only_to_our_own_pages(ana: User, asked: str, given: str) -> None:
    page = Html(Client().get(SIGN_IN, {"next": asked}))
    carried = page.one("form.card input[name=next]")["value"]
    assert sign_in(Client(), next=asked)["Location"] == given
    assert sign_in(Client(), next=carried)["Location"] == given


def test_signing_out_takes_a_post(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    assert client.get("/sign-out/").status_code == 405
    assert is_in(client)
    assert client.post("/sign-out/")["Location"] == SIGN_IN
    assert not is_in(client)
    assert not Session.objects.exists()


def test_every_form_wants_its_key(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(role=Role.ADMIN)
    web = actions.create_component("Web")
    source = actions.create_source("shop/web", kind="build")
    actions.attach(web, source)
    ApiToken.objects.create(user=ana, role="viewer", digest="x", prefix="x")
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    pages = [f"/components/{end}" for end in ("new/", "web/", "web/delete/")]
    pages += ["/settings/", "/settings/tokens/", "/sources/new/", f"/sources/{source.uuid}/delete/"]
    forms = {
        form.attrs.get("action") or path
        for path in pages
        for form in Html(client.get(path)).all("form")
        if form.attrs.get("method") == "post"
    }
    assert len(forms) == 13
    for address in [*forms, SIGN_IN]:
        response = client.post(address, {"name": "x"})
        assert response.status_code == 403
        assert "The form is too old" in response.content.decode()
    key = Html(client.get("/settings/tokens/")).all("input[name=csrfmiddlewaretoken]")[-1]["value"]
    good = {"name": "x", "role": "viewer", "csrfmiddlewaretoken": key}
    assert client.post("/settings/tokens/", good).status_code == 201
    refused = client.post("/settings/tokens/", good, headers={"origin": "https://evil.example"})
    assert refused.status_code == 403


def test_the_password_is_changed_with_the_old_one(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    new = {"new_password1": "another s3cret", "new_password2": "another s3cret"}
    assert client.post("/settings/", {"old_password": "wrong", **new}).status_code == 422
    assert client.post("/settings/", {"old_password": PASSWORD, **new}).status_code == 302
    assert is_in(client)
    assert sign_in(Client(), password="another s3cret").status_code == 302


def test_settings_tell_senders_data_to_admins_only(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    assert actions.cloud_id() not in client.get("/settings/").content.decode()
    assert actions.cloud_id() in signed_in("admin").get("/settings/").content.decode()


# ---- tokens


def make_token(client: Client, name: str = "CI", role: str = "viewer") -> Any:
    return client.post("/settings/tokens/", {"name": name, "role": role})


def test_a_token_is_shown_once_and_works_at_once(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    response = make_token(client, role="composer")
    assert response.status_code == 201
    assert "no-store" in response["Cache-Control"]
    secret = Html(response).one("#secret").text
    assert read(secret) == 200
    token = ApiToken.objects.get()
    assert secret not in (token.digest, token.prefix)
    for address in ("/settings/tokens/", f"/settings/tokens/{token.pk}/", "/settings/"):
        assert secret not in client.get(address).content.decode()


def test_the_curl_beside_a_new_token_sends_an_event(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    page = Html(make_token(client, role="composer"))
    words = shlex.split("".join(page.one("#curl").pieces).replace("\\\n", " "))
    options = dict(itertools.pairwise(words))
    login = base64.b64encode(options["-u"].encode()).decode()
    (path,) = (re.sub(r"^https?://[^/]+", "", word) for word in words if word.startswith("http"))
    answer = Client().post(
        path, options["-d"], content_type="application/json",
        headers={"authorization": f"Basic {login}"},
    )  # fmt: skip
    assert answer.status_code == 202, answer.content
    assert Html(client.get("/")).rows == [str(Activity.objects.get().uuid)]
    reads = shlex.split(Html(make_token(client, role="viewer")).one("#curl").text)
    assert reads[-1].endswith("/api/v1/activities")


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        ("viewer", ["viewer"]),
        ("composer", ["viewer", "composer"]),
        ("admin", ["viewer", "composer", "bot", "admin"]),
    ],
)
def test_a_token_is_at_most_as_strong_as_its_owner(db: None, role: str, offered: list[str]) -> None:
    client = signed_in(role)
    page = Html(client.get("/settings/tokens/"))
    assert [option["value"] for option in page.all("#id_role option")] == offered
    for wanted in Role.values:
        status = make_token(client, role=wanted).status_code
        assert status == (201 if wanted in offered else 422)
    assert sorted(ApiToken.objects.values_list("role", flat=True)) == sorted(offered)


@pytest.mark.parametrize("bad", [{"name": ""}, {"name": "x" * 101}, {"role": "king"}])
def test_a_token_that_cannot_be_is_422(ana: User, bad: dict[str, str]) -> None:
    client = Client()
    client.force_login(ana)
    response = make_token(client, **bad)
    page = Html(response)
    assert response.status_code == 422
    assert page.link(".summary a") == f"#id_{next(iter(bad))}"
    assert page.all("#secret") == []


def test_a_revoked_token_ends_at_once(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    secret = Html(make_token(client)).one("#secret").text
    address = reverse("token-revoke", args=[ApiToken.objects.get().pk])
    assert client.get(address).status_code == 405
    assert read(secret) == 200
    page = Html(client.post(address, follow=True))
    assert page.one("#messages .message").text == "The token CI is revoked."
    assert read(secret) == 401
    assert [form["action"] for form in page.all("table form")] == []


def test_the_page_of_a_token_shows_what_it_sent_in_vain(bot: Caller, caller: Any) -> None:
    actions.create_source("shop/web", kind="custom")
    bot.event(displayName=7)
    caller("bot", "other").event(displayName=["of the other"])
    client = Client()
    client.force_login(bot.user)
    response = client.get(f"/settings/tokens/{bot.user.tokens.get().pk}/")
    entries = Html(response).all(".log li")
    assert len(entries) == 1
    assert "event.custom.displayName: must be a string" in entries[0].text
    assert "400" in entries[0].text


def test_tokens_are_the_affair_of_their_owner_and_of_admins(caller: Any, ana: User) -> None:
    caller("bot")
    token = ApiToken.objects.get()
    stranger = Client()
    stranger.force_login(ana)
    assert token.prefix not in stranger.get("/settings/tokens/").content.decode()
    assert stranger.get(reverse("token", args=[token.pk])).status_code == 404
    assert stranger.post(reverse("token-revoke", args=[token.pk])).status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None
    boss = signed_in("admin", "boss")
    assert token.prefix in boss.get("/settings/tokens/").content.decode()
    assert boss.get(reverse("token", args=[token.pk])).status_code == 200
    boss.post(reverse("token-revoke", args=[token.pk]))
    token.refresh_from_db()
    assert token.revoked_at


# ---- Django's admin


def administered() -> list[Any]:
    """Return our models that Django's admin shows."""
    ours = apps.get_app_config("feeds").get_models()
    return [model for model in ours if django_admin.site.is_registered(model)]


def admin_pages() -> list[str]:
    """Return every list, and the page of a row of each."""
    pages = ["/admin/"]
    for model in administered():
        name = f"admin:feeds_{model._meta.model_name}"
        row = model.objects.first()
        assert row, f"the test needs a {model.__name__}"
        pages += [reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])]
    return pages


@pytest.fixture
def furnished(bot: Caller) -> str:
    """One row of everything; returns the digest of the token."""
    actions.attach(actions.create_component("Web"), actions.create_source("gone", kind="push"))
    record(2)
    bot.event(displayName=7)
    return bot.user.tokens.get().digest


def test_every_page_of_the_admin_opens_and_shows_no_digest(furnished: str) -> None:
    client = signed_in("admin", "boss")
    for address in admin_pages():
        response = client.get(address)
        assert response.status_code == 200, address
        assert furnished not in response.content.decode(), address
        assert client.get(address, {"q": "x"}).status_code in {200, 302}, address
    for model in administered():
        for doing in ("add", "delete"):
            row = [] if doing == "add" else [model.objects.first().pk]
            address = reverse(f"admin:feeds_{model._meta.model_name}_{doing}", args=row)
            assert client.post(address, {"post": "yes"}).status_code == 403, address
    shown = {User, Component, EventSource, Activity, ApiToken, Refusal, AuditEntry}
    assert set(administered()) == shown


@pytest.mark.parametrize("role", ["viewer", "composer", "bot"])
def test_only_admins_open_the_admin(furnished: str, role: str) -> None:
    client = signed_in(role, "somebody")
    for address in admin_pages():
        assert client.get(address).status_code in {302, 403}, address
