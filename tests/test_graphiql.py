"""The query page for browsers, and the files of others that it and the other pages bring."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from django.test import Client

from feeds import actions
from tests.conftest import Caller
from tests.house import ROOT
from tests.pages import Html, signed_in

ADDRESSES = ["/gateway/api/graphql", "/graphql"]
#: What Chromium sends when somebody opens an address.
OPENS = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
VENDOR = ROOT / "static/vendor"
QUERY = {"query": "{ __typename }"}

pytestmark = pytest.mark.django_db


def opened(client: Client, path: str = ADDRESSES[0], accept: str = OPENS) -> Any:
    return client.get(path, headers={"accept": accept})


def policy(response: Any) -> dict[str, list[str]]:
    rules = response["Content-Security-Policy"].split("; ")
    return {name: values for name, *values in map(str.split, rules)}


# ---- who sees it


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("role", ["viewer", "composer", "admin"])
def test_whoever_is_signed_in_sees_the_page(path: str, role: str) -> None:
    response = opened(signed_in(role), path)
    assert response.status_code == 200
    place = Html(response).one("#graphiql")
    assert place["data-endpoint"] == path
    assert place["data-host"] == "testserver"
    assert place["data-cloud-id"] == actions.cloud_id()


@pytest.mark.parametrize("path", ADDRESSES)
def test_strangers_sign_in_first_and_come_back(path: str) -> None:
    response = opened(Client(), path)
    assert response.status_code == 302
    assert response["Location"] == f"/sign-in/?next={path}"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.9"])
def test_a_program_that_gets_instead_of_posting_is_told_so(accept: str) -> None:
    response = opened(signed_in(), accept=accept)
    assert response.status_code == 405
    assert response["Allow"] == "POST"


def test_caches_keep_the_page_and_the_answers_to_programs_apart() -> None:
    for accept in (OPENS, "application/json"):
        assert "Accept" in opened(signed_in(name=accept[:4]), accept=accept)["Vary"]


@pytest.mark.parametrize("path", ADDRESSES)
def test_posting_to_the_same_address_is_the_api(bot: Caller, path: str) -> None:
    response = bot.post(path, QUERY)
    assert response.status_code == 200
    assert response.json()["data"] == {"__typename": "Query"}


def test_a_browser_that_posts_gets_the_api_as_well(bot: Caller) -> None:
    response = bot.client.post(
        ADDRESSES[0], QUERY, content_type="application/json",
        headers={"authorization": bot.basic, "accept": OPENS},
    )  # fmt: skip
    assert response.json()["data"] == {"__typename": "Query"}


def test_the_page_posts_with_its_csrf_token_and_not_without() -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in("admin").cookies
    token = Html(opened(client)).one("meta[name=csrf-token]")["content"]
    for headers, status in (({}, 403), ({"X-CSRFToken": token}, 200)):
        response = client.post(
            ADDRESSES[0], QUERY, content_type="application/json", headers=headers
        )
        assert response.status_code == status


# ---- what it may load


def test_the_policy_is_relaxed_by_a_nonce_for_styles_and_by_images_within_styles_only() -> None:
    client = signed_in()
    usual, here = policy(client.get("/settings/")), policy(opened(client))
    nonce = here["style-src"].pop()
    assert re.fullmatch(r"'nonce-[\w+/=]{20,}'", nonce)
    assert here["img-src"].pop() == "data:"
    assert here == usual


def test_its_files_are_loaded_nowhere_else() -> None:
    client = signed_in("admin")
    assert "graphiql" in opened(client).content.decode()
    for path in ("/", "/components/", "/sources/", "/settings/tokens/", "/sign-in/"):
        page = Html(client.get(path, follow=True))
        loaded = [*page.all("script"), *page.all("link")]
        addresses = " ".join(one.attrs.get("src", "") + one.attrs.get("href", "") for one in loaded)
        assert "app.js" in addresses
        assert not re.search("graphiql|react", addresses)


def test_without_javascript_the_page_says_how_to_go_on() -> None:
    page = Html(opened(signed_in()))
    advice = page.one("noscript").text
    assert "needs JavaScript" in advice
    assert "curl --user" in advice
    assert page.link("noscript a") == "/settings/tokens/"


def test_the_settings_page_leads_to_it() -> None:
    links = Html(signed_in("admin").get("/settings/")).all("a")
    assert ADDRESSES[0] in [link["href"] for link in links]


# ---- files of others


def vendored() -> dict[str, str]:
    """Return the sha256 of each file, as the list of the vendored files has it."""
    text = (VENDOR / "README.md").read_text()
    return dict(re.findall(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", text, re.MULTILINE))


@pytest.mark.parametrize("name", vendored())
def test_a_vendored_file_is_what_the_list_says(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == vendored()[name]


def test_every_vendored_file_is_listed_with_a_licence() -> None:
    text = (VENDOR / "README.md").read_text()
    files = {path.name for path in VENDOR.iterdir()} - {"README.md"}
    licences = {name for name in files if name.startswith("LICENSE")}
    assert files - licences == {name for name in vendored() if "/" not in name}
    assert licences == set(re.findall(r"LICENSE-[\w-]+\.txt", text))
