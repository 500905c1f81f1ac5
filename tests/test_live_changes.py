"""The live stream tells of changes and deletions, whoever wrote them, in whatever order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.live import Live, Stream, living, transaction

DELETE = """
    DELETE FROM feeds_activity
    WHERE source_id = (SELECT id FROM feeds_eventsource WHERE external_id = %s)
"""
HELD = 4.0  # seconds that a writer keeps its transaction open; most looks reach back by 3


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with living() as found:
        yield found


@pytest.fixture
def source(live: Live) -> str:
    """Make a source with one activity, told of long ago."""
    name = live.site.source()
    live.post(name, "1")
    return name


def uuid_of(live: Live, source: str) -> str:
    (activity,) = live.site.activities(source)
    return str(activity["uuid"])


def update(live: Live, source: str, number: int) -> None:
    event = live.site.event(source, id="1", updateSequenceNumber=number)
    assert live.site.ask("POST", "events", json=[event])["updated"] == 1


def test_an_update_is_told_to_those_who_may_show_it_and_is_no_new_activity(
    live: Live, source: str
) -> None:
    other = live.site.source()
    with (
        live.stream(params={"source": source}) as stream,
        live.stream(params={"type": "custom", "q": "no such word"}) as shown_before,
        live.stream(params={"type": "build"}) as of_another_kind,
        live.stream(params={"source": other}) as of_another_source,
        live.stream(params={"environment": "prod"}) as of_deployments,
    ):
        update(live, source, 2)
        assert stream.changed() == {uuid_of(live, source)}
        assert shown_before.changed() == {uuid_of(live, source)}
        for elsewhere in (of_another_kind, of_another_source, of_deployments):
            assert name_of_next(elsewhere) == "ping"


def name_of_next(stream: Stream) -> str:
    event = stream.next()
    assert event is not None
    return event.name


def test_a_report_of_progress_is_told(live: Live) -> None:
    made = live.site.ask("POST", "activities", json={"kind": "build", "title": "web #1",
                         "state": "running", "source": {"external_id": "progress"}})  # fmt: skip
    with live.stream(params={"source": "progress"}) as stream:
        live.site.ask("PATCH", f"activities/{made['uuid']}", json={"progress": 40})
        assert stream.changed() == {made["uuid"]}
        live.site.ask("PATCH", f"activities/{made['uuid']}", json={"progress": 60})
        assert stream.changed() == {made["uuid"]}


def test_a_deletion_is_told_whoever_deletes(live: Live, source: str) -> None:
    identity = uuid_of(live, source)
    with live.stream(params={"source": source}) as stream:
        with transaction(live) as writer:
            writer.execute(DELETE, source)
            writer.commit()
        assert stream.changed() == {identity}


def test_who_resumes_hears_of_what_changed_meanwhile(live: Live, source: str) -> None:
    with transaction(live) as reader:
        [(last,)] = reader.execute("SELECT max(id) FROM feeds_activity")
    update(live, source, 2)
    live.post(source, "2")
    with live.stream(params={"source": source, "after": last}, fresh=False) as stream:
        assert stream.hint().data["new"] == 1
        assert uuid_of_first(live, source) in stream.changed()


def uuid_of_first(live: Live, source: str) -> str:
    (found,) = [row for row in live.site.activities(source) if row["external_id"] == "1"]
    return str(found["uuid"])


def test_a_change_that_is_committed_long_after_its_moment_is_told_once(live: Live) -> None:
    source = live.site.source()
    live.post(source, "late", "early")
    names = {row["external_id"]: row["uuid"] for row in live.site.activities(source)}
    with live.stream(params={"source": source}) as stream:
        with transaction(live) as slow:
            slow.touch("late")
            time.sleep(HELD)
            slow.commit()
        assert stream.changed() == {names["late"]}
        with transaction(live) as writer:
            writer.touch("early")
            writer.commit()
        assert stream.changed() == {names["early"]}  # and not the other again


def test_an_update_that_waits_for_another_writer_is_told(live: Live, source: str) -> None:
    """SQLite: whoever waits for the lock has taken its moment before."""
    with live.stream(params={"source": source}) as stream:
        with transaction(live) as holder:
            holder.execute("UPDATE feeds_eventsource SET name = name WHERE external_id = %s "
                           "RETURNING id", source)  # fmt: skip
            waiting = threading.Thread(target=update, args=(live, source, 2))
            waiting.start()
            time.sleep(HELD)
            holder.commit()
        waiting.join()
        assert stream.changed() == {uuid_of(live, source)}
