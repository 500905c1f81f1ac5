"""Long times on a clock of the test's own: outages, and clocks that step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from feeds import outbox
from feeds.models import Budget, Connection, Delivery, Lane
from tests.outbox.office import compose, connect, custom, send_once, states
from tests.upstream import Rule, busiest, upstream

pytestmark = pytest.mark.django_db(transaction=True)
SWEEP = timedelta(seconds=5)  # beat's step
DAY = timedelta(days=1)


def sweep(now: datetime) -> int:
    """Do what beat's task does, until nothing more can go at NOW; return how many letters went."""
    outbox.heal(now=now)
    outbox.probe_failing(now=now)
    sent = 0
    while went := send_once(now):
        sent += went
    return sent


def next_look(now: datetime) -> datetime:
    """Return the next sweep at which something can happen."""
    moments = [outbox.next_ready(), *Connection.objects.values_list("probe_at", flat=True)]
    return max(now + SWEEP, min(moment for moment in moments if moment))


def test_after_a_day_of_outage_every_letter_arrives_in_order_and_soon() -> None:
    now = began = datetime.now(UTC) + SWEEP
    with upstream("compass", script=[Rule(status=503)]) as up:
        connection = connect(up.url)
        for number in range(40):
            compose(custom(number, source=f"lane-{number % 4}"), connection)
        while now < began + DAY:
            sweep(now)
            now = next_look(now)
        assert up.events == []
        assert states() == ["retrying"] * 4 + ["queued"] * 36
        asked = len(up.requests)
        assert asked < 4 * len(outbox.BACKOFF) + DAY / outbox.PROBE + 4
        up.script()  # it is back
        while set(states()) != {"accepted"}:
            sweep(now)
            assert now < began + DAY + outbox.PROBE + SWEEP, states()
            now = next_look(now) if set(states()) != {"accepted"} else now
        for lane in range(4):
            mine = [event.body for event in up.events if event.lane == f"lane-{lane}"]
            names = [body["event"]["custom"]["displayName"] for body in mine]
            assert names == [f"Event {number}" for number in range(lane, 40, 4)]
    assert Delivery.objects.filter(tries__gt=len(outbox.BACKOFF)).count() == 0


def test_a_probe_that_fails_spends_no_try() -> None:
    now = datetime.now(UTC) + SWEEP
    with upstream("compass", script=[Rule(status=503)]) as up:
        compose(custom(), connect(up.url))
        while Delivery.objects.get().tries < 7:  # the next wait is one of hours
            sweep(now)
            now = next_look(now)
        before = Delivery.objects.get()
        assert before.next_try_at is not None
        probes = 0
        while now < before.next_try_at - outbox.PROBE:
            probes += sweep(now)
            now = next_look(now)
        after = Delivery.objects.get()
    assert probes >= 2
    assert (after.tries, after.next_try_at) == (before.tries, before.next_try_at)


def test_a_clock_that_steps_back_delays_nothing_for_long() -> None:
    now = datetime.now(UTC) + timedelta(hours=3)  # the clock runs ahead
    with upstream("compass", script=[Rule(status=503, times=1)]) as up:
        compose(custom(), connect(up.url, per_minute=100))
        assert sweep(now) == 1
        now -= timedelta(hours=2)
        assert sweep(now) == 0
        now += max(outbox.lease(), timedelta(minutes=1)) + SWEEP
        assert sweep(now) == 1
    assert states() == ["accepted"]


def test_a_clock_that_steps_forward_sends_nothing_twice() -> None:
    now = datetime.now(UTC) + SWEEP
    with upstream("compass") as up:
        compose(custom(), connect(up.url))
        (slow,) = outbox.claim(9, now=now)
        ahead = now + timedelta(hours=1)
        assert sweep(ahead) == 1
        assert slow.errand is not None
        assert len({event.identity for event in up.events}) == 1
    assert states() == ["accepted"]


@pytest.mark.parametrize("step", [timedelta(hours=-5), timedelta(hours=5)])
def test_a_clock_that_steps_never_breaks_the_rate_limit(step: timedelta) -> None:
    now = datetime.now(UTC) + timedelta(days=1)
    sent: list[float] = []  # by the upstream's own clock
    clock = 0.0
    with upstream("compass") as up:
        connection = connect(up.url, per_minute=60)
        for number in range(100):
            compose(custom(number, source=f"lane-{number}"), connection)
        for tick in range(400):
            if tick == 100:
                now += step
            sent += [clock] * sweep(now)
            now += timedelta(seconds=0.5)
            clock += 0.5
    assert busiest(sent, window=60.0) <= 60
    assert len(sent) == 100


def test_what_a_clock_left_in_the_future_is_mended_once() -> None:
    now = datetime.now(UTC)
    connection = connect("http://127.0.0.1:9", per_minute=10)
    compose(custom(), connection)
    ahead = now + DAY
    Lane.objects.update(ready_at=ahead, touched_at=ahead)
    Budget.objects.update(next_slot_at=ahead, taken_at=ahead)
    outbox.heal(now=now)
    lane, budget = Lane.objects.get(), Budget.objects.get()
    assert lane.ready_at == now + outbox.lease()
    assert budget.next_slot_at == now + timedelta(minutes=1)
    outbox.heal(now=now + SWEEP)
    assert Lane.objects.get().ready_at == lane.ready_at
