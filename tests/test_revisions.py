"""What updates changed: kept by the database whoever writes, shown on the page, told by the API."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds import actions
from feeds.models import REVISIONS_KEPT, Activity, EventSource, Revision, Role
from tests.conftest import Caller
from tests.pages import START, Html, record, signed_in

pytestmark = pytest.mark.django_db

#: Another value for everything that an update may change of what is shown.
OTHER: dict[str, Any] = {
    "dialect": "native", "kind": "build", "verb": "broke", "state": "failed", "title": "another",
    "content": "words", "url": "https://x.example", "icon": "i", "generator": "Other",
    "actor_key": "ann", "actor_name": "Ann", "actor_image": "https://x.example/a.png",
    "object_type": "o", "object_key": "k", "target_key": "t", "target_url": "https://t.example",
}  # fmt: skip
FIRST = {"kind": "build", "state": "running", "progress": 10, "actor_key": "ci"}


@pytest.fixture
def reader() -> Client:
    return signed_in("viewer", "reader")


def update(sequence: int, **fields: Any) -> Activity:
    """Update the one event of these tests, which FIRST describes."""
    (activity,) = record(1, **{**FIRST, "sequence": sequence, **fields})
    return activity


def told(caller: Caller, activity: Activity) -> Any:
    answer = caller.get(f"/api/v1/activities/{activity.uuid}/revisions")
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def lines(page: Html) -> list[str]:
    return [item.text for item in page.all(".revisions ul li")]


# ---- what is kept


@pytest.mark.parametrize("name", OTHER)
def test_an_update_keeps_the_former_value_of_whatever_it_changed(name: str) -> None:
    before = getattr(update(1), name)
    value = "push" if name == "kind" else OTHER[name]
    if name == "kind":  # no wire changes it; a writer past all of them leaves a trace too
        Activity.objects.update(kind=value)
    else:
        update(2, **{name: value})
    revision = Revision.objects.get()
    assert getattr(revision, name) == before
    assert getattr(Activity.objects.get(), name) == value


def test_what_is_new_and_what_only_moves_progress_leaves_no_revision() -> None:
    update(1)
    for sequence in range(2, 8):
        update(
            sequence, progress=10 * sequence, details={"step": sequence}, raw=f'"{sequence}"',
            occurred_at=START + timedelta(minutes=sequence),
        )  # fmt: skip
    update(7, state="failed")  # stale
    Activity.objects.update(touched_at=timezone.now(), raw="{}")
    assert not Revision.objects.exists()
    assert Activity.objects.get().updates == 6


def test_what_does_not_run_moves_in_time_and_in_the_vendors_fields_with_a_trace() -> None:
    update(1, state="pending")
    update(2, state="pending", occurred_at=START + timedelta(minutes=1))
    update(3, state="pending", occurred_at=START + timedelta(minutes=1), details={"a": 1})
    moved, grown = Revision.objects.order_by("id")
    assert (moved.occurred_at, moved.next_occurred_at) == (START, START + timedelta(minutes=1))
    assert grown.details == {}


def test_only_the_newest_are_kept_and_other_events_lose_none() -> None:
    record(1, before=5, state="running")
    record(1, before=5, state="failed", sequence=2)
    for sequence in range(1, REVISIONS_KEPT + 5):
        update(sequence, title=f"title {sequence}")
    kept = Revision.objects.filter(activity__external_id="0")
    assert sorted(kept.values_list("sequence", flat=True)) == list(range(4, REVISIONS_KEPT + 4))
    assert Revision.objects.count() == REVISIONS_KEPT + 1


@pytest.mark.parametrize("way", ["one", "many", "source"])
def test_revisions_go_with_their_event_however_it_is_deleted(way: str) -> None:
    update(1)
    update(2, state="failed")
    record(1, before=1, source_id="other", state="running")
    record(1, before=1, source_id="other", state="failed", sequence=2)
    gone = Activity.objects.filter(source__external_id="shop/web")
    if way == "one":
        gone.get().delete()
    elif way == "many":
        gone.delete()
    else:
        actions.delete_source(EventSource.objects.get(external_id="shop/web"))
    assert Revision.objects.get().activity.source.external_id == "other"


# ---- what is told


def test_every_update_is_told_with_who_sent_it_and_what_it_changed(
    bot: Caller, admin: Caller, viewer: Caller, reader: Client
) -> None:
    actions.create_source("shop/web", kind="build")
    bot.event("build", state="IN_PROGRESS", displayName="web 1", extra={"runner": "a", "of": 2})
    admin.event(
        "build", state="FAILED", displayName="web 2", updateSequenceNumber=7,
        extra={"runner": "b", "of": 2, "new": [1]},
    )  # fmt: skip
    activity = Activity.objects.get()
    (found,) = told(viewer, activity)
    assert (found["by"], found["former_sequence"], found["sequence"]) == ("admin", 1, 7)
    assert found["changes"] == [
        {"field": "state", "before": "running", "after": "failed"},
        {"field": "title", "before": "web 1", "after": "web 2"},
        {"field": "actor_name", "before": "bot", "after": "admin"},
        {"field": "actor_key", "before": "bot", "after": "admin"},
        {"field": "details.event.build.extra.runner", "before": "a", "after": "b"},
        {"field": "details.event.build.extra.new", "before": None, "after": [1]},
    ]
    page = Html(reader.get(activity.get_absolute_url()))
    assert lines(page) == [
        "State Running → became Failed",
        "Title web 1 → became web 2",
        "Actor bot → became admin",
        "Id of the actor bot → became admin",
        "event.build.extra.runner a → became b",
        "event.build.extra.new nothing → became [1]",
    ]
    assert "sent by admin · sequence 1 → 7" in page.one(".revisions .sub").text


def test_a_report_of_progress_in_our_own_words_is_told_like_any_update(bot: Caller) -> None:
    made = bot.post(
        "/api/v1/activities",
        {"kind": "build", "title": "web", "state": "running", "source": {"external_id": "a"}},
    ).json()
    address = f"/api/v1/activities/{made['uuid']}"
    bot.patch(address, {"progress": 40})
    bot.patch(address, {"progress": 100, "state": "succeeded"})
    (found,) = told(bot, Activity.objects.get())
    assert found["by"] == "bot"
    assert found["changes"] == [
        {"field": "state", "before": "running", "after": "succeeded"},
        {"field": "progress", "before": 40, "after": 100},
    ]


def test_a_run_that_we_closed_is_our_own_doing_and_so_is_nobodys(
    viewer: Caller, reader: Client
) -> None:
    update(1)
    update(2)
    Activity.objects.update(touched_at=START - timedelta(days=9))
    assert actions.abandon_runs() == 1
    activity = Activity.objects.get()
    (found,) = told(viewer, activity)
    assert found["by"] is None
    assert found["changes"] == [{"field": "state", "before": "running", "after": "unknown"}]
    shown = Html(reader.get(activity.get_absolute_url())).one(".revisions .sub").text
    assert "Pulseboard, for no end was told" in shown


def test_an_update_stays_when_its_sender_leaves(reader: Client) -> None:
    update(1)
    activity = update(2, state="failed")
    actions.ensure_user("recorder", role=Role.BOT).delete()
    shown = Html(reader.get(activity.get_absolute_url())).one(".revisions .sub").text
    assert "sent by somebody who is gone" in shown


def test_long_lists_of_changes_fold_and_long_values_are_cut(reader: Client) -> None:
    update(1, details={str(n): n for n in range(20)}, content="a" * 500)
    activity = update(2, state="failed", content="b" * 500)
    page = Html(reader.get(activity.get_absolute_url()))
    assert page.one(".revisions summary").text == "14 more"
    assert len(lines(page)) == 22
    assert f"{'a' * 160}… → became {'b' * 160}…" in lines(page)[1]


def test_revisions_of_nothing_are_not_found(viewer: Caller) -> None:
    assert viewer.get(f"/api/v1/activities/{uuid.uuid4()}/revisions").status_code == 404


def test_a_page_costs_the_same_queries_with_many_updates_as_with_few(
    reader: Client, django_assert_max_num_queries: Any
) -> None:
    component = actions.create_component("Web")
    for number in range(3):
        actions.attach(component, actions.create_source(f"shop/{number}", kind="build"))
        record(10, before=100 * number, source_id=f"shop/{number}")
    (activity,) = record(1, before=5, source_id="shop/0", sequence=2, title="changed")
    for sequence in range(3, 30):
        record(1, before=5, source_id="shop/0", sequence=sequence, title=f"again {sequence}")
    reader.get("/")
    with django_assert_max_num_queries(20):
        page = Html(reader.get(activity.get_absolute_url()))
    assert len(page.all(".revisions .sub")) == 28
