"""The pages of connections: made, tested, paused and ended, and their secret never seen again."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds import outbox, vault
from feeds.models import Connection, Delivery, User
from tests.letters import SECRET, compose, connect
from tests.pages import Html, signed_in
from tests.upstream import Rule, upstream
from tests.upstream_wires import CLOUD_ID

PATH = "/settings/connections/"
NEW = f"{PATH}new/?dialect="
COMPASS = {
    "name": "Prod", "base_url": "https://team.atlassian.net/", "account": "ana@example.com",
    "secret": SECRET, "cloud_id": "", "per_minute": "100",
}  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Client:
    """The browser of an admin."""
    return signed_in("admin", "ana")


@pytest.fixture
def _own_network(settings: Any) -> None:
    settings.PRIVATE_UPSTREAMS = True


def faults(response: Any) -> str:
    assert response.status_code == 422
    return Html(response).one(".summary").text


def said(response: Any) -> str:
    """Return the message on the page that RESPONSE leads to."""
    return Html(response).one("#messages").text


def test_an_empty_page_says_what_to_do(ana: Client) -> None:
    page = Html(ana.get(PATH))
    assert "No connections yet" in page.one(".empty").text
    assert PATH in [link["href"] for link in Html(ana.get("/settings/")).all(".site-nav a")]
    choices = [link["href"] for link in Html(ana.get(f"{PATH}new/")).all(".choices a")]
    assert choices == [f"?dialect={name}" for name in Connection.Dialect.values]


@pytest.mark.parametrize(
    ("dialect", "asked"),
    [
        ("compass", ["name", "base_url", "account", "secret", "cloud_id", "per_minute"]),
        ("streams", ["name", "base_url", "account", "secret", "per_minute"]),
        ("teamhub", ["name", "base_url", "company_key", "secret", "per_minute", "pulls"]),
        ("pulseboard", ["name", "base_url", "account", "secret", "cloud_id", "per_minute"]),
    ],
)
def test_each_sort_of_upstream_asks_for_what_it_wants(
    ana: Client, dialect: str, asked: list[str]
) -> None:
    page = Html(ana.get(NEW + dialect))
    inputs = [each["name"] for each in page.all("form.card input") if each["type"] != "hidden"]
    assert inputs == asked
    limits = {"compass": "100", "pulseboard": "100"}
    assert page.one("#id_per_minute")["value"] == limits.get(dialect, "0")


def test_an_unknown_sort_of_upstream_is_not_found(ana: Client) -> None:
    assert ana.get(f"{NEW}cvs").status_code == 404


def test_a_good_form_makes_a_connection_and_invites_to_test_it(ana: Client) -> None:
    response = ana.post(f"{NEW}compass", COMPASS, follow=True)
    made = Connection.objects.get()
    assert response.redirect_chain == [(made.get_absolute_url(), 302)]
    assert "Test it next" in said(response)
    assert made.base_url == "https://team.atlassian.net"
    assert made.budget.per_minute == 100
    assert "Not tested" in Html(ana.get(PATH)).one("tbody").text


def test_the_secret_is_sealed_and_never_shown(ana: Client) -> None:
    ana.post(f"{NEW}compass", COMPASS)
    made = Connection.objects.get()
    assert SECRET not in made.sealed_secret
    assert vault.unseal(made.sealed_secret) == SECRET
    for path in ("", "edit/", "delete/"):
        assert SECRET not in ana.get(made.get_absolute_url() + path).content.decode()
    assert SECRET not in ana.get(PATH).content.decode()
    wrong = ana.post(f"{NEW}compass", {**COMPASS, "name": ""})
    assert SECRET not in wrong.content.decode(), "a form that comes back has lost it"


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("http://team.atlassian.net", "Must begin with https://"),
        ("ftp://team.atlassian.net", "begins with https://"),
        ("https://127.0.0.1", "127.0.0.1 is not a public address"),
        ("https://[::1]:8443", "::1 is not a public address"),
        ("https://10.1.2.3/jira", "10.1.2.3 is not a public address"),
        ("https://localhost", "localhost is not a public address"),
        ("https://ana:pw@team.atlassian.net", "Must not contain a user name"),
        ("https://team.atlassian.net?x=1", "Must end before the question mark"),
        ("https://team.atlassian.net:x", "This is no address"),
        ("https://team atlassian net", "no spaces"),
        ("https://", "begins with https://"),
        ("", "This field is required"),
    ],
)
def test_an_address_that_may_not_be_is_refused_in_words(
    ana: Client, address: str, rule: str
) -> None:
    assert rule in faults(ana.post(f"{NEW}compass", {**COMPASS, "base_url": address}))
    assert not Connection.objects.exists()


@pytest.mark.usefixtures("_own_network")
def test_an_address_of_ones_own_network_can_be_allowed(ana: Client) -> None:
    form = {**COMPASS, "base_url": "http://10.1.2.3:8080/compass"}
    assert ana.post(f"{NEW}compass", form).status_code == 302
    assert Connection.objects.get().base_url == "http://10.1.2.3:8080/compass"


def test_an_address_without_a_scheme_is_https(ana: Client) -> None:
    ana.post(f"{NEW}compass", {**COMPASS, "base_url": "team.atlassian.net"})
    assert Connection.objects.get().base_url == "https://team.atlassian.net"


@pytest.mark.parametrize(
    ("dialect", "wrong", "rule"),
    [
        ("compass", {"account": "ana"}, "valid email"),
        ("compass", {"secret": "with space"}, "without spaces"),
        ("compass", {"secret": ""}, "required"),
        ("compass", {"per_minute": "-1"}, "greater than or equal to 0"),
        ("streams", {"account": "a:b"}, "colon"),
        ("teamhub", {"company_key": "", "secret": "x"}, "required"),
        ("teamhub", {"company_key": "c", "secret": "'\""}, "both sorts of quotes"),
    ],
)
def test_what_no_header_can_hold_is_refused(
    ana: Client, dialect: str, wrong: dict[str, str], rule: str
) -> None:
    assert rule in faults(ana.post(NEW + dialect, {**COMPASS, **wrong}))


def test_a_name_and_an_account_are_taken_once(ana: Client) -> None:
    ana.post(f"{NEW}compass", COMPASS)
    assert "exists already" in faults(ana.post(f"{NEW}compass", COMPASS))
    other = faults(ana.post(f"{NEW}compass", {**COMPASS, "name": "Other"}))
    assert "“Prod” is a connection to this account already" in other
    assert Connection.objects.count() == 1


# ---- change


def change(connection: Connection, **fields: str) -> dict[str, str]:
    names = ("name", "base_url", "account", "cloud_id", "company_key")
    return {**{name: getattr(connection, name) for name in names}, "per_minute": "100", **fields}


def test_an_empty_secret_keeps_the_one_it_has_and_another_takes_its_place(ana: Client) -> None:
    ana.post(f"{NEW}compass", COMPASS)
    made = Connection.objects.get()
    path = f"{made.get_absolute_url()}edit/"
    assert ana.post(path, change(made, name="Renamed")).status_code == 302
    made.refresh_from_db()
    assert made.name == "Renamed"
    assert vault.unseal(made.sealed_secret) == SECRET
    ana.post(path, change(made, secret="another"))
    made.refresh_from_db()
    assert vault.unseal(made.sealed_secret) == "another"


@pytest.mark.usefixtures("_own_network")
@pytest.mark.parametrize("address", ["https://evil.example.com", "http://team.atlassian.net"])
def test_a_secret_that_is_kept_does_not_follow_to_another_host(ana: Client, address: str) -> None:
    ana.post(f"{NEW}compass", COMPASS)
    made = Connection.objects.get()
    path = f"{made.get_absolute_url()}edit/"
    response = ana.post(path, change(made, base_url=address))
    assert "enter the secret once more" in faults(response)
    made.refresh_from_db()
    assert made.base_url == "https://team.atlassian.net"
    assert ana.post(path, change(made, base_url=address, secret="new")).status_code == 302


def test_the_rate_limit_can_be_changed(ana: Client) -> None:
    ana.post(f"{NEW}compass", COMPASS)
    made = Connection.objects.get()
    ana.post(f"{made.get_absolute_url()}edit/", change(made, per_minute="50"))
    made.budget.refresh_from_db()
    assert made.budget.per_minute == 50


def test_a_teamhub_is_read_if_one_wants_that(ana: Client) -> None:
    form = {"name": "Hub", "base_url": "https://hub.example.com", "company_key": "c", "secret": "k"}
    ana.post(f"{NEW}teamhub", {**form, "pulls": "on"})
    made = Connection.objects.get()
    assert made.pull_at is not None
    assert "To be read" in Html(ana.get(PATH)).one("tbody").text
    ana.post(f"{made.get_absolute_url()}edit/", form)
    made.refresh_from_db()
    assert made.pull_at is None
    assert "not read" in Html(ana.get(PATH)).one("tbody").text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"pull_failures": 3, "pull_error": "timeout"}, "Not readable read 1 min ago: timeout"),
        ({}, "Read read 1 min ago"),
        ({"pulled_at": None}, "To be read"),
        ({"paused_at": "now"}, "Paused read 1 min ago"),
        ({"pulled_at": "long ago"}, "Late read 1 h ago"),
    ],
)
def test_the_lag_of_what_is_read_is_shown(ana: Client, state: dict[str, Any], words: str) -> None:
    now = timezone.now()
    moments = {"now": now, "long ago": now - timedelta(hours=1)}
    plain = {"pull_at": now + timedelta(seconds=30), "pulled_at": now - timedelta(seconds=61)}
    connect(dialect="teamhub", pulls=True)
    Connection.objects.update(**plain | {k: moments.get(v, v) for k, v in state.items()})
    assert words in Html(ana.get(PATH)).all("tbody td")[-1].text


# ---- test


@pytest.mark.usefixtures("_own_network")
def test_a_test_finds_the_cloud_id(ana: Client) -> None:
    with upstream("compass") as up:
        ana.post(f"{NEW}compass", {**COMPASS, "base_url": up.url})
        made = Connection.objects.get()
        response = ana.post(f"{made.get_absolute_url()}test/", follow=True)
        assert "The test went well" in said(response)
        assert len(up.requests) == 4, "it is tried again with the cloudId"
    made.refresh_from_db()
    assert made.cloud_id == CLOUD_ID
    assert CLOUD_ID in Html(response).one("main .facts").text


@pytest.mark.usefixtures("_own_network")
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(status=401), "401: the credentials are wrong"),
        (Rule(status=404), "404: nothing is there"),
        (Rule(status=302, headers={"Location": "https://x.example.com/y"}), "redirects"),
        (Rule(status=503), "503: it is not available"),
    ],
)
def test_a_test_says_what_the_upstream_said(ana: Client, rule: Rule, words: str) -> None:
    with upstream("compass", script=[rule]) as up:
        made = connect(up.url)
        response = ana.post(f"{made.get_absolute_url()}test/", follow=True)
    assert "The test failed" in said(response)
    assert words in said(response)
    assert SECRET not in response.content.decode()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://no-such-host.invalid", "DNS failure"),
        ("http://team.example.com", "must begin with https://"),
        ("https://127.0.0.1:{port}", "not a public address"),
    ],
)
def test_a_test_says_what_kept_it_from_the_upstream(ana: Client, address: str, words: str) -> None:
    with upstream("compass") as up:
        made = connect(address.format(port=up.port))
        assert words in said(ana.post(f"{made.get_absolute_url()}test/", follow=True))
        assert up.requests == []


@pytest.mark.usefixtures("_own_network")
def test_a_test_without_tls_on_the_other_side_says_so(ana: Client) -> None:
    with plaintext() as port:
        made = connect(f"https://127.0.0.1:{port}")
        assert "TLS failure" in said(ana.post(f"{made.get_absolute_url()}test/", follow=True))
    assert "connection refused" in said(ana.post(f"{made.get_absolute_url()}test/", follow=True))


@contextmanager
def plaintext() -> Iterator[int]:
    """Answer everybody in HTTP, also those who speak TLS."""

    class Plain(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1024)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Plain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


# ---- pause, resume, delete


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_own_network")
def test_letters_wait_while_their_connection_is_paused(ana: Client) -> None:
    user = User.objects.get(username="ana")
    with upstream("compass") as up:
        made = connect(up.url)
        path = made.get_absolute_url()
        assert "paused" in said(ana.post(f"{path}pause/", follow=True))
        compose(user, made)
        outbox.drain(linger=0)
        assert up.events == []
        page = Html(ana.get(PATH))
        assert "Paused paused by ana" in page.one("tbody").text
        assert "1 letter" in page.one("tbody").text
        ana.post(f"{path}resume/")
        outbox.drain(linger=0)
        assert len(up.events) == 1
    assert Delivery.objects.get().state == Delivery.State.ACCEPTED


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_own_network")
def test_the_list_shows_how_much_of_the_limit_is_used_and_what_fails(ana: Client) -> None:
    made = connect(per_minute=100)
    compose(User.objects.get(username="ana"), made)
    outbox.drain(linger=0)
    row = Html(ana.get(PATH)).one("tbody")
    assert "1 of 100 in the last minute" in row.text
    assert "Failing no letter has got through since" in row.text
    shown = Html(ana.get(made.get_absolute_url()))
    assert "Recover what failed since then" in shown.one("main").text
    assert shown.one(".gauge progress")["value"] == "1"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_own_network")
def test_a_wrong_secret_pauses_the_connection_and_says_why(ana: Client) -> None:
    with upstream("compass", script=[Rule(status=401, times=1)]) as up:
        made = connect(up.url)
        compose(User.objects.get(username="ana"), made)
        outbox.drain(linger=0)
        page = Html(ana.get(made.get_absolute_url()))
        assert "401: the credentials are wrong" in page.one("main").text
        response = ana.post(f"{made.get_absolute_url()}test/", follow=True)
        assert "until you resume it" in said(response)


def test_who_deletes_a_connection_is_told_what_goes_with_it(ana: Client) -> None:
    made = connect()
    compose(User.objects.get(username="ana"), made)
    path = f"{made.get_absolute_url()}delete/"
    words = Html(ana.get(path)).one("main").text
    assert "1 letter waits to be sent and will be gone" in words
    assert Connection.objects.exists()
    assert ana.post(path)["Location"] == PATH
    assert not Connection.objects.exists()
    assert not Delivery.objects.exists()


def test_only_admins_open_these_pages() -> None:
    made = connect()
    path, ben = made.get_absolute_url(), signed_in("composer", "ben")
    for address in (PATH, f"{PATH}new/", path, f"{path}edit/", f"{path}delete/"):
        assert ben.get(address).status_code == 403
        assert Client().get(address).status_code == 302
    for action in ("test/", "pause/", "resume/", "delete/", "edit/"):
        assert ben.post(path + action).status_code == 403
    assert Connection.objects.get().paused_at is None
    assert PATH not in ben.get("/settings/").content.decode()


@pytest.mark.parametrize("action", ["test", "pause", "resume"])
def test_a_link_changes_nothing(ana: Client, action: str) -> None:
    assert ana.get(f"{connect().get_absolute_url()}{action}/").status_code == 405


def test_two_connections_of_one_account_share_a_limit(ana: Client) -> None:
    one = connect("https://one.atlassian.net", per_minute=100)
    connect("https://two.atlassian.net", "Two", per_minute=100)
    assert "shared with Two" in Html(ana.get(one.get_absolute_url())).one("main .facts").text
