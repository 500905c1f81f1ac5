"""Sending many letters again, behind a plan that tells what will happen."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feeds import actions, outbox
from feeds.models import Activity, Attempt, Delivery, Lane, Role, User
from tests.letters import compose, connect, dead, letter, refused
from tests.pages import Element, Html, record, signed_in
from tests.upstream import Rule, upstream

PATH = "/outbox/replay/"
State = Delivery.State

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_network(settings: Any) -> None:
    settings.PRIVATE_UPSTREAMS = True


@pytest.fixture
def ana() -> Client:
    """The browser of an admin."""
    return signed_in("admin", "ana")


@pytest.fixture
def author(ana: Client) -> User:
    return User.objects.get(username="ana")


def plan(client: Client, **query: Any) -> Html:
    return Html(client.get(PATH, query))


def words(page: Html) -> str:
    return page.one("[aria-labelledby=plan]").text


def fields(page: Html) -> dict[str, str]:
    """Return what the button of the plan sends."""
    hidden = page.all(".card form[method=post] input[type=hidden]")
    return {each["name"]: each["value"] for each in hidden if "csrf" not in each["name"]}


def said(response: Any) -> str:
    return Html(response).one("#messages").text


def many(template: Delivery, count: int) -> None:
    """Copy TEMPLATE, each with an event of its own: what thousands of composed events leave."""
    plain = {
        field.attname: getattr(template, field.attname)
        for field in Delivery._meta.concrete_fields
        if field.name not in {"id", "uuid", "activity"}
    }
    for before in range(0, count, 1000):
        events = record(min(1000, count - before), before=before)
        Delivery.objects.bulk_create([Delivery(**plain, activity=event) for event in events])


def test_nothing_to_send_again_is_said(ana: Client) -> None:
    assert "nothing to send again" in words(plan(ana))


def test_a_plan_says_how_many_to_whom_and_how_long(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up, upstream("streams", script=refused()) as jira:
        one = connect(up.url, "One", per_minute=6000)
        other = connect(jira.url, "Other", "streams")
        for _ in range(3):
            dead(compose(author, one))
        dead(compose(author, other, wire="streams"))
        one.budget.per_minute = 60
        one.budget.save()
        page = plan(ana)
        assert "4 dead letters go again. Under the rate limits that takes about 3 s." in words(page)
        assert [line.text for line in page.all("ul.list li")] == [
            "One, 3 letters, about 3 s", "Other, 1 letter, no limit",
        ]  # fmt: skip
        assert "no newer update was sent since" in words(page)
        assert "None of them can become a duplicate" in words(page)
        assert set(Delivery.objects.values_list("state", flat=True)) == {State.DEAD}
        only = plan(ana, connection=other.uuid)
        assert "1 dead letter goes again. No rate limit slows them down." in words(only)


def test_a_post_sends_exactly_what_was_planned(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        made = connect(up.url)
        planned = [dead(compose(author, made)) for _ in range(2)]
        page = plan(ana)
        late = dead(compose(author, made))
        up.script()
        response = ana.post(PATH, fields(page), follow=True)
        assert "2 letters go again" in said(response)
        outbox.drain(linger=0)
        assert len(up.events) == 2
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert [states[each.pk] for each in planned] == [State.ACCEPTED] * 2
    assert states[late.pk] == State.DEAD, "what died after the plan is not in it"


def test_the_same_plan_sent_twice_sends_nothing_twice(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        dead(compose(author, connect(up.url)))
        sent = fields(plan(ana))
        up.script()
        ana.post(PATH, sent)
        outbox.drain(linger=0)
        assert "0 letters go again" in said(ana.post(PATH, sent, follow=True))
        outbox.drain(linger=0)
        assert len(up.events) == 1


def test_what_failed_since_a_moment_is_recovered(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        made = connect(up.url)
        old, new = (dead(compose(author, made)) for _ in range(2))
        now = timezone.now().replace(second=0, microsecond=0)
        Delivery.objects.filter(pk=old.pk).update(settled_at=now - timedelta(hours=2))
        page = plan(ana, since=f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}", connection=made.uuid)
        assert "1 dead letter goes again, of what ended since" in words(page)
        ana.post(PATH, fields(page))
    assert dict(Delivery.objects.values_list("pk", "state")) == {
        old.pk: State.DEAD, new.pk: State.QUEUED,
    }  # fmt: skip


def test_cancelled_letters_can_go_again(ana: Client, author: User) -> None:
    found = letter(compose(author, connect()))
    actions.cancel_delivery(found, by=author, role=Role.ADMIN)
    assert "nothing to send again" in words(plan(ana))
    page = plan(ana, state="cancelled")
    assert "1 cancelled letter goes again" in words(page)
    ana.post(PATH, fields(page))
    assert Delivery.objects.get().state == State.QUEUED


def test_letters_of_a_lane_go_in_order(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        made = connect(up.url)
        first, second = (dead(compose(author, made, displayName=name)) for name in "ab")
        up.script()
        third = letter(compose(author, made, displayName="c"))
        ana.post(PATH, fields(plan(ana)))
        outbox.drain(linger=0)
        names = [each.body["event"]["custom"]["displayName"] for each in up.events]
    assert names == ["a", "b", "c"]
    assert first.pk < second.pk < third.pk


def test_a_lane_that_a_worker_has_keeps_its_lease(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        found = dead(compose(author, connect(up.url)))
    flying = letter(compose(author, found.connection))
    (claim,) = outbox.claim(1, now=timezone.now())
    assert claim.delivery == flying
    lease = Lane.objects.get().ready_at
    ana.post(PATH, fields(plan(ana)))
    assert Delivery.objects.get(pk=found.pk).state == State.QUEUED
    assert Lane.objects.get().ready_at == lease


# ---- what the plan warns of


def test_what_a_newer_update_has_overtaken_is_counted(ana: Client, author: User) -> None:
    with upstream("compass", script=[Rule(status=400, path="events", times=1)]) as up:
        made = connect(up.url)
        composed = compose(author, made)
        first = dead(composed)
        activity = Activity.objects.get()
        document = {**composed.document, "event": {"custom": {
            **{k: v for k, v in composed.document["event"]["custom"].items()
               if k != "updateSequenceNumber"}, "displayName": "Newer"}}}  # fmt: skip
        actions.revise(
            activity, by=author, role=Role.ADMIN, document=document, above=activity.sequence
        )
        assert "no newer update was sent since" in words(plan(ana))
        outbox.drain(linger=0)
        assert "1 will change nothing" in words(plan(ana))
        ana.post(PATH, fields(plan(ana)))
        outbox.drain(linger=0)
        assert [event.outcome for event in up.events] == ["created", "stale"]
    assert Delivery.objects.get(pk=first.pk).state == State.ACCEPTED


def test_what_was_updated_by_other_ways_is_counted(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        dead(compose(author, connect(up.url), id="7"))
    compose(author, id="7", displayName="from elsewhere")
    assert "1 will change nothing" in words(plan(ana))


def test_what_may_have_arrived_is_looked_for_first(
    ana: Client, author: User, settings: Any
) -> None:
    with upstream("streams", script=[Rule(fault="reset-after", method="POST", times=1)]) as up:
        made = connect(up.url, dialect="streams")
        found = letter(compose(author, made, wire="streams"))
        outbox.drain(linger=0)
        actions.cancel_delivery(found, by=author, role=Role.ADMIN)
        page = plan(ana, state="cancelled")
        assert "1 may have arrived" in words(page)
        ana.post(PATH, fields(page))
        outbox.drain(linger=0)
        assert len(up.events) == 1, "it was found there"
    assert [*Attempt.objects.values_list("sort", flat=True)] == ["look_up", "send"]
    assert Delivery.objects.get().state == State.ACCEPTED


def test_an_uncertain_letter_with_an_identity_is_no_danger(ana: Client, author: User) -> None:
    with upstream("compass", script=[Rule(fault="reset-after", path="events", times=1)]) as up:
        found = letter(compose(author, connect(up.url)))
        outbox.drain(linger=0)
    actions.cancel_delivery(found, by=author, role=Role.ADMIN)
    assert "None of them can become a duplicate" in words(plan(ana, state="cancelled"))


def test_what_was_deleted_here_is_left_out(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        dead(compose(author, connect(up.url)))
    Activity.objects.all().delete()
    page = plan(ana)
    assert "1 is left out: its event was deleted here" in words(page)
    assert not page.all(".card form[method=post]")
    ana.post(PATH, {"state": "dead"})
    assert Delivery.objects.get().state == State.DEAD


def test_paused_connections_are_named(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        found = dead(compose(author, connect(up.url)))
    actions.pause(found.connection, by=author)
    assert "they wait until it is resumed" in words(plan(ana))


# ---- confirm


def test_over_a_hundred_letters_want_their_number_typed(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        found = dead(compose(author, connect(up.url)))
    many(found, 100)
    page = plan(ana)
    assert page.one("label[for=typed]").text == "Type 101 to send them"
    sent = fields(page)
    for typed in ("", "100", "yes"):
        response = ana.post(PATH, {**sent, "typed": typed})
        assert response.status_code == 422
        assert "Type 101, the number of letters" in Html(response).one(".summary").text
        assert fields(Html(response)) == sent, "the plan stays the same"
    assert not Delivery.objects.exclude(state=State.DEAD).exists()
    assert ana.post(PATH, {**sent, "typed": " 101 "}).status_code == 302
    assert not Delivery.objects.exclude(state=State.QUEUED).exists()


def test_a_hundred_letters_need_no_number(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        found = dead(compose(author, connect(up.url)))
    many(found, 99)
    page = plan(ana)
    assert not page.all("#typed")
    ana.post(PATH, fields(page))
    assert Delivery.objects.filter(state=State.QUEUED).count() == 100


def test_thousands_of_letters_are_answered_at_once(ana: Client, author: User) -> None:
    with upstream("compass", script=refused()) as up:
        found = dead(compose(author, connect(up.url)))
    many(found, 6000)
    with CaptureQueriesContext(connection) as queries:
        sent = fields(plan(ana))
        response = ana.post(PATH, {**sent, "typed": "6001"}, follow=True)
    assert len(queries) < 200, "a few for each batch, none for each letter"
    while "are left" in said(response):
        rest = fields(Html(response))
        assert rest["until"] == sent["until"]
        (left,) = re.findall(r"; (\d+) of the plan are left", said(response))
        response = ana.post(PATH, {**rest, "typed": left}, follow=True)
    assert not Delivery.objects.exclude(state=State.QUEUED).exists()
    assert Lane.objects.get().ready_at is not None


# ---- who may, and what cannot be read


def test_a_composer_sends_only_what_is_theirs(ana: Client, author: User) -> None:
    ben = signed_in("composer", "ben")
    with upstream("compass", script=refused()) as up:
        made = connect(up.url)
        dead(compose(author, made))
        own = dead(compose(User.objects.get(username="ben"), made))
    page = plan(ben)
    assert "1 dead letter of yours goes again" in words(page)
    ben.post(PATH, fields(page))
    assert [*Delivery.objects.filter(state=State.QUEUED)] == [own]
    viewer = signed_in("viewer", "vic")
    assert viewer.get(PATH).status_code == 403
    assert viewer.post(PATH, fields(page)).status_code == 403


@pytest.mark.parametrize(
    "query", ["state=queued", "connection=x", "since=yesterday", "until=soon", "since=0001-01-01"]
)
def test_a_choice_that_cannot_be_is_a_fault_in_words(ana: Client, query: str) -> None:
    name, _, value = query.partition("=")
    response = ana.get(f"{PATH}?{query}")
    if value == "0001-01-01":
        assert response.status_code == 200
        return
    assert response.status_code == 400
    assert faults(Html(response))
    assert ana.post(PATH, {name: value}).status_code == 422


def faults(page: Html) -> list[Element]:
    return page.all(".errorlist li")


def test_the_outbox_leads_to_the_plan(ana: Client, author: User) -> None:
    made = connect()
    links = [link["href"] for link in Html(ana.get(f"/outbox/?connection={made.uuid}")).all("a")]
    assert f"{PATH}?connection={made.uuid}" in links
