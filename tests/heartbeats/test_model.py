"""After any sequence of pings, edits and steps of the clock the state is that of a simple model."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.models import Activity
from heartbeats import actions
from heartbeats.models import Heartbeat
from tests.heartbeats.beats import FAIL, LOG, START, SUCCESS, at, fresh, history, make

MINUTE = timedelta(minutes=1)


@dataclass
class Model:
    """A heartbeat as one would explain it."""

    state: str = "Pending"
    interval: int = 5
    grace: int = 0
    due: datetime | None = None
    last: datetime | None = None
    run: datetime | None = None
    turns: list[tuple[str, datetime]] = field(default_factory=lambda: [("Pending", at(0))])

    def turn(self, state: str, moment: datetime) -> None:
        if state != self.state:
            self.state = state
            self.turns.append((state, max(moment, self.turns[-1][1])))

    def count_from(self, moment: datetime) -> None:
        self.due = moment + (self.interval + self.grace) * MINUTE

    def do(self, what: str, value: int, now: datetime) -> None:
        getattr(self, what)(value, now)

    def success(self, value: int, now: datetime) -> None:
        if self.state != "Off":
            self.turn("Responsive", now)
            self.last, self.run = now, None
            self.count_from(now)

    def start(self, value: int, now: datetime) -> None:
        if self.state != "Off":
            self.run = now
            if self.state != "Unresponsive":
                self.count_from(now)

    def fail(self, value: int, now: datetime) -> None:
        if self.state != "Off":
            self.turn("Unresponsive", now)
            self.run = self.due = None

    def log(self, value: int, now: datetime) -> None:
        pass

    def interval_of(self, value: int, now: datetime) -> None:
        self.interval = value
        self.recount()

    def grace_of(self, value: int, now: datetime) -> None:
        self.grace = value
        self.recount()

    def recount(self) -> None:
        if self.due is not None:
            self.count_from(self.run or self.last or at(0))

    def pause(self, value: int, now: datetime) -> None:
        if self.state != "Off":
            self.turn("Off", now)
            self.run = self.due = None

    def resume(self, value: int, now: datetime) -> None:
        if self.state == "Off":
            self.turn("Pending", now)

    def watch(self, value: int, now: datetime) -> None:
        if self.due is not None and self.due <= now:
            self.turn("Unresponsive", self.due)
            self.due = None


def do(beat: Heartbeat, what: str, value: int, now: datetime) -> None:
    signals = {"success": SUCCESS, "start": START, "fail": FAIL, "log": LOG}
    if what in signals:
        actions.ping(beat.ping_key, signals[what], now=now)
    elif what == "interval_of":
        actions.change_heartbeat(beat, {"interval": value}, now=now)
    elif what == "grace_of":
        actions.change_heartbeat(beat, {"grace": value * MINUTE}, now=now)
    elif what == "watch":
        actions.watch(now=now)
    else:
        getattr(actions, what)(beat, now=now)


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["success", "success", "watch", "watch", "start", "fail", "log", "interval_of",
             "grace_of", "pause", "resume"]
        ),
        st.integers(1, 9),
        st.sampled_from([0, 0.5, 1, 3, 5, 6, 20, -2]),  # minutes that pass before
    ),
    max_size=14,
)  # fmt: skip


@pytest.mark.django_db
@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps)
def test_the_state_is_that_of_a_simple_model(taken: list[tuple[str, int, float]]) -> None:
    model, minutes = Model(), 0.0
    beat = make(f"beat-{uuid.uuid4()}")
    for what, value, pause in taken:
        minutes += pause
        do(beat, what, value, at(minutes))
        model.do(what, value, at(minutes))
        now = fresh(beat)
        assert (now.state, now.due_at, now.started_at) == (model.state, model.due, model.run)
    assert history(beat) == model.turns
    downs = [turn for turn in model.turns if turn[0] == "Unresponsive"]
    alerts = Activity.objects.filter(external_id__startswith=f"{beat.uuid}/").order_by("id")
    states = ["closed"] * len(downs)
    if model.state == "Unresponsive":
        states[-1] = "open"
    assert [alert.state for alert in alerts] == states
