"""Events of a TeamHub come into the feed: all of them, once, and as far on as they are there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from feeds import actions, pulling
from feeds.models import Activity, Connection, Refusal
from feeds.pulling import claims
from feeds.tasks import pull
from tests.conftest import Caller
from tests.outbox.hubs import Clock, asked, fill, got, pushed, running
from tests.outbox.office import author
from tests.upstream import Rule, Upstream

pytestmark = pytest.mark.django_db


# ---- new events


def test_the_task_brings_new_events_into_the_feed(up: Upstream, hub: Connection) -> None:
    ids = fill(up, 3)
    pull()
    assert got(ids) == set(ids)
    hub.refresh_from_db()
    assert hub.pulled_at
    assert hub.pull_at
    assert hub.pull_at > timezone.now()
    activity = Activity.objects.get(external_id=ids[2])
    host = up.url.removeprefix("http://")
    assert activity.title == "assimov pushed 3 commits to shop master"
    assert activity.generator == f"TeamHub at {host}"
    assert activity.author == author()
    assert activity.source.name == f"web/shop at {host}"
    assert {request.headers["accept"] for request in up.requests} == {"application/vnd.hth.v1"}
    assert "account_key='open-sesame'" in up.requests[0].headers["authorization"]


def test_what_was_read_is_not_written_again(up: Upstream, hub: Connection, clock: Clock) -> None:
    fill(up, 3)
    clock.pull()
    touched = set(Activity.objects.values_list("touched_at", flat=True))
    up.push(pushed())
    clock.pull()
    assert Activity.objects.count() == 4
    assert touched < set(Activity.objects.values_list("touched_at", flat=True))
    assert not Refusal.objects.exists()
    assert asked(up) == ["?offset=0&limit=100"] * 2


def test_events_stand_in_the_feed_in_the_order_of_time(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    ids = fill(up, 5)  # of one second
    clock.pull()
    order = Activity.objects.order_by("id").values_list("external_id", flat=True)
    assert list(order) == ids


def test_the_first_look_reads_back_some_hundreds_and_no_more(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    ids = fill(up, 900)
    clock.pull()
    assert 400 <= Activity.objects.count() <= 500
    assert got(ids[-400:]) == set(ids[-400:])
    asked(up)
    clock.pull()
    assert asked(up) == ["?offset=0&limit=100"]


def test_nothing_is_asked_before_it_is_due(up: Upstream, hub: Connection, clock: Clock) -> None:
    fill(up, 1)
    assert clock.pull() == 1
    asked(up)
    assert clock.soon() == 0
    assert asked(up) == []


def test_a_connection_that_is_paused_or_not_read_asks_nothing(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    actions.pause(hub, by=author())
    assert clock.pull() == 0
    actions.resume(hub)
    assert clock.pull() == 1


# ---- running ones


def test_a_build_that_runs_moves_with_every_step_and_the_rest_does_not(
    up: Upstream, hub: Connection, clock: Clock, viewer: Caller
) -> None:
    fill(up, 2)
    identity = up.push(running(10))
    clock.pull()
    asked(up)
    for progress in (40, 75):
        up.progress(identity, progress)
        clock.soon()
        assert Activity.objects.get(external_id=identity).progress == progress
    assert asked(up) == [f"/{identity}"] * 2
    viewer.client.force_login(viewer.user, "django.contrib.auth.backends.ModelBackend")
    page = viewer.client.get("/").content.decode()
    assert "75" in page
    assert "Running" in page
    up.progress(identity, 100, "completed")
    clock.soon()
    activity = Activity.objects.get(external_id=identity)
    assert (activity.progress, activity.state) == (100, "succeeded")
    asked(up)
    assert clock.soon() == 0  # nothing runs any more
    assert Activity.objects.count() == 3


def test_a_build_that_tells_no_news_is_not_asked_for_at_every_step(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    identity = up.push(running(10))
    fill(up, 120)  # so that it is not on the newest page
    clock.pull()
    clock.pull(settings.LIVE_QUIET)
    asked(up)
    assert clock.soon() == 0
    up.progress(identity, 60)
    clock.pull()
    assert asked(up) == ["?offset=0&limit=100", f"/{identity}"]
    assert Activity.objects.get(external_id=identity).progress == 60


def test_only_so_many_running_builds_are_asked_for_one_by_one(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    for _ in range(30):
        up.push(running(10))
    clock.pull()
    asked(up)
    clock.soon()
    assert len(asked(up)) == 20


def test_a_running_build_that_is_gone_there_is_asked_for_once(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    identity = up.push(running(10))
    clock.pull()
    del up.mode.stored[identity]
    asked(up)
    clock.soon()
    assert asked(up) == [f"/{identity}"]
    clock.soon()
    assert asked(up) == []
    hub.refresh_from_db()
    assert hub.pull_failures == 0


# ---- pages that shift, duplicates, gaps


def _while_paging(up: Upstream, act: Callable[[], Any]) -> None:
    """Do ACT between any two pages."""
    answer = up.mode.answer

    def shifting(request: Any) -> Any:
        reply = answer(request)
        act()
        return reply

    up.mode.answer = shifting


def test_pages_that_shift_while_they_are_read_lose_nothing_and_double_nothing(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    ids = fill(up, 350)
    _while_paging(up, lambda: ids.extend(fill(up, 7)) if len(ids) < 380 else None)
    for _ in range(3):
        clock.pull()
    assert got(ids) == set(ids)
    assert Activity.objects.count() == len(ids)


def test_events_deleted_there_while_pages_are_read_hide_no_others(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    clock.pull()
    fill(up, 1)
    clock.pull()
    ids = fill(up, 400)
    newest = iter(reversed(ids))
    dropped: list[str] = []

    def drop() -> None:
        for _ in range(5):
            dropped.append(next(newest))
            del up.mode.stored[dropped[-1]]

    _while_paging(up, drop)
    clock.pull()
    assert got(ids) >= set(ids) - set(dropped)


def test_a_gap_that_is_larger_than_a_run_is_read_in_the_next_ones(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    fill(up, 1)
    clock.pull()
    ids = fill(up, 2500)
    clock.pull()
    assert 800 < len(got(ids)) < 1000
    hub.refresh_from_db()
    assert pulling.lag_of(hub, clock.now).endswith("older events are being read")
    ids += fill(up, 250)  # a second gap, above the first
    for _ in range(3):
        clock.soon()
    assert got(ids) != set(ids)
    for _ in range(8):
        clock.soon()
    assert got(ids) == set(ids)
    assert Activity.objects.count() == len(ids) + 1
    hub.refresh_from_db()
    assert hub.pull_mark["gaps"] == []


def test_more_events_than_a_run_reads_all_the_time_do_not_starve_the_gap(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    fill(up, 1)
    clock.pull()
    ids = fill(up, 1500)
    for _ in range(6):
        clock.pull()
        ids += fill(up, 300)
    for _ in range(4):
        clock.pull()
    assert got(ids) == set(ids)


def test_an_event_dated_back_is_found_by_the_hourly_sweep(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    fill(up, 300)
    clock.pull()
    stored = list(up.mode.stored.items())
    late = "f" * 24
    stored.insert(80, (late, {**stored[80][1], "id": late}))
    up.mode.stored.clear()
    up.mode.stored.update(stored)
    clock.pull()
    assert not got([late])
    clock.pull(timedelta(hours=1))
    assert got([late])
    asked(up)
    clock.pull()
    assert asked(up) == ["?offset=0&limit=100"]


def test_an_upstream_that_knows_no_offset_is_not_asked_for_ever(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    ids = fill(up, 300)
    answer = up.mode.answer

    def first_page(request: Any) -> Any:
        request.path = request.path.partition("?")[0]
        return answer(request)

    up.mode.answer = first_page
    for _ in range(5):
        clock.pull()
    asked(up)
    clock.pull()
    assert len(asked(up)) == 1
    assert got(ids[-25:]) == set(ids[-25:])


def test_a_run_that_was_killed_between_pages_goes_on_where_it_was(
    up: Upstream, hub: Connection, clock: Clock
) -> None:
    fill(up, 1)
    clock.pull()
    ids = fill(up, 600)
    up.script(Rule(fault="reset-before", skip=3, times=1))
    clock.pull()
    some = len(got(ids))
    assert 200 < some < 600
    # as the kill would leave it: the lease, and no word of how it ended
    Connection.objects.update(pull_at=clock.now + timedelta(seconds=24), pull_failures=0)
    assert clock.soon() == 0
    clock.pull()
    assert got(ids) == set(ids)
    assert Activity.objects.count() == 601


def test_two_workers_never_have_one_connection_and_a_late_one_changes_nothing(
    hub: Connection, clock: Clock
) -> None:
    late = claims.claim(now=clock.now)
    assert late
    assert claims.claim(now=clock.now) is None
    later = claims.claim(now=late.lease)
    assert later
    with pytest.raises(claims.Lost):
        late.keep(pull_error="from yesterday")
    later.keep(pull_error="")
    actions.change_connection(
        hub, name=hub.name, base_url=hub.base_url, account=hub.account,
        company_key=hub.company_key, pulls=False,
    )  # fmt: skip
    with pytest.raises(claims.Lost):
        later.keep(pull_error="nobody asked")
