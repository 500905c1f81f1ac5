"""The outbox: what became of each letter, in words, and the buttons that change it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds import actions, outbox
from feeds.models import Activity, Delivery, Role, User
from tests.events import compass_event
from tests.letters import SECRET, compose, connect, dead, letter, refused
from tests.pages import Html, signed_in
from tests.upstream import Rule, upstream

PATH = "/outbox/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_network(settings: Any) -> None:
    settings.PRIVATE_UPSTREAMS = True


@pytest.fixture
def ben() -> Client:
    """The browser of a composer."""
    return signed_in("composer", "ben")


@pytest.fixture
def author(ben: Client) -> User:
    return User.objects.get(username="ben")


def tabs(page: Html) -> dict[str, str]:
    """Return what each tab counts."""
    return dict(
        tab.text.rpartition(" ")[::2] if tab.text[-1].isdigit() else (tab.text, "")
        for tab in page.all(".tabs a")
    )


def pills(page: Html) -> list[str]:
    return [pill.text for pill in page.all(".pill")]


# ---- the list


def test_an_empty_outbox_says_what_to_do(ben: Client) -> None:
    assert "an admin connects; there is none yet" in Html(ben.get(PATH)).one(".empty").text
    admin = Html(signed_in("admin", "ana").get(PATH))
    assert admin.one(".empty a.btn")["href"] == "/settings/connections/new/"
    connect()
    assert "Compose an event" in Html(ben.get(PATH)).one(".empty").text
    assert "No dead letters" in Html(ben.get(f"{PATH}?state=dead")).one(".empty").text
    assert "Nothing is scheduled" in Html(ben.get(f"{PATH}?state=scheduled")).one(".empty").text
    assert "Show all letters" in Html(ben.get(f"{PATH}?state=queued")).one(".empty").text


def test_letters_stand_in_their_tabs_each_with_its_state(ben: Client, author: User) -> None:
    with upstream("compass") as up:
        good, gone = connect(up.url, "Good"), connect(name="Gone")
        compose(author, good, displayName="one")
        compose(author, gone, displayName="two")
        outbox.drain(linger=0)
        compose(author, good, displayName="three")
    page = Html(ben.get(PATH))
    assert [row.text for row in page.all("article.row .object")] == ["three", "two", "one"]
    assert pills(page) == ["Queued", "Retrying 1/10", "Accepted"]
    counts = tabs(page)
    assert counts["All"] == ""
    assert (counts["Queued"], counts["Retrying"], counts["Accepted"]) == ("1", "1", "1")
    retrying = Html(ben.get(f"{PATH}?state=retrying")).one("article.row").text
    assert "connection refused" in retrying
    assert "next try" in retrying
    assert "by ben" in retrying
    only = Html(ben.get(f"{PATH}?connection={gone.uuid}"))
    assert [row.text for row in only.all("article.row .object")] == ["two"]
    assert tabs(only)["Queued"] == "0"


def test_the_list_has_pages(ben: Client, author: User) -> None:
    made = connect()
    for number in range(52):
        compose(author, made, displayName=f"event {number}")
    page = Html(ben.get(PATH))
    assert len(page.all("article.row")) == 50
    older = Html(ben.get(PATH + page.one(".pager a")["href"]))
    titles = [row.text for row in older.all("article.row .object")]
    assert titles == ["event 1", "event 0"]
    assert older.one(".pager a").text == "Newest"


@pytest.mark.parametrize(
    "query", ["state=lost", "connection=x", f"connection={'0' * 32}", "before=x", "before=1e9"]
)
def test_a_filter_that_cannot_be_is_a_fault_in_words(ben: Client, query: str) -> None:
    response = ben.get(f"{PATH}?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in Html(response).one(".summary").text.lower()


def test_what_is_scheduled_waits_in_a_tab_of_its_own(ben: Client, author: User) -> None:
    made, later = connect(), timezone.now() + timedelta(hours=1)
    compose(author, made, displayName="Freeze", send_at=later)
    old = compass_event("custom", id="9", updateSequenceNumber=1)
    stale = compose(author, made, document=old, send_at=later)
    compose(author, id="9")
    assert actions.release_due(now=later + timedelta(hours=1)) == 1
    compose(author, made, displayName="Thaw", send_at=later)
    page = Html(ben.get(f"{PATH}?state=scheduled"))
    assert tabs(page)["Scheduled"] == "2"
    failed, scheduled = sorted(page.all("article.row"), key=lambda row: "Thaw" in row.text)
    assert "was not sent: updateSequenceNumber" in failed.text
    assert "to be sent" in scheduled.text
    assert stale.get_absolute_url() in [link["href"] for link in page.all("article.row a")]


def test_the_navigation_counts_dead_letters(ben: Client, author: User) -> None:
    assert "dead" not in Html(ben.get("/")).one(".nav").text
    with upstream("compass", script=refused()) as up:
        dead(compose(author, connect(up.url)))
    nav = Html(ben.get("/")).one(".nav")
    assert "Outbox 1 dead letters" in nav.text


# ---- one letter


def test_a_letter_shows_its_request_without_the_secret(ben: Client, author: User) -> None:
    with upstream("compass") as up:
        found = letter(compose(author, connect(up.url)))
        outbox.drain(linger=0)
        sent = up.requests[0]
    page = Html(ben.get(found.get_absolute_url()))
    request = page.all("pre")[0].text
    assert f"POST {up.url}{sent.path}" in request
    assert "Authorization: ••••" in request
    shown = page.all("pre")[0]
    body = "".join(shown.pieces)
    assert json.loads(body[body.index("{") :]) == sent.json()
    assert sent.headers["authorization"] not in page.one("html").text
    assert SECRET not in page.one("html").text
    assert found.activity is not None
    assert found.activity.get_absolute_url() in [link["href"] for link in page.all("dd a")]


def test_a_letter_shows_its_attempts_newest_first(ben: Client, author: User) -> None:
    script = [Rule(status=503, times=1, body={"message": "<b>later</b>"})]
    with upstream("compass", script=script) as up:
        found = letter(compose(author, connect(up.url)))
        outbox.drain(linger=0)
        assert "503" in Html(ben.get(found.get_absolute_url())).one("ul.log").text
        ben.post(f"{found.get_absolute_url()}retry/")
        outbox.drain(linger=0)
    page = Html(ben.get(found.get_absolute_url()))
    tries = [line.text for line in page.all("ul.log li")]
    assert [words.split()[:2] for words in tries] == [["202", "Sent"], ["503", "Sent"]]
    assert " ms · POST http" in tries[0]
    assert "<b>later</b>" in tries[1]
    assert not page.all("ul.log pre b"), "what came is text and no HTML"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(fault="reset-before"), "the connection was"),
        (Rule(fault="hang"), "timeout after 1 s"),
    ],
)
def test_a_fault_of_the_line_is_told_in_words(
    ben: Client, author: User, settings: Any, rule: Rule, words: str
) -> None:
    settings.UPSTREAM_TIMEOUT = 1
    with upstream("compass", script=[rule]) as up:
        found = letter(compose(author, connect(up.url)))
        outbox.drain(linger=0)
    page = Html(ben.get(found.get_absolute_url()))
    assert words in page.one("ul.log").text
    assert "No answer" in pills(page)
    assert "it may have arrived" in page.one("main").text


def test_accepted_and_confirmed_are_told_apart(ben: Client, author: User) -> None:
    with upstream("compass") as up:
        found = letter(compose(author, connect(up.url)))
        outbox.drain(linger=0)
        page = Html(ben.get(found.get_absolute_url()))
        assert "The other system said yes. It is read back soon" in page.one("main").text
        Delivery.objects.update(confirm_at=timezone.now())
        outbox.drain(linger=0)
    page = Html(ben.get(found.get_absolute_url()))
    assert "reading the event back showed it there" in page.one("main").text
    assert "Read back" in page.all("ul.log li")[0].text


def test_a_letter_says_what_it_waits_for(ben: Client, author: User) -> None:
    made = connect()
    first = letter(compose(author, made))
    second = letter(compose(author, made))
    page = Html(ben.get(second.get_absolute_url()))
    assert "It waits behind an earlier letter" in page.one("main").text
    assert first.get_absolute_url() in [link["href"] for link in page.all(".card a")]
    assert "It waits for its turn" in Html(ben.get(first.get_absolute_url())).one("main").text
    actions.pause(made, by=author)
    words = Html(ben.get(first.get_absolute_url())).one("main").text
    assert "It waits: its connection is paused, paused by ben" in words


def test_a_dead_letter_goes_again(ben: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        found = dead(compose(author, connect(up.url)))
        page = Html(ben.get(found.get_absolute_url()))
        assert "Dead letter" in pills(page)
        assert [button.text for button in page.all(".head-side button")] == ["Retry now"]
        up.script()
        response = ben.post(f"{found.get_absolute_url()}retry/", follow=True)
        assert "It goes again" in Html(response).one("#messages").text
        outbox.drain(linger=0)
        assert len(up.events) == 1
    again = ben.post(f"{found.get_absolute_url()}retry/", follow=True)
    assert "this one is accepted" in Html(again).one("#messages").text


def test_a_letter_that_waits_can_be_cancelled(ben: Client, author: User) -> None:
    with upstream("compass") as up:
        found = letter(compose(author, connect(up.url)))
        page = Html(ben.get(found.get_absolute_url()))
        assert [button.text for button in page.all(".head-side button")] == ["Cancel"]
        ben.post(f"{found.get_absolute_url()}cancel/")
        outbox.drain(linger=0)
        assert up.requests == []
    assert pills(Html(ben.get(found.get_absolute_url()))) == ["Cancelled"]
    again = ben.post(f"{found.get_absolute_url()}cancel/", follow=True)
    assert "this one is cancelled" in Html(again).one("#messages").text


def test_an_event_that_was_deleted_here_is_said_to_be(ben: Client, author: User) -> None:
    found = letter(compose(author, connect()))
    Activity.objects.all().delete()
    page = Html(ben.get(found.get_absolute_url())).one("main").text
    assert "Its event was deleted here" in page


# ---- who may


def test_everybody_signed_in_reads_and_only_author_and_admin_change(author: User) -> None:
    found = letter(compose(author, connect()))
    path = found.get_absolute_url()
    eve, ana = signed_in("composer", "eve"), signed_in("admin", "ana")
    viewer = signed_in("viewer", "vic")
    for reader in (eve, viewer):
        assert reader.get(PATH).status_code == 200
        assert not Html(reader.get(path)).all(".head-side button")
        for action in ("retry/", "cancel/"):
            assert reader.post(path + action).status_code == 403
    assert Delivery.objects.get().state == Delivery.State.QUEUED
    assert ana.post(f"{path}cancel/").status_code == 302
    assert Delivery.objects.get().state == Delivery.State.CANCELLED
    for address in (PATH, path, f"{PATH}replay/"):
        assert Client().get(address).status_code == 302


def test_who_became_a_viewer_no_longer_changes_their_letters(ben: Client, author: User) -> None:
    found = letter(compose(author, connect()))
    actions.set_role(author, Role.VIEWER)
    assert ben.post(f"{found.get_absolute_url()}cancel/").status_code == 403


@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_a_link_changes_nothing(ben: Client, author: User, action: str) -> None:
    found = letter(compose(author, connect()))
    assert ben.get(f"{found.get_absolute_url()}{action}/").status_code == 405
