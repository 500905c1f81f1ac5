"""How a person wants to read: what is kept, how it is asked for, and that every page heeds it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from feeds.models import User
from heartbeats.models import Heartbeat
from tests.composed import filled, new_form
from tests.conftest import Caller
from tests.heartbeats.beats import make
from tests.pages import Html, record, signed_in

GIVEN = {
    "theme": "dark",
    "density": "compact",
    "time_zone": "Europe/Berlin",
    "times": "absolute",
    "shortcuts": "on",
}  # no "collapse": an empty box sends nothing


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


def prefer(reader: Client, **changed: str) -> Any:
    return reader.post("/settings/preferences/", {**GIVEN, **changed})


def test_preferences_are_kept_and_every_device_has_them(reader: Client) -> None:
    assert prefer(reader)["Location"] == "/settings/"
    elsewhere = Client()
    elsewhere.force_login(User.objects.get(username="viewer"))
    for path in ("/settings/", "/", "/components/", "/nothing/"):
        html = Html(elsewhere.get(path)).one("html")
        assert (html["data-theme"], html["data-density"]) == ("dark", "compact")
    page = Html(elsewhere.get("/settings/"))
    assert page.one("#id_time_zone")["value"] == "Europe/Berlin"
    assert "selected" in page.one("#id_times option[value=absolute]").attrs
    assert "checked" in page.one("#id_shortcuts").attrs
    assert "checked" not in page.one("#id_collapse").attrs


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"time_zone": "Mars/Olympus"}, "Time zone: Must be the name of a time zone"),
        ({"time_zone": "../../etc/passwd"}, "Time zone: Must be the name of a time zone"),
        ({"time_zone": "Europe"}, "Time zone: Must be the name of a time zone"),
        ({"time_zone": ""}, "Time zone: This field is required"),
        ({"theme": "pink"}, "Theme: Select a valid choice"),
        ({"density": ""}, "Density of the feed: This field is required"),
    ],
)
def test_what_cannot_be_is_422_and_changes_nothing(
    reader: Client, wrong: dict[str, str], words: str
) -> None:
    answer = prefer(reader, **wrong)
    page = Html(answer)
    assert answer.status_code == 422
    assert words in page.one(".summary").text
    assert page.one("html").attrs.get("data-theme") is None
    assert User.objects.get(username="viewer").density == "cozy"


def test_strangers_have_none_to_change(db: None) -> None:
    assert prefer(Client())["Location"].startswith("/sign-in/")


# ---- by program


def test_programs_read_and_change_preferences(viewer: Caller) -> None:
    mine = viewer.get("/api/v1/me").json()["preferences"]
    assert mine == {
        "theme": "system",
        "density": "cozy",
        "time_zone": "UTC",
        "times": "both",
        "collapse": True,
        "shortcuts": True,
    }
    answer = viewer.patch("/api/v1/me", {"preferences": {"theme": "dark", "collapse": False}})
    assert answer.status_code == 200
    assert answer.json()["preferences"] == {**mine, "theme": "dark", "collapse": False}
    assert viewer.get("/api/v1/me").json()["preferences"]["theme"] == "dark"


@pytest.mark.parametrize(
    "wrong",
    [{"theme": "pink"}, {"time_zone": "Mars"}, {"time_zone": 5}, {"collapse": "no"}, {"size": 1}],
)
def test_a_preference_that_cannot_be_is_400_and_named(
    viewer: Caller, wrong: dict[str, Any]
) -> None:
    answer = viewer.patch("/api/v1/me", {"preferences": wrong})
    assert answer.status_code == 400
    assert f"preferences.{next(iter(wrong))}" in answer.content.decode()


# ---- times


def test_times_are_in_the_readers_zone_and_say_so(reader: Client) -> None:
    (row,) = record(1, occurred_at=datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
    assert Html(reader.get("/")).one(".when")["title"] == "2026-11-21 23:30:00 UTC"
    prefer(reader)
    feed = Html(reader.get("/"))
    assert feed.one(".when").text == "00:30:00"
    assert feed.one(".when")["title"] == "2026-11-22 00:30:00 CET"
    assert feed.one(".when time")["datetime"] == "2026-11-21T23:30:00+00:00"
    assert "Europe/Berlin (CET)" in feed.one(".foot").text
    assert Html(reader.get("/feed/rows")).one(".when").text == "00:30:00"
    page = Html(reader.get(f"/activities/{row.uuid}/"))
    assert "2026-11-22 00:30:00 CET" in page.one(".head .sub").text
    # addresses and the API stay with UTC
    assert Html(reader.get("/?until=2026-11-22")).rows == [str(row.uuid)]
    said = reader.get("/api/v1/activities").json()["results"][0]["occurred_at"]
    assert said.startswith("2026-11-21T23:30:00")


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), "2026-03-29 01:59:59 CET"),
        (datetime(2026, 3, 29, 1, 0, 0, tzinfo=UTC), "2026-03-29 03:00:00 CEST"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25 02:30:00 CEST"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25 02:30:00 CET"),
    ],
)
def test_the_hour_that_is_missing_and_the_one_that_comes_twice_are_told_apart(
    reader: Client, moment: datetime, shown: str
) -> None:
    prefer(reader)
    (row,) = record(1, occurred_at=moment)
    assert Html(reader.get("/")).one(".when")["title"] == shown
    assert shown in Html(reader.get(f"/activities/{row.uuid}/")).one(".head .sub").text


def test_the_zone_of_one_reader_is_not_that_of_the_next(reader: Client) -> None:
    record(1)
    prefer(reader)
    assert Html(reader.get("/")).one(".when").text == "13:00:00"
    assert Html(signed_in("admin").get("/")).one(".when").text == "12:00:00"


def test_times_are_written_as_one_likes_them(reader: Client) -> None:
    record(1)
    both = Html(reader.get("/"))
    assert both.one(".when").text == "12:00:00"
    assert both.one("relative-time.ago").text == "2026-11-21"
    prefer(reader, time_zone="UTC")
    absolute = Html(reader.get("/"))
    assert absolute.one(".when").text == "12:00:00"
    assert absolute.one("span.ago").text == "2026-11-21"
    prefer(reader, time_zone="UTC", times="relative")
    relative = Html(reader.get("/"))
    assert relative.one(".when").text == "2026-11-21 12:00:00", "what stands there without scripts"
    assert relative.one(".when relative-time")["datetime"] == relative.one(".when time")["datetime"]


def test_fields_to_fill_in_stay_with_utc_as_they_say(db: None) -> None:
    composer = signed_in("composer")
    prefer(composer, time_zone="America/New_York")
    form = new_form(composer)
    answer = composer.post(form.action, form.changed(send_at="2099-06-01T12:00"), follow=True)
    assert "It is sent at 2099-06-01 08:00 EDT" in Html(answer).one("main").text
    assert filled(answer).values["send_at"] == "2099-06-01T12:00"


def test_heartbeats_tell_their_times_in_the_readers_zone(db: None) -> None:
    admin = signed_in("admin")
    beat = make()
    at = datetime(2026, 7, 1, 22, 15, tzinfo=UTC)
    Heartbeat.objects.filter(pk=beat.pk).update(changed_at=at)
    prefer(admin, time_zone="Asia/Kolkata")
    page = Html(admin.get(beat.get_absolute_url()))
    assert "since 2026-07-02 03:45:00 IST" in page.one("main").text
