"""A letter's way: what each end of an attempt makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from feeds import actions, outbox
from feeds.dialects.outward import compass
from feeds.models import Activity, Connection, Delivery, Lane, Role
from feeds.outbox.post import carry
from tests.outbox.office import (
    SECRET,
    activity,
    author,
    build,
    compose,
    connect,
    custom,
    revise,
    send_once,
    states,
)
from tests.upstream import Rule, upstream

pytestmark = pytest.mark.django_db(transaction=True)
STEP = timedelta(seconds=1)


@pytest.fixture
def now() -> datetime:
    """Return a moment after all that was composed: the clock of these tests is their own."""
    return datetime.now(UTC) + STEP


@pytest.mark.parametrize(
    ("wire", "document"),
    [("compass", custom()), ("streams", activity()), ("teamhub", build())],
)
def test_a_letter_arrives_and_is_read_back(wire: str, document: dict[str, object]) -> None:
    with upstream(wire) as up:
        compose(document, connect(up.url, wire))
        outbox.drain(linger=3)
        assert len(up.events) == 1
    delivery = Delivery.objects.get()
    assert [each.sort for each in delivery.attempts.order_by("id")] == ["send", "confirm"]
    assert delivery.state == "confirmed", delivery.reason


def test_one_event_goes_to_several_upstreams() -> None:
    with upstream("compass") as one, upstream("compass") as two:
        compose(custom(), connect(one.url), connect(two.url))
        assert Activity.objects.count() == 1
        outbox.drain(linger=0)
        assert len(one.events) == len(two.events) == 1


def test_what_is_composed_without_an_upstream_is_only_recorded() -> None:
    compose(custom())
    assert Activity.objects.count() == 1
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_a_letter_that_fails_is_tried_again_later(now: datetime, status: int) -> None:
    with upstream("compass", script=[Rule(status=status, times=1)]) as up:
        compose(custom(), connect(up.url))
        send_once(now)
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.tries, delivery.status) == ("retrying", 1, status)
        assert delivery.next_try_at is not None
        wait = delivery.next_try_at - now
        assert timedelta(seconds=4) <= wait <= timedelta(seconds=6)
        assert send_once(now + wait - STEP) == 0
        assert send_once(now + wait) == 1
    assert states() == ["accepted"]


def test_the_upstream_says_when_to_try_again(now: datetime) -> None:
    rule = Rule(status=503, headers={"Retry-After": "100"}, times=1)
    with upstream("compass", script=[rule]) as up:
        compose(custom(), connect(up.url))
        send_once(now)
    assert Delivery.objects.get().next_try_at == now + timedelta(seconds=100)


def test_a_letter_that_can_never_be_taken_is_dead_at_once_and_the_next_one_goes(
    now: datetime,
) -> None:
    with upstream("compass", script=[Rule(status=400, body={"message": "bad"}, times=1)]) as up:
        connection = connect(up.url)
        compose(custom(1), connection)
        compose(custom(2), connection)
        send_once(now)
        send_once(now)
    assert states() == ["dead", "accepted"]
    assert "bad" in Delivery.objects.order_by("id")[0].reason


def test_after_the_last_try_a_letter_is_dead_and_says_why(now: datetime) -> None:
    with upstream("compass", script=[Rule(status=503)]) as up:
        compose(custom(), connect(up.url))
        for _ in range(len(outbox.BACKOFF) + 1):
            send_once(now)
            now += timedelta(days=2)
    delivery = Delivery.objects.get()
    assert delivery.state == "dead"
    assert delivery.reason.startswith("given up after 11 tries; the last: 503")
    assert delivery.attempts.count() == 11


def test_a_letter_behind_one_that_waits_waits_too(now: datetime) -> None:
    with upstream("compass", script=[Rule(status=503, times=1)]) as up:
        connection = connect(up.url)
        for number in range(3):
            compose(custom(number), connection)
        assert send_once(now) == 1
        assert send_once(now) == 0
        for _ in range(3):
            now += timedelta(seconds=10)
            send_once(now)
        sent = [event.body["event"]["custom"]["displayName"] for event in up.events]
    assert sent == ["Event 0", "Event 1", "Event 2"]


def test_other_lanes_do_not_wait(now: datetime) -> None:
    with upstream("compass", script=[Rule(status=503, lane="slow")]) as up:
        connection = connect(up.url)
        compose(custom(1, source="slow"), connection)
        compose(custom(2, source="quick"), connection)
        while send_once(now):
            pass
    assert states() == ["retrying", "accepted"]


def test_a_429_spends_no_try_and_holds_the_whole_account(now: datetime) -> None:
    rule = Rule(status=429, headers={"Retry-After": "30"}, times=1)
    with upstream("compass", script=[rule]) as up:
        connection = connect(up.url)
        twin = actions.create_connection(
            "the same account elsewhere", dialect="compass", base_url=up.url, secret=SECRET,
            account=connection.account.upper(), per_minute=0, cloud_id="another",
        )  # fmt: skip
        compose(custom(1), connection)
        send_once(now)
        compose(custom(2), twin)
        assert Delivery.objects.order_by("id")[0].tries == 0
        assert send_once(now + timedelta(seconds=29)) == 0
        assert send_once(now + timedelta(seconds=30)) == 2
    assert states() == ["accepted", "accepted"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_secret_pauses_the_connection_and_keeps_its_letters(
    now: datetime, status: int
) -> None:
    with upstream("compass", script=[Rule(status=status, times=1)]) as up:
        connection = connect(up.url)
        compose(custom(1), connection)
        compose(custom(2), connection)
        send_once(now)
        connection.refresh_from_db()
        assert connection.paused_at == now
        assert str(status) in connection.pause_reason
        assert send_once(now + timedelta(days=9)) == 0
        actions.resume(connection)
        send_once(now)
        send_once(now)
    assert states() == ["accepted", "accepted"]
    assert Delivery.objects.order_by("id")[0].tries == 0


def test_when_one_letter_gets_through_the_others_need_not_wait(now: datetime) -> None:
    with upstream("compass", script=[Rule(status=503, times=2)]) as up:
        connection = connect(up.url)
        compose(custom(1, source="a"), connection)
        compose(custom(2, source="b"), connection)
        send_once(now)
        send_once(now)
        assert states() == ["retrying", "retrying"]
        Lane.objects.filter(key__endswith=str(Activity.objects.order_by("id")[0].source_id)).update(
            ready_at=now + timedelta(hours=9)
        )
        later = now + timedelta(seconds=10)
        assert send_once(later) == 1
        assert send_once(later) == 1
    assert states() == ["accepted", "accepted"]
    assert Connection.objects.get().failing_since is None


# ---- attempts whose end is not known


@pytest.mark.parametrize(("wire", "document"), [("streams", activity()), ("teamhub", build())])
@pytest.mark.parametrize("fault", ["reset-after", "reset-before", "reset-middle"])
def test_what_may_have_arrived_is_looked_for_and_sent_once(
    now: datetime, wire: str, document: dict[str, object], fault: str
) -> None:
    with upstream(wire, script=[Rule(fault=fault, method="POST", times=1)]) as up:
        compose(document, connect(up.url, wire))
        send_once(now)
        assert Delivery.objects.get().uncertain
        send_once(now + timedelta(seconds=10))
        assert len(up.events) == 1
    delivery = Delivery.objects.get()
    assert delivery.state == "accepted"
    assert delivery.receipt
    sorts = [attempt.sort for attempt in delivery.attempts.order_by("id")]
    assert sorts == ["send", "look_up", *(["send"] if fault == "reset-before" else [])]


def test_a_letter_whose_worker_is_lost_is_taken_up_when_the_lease_ends(now: datetime) -> None:
    with upstream("streams") as up:
        compose(activity(), connect(up.url, "streams"))
        (lost,) = outbox.claim(10, now=now)
        assert lost.errand is not None
        carry(lost.errand)  # it arrives, and then the worker dies
        assert send_once(now + outbox.lease() - STEP) == 0
        assert send_once(now + outbox.lease()) == 1
        assert len(up.events) == 1
    assert states() == ["accepted"]
    assert Delivery.objects.get().attempts.filter(error__contains="worker was lost").count() == 1


def test_a_worker_that_wakes_up_late_changes_nothing(now: datetime) -> None:
    with upstream("compass") as up:
        compose(custom(), connect(up.url))
        (late,) = outbox.claim(10, now=now)
        assert late.errand is not None
        end = carry(late.errand)
        (second,) = outbox.claim(10, now=now + outbox.lease())
        assert outbox.settle([(late, end)], now=now) == 0
        assert states() == ["sending"]
        assert second.errand is not None
        assert outbox.settle([(second, carry(second.errand))], now=now) == 1
    assert states() == ["accepted"]


# ---- updates, deletes, and what people change their minds about


def test_an_update_takes_the_place_of_one_that_has_not_gone(now: datetime) -> None:
    with upstream("compass", script=[Rule(status=503, times=1)]) as up:
        composition = compose(custom(), connect(up.url))
        send_once(now)
        assert composition.activity is not None
        for number in range(3):
            revise(composition.activity, custom(description=f"News {number}"))
        send_once(now + timedelta(seconds=10))
        assert [event.body["event"]["custom"]["description"] for event in up.events] == ["News 2"]
    assert states() == ["superseded", "superseded", "superseded", "accepted"]


def test_progress_is_put_to_the_event_that_was_created(now: datetime) -> None:
    with upstream("teamhub") as up:
        composition = compose(build(), connect(up.url, "teamhub"))
        assert composition.activity is not None
        revise(composition.activity, {"progress": 60})
        send_once(now)
        send_once(now)
        receipt = Delivery.objects.order_by("id")[0].receipt
        put = up.requests[-1]
        assert (put.method, put.path) == ("PUT", f"/api/events/{receipt}")
        assert put.document == {"progress": 60, "operation": "created"}
    assert states() == ["accepted", "accepted"]
    composition.activity.refresh_from_db()
    assert composition.activity.progress == 60


def test_an_update_of_what_was_never_accepted_is_dead_and_says_so(now: datetime) -> None:
    with upstream("teamhub", script=[Rule(status=422, method="POST")]) as up:
        composition = compose(build(), connect(up.url, "teamhub"))
        assert composition.activity is not None
        revise(composition.activity, {"progress": 60})
        outbox.drain(linger=0)
        assert len(up.requests) == 1
    assert states() == ["dead", "dead"]
    assert "never accepted" in Delivery.objects.order_by("-id")[0].reason


def test_a_deleted_activity_is_deleted_upstream_too(now: datetime) -> None:
    with upstream("streams") as up:
        composition = compose(activity(), connect(up.url, "streams"))
        send_once(now)
        assert composition.activity is not None
        stays = actions.retract(composition.activity, by=author(), role=Role.COMPOSER)
        assert stays == {}
        send_once(now + STEP)
        assert up.requests[-1].method == "DELETE"
    assert states() == ["accepted", "accepted"]
    assert not Activity.objects.exists()


def test_what_has_not_gone_is_cancelled_when_its_activity_is_deleted(now: datetime) -> None:
    with upstream("streams") as up:
        composition = compose(activity(), connect(up.url, "streams"))
        assert composition.activity is not None
        actions.retract(composition.activity, by=author(), role=Role.COMPOSER)
        assert send_once(now) == 0
        assert up.requests == []
    assert states() == ["cancelled"]


def test_compass_cannot_delete_and_that_is_said(now: datetime) -> None:
    with upstream("compass") as up:
        composition = compose(custom(), connect(up.url))
        send_once(now)
        assert composition.activity is not None
        stays = actions.retract(composition.activity, by=author(), role=Role.COMPOSER)
        assert len(stays) == 1
        assert send_once(now) == 0


def test_a_cancelled_letter_lets_the_next_one_go(now: datetime) -> None:
    with upstream("compass", script=[Rule(status=503, times=1)]) as up:
        connection = connect(up.url)
        compose(custom(1), connection)
        compose(custom(2), connection)
        send_once(now)
        assert outbox.cancel(Delivery.objects.order_by("id")[0], now=now)
        send_once(now)
    assert states() == ["cancelled", "accepted"]


def test_a_dead_letter_is_sent_again_on_demand(now: datetime) -> None:
    with upstream("compass", script=[Rule(status=400, times=1)]) as up:
        compose(custom(), connect(up.url))
        send_once(now)
        delivery = Delivery.objects.get()
        assert outbox.retry(delivery, now=now)
        assert not outbox.retry(delivery, now=now)
        send_once(now)
    assert states() == ["accepted"]
    assert delivery.attempts.count() == 2


def test_what_is_scheduled_goes_when_its_time_comes(now: datetime) -> None:
    with upstream("compass") as up:
        composition = compose(custom(), connect(up.url), send_at=now + timedelta(hours=1))
        assert actions.release_due(now=now) == 0
        assert not Activity.objects.exists()
        assert actions.release_due(now=now + timedelta(hours=1)) == 1
        send_once(now + timedelta(hours=1))
        assert len(up.events) == 1
    composition.refresh_from_db()
    assert composition.state == "sent"
    assert composition.activity is not None


def test_a_source_can_be_deleted_and_its_letters_stay(now: datetime) -> None:
    with upstream("compass") as up:
        compose(custom(), connect(up.url))
        send_once(now)
    source = Activity.objects.get().source
    actions.delete_source(source)
    assert Delivery.objects.get().activity is None


def test_letters_go_when_they_are_older_than_the_retention(now: datetime, settings: Any) -> None:
    with upstream("compass") as up:
        compose(custom(1), connect(up.url))
        send_once(now)
        compose(custom(2, source="waits"), connect(up.url))
    settings.RETENTION = timedelta(days=-1)  # all that is not of tomorrow is too old
    Activity.objects.all().delete()
    actions.prune()
    assert states() == ["queued"]


def test_a_connection_that_is_deleted_while_its_letter_is_on_its_way_stops_no_other(
    now: datetime,
) -> None:
    with upstream("compass") as up:
        gone, stays = connect(up.url), connect(up.url)
        compose(custom(), gone, stays)
        claims = outbox.claim(9, now=now)
        trips = [(claim, carry(claim.errand)) for claim in claims if claim.errand]
        actions.delete_connection(gone)
        assert outbox.settle(trips, now=now) == 1
    assert states() == ["accepted"]


def test_an_upstream_that_sends_the_secret_back_does_not_make_it_public(now: datetime) -> None:
    with upstream("compass") as up:
        connection = connect(up.url)
        account = outbox.account_of(connection)
        basic = compass.authorize(account)["Authorization"]
        body = f"you sent {basic}, that is {account.secret}"
        up.script(Rule(status=400, body={"message": body}))
        compose(custom(), connection)
        send_once(now)
    delivery = Delivery.objects.get()
    kept = f"{delivery.reason} {delivery.attempts.get().response}"
    assert "you sent ••••, that is ••••" in kept
    assert SECRET not in kept
    assert basic.removeprefix("Basic ") not in kept


def test_a_compass_site_whose_cloud_id_is_not_known_is_not_written_to() -> None:
    connection = connect("http://127.0.0.1:9")
    Connection.objects.update(cloud_id="")
    connection.refresh_from_db()
    with pytest.raises(actions.Conflict, match="cloudId"):
        compose(custom(), connection)
    assert not Activity.objects.exists()


@pytest.mark.parametrize(
    ("rule", "state", "words"),
    [
        (Rule(status=302, headers={"Location": "https://x.example/"}), "dead", "redirects"),
        (Rule(fault="big"), "accepted", ""),
        (Rule(fault="trickle-head"), "retrying", "timeout after 1 s"),
        (Rule(fault="trickle-body", status=202, body="x" * 99), "retrying", "timeout after 1 s"),
        (Rule(fault="hang"), "retrying", "timeout after 1 s"),
        (Rule(fault="reset-middle"), "retrying", "the connection was"),
        (Rule(fault="garbage"), "retrying", "the connection was cut"),
        (
            Rule(status=200, body="Be right back", headers={"Content-Type": "text/html"}),
            "retrying",
            "",
        ),
        (Rule(status=404, body={"message": "no such site"}), "dead", "no such site"),
    ],
    ids=lambda value: getattr(value, "fault", None) or str(getattr(value, "status", value))[:20],
)
def test_what_an_upstream_may_do_to_a_letter(
    now: datetime, settings: Any, rule: Rule, state: str, words: str
) -> None:
    settings.UPSTREAM_TIMEOUT = 1
    with upstream("compass", script=[replace(rule)]) as up:
        compose(custom(), connect(up.url))
        send_once(now)
    assert states() == [state]
    assert words in Delivery.objects.get().reason
