"""Deadlines by interval and by cron, on ordinary days and on those that change the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from heartbeats.schedule import (
    check_cron,
    check_zone,
    deadline,
    next_times,
    open_until,
    opened_at,
    period_of,
)
from tests.heartbeats.beats import NOON, at, fresh, make, ping, watch

BERLIN = "Europe/Berlin"  # in 2026: 29 March 02:00 -> 03:00, 25 October 03:00 -> 02:00


@dataclass(frozen=True)
class Timing:
    period: timedelta = timedelta(minutes=5)
    grace: timedelta = timedelta()
    cron: str = ""
    time_zone: str = "UTC"


@dataclass(frozen=True)
class Window:
    starts_at: datetime = NOON
    duration: timedelta = timedelta(hours=1)
    cron: str = ""
    time_zone: str = "UTC"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "unit", "period"),
    [
        (1, "minutes", timedelta(minutes=1)),
        (90, "Minutes", timedelta(hours=1.5)),
        (2, "HOURS", timedelta(hours=2)),
        (36_500, "days", timedelta(days=36_500)),
    ],
)
def test_an_interval_has_a_unit_in_any_case(interval: int, unit: str, period: timedelta) -> None:
    assert period_of(interval, unit) == period


def test_a_deadline_is_the_last_sign_of_life_and_the_period_and_grace() -> None:
    assert deadline(Timing(grace=timedelta(minutes=2)), NOON) == at(7)
    with_cron = Timing(cron="0 3 * * *", grace=timedelta(minutes=30))
    assert deadline(with_cron, NOON) == utc("2026-11-22T03:30")


def test_a_day_that_skips_the_time_runs_it_once_after_the_jump() -> None:
    found = next_times("30 2 * * *", BERLIN, utc("2026-03-28T00:00"), 3)
    assert found == [utc("2026-03-28T01:30"), utc("2026-03-29T01:00"), utc("2026-03-30T00:30")]


def test_a_day_that_repeats_the_time_runs_it_once() -> None:
    found = next_times("30 2 * * *", BERLIN, utc("2026-10-24T12:00"), 2)
    assert found == [utc("2026-10-25T00:30"), utc("2026-10-26T01:30")]


def test_what_runs_every_hour_runs_every_hour_when_the_clock_changes() -> None:
    for start in ("2026-03-28T22:00", "2026-10-24T22:00"):
        found = next_times("0 * * * *", BERLIN, utc(start), 6)
        assert {b - a for a, b in pairwise(found)} == {timedelta(hours=1)}


def test_a_daily_time_keeps_to_the_clock_on_the_wall() -> None:
    found = next_times("0 9 * * *", BERLIN, utc("2026-03-27T12:00"), 2)
    assert found == [utc("2026-03-28T08:00"), utc("2026-03-29T07:00")]


@pytest.mark.django_db
def test_a_nightly_job_is_not_down_because_the_clock_changed() -> None:
    grace = timedelta(minutes=10)
    beat = make(cron="30 2 * * *", time_zone=BERLIN, grace=grace, now=utc("2026-03-28T00:00"))
    first = (utc("2026-03-28T01:31") - NOON) / timedelta(minutes=1)
    assert ping(beat, first).due_at == utc("2026-03-29T01:10")
    second = (utc("2026-03-29T01:01") - NOON) / timedelta(minutes=1)
    assert ping(beat, second).due_at == utc("2026-03-30T00:40")
    assert watch((utc("2026-03-30T00:40") - NOON) / timedelta(minutes=1)) == 1
    assert fresh(beat).changed_at == utc("2026-03-30T00:40")


@pytest.mark.parametrize("cron", ["", "x", "* * *", "61 * * * *", "0 0 31 2 *", "@daily"])
def test_what_is_no_schedule_is_refused_in_words(cron: str) -> None:
    with pytest.raises(ValueError, match=r"is not a cron expression|names a time that never comes"):
        check_cron(cron, "UTC", now=NOON)


@pytest.mark.parametrize("zone", ["", "Mars/Phobos", "../etc/passwd", "Europe", "x" * 300, "\x00"])
def test_what_is_no_time_zone_is_refused_in_words(zone: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time zone"):
        check_zone(zone)


def test_a_good_schedule_is_let_through() -> None:
    check_cron("*/15 8-18 * * MON-FRI", BERLIN, now=NOON)
    check_zone(BERLIN)


# ---- maintenance


def test_a_window_is_open_from_its_start_up_to_its_end() -> None:
    window = Window()
    assert opened_at(window, at(-1)) is None
    assert opened_at(window, at(0)) == NOON
    assert opened_at(window, at(59)) == NOON
    assert opened_at(window, at(60)) is None


def test_a_recurring_window_opens_each_time_but_not_before_its_start() -> None:
    window = Window(cron="0 10,12 * * *")
    assert opened_at(window, at(-100)) is None
    assert opened_at(window, at(0)) == NOON
    assert opened_at(window, at(61)) is None
    assert opened_at(window, at(22 * 60 + 30)) == at(22 * 60)


def test_silence_lasts_to_the_end_of_the_last_window_that_touches() -> None:
    windows = [Window(), Window(starts_at=at(30)), Window(starts_at=at(90)), Window(at(200))]
    assert open_until(windows, at(10)) == at(150)
    assert open_until(windows, at(160)) is None
    assert open_until([], NOON) is None


def test_a_window_that_never_closes_has_an_end_all_the_same() -> None:
    assert open_until([Window(cron="* * * * *")], at(10)) is not None
