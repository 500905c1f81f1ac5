"""Who calls the TeamHub API: each form of its header, the query string, and the log-in."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.test import Client

from feeds import actions
from feeds.models import ApiToken, Role, User
from tests.hub import BUILD, EVENTS, Hub, fields
from tests.pages import PASSWORD, person

SESSIONS = "/api/account/sessions"
FORMS = [
    "hth.company_key='{company}',account_key='{account}'",
    "hth company_key='{company}',account_key='{account}'",
    'hth.company_key="{company}",account_key="{account}"',
    "HTH.Company_Key='{company}', ACCOUNT_KEY=\"{account}\"",
    'company_key="{company}",account_key="{account}"',
    "company_key='{company}',account_key='{account}'",
    "account_key='{account}',company_key='{company}'",
    "deveo company_key='{company}',account_key='{account}'",
    "deveo.company_key='{company}',account_key='{account}'",
    'deveo plugin_key="1f2e",company_key="{company}",account_key="{account}"',
    'Deveo  account_key = "{account}" ,  plugin_key="" , company_key = "{company}"',
    "  hth. company_key='{company}' , account_key='{account}'  ",
    "Bearer {account}",
]
WRONG_FORMS = [
    "",
    "hth",
    "hth.company_key='{company}'",
    "hth.account_key='{account}'",
    "hth.company_key={company},account_key={account}",
    "hth.company_key='{company}\",account_key='{account}'",
    "hth.company_key='{company}' account_key='{account}'",
    "hth.company_key='{company}',account_key='{account}',other='x'",
    "other company_key='{company}',account_key='{account}'",
    "hth.company_key='',account_key='{account}'",
    "hth.company_key='{company}',account_key=''",
    "hth.company_key='{company}x',account_key='{account}'",
    "hth.company_key='{company}',account_key='{account}x'",
    "hth.company_key='{account}',account_key='{company}'",
    "hth.company_key='\xe9\xff',account_key='\xe9'",
    "Basic {account}",
    "Bearer {company}",
    "hth." + "company_key='x'," * 2000,
]


@pytest.fixture
def hub(db: None) -> Hub:
    return Hub.of("bot")


def headers(form: str, hub: Hub) -> dict[str, str]:
    company = actions.site().company_key
    return {"authorization": form.format(company=company, account=hub.secret)}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_header_lets_its_bearer_read_and_write(hub: Hub, form: str) -> None:
    given = headers(form, hub)
    assert Client().get(EVENTS, headers=given).status_code == 200
    for _ in range(2):  # the second time the caller is remembered
        response = Client().post(EVENTS, BUILD, content_type="application/json", headers=given)
        assert response.status_code == 201
        assert response.json()["subject"] == {"id": "luotsi-ci-bot"}


def test_ordinary_basic_credentials_work_too(hub: Hub) -> None:
    encoded = base64.b64encode(f"luotsi-ci-bot:{hub.secret}".encode()).decode()
    assert Client().get(EVENTS, headers={"authorization": f"Basic {encoded}"}).status_code == 200


@pytest.mark.parametrize("form", WRONG_FORMS)
def test_another_form_or_a_wrong_key_is_401(hub: Hub, form: str) -> None:
    given = headers(form, hub)
    for response in (
        Client().get(EVENTS, headers=given),
        Client().post(EVENTS, BUILD, content_type="application/json", headers=given),
    ):
        body = response.json()
        assert (response.status_code, body["api_status"]) == (401, 401)
        assert body["error"]["code"] == "unauthorized"
        assert response["WWW-Authenticate"] == 'hth realm="Pulseboard"'
        assert hub.secret not in response.content.decode()


def test_a_right_account_with_a_wrong_company_is_not_let_in_by_being_remembered(hub: Hub) -> None:
    hub.post(BUILD)
    assert hub.post(BUILD, authorization=headers(FORMS[0], hub)["authorization"]).status_code == 201
    wrong = f"hth.company_key='{'0' * 32}',account_key='{hub.secret}'"
    assert hub.post(BUILD, authorization=wrong).status_code == 401


@pytest.mark.parametrize("plugin", ["company_key=", 'deveo plugin_key="p",company_key='])
def test_the_bodies_of_both_jenkins_plugins_are_taken(hub: Hub, plugin: str) -> None:
    company = actions.site().company_key
    header = f'{plugin}"{company}",account_key="{hub.secret}"'
    body = {
        "event": {
            "target": "build", "operation": "failed", "project": "luotsi", "repository": "chef",
            "name": "nightly", "commits": ["2372"], "resources": ["http://ci.example.com/job/1/"],
        }
    }  # fmt: skip
    response = hub.post(body, authorization=header, accept="application/vnd.deveo.v1")
    assert response.status_code == 201
    assert response.json()["objects"]["commits"] == [{"id": "2372"}]


def test_keys_in_the_query_string_work_for_get_where_they_are_allowed(
    hub: Hub, settings: Any
) -> None:
    query = f"{EVENTS}?company_key={actions.site().company_key}&account_key={hub.secret}"
    assert Client().get(query).status_code == 401
    settings.TEAMHUB_KEYS_IN_QUERY = True
    assert Client().get(query).status_code == 200
    assert Client().get(f"{query}x").status_code == 401
    assert Client().get(EVENTS).status_code == 401
    assert Client().post(query, BUILD, content_type="application/json").status_code == 401


# ---- POST /api/account/sessions


def log_in(client: Client | None = None, **change: Any) -> Any:
    body = {"company": "testserver", "login": "ana", "password": PASSWORD, **change}
    return (client or Client()).post(SESSIONS, body, content_type="application/json")


@pytest.fixture
def ana(settings: Any, db: None) -> User:
    settings.ALLOWED_HOSTS = ["testserver", "*"]
    settings.SITE_URL = "https://Feeds.example.com:8443"
    user = person("composer", "ana")
    User.objects.filter(pk=user.pk).update(name="Ana de Souza")
    return user


@pytest.mark.usefixtures("ana")
def test_a_log_in_gives_keys_that_work() -> None:
    response = log_in(login="Ana@example.com")
    body = response.json()
    assert (response.status_code, body["api_status"]) == (201, 201)
    assert body["company_key"] == actions.site().company_key
    assert body["account"] == {
        "id": "ana", "first_name": "Ana", "last_name": "de Souza", "email": "ana@example.com",
        "role": "composer",
    }  # fmt: skip
    assert body["company"] == {"id": "feeds.example.com", "name": "feeds.example.com"}
    hub = Hub(body["account_key"])
    assert hub.get().status_code == 200
    assert hub.post(BUILD).status_code == 403, "a person is no bot"
    token = ApiToken.objects.get()
    assert (token.role, token.name) == ("composer", "TeamHub log-in")


@pytest.mark.usefixtures("ana")
def test_the_company_is_the_sites_key_or_one_of_its_names() -> None:
    key = actions.site().company_key
    for company in (key, key.upper(), "feeds.example.com", "Feeds.Example.com", "testserver"):
        assert log_in(company=company).status_code == 201
    for company in ("", "*", "example.com", "pulseboard", "x" * 10_000):
        assert log_in(company=company).status_code == 401


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize("change", [{"password": "wrong"}, {"login": "ben"}, {"login": ""}])
def test_a_wrong_log_in_is_401_and_makes_no_key(change: dict[str, str]) -> None:
    response = log_in(**change)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")
    assert not ApiToken.objects.exists()


@pytest.mark.usefixtures("ana")
def test_five_wrong_passwords_lock_the_name_out_in_json() -> None:
    client = Client()
    statuses = [log_in(client, password="wrong").status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 401, 429]
    response = log_in(client)
    assert (response.status_code, response.json()["error"]["code"]) == (429, "locked_out")
    assert "15 minutes" in response.json()["error"]["message"]


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, dict.fromkeys(("company", "login", "password"), "is required")),
        ([], dict.fromkeys(("company", "login", "password"), "is required")),
        (
            {"company": 5, "login": None, "password": "x"},
            {"company": "must be a string", "login": "is required"},
        ),
    ],
)
def test_a_log_in_without_all_three_names_what_is_missing(body: Any, wrong: Any) -> None:
    response = Client().post(SESSIONS, body, content_type="application/json")
    assert (response.status_code, fields(response)) == (422, wrong)


@pytest.mark.usefixtures("ana")
def test_a_log_in_that_is_no_json_is_400() -> None:
    response = Client().post(SESSIONS, b"company=x", content_type="application/json")
    assert response.status_code == 400


@pytest.mark.usefixtures("ana")
def test_bots_cannot_log_in() -> None:
    person("bot", "robot")
    response = log_in(login="robot")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")
    assert not ApiToken.objects.exists()


def test_the_last_ten_log_ins_of_a_user_stay_and_other_tokens_too(ana: User) -> None:
    own = actions.create_token(ana, role=Role.COMPOSER, name="mine")
    secrets = [log_in().json()["account_key"] for _ in range(12)]
    assert [Hub(secret).get().status_code for secret in secrets] == [401] * 2 + [200] * 10
    assert Hub(own).get().status_code == 200
    assert ApiToken.objects.count() == 11
