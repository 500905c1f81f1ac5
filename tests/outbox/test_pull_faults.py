"""What may go wrong where a TeamHub is read: faults, odd events, clocks, and several of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from feeds import actions, pulling
from feeds.models import Activity, Connection, Delivery, EventSource, Refusal, Role
from tests.outbox.hubs import WAIT, Clock, asked, fill, got, pushed, read_from, running
from tests.outbox.office import author, build, compose, send_once
from tests.upstream import Rule, Upstream, upstream

pytestmark = pytest.mark.django_db


# ---- faults


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(status=503), "503: it is not available"),
        (Rule(fault="reset-before"), "reset"),
        (Rule(fault="reset-middle"), "before the answer was whole"),
        (Rule(fault="trickle-body", pace=0.2), "timeout"),
        (Rule(fault="hang"), "timeout"),
        (Rule(fault="garbage"), "the connection was cut"),
        (Rule(fault="big"), "no results"),
        (Rule(status=404), "404: nothing is there"),
        (Rule(status=302, headers={"Location": "https://else.example.com/"}), "redirects"),
        (Rule(status=200, body="<p>Maintenance</p>", headers={"Content-Type": "text/html"}),
         "a page for people"),
        (Rule(status=200, body='{"results": [{'), "no results"),
        (Rule(status=200, body={"results": 7}), "not a list"),
        (Rule(status=200, body="[" * 100_000), "no results"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value.fault or f"{value.status}",
)  # fmt: skip
def test_a_fault_backs_off_says_why_and_loses_nothing(
    up: Upstream, hub: Connection, clock: Clock, settings: Any, rule: Rule, words: str
) -> None:
    settings.UPSTREAM_TIMEOUT = 1
    ids = fill(up, 2)
    up.script(rule)
    clock.pull()
    hub.refresh_from_db()
    assert hub.pull_failures == 1
    assert words in hub.pull_error
    assert hub.pulled_at is None
    assert words in pulling.lag_of(hub, clock.now)
    assert clock.pull(timedelta(seconds=3)) == 0
    up.script()
    clock.pull(timedelta(seconds=5))
    assert got(ids) == set(ids)
    hub.refresh_from_db()
    assert (hub.pull_failures, hub.pull_error) == (0, "")


def test_the_wait_doubles_up_to_ten_minutes(up: Upstream, hub: Connection, clock: Clock) -> None:
    up.script(Rule(status=500))
    waits = []
    for _ in range(10):
        clock.pull(timedelta(minutes=11))
        hub.refresh_from_db()
        assert hub.pull_at
        waits.append((hub.pull_at - clock.now).total_seconds())
    assert waits == pytest.approx([5, 10, 20, 40, 80, 160, 320, 600, 600, 600], abs=2)


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_keys_end_the_reading_until_somebody_mends_them(
    up: Upstream, hub: Connection, clock: Clock, status: int
) -> None:
    up.script(Rule(status=status))
    clock.pull()
    hub.refresh_from_db()
    assert hub.pull_at is None
    assert hub.pull_error.startswith(f"{status}: the credentials")
    assert "not any more" in pulling.lag_of(hub, clock.now)
    assert clock.pull(timedelta(days=1)) == 0
    up.script()
    actions.change_connection(
        hub, name=hub.name, base_url=hub.base_url, account=hub.account,
        company_key=hub.company_key, secret="another", pulls=True,
    )  # fmt: skip
    assert clock.pull() == 1
    hub.refresh_from_db()
    assert hub.pull_error == ""


def test_a_429_holds_the_whole_account_for_as_long_as_the_upstream_asks(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    up.script(Rule(status=429, headers={"Retry-After": "90"}, times=1))
    clock.pull()
    hub.refresh_from_db()
    assert hub.pull_at
    assert (hub.pull_at - clock.now).total_seconds() == pytest.approx(90, abs=2)
    assert hub.budget.next_slot_at == hub.pull_at
    assert "429: too many requests" in hub.pull_error
    assert clock.pull(timedelta(seconds=80)) == 0
    assert clock.pull(timedelta(seconds=15)) == 1


def test_a_503_that_names_a_time_is_given_it(up: Upstream, hub: Connection, clock: Clock) -> None:
    up.script(Rule(status=503, headers={"Retry-After": "120"}))
    clock.pull()
    assert clock.pull(timedelta(seconds=110)) == 0
    assert clock.pull(timedelta(seconds=15)) == 1


def test_reading_keeps_the_rate_limit_that_letters_share(up: Upstream, clock: Clock) -> None:
    hub = read_from(up.url, per_minute=6)  # one in 10 seconds
    ids = fill(up, 400)
    clock.pull()
    assert 1 <= len(asked(up)) <= 2
    for _ in range(12):
        clock.pull(timedelta(seconds=11))
    assert got(ids[-350:]) == set(ids[-350:])
    hub.refresh_from_db()
    assert hub.pull_failures == 0


def test_a_page_too_large_to_be_read_is_asked_for_in_parts(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    ids = [up.push({**pushed(n), "note": "x" * 20_000}) for n in range(100)]
    clock.pull()
    assert got(ids) == set(ids)


# ---- events that cannot be read


def test_one_bad_event_is_logged_once_and_stops_no_other(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    good = fill(up, 2)
    bad = up.push({**pushed(), "timestamp": "yesterday"})
    nul = up.push({**pushed(), "objects": {"ref": "a\x00b"}})
    good += fill(up, 2)
    up.push({**pushed(), "id": "../../etc"})
    for _ in range(3):
        clock.pull()
    assert got([*good, bad, nul]) == set(good)
    reasons = sorted(Refusal.objects.values_list("reason", flat=True))
    assert len(reasons) == 3
    assert "read from hub: body: must not contain the NUL character" in reasons
    logged = Refusal.objects.get(reason__contains="timestamp: must be a date")
    assert logged.source == Activity.objects.get(external_id=good[0]).source
    assert any("id: must be" in reason for reason in reasons)
    up.mode.stored[bad] = {**up.mode.stored[bad], **pushed()}  # mended there
    clock.pull()
    assert got([bad]) == {bad}


def test_a_bad_running_build_does_not_stop_the_newest_page(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    identity = up.push(running(10))
    clock.pull()
    up.script(Rule(status=500, path=identity))
    ids = fill(up, 1)
    clock.pull()
    clock.soon()
    hub.refresh_from_db()
    assert got(ids) == set(ids)
    assert hub.pull_failures == 0


# ---- clocks


@pytest.mark.parametrize("ago", [7200.0, -7200.0], ids=["behind", "ahead"])
def test_a_clock_of_the_upstream_that_is_wrong_by_hours_changes_nothing(
    up: Upstream, hub: Connection, clock: Clock, ago: float
) -> None:
    first = up.push(running(10, ago=ago))
    clock.pull()
    second = up.push(pushed(ago=ago))
    up.progress(first, 40)  # dated by the right clock, and so earlier than the build itself
    clock.pull()
    assert got([first, second]) == {first, second}
    assert Activity.objects.get(external_id=first).progress == 40


def test_a_clock_of_ours_that_ran_ahead_does_not_end_the_reading(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    clock.pull(timedelta(days=3))
    clock.now -= timedelta(days=3)
    ids = fill(up, 1)
    assert clock.pull() == 1
    assert got(ids) == set(ids)


# ---- what was sent from here


def test_a_build_that_was_composed_here_stands_in_the_feed_once_and_follows_the_upstream(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    compose(build(), hub)
    assert send_once(clock.now) == 1
    delivery = Delivery.objects.get()
    assert delivery.receipt
    up.progress(delivery.receipt, 60)
    clock.pull()
    activity = Activity.objects.get()
    assert activity.progress == 60
    up.progress(delivery.receipt, 100, "failed")
    clock.soon()
    activity.refresh_from_db()
    assert (activity.progress, activity.state) == (100, "failed")
    assert Activity.objects.count() == 1
    assert Delivery.objects.count() == 1  # nothing is told to who told it


def test_what_came_twice_from_here_or_was_deleted_here_does_not_come_back(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    composed = compose(build(), hub).activity
    assert composed
    send_once(clock.now)
    ours = up.mode.stored[Delivery.objects.get().receipt]
    up.push({**ours, "id": "e" * 24, "progress": 90})  # sent twice, and known only by its link
    clock.pull()
    assert Activity.objects.get().progress == 10
    actions.retract(composed, by=author(), role=Role.COMPOSER)
    for _ in range(2):
        clock.pull()
    assert not Activity.objects.exists()


def test_our_receipt_is_known_where_the_upstream_drops_links(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    compose(build(), hub)
    send_once(clock.now)
    receipt = Delivery.objects.get().receipt
    up.mode.stored[receipt]["objects"].pop("resources")
    clock.pull()
    assert Activity.objects.count() == 1


def test_an_event_of_others_that_links_a_page_of_another_pulseboard_is_shown(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    page = "https://other.example.com/activities/0a44684d-52c3-4c0c-99f8-9d89ec294759/"
    event = running(10)
    event["objects"]["resources"] = [page]
    identity = up.push(event)
    clock.pull()
    assert got([identity]) == {identity}


# ---- several upstreams


def test_two_companies_with_the_same_names_and_ids_stay_apart(up: Upstream, clock: Clock) -> None:
    read_from(up.url, "ours")
    read_from(up.url, "theirs", company_key="f" * 32)  # on one host
    with upstream("teamhub") as other:
        read_from(other.url, "elsewhere")
        assert fill(up, 1) == fill(other, 1)
        clock.pull()
    assert Activity.objects.count() == 3
    assert EventSource.objects.count() == 3
    assert Activity.objects.values("generator").distinct().count() == 2


def test_two_connections_to_one_company_read_one_event(up: Upstream, clock: Clock) -> None:
    read_from(up.url, "one")
    read_from(up.url, "two")
    fill(up, 2)
    assert clock.pull() == 2
    assert Activity.objects.count() == 2
    assert not Refusal.objects.exists()


def test_a_connection_that_is_pointed_elsewhere_begins_anew(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    fill(up, 3)
    clock.pull()
    with upstream("teamhub") as other:
        fill(other, 200)
        actions.change_connection(
            hub, name=hub.name, base_url=other.url, account=hub.account, secret="another",
            company_key=hub.company_key,
        )  # fmt: skip
        clock.pull()
        assert Activity.objects.count() == 203


def test_one_upstream_that_fails_does_not_hinder_another(up: Upstream, clock: Clock) -> None:
    with upstream("teamhub", [Rule(fault="reset-before")]) as bad:
        read_from(bad.url, "bad")
        read_from(up.url, "good")
        ids = fill(up, 1)
        clock.pull()
    assert got(ids) == set(ids)


def test_a_fault_of_ours_with_one_connection_does_not_hinder_another(
    up: Upstream, clock: Clock
) -> None:
    broken = read_from("https://hub.example.com:99999", "broken")  # no such port
    read_from(up.url, "good")
    ids = fill(up, 1)
    clock.pull()
    assert got(ids) == set(ids)
    broken.refresh_from_db()
    assert broken.pull_error.startswith("Pulseboard failed")


def test_a_mark_of_another_form_is_no_hindrance(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    ids = fill(up, 3)
    clock.pull()
    hub.refresh_from_db()
    Connection.objects.update(pull_mark={**hub.pull_mark, "of_tomorrow": 1})
    ids += fill(up, 3)
    clock.pull()
    assert got(ids) == set(ids)
    assert Activity.objects.count() == 6


def test_a_connection_whose_maker_is_gone_is_read_all_the_same(up: Upstream, clock: Clock) -> None:
    read_from(up.url, user=None)
    ids = fill(up, 1)
    clock.pull()
    assert got(ids) == set(ids)


# ---- the lag in words


def test_the_lag_is_told_in_words(up: Upstream, hub: Connection, clock: Clock) -> None:
    assert pulling.lag_of(hub, clock.now) == "to be read for the first time"
    clock.pull()
    hub.refresh_from_db()
    said = pulling.lag_of(hub, clock.now + timedelta(minutes=1))
    assert said in ("read 1 min ago", "read 59 s ago")
    later = clock.now + timedelta(hours=3)
    assert pulling.lag_of(hub, later).endswith("is the worker running?")
    up.script(Rule(status=503))
    clock.pull(WAIT)
    hub.refresh_from_db()
    said = pulling.lag_of(hub, clock.now)
    assert said.startswith("read ")
    assert "503: it is not available" in said
    assert "; the next try is in" in said
