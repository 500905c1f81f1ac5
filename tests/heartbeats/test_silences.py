"""Who is told again, later, or not at all: reminders, snoozes, maintenance, pauses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from heartbeats import actions
from heartbeats.models import Heartbeat, Notification
from tests.heartbeats.beats import (
    DOWN,
    STILL,
    UP,
    State,
    alerts,
    at,
    channel,
    fresh,
    history,
    letters,
    make,
    ping,
    watch,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> None:
    settings.PRIVATE_UPSTREAMS = True


def test_while_it_is_down_it_is_told_again_if_that_is_wanted() -> None:
    channel("http://127.0.0.1:9/")
    beat = ping(make(repeat_minutes=30), 0)
    for minute in range(5, 80, 5):
        watch(minute)
    ping(beat, 80)
    for minute in range(80, 200, 10):
        assert fresh(beat).remind_at is None
        ping(beat, minute)
        watch(minute)
    assert letters() == [DOWN, STILL, STILL, UP]


def test_a_snooze_spares_people_and_not_the_history() -> None:
    channel("http://127.0.0.1:9/")
    beat = ping(make(), 0)
    actions.snooze(beat, until=at(60), now=at(1))
    watch(10)
    assert letters() == []
    assert history(beat)[-1] == ("Unresponsive", at(5))
    assert alerts()[0].state == "open"
    ping(beat, 20)
    watch(61)
    assert letters() == [DOWN]  # of the next outage: the first was over before the snooze


def test_who_was_spared_learns_of_what_lasts_longer() -> None:
    channel("http://127.0.0.1:9/")
    beat = ping(make(), 0)
    actions.snooze(beat, until=at(60), now=at(1))
    watch(10)
    watch(59)
    assert letters() == []
    watch(60)
    watch(70)
    assert letters() == [DOWN]
    ping(beat, 80)
    assert letters() == [DOWN, UP]


def test_ending_a_snooze_early_tells_at_once() -> None:
    channel("http://127.0.0.1:9/")
    beat = ping(make(), 0)
    actions.snooze(beat, until=at(60), now=at(1))
    watch(10)
    actions.snooze(beat, until=None, now=at(11))
    watch(11)
    assert letters() == [DOWN]


def test_a_snooze_of_what_was_told_ends_with_its_recovery() -> None:
    channel("http://127.0.0.1:9/")
    beat = ping(make(repeat_minutes=10), 0)
    watch(5)
    actions.snooze(beat, until=at(60), now=at(6))
    for minute in (15, 25, 35):
        watch(minute)
    assert letters() == [DOWN]
    watch(60)
    assert letters() == [DOWN, STILL]
    ping(beat, 61)
    assert letters() == [DOWN, STILL, UP]


def window(beat: Heartbeat | None = None, **fields: Any) -> Any:
    given = {"starts_at": at(0), "duration": timedelta(minutes=30), "heartbeat": beat, **fields}
    return actions.create_window(actions.ensure_team("ops"), **given)


def test_maintenance_spares_people_until_it_ends() -> None:
    channel("http://127.0.0.1:9/")
    beat = ping(make(), 0)
    window()
    watch(10)
    assert letters() == []
    assert fresh(beat).remind_at == at(30)
    watch(30)
    assert letters() == [DOWN]


def test_maintenance_of_one_heartbeat_is_not_that_of_another() -> None:
    channel("http://127.0.0.1:9/")
    mine = ping(make("mine"), 0)
    ping(make("other"), 0)
    window(mine)
    watch(10)
    assert Notification.objects.get().heartbeat.name == "other"


def test_windows_that_touch_are_one_silence() -> None:
    channel("http://127.0.0.1:9/")
    beat = ping(make(), 0)
    window()
    window(beat, starts_at=at(30))
    watch(10)
    assert fresh(beat).remind_at == at(60)


def test_recurring_maintenance_begins_by_its_schedule() -> None:
    channel("http://127.0.0.1:9/")
    daily = {"cron": "0 13 * * *", "time_zone": "Europe/Berlin"}  # noon in UTC, in winter
    window(**daily)
    beat = ping(make(), 24 * 60)
    watch(24 * 60 + 10)
    assert letters() == []
    assert fresh(beat).remind_at == at(24 * 60 + 30)


def test_a_window_that_is_deleted_spares_nobody_any_more() -> None:
    channel("http://127.0.0.1:9/")
    ping(make(), 0)
    found = window()
    watch(10)
    actions.delete_window(found, now=at(11))
    watch(11)
    assert letters() == [DOWN]


def test_pausing_spares_people_too() -> None:
    channel("http://127.0.0.1:9/")
    beat = ping(make(), 0)
    actions.pause(beat, now=at(1))
    watch(10)
    assert letters() == []
    assert fresh(beat).state == State.OFF
