"""The life cycles of heartbeats against a clock that stands still until it is told to go on."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from feeds import actions as feed
from feeds.dialects import compass
from feeds.models import Activity, EventSource
from heartbeats import actions
from heartbeats.models import Flip, Heartbeat, Ping
from tests.heartbeats.beats import (
    FAIL,
    LOG,
    START,
    State,
    alerts,
    at,
    fresh,
    history,
    make,
    ping,
    watch,
)

pytestmark = pytest.mark.django_db
SECOND = 1 / 60


def exit_status(status: int) -> actions.Signal:
    return actions.Signal(kind=Ping.Kind.EXIT, exit_status=status)


# ---- deadlines


def test_what_was_never_pinged_is_never_down() -> None:
    beat = make()
    assert watch(10_000) == 0
    assert fresh(beat).state == State.PENDING
    assert alerts() == []


def test_it_expires_at_its_deadline_and_not_a_moment_before() -> None:
    beat = ping(make(), 1)
    assert beat.due_at == at(6)
    assert watch(6 - SECOND) == 0
    assert watch(6) == 1
    assert fresh(beat).state == State.UNRESPONSIVE


def test_the_flip_is_stamped_with_the_deadline_and_not_with_when_it_was_seen() -> None:
    beat = ping(make(), 1)
    watch(60)
    assert history(beat) == [("Pending", at(0)), ("Responsive", at(1)), ("Unresponsive", at(6))]
    assert fresh(beat).changed_at == at(6)
    (alert,) = alerts()
    assert alert.occurred_at == at(6)


def test_within_grace_it_is_not_down() -> None:
    beat = ping(make(grace=timedelta(minutes=2)), 0)
    assert watch(5 + SECOND) == 0
    assert watch(7 - SECOND) == 0
    assert watch(7) == 1
    assert fresh(beat).changed_at == at(7)


def test_a_ping_restarts_the_clock() -> None:
    beat = make()
    for minute in range(0, 40, 4):
        ping(beat, minute)
        assert watch(minute + 4) == 0
    assert [state for state, _ in history(beat)] == ["Pending", "Responsive"]


def test_a_new_interval_applies_to_the_running_countdown() -> None:
    beat = ping(make(), 1)
    actions.change_heartbeat(beat, {"interval": 2, "interval_unit": "HOURS"}, now=at(3))
    assert fresh(beat).due_at == at(121)
    actions.change_heartbeat(beat, {"grace": timedelta(minutes=9)}, now=at(3))
    assert fresh(beat).due_at == at(130)
    actions.change_heartbeat(beat, {"interval": 1, "interval_unit": "minutes"}, now=at(20))
    assert watch(20) == 1
    assert fresh(beat).changed_at == at(11)


def test_other_changes_leave_the_countdown_alone() -> None:
    beat = ping(make(), 1)
    actions.change_heartbeat(beat, {"description": "x", "alert_priority": "P1"}, now=at(3))
    assert fresh(beat).due_at == at(6)


# ---- one alert an outage


def test_an_outage_is_one_alert_that_the_next_ping_closes() -> None:
    beat = ping(make(alert_message="Backups stopped", alert_priority="P2"), 0)
    watch(10)
    watch(20)
    (alert,) = alerts()
    assert (alert.title, alert.state, alert.sequence) == ("Backups stopped", "open", 1)
    ping(beat, 30)
    (closed,) = alerts()
    assert (closed.uuid, closed.state, closed.sequence) == (alert.uuid, "closed", 2)
    assert closed.occurred_at == at(30)
    assert closed.details["event"]["alert"]["alertProperties"]["priority"] == "P2"


def test_every_outage_has_an_alert_of_its_own_and_flips_name_it() -> None:
    beat = ping(make(), 0)
    watch(10)
    ping(beat, 20)
    watch(30)
    ping(beat, 40)
    first, second = alerts()
    assert first.uuid != second.uuid
    flips = Flip.objects.filter(heartbeat=beat).order_by("id")
    named = [flip.activity for flip in flips]
    assert named == [None, None, first.uuid, first.uuid, second.uuid, second.uuid]


def test_an_alert_that_somebody_acknowledged_over_the_wire_is_closed_all_the_same(
    bot: Any,
) -> None:
    beat = ping(make(), 0)
    watch(10)
    document = compass.render(alerts()[0].columns())
    document["event"]["alert"]["updateSequenceNumber"] = 57
    document["event"]["alert"]["alertProperties"]["status"] = "ACKNOWLEDGED"
    assert bot.send(document).status_code == 202
    assert alerts()[0].state == "acknowledged"
    ping(beat, 20)
    (alert,) = alerts()
    assert (alert.state, alert.sequence) == ("closed", 58)


def test_a_stored_alert_is_rendered_as_the_document_that_it_is() -> None:
    beat = ping(make(alert_tags=["db"]), 0)
    watch(10)
    for _ in range(2):
        (alert,) = alerts()
        assert compass.render(alert.columns()) == json.loads(alert.raw)
        ping(beat, 20)


def test_a_title_longer_than_the_vendor_allows_is_no_trouble() -> None:
    ping(make("n" * 200, alert_message=""), 0)
    assert watch(10) == 1
    assert alerts()[0].title == "n" * 200 + " is expired"


def test_alerts_show_on_the_component_that_the_heartbeat_is_linked_to() -> None:
    component = feed.create_component("Checkout")
    ping(make(component=component), 0)
    ping(make("other", component=component), 0)
    watch(10)
    assert [alert.source.external_id for alert in alerts()] == [
        f"heartbeats:ops:{component.uuid}"
    ] * 2
    assert component.sources.count() == 1


def test_an_open_alert_moves_with_its_heartbeat_to_another_component() -> None:
    beat = ping(make(), 0)
    watch(10)
    component = feed.create_component("Checkout")
    actions.change_heartbeat(beat, {"component": component}, now=at(11))
    ping(beat, 12)
    (alert,) = alerts()
    assert alert.state == "closed"
    assert component.sources.get() == alert.source


def test_a_source_that_somebody_deleted_is_made_again() -> None:
    beat = ping(make(), 0)
    feed.delete_source(EventSource.objects.get())
    watch(10)
    assert alerts()[0].state == "open"
    feed.delete_source(EventSource.objects.get())
    ping(beat, 20)
    assert alerts()[0].state == "closed"


def test_a_full_component_takes_no_heartbeat(settings: Any) -> None:
    settings.SOURCES_PER_COMPONENT = 0
    component = feed.create_component("Checkout")
    with pytest.raises(feed.SourceLimitReached):
        make(component=component)
    assert not Heartbeat.objects.exists()


# ---- switching


def test_switched_off_it_is_not_watched_and_pings_are_ignored() -> None:
    beat = ping(make(), 0)
    actions.pause(beat, now=at(1))
    assert watch(100) == 0
    beat = ping(beat, 101)
    assert (beat.state, beat.due_at) == (State.OFF, None)
    assert [entry.kind for entry in beat.log.all()] == ["ignored", "success"]


def test_switching_off_closes_an_open_alert() -> None:
    beat = ping(make(), 0)
    watch(10)
    actions.pause(beat, now=at(12))
    assert [alert.state for alert in alerts()] == ["closed"]
    assert history(beat)[-1] == ("Off", at(12))


def test_deleting_closes_an_open_alert_and_leaves_it_on_the_feed() -> None:
    beat = ping(make(), 0)
    watch(10)
    actions.delete_heartbeat(beat, now=at(12))
    assert not Heartbeat.objects.exists()
    assert [alert.state for alert in alerts()] == ["closed"]


def test_switched_on_again_it_waits_for_its_next_ping() -> None:
    beat = ping(make(), 0)
    actions.pause(beat, now=at(1))
    actions.resume(beat, now=at(2))
    assert watch(100) == 0
    assert fresh(beat).state == State.PENDING
    ping(beat, 101)
    assert watch(106) == 1


def test_switching_to_where_it_stands_does_nothing() -> None:
    beat = ping(make(), 0)
    actions.resume(beat, now=at(1))
    assert fresh(beat).state == State.RESPONSIVE
    assert len(history(beat)) == 2


def test_a_duplicate_has_an_address_of_its_own_and_no_history() -> None:
    beat = ping(make(tags=["db"], grace=timedelta(minutes=3)), 0)
    other = fresh(actions.duplicate_heartbeat(beat, name="copy", now=at(1)))
    assert (other.tags, other.grace, other.state) == (["db"], timedelta(minutes=3), State.PENDING)
    assert other.ping_key != beat.ping_key
    with pytest.raises(feed.Conflict):
        actions.duplicate_heartbeat(beat, name="copy", now=at(1))


# ---- failures and runs


@pytest.mark.parametrize("signal", [FAIL, exit_status(1), exit_status(-9), exit_status(3221225477)])
def test_a_reported_failure_is_down_at_once(signal: actions.Signal) -> None:
    beat = ping(make(), 0)
    assert ping(beat, 2, signal).state == State.UNRESPONSIVE
    assert history(beat)[-1] == ("Unresponsive", at(2))
    assert alerts()[0].state == "open"
    ping(beat, 3, signal)
    assert len(alerts()) == 1
    assert ping(beat, 4, exit_status(0)).state == State.RESPONSIVE
    assert alerts()[0].state == "closed"


def test_even_one_that_was_never_pinged_before() -> None:
    assert ping(make(), 0, FAIL).state == State.UNRESPONSIVE


def test_a_run_that_starts_and_does_not_end_is_down() -> None:
    beat = ping(make(grace=timedelta(minutes=1)), 0, START)
    assert (beat.state, beat.due_at) == (State.PENDING, at(6))
    assert watch(6) == 1
    flip = Flip.objects.filter(heartbeat=beat).latest("id")
    assert (flip.at, flip.reason) == (at(6), "its run did not end in time")


def test_a_start_restarts_the_countdown_but_revives_nothing() -> None:
    beat = ping(make(), 0)
    assert ping(beat, 4, START).due_at == at(9)
    watch(9)
    assert ping(beat, 10, START).state == State.UNRESPONSIVE
    assert ping(beat, 11).state == State.RESPONSIVE


def test_a_new_interval_counts_from_the_start_of_the_run() -> None:
    beat = ping(ping(make(), 0), 4, START)
    actions.change_heartbeat(beat, {"interval": 10}, now=at(5))
    assert fresh(beat).due_at == at(14)


def test_logging_changes_nothing() -> None:
    beat = ping(make(), 0)
    beat = ping(beat, 2, LOG)
    assert (beat.due_at, beat.pings) == (at(5), 2)
    assert ping(make("other"), 0, LOG).state == State.PENDING


def test_runs_have_a_duration() -> None:
    beat = make()
    ping(beat, 0, START)
    ping(beat, 3)
    ping(beat, 4)
    assert [entry.duration for entry in beat.log.all()] == [None, timedelta(minutes=3), None]


def test_runs_side_by_side_are_told_apart_by_their_ids() -> None:
    beat = make()

    def signal(kind: Ping.Kind, run: str) -> actions.Signal:
        return actions.Signal(kind=kind, run_id=run)

    ping(beat, 0, signal(Ping.Kind.START, "a"))
    ping(beat, 1, signal(Ping.Kind.START, "b"))
    ping(beat, 4, signal(Ping.Kind.SUCCESS, "a"))
    ping(beat, 4.5, signal(Ping.Kind.FAIL, "b"))
    ping(beat, 5, signal(Ping.Kind.SUCCESS, "c"))
    durations = {entry.run_id: entry.duration for entry in beat.log.exclude(kind="start")}
    assert durations == {"a": timedelta(minutes=4), "b": timedelta(minutes=3.5), "c": None}


def test_a_clock_that_goes_back_never_turns_the_history_back() -> None:
    beat = ping(make(), 0)
    watch(10)
    ping(beat, 4)  # it was taken before the deadline, and waited for the monitor's lock
    assert history(beat)[-2:] == [("Unresponsive", at(5)), ("Responsive", at(5))]
    assert Activity.objects.get().state == "closed"


# ---- what is kept


def test_the_last_thousand_pings_are_kept() -> None:
    beat = ping(make(), 0)
    Ping.objects.bulk_create(
        [Ping(heartbeat=beat, number=number, kind="success", at=at(0)) for number in range(2, 1501)]
    )
    Heartbeat.objects.filter(pk=beat.pk).update(pings=1500)
    assert actions.prune() == 500
    assert beat.log.count() == 1000
    assert beat.log.last().number == 501


def test_old_flips_go_but_for_the_last(settings: Any) -> None:
    beat = ping(make(), 0)
    settings.RETENTION = timedelta(days=-36_500)
    actions.prune()
    assert [state for state, _ in history(beat)] == ["Responsive"]
