"""Uptime and strips, computed from flips."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from heartbeats.badges import badge, shields
from heartbeats.uptime import Bucket, buckets, percent, spans, uptime
from tests.heartbeats.beats import FAIL, NOON, at, make, ping

UP, DOWN = "Responsive", "Unresponsive"


@dataclass(frozen=True)
class Turned:
    was: str
    state: str
    at: datetime


def flips(*turns: tuple[str, float], was: str = "") -> list[Turned]:
    found = []
    for state, minute in turns:
        found.append(Turned(was, state, at(minute)))
        was = state
    return found


def cut(
    *turns: tuple[str, float], was: str = "", until: float = 100
) -> list[tuple[str, float, float]]:
    state = turns[-1][0] if turns else was
    found = spans(flips(*turns, was=was), state=state, since=NOON, until=at(until))
    minute = timedelta(minutes=1)
    return [(one.state, (one.start - NOON) / minute, (one.end - NOON) / minute) for one in found]


def test_flips_cut_the_time() -> None:
    assert cut(("Pending", 10), (UP, 20), (DOWN, 50)) == [
        ("", 0, 10), ("Pending", 10, 20), (UP, 20, 50), (DOWN, 50, 100),
    ]  # fmt: skip


def test_without_a_flip_it_is_what_it_is() -> None:
    assert cut(was=UP) == [(UP, 0, 100)]


def test_before_the_first_flip_it_is_what_it_was() -> None:
    assert cut((UP, 30), was=DOWN) == [(DOWN, 0, 30), (UP, 30, 100)]


def test_uptime_counts_watched_time_only() -> None:
    turns = flips(("Pending", 0), (UP, 20), (DOWN, 50), (UP, 60), ("Off", 80))
    found = uptime(spans(turns, state="Off", since=NOON, until=at(100)), since=NOON, until=at(100))
    assert found.watched == timedelta(minutes=60)
    assert found.down == timedelta(minutes=10)
    assert found.outages == 1
    assert found.ratio == pytest.approx(5 / 6)


def test_what_was_not_watched_has_no_uptime() -> None:
    assert uptime([], since=NOON, until=at(1)).ratio is None
    assert percent(None) == "no data"


def test_a_bar_shows_its_worst_state_and_how_bad_it_was() -> None:
    turns = flips((UP, 10), (DOWN, 35), (UP, 40))
    bars = buckets(
        spans(turns, state=UP, since=NOON, until=at(100)), since=NOON, until=at(100), count=10
    )
    assert [bar.state for bar in bars] == ["", UP, UP, DOWN, *[UP] * 6]
    assert bars[3].bad == 0.5
    assert isinstance(bars[0], Bucket)
    assert (bars[0].start, bars[-1].end) == (NOON, at(100))


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.0, "100.00 %"), (0.999999999999, "99.99 %"), (0.99995, "99.99 %"), (0.57, "57.00 %"),
        (0.123456, "12.34 %"), (0.0, "0.00 %"),
    ],
)  # fmt: skip
def test_nothing_is_rounded_up(ratio: float, text: str) -> None:
    assert percent(ratio) == text


@pytest.mark.django_db
def test_a_badge_says_where_it_stands() -> None:
    beat = make()
    assert badge(beat).message == "pending"
    beat = ping(beat, 1)
    assert shields(badge(beat)) == {
        "schemaVersion": 1, "label": "backup", "message": "up", "color": "1a7f37",
    }  # fmt: skip
    assert badge(ping(beat, 2, FAIL)).message == "down"


@pytest.mark.django_db
def test_the_flips_of_a_heartbeat_are_what_is_cut() -> None:
    beat = ping(ping(make(), 10), 40, FAIL)
    found = spans(list(beat.flips.order_by("at", "id")), state=beat.state, since=NOON, until=at(60))
    assert [span.state for span in found] == ["Pending", UP, DOWN]
