"""Make, edit, duplicate, switch, snooze and delete heartbeats on pages; teams; who may do what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds import actions as feed
from heartbeats import actions
from heartbeats.models import Channel, Heartbeat, MaintenanceWindow, Team
from tests.heartbeats.beats import FAIL, SUCCESS, alerts, fresh, make
from tests.pages import Html, person, signed_in

NEW = "/heartbeats/new/"
GOOD: dict[str, Any] = {
    "team": "ops", "name": "backup", "interval": "1", "interval_unit": "days", "grace": "2",
    "grace_unit": "hours", "alert_priority": "P2", "repeat_minutes": "0", "enabled": "on",
}  # fmt: skip
SWITCHES = ("ping", "pause", "resume", "snooze", "key", "channels", "windows", "edit", "duplicate",
            "delete")  # fmt: skip


@pytest.fixture
def ana(db: None) -> Client:
    """The browser of somebody who may send."""
    return signed_in("composer", "ana")


@pytest.fixture
def beat(db: None) -> Heartbeat:
    """A heartbeat that lives."""
    found = make("backup", now=timezone.now() - timedelta(days=1))
    actions.ping(found.ping_key, SUCCESS, now=timezone.now())
    return fresh(found)


def faults(response: Any) -> list[str]:
    """Return what the summary of a refused form says."""
    assert response.status_code == 422
    return [line.text for line in Html(response).all(".summary li")]


# ---- make


def test_a_good_form_makes_a_heartbeat_and_shows_how_to_ping_it(ana: Client) -> None:
    shop = feed.create_component("Checkout")
    given = {**GOOD, "component": shop.slug, "tags": "prod, nightly, prod", "alert_tags": "db",
             "description": "Dumps all.", "alert_message": "No backup"}  # fmt: skip
    response = ana.post(NEW, given)
    beat = Heartbeat.objects.get()
    assert response["Location"] == f"{beat.get_absolute_url()}#examples"
    assert (beat.team.identifier, beat.name, beat.state) == ("ops", "backup", "Pending")
    assert (beat.period, beat.grace) == (timedelta(days=1), timedelta(hours=2))
    assert (beat.tags, beat.alert_tags, beat.component) == (["prod", "nightly"], ["db"], shop)
    assert (beat.alert_message, beat.alert_priority) == ("No backup", "P2")


def test_one_by_cron_needs_no_interval(ana: Client) -> None:
    given = {**GOOD, "interval": "", "cron": "30 2 * * *", "time_zone": "Europe/Berlin"}
    assert ana.post(NEW, given).status_code == 302
    beat = Heartbeat.objects.get()
    assert (beat.cron, beat.time_zone) == ("30 2 * * *", "Europe/Berlin")


def test_one_that_is_not_watched_is_off(ana: Client) -> None:
    ana.post(NEW, {name: value for name, value in GOOD.items() if name != "enabled"})
    assert Heartbeat.objects.get().state == "Off"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ""}, "Name: This field is required."),
        ({"name": "x" * 201}, "Name: Ensure this value has at most 200 characters"),
        ({"name": "a\x00b"}, "Name: Null characters are not allowed."),
        ({"team": "a/b"}, "Team: A team has no slash in it"),
        ({"team": ""}, "Team: This field is required."),
        ({"interval": "0"}, "A ping every: Ensure this value is greater than or equal to 1."),
        ({"interval": "1.5"}, "A ping every: Enter a whole number."),
        ({"interval": ""}, "A ping every: Say how often, or give a cron schedule."),
        ({"interval": "36501"}, "A ping every: At most 36500 days."),
        ({"interval": "9" * 30}, "A ping every: Ensure this value is less than or equal to"),
        ({"interval_unit": "weeks"}, "Unit: Select a valid choice."),
        ({"grace": "-1"}, "Grace: Ensure this value is greater than or equal to 0."),
        ({"cron": "soon"}, "Or by a cron schedule: 'soon' is not a cron expression"),
        ({"cron": "0 0 30 2 *"}, "Or by a cron schedule:"),
        ({"time_zone": "Berlin"}, "Time zone: 'Berlin' is not a time zone"),
        ({"alert_message": "x" * 131}, "Alert message: Ensure this value has at most 130"),
        ({"alert_priority": "P6"}, "Alert priority: Select a valid choice."),
        ({"alert_tags": ",".join("abcdefghijklmnopqrstu")}, "Alert tags: More than 20 tags."),
        ({"tags": "x" * 51}, "Tags: A tag has at most 50 characters."),
        ({"component": "nothing"}, "Component: Select a valid choice."),
        ({"repeat_minutes": "99999"}, "Tell again every: Ensure this value is less than"),
    ],
)
def test_a_wrong_answer_is_422_and_names_the_field(
    ana: Client, changed: dict[str, str], words: str
) -> None:
    found = faults(ana.post(NEW, {**GOOD, **changed}))
    assert any(fault.startswith(words) for fault in found), found
    assert not Heartbeat.objects.exists()
    assert not Team.objects.exists()


def test_the_longest_name_and_interval_are_taken(ana: Client) -> None:
    given = {**GOOD, "name": "x" * 200, "interval": "36500", "alert_message": "y" * 130}
    assert ana.post(NEW, given).status_code == 302


def test_a_name_that_is_taken_is_refused_and_all_else_is_kept(ana: Client) -> None:
    make("backup")
    response = ana.post(NEW, {**GOOD, "description": "Dumps all."})
    assert faults(response) == ["Name: The team has a heartbeat of this name already."]
    assert Html(response).one("#id_description").text == "Dumps all."
    assert ana.post(NEW, {**GOOD, "team": "web"}).status_code == 302


def test_a_full_component_is_named(ana: Client, settings: Any) -> None:
    settings.SOURCES_PER_COMPONENT = 1
    shop = feed.create_component("Checkout")
    make("first", component=shop)
    (fault,) = faults(ana.post(NEW, {**GOOD, "team": "web", "component": shop.slug}))
    assert fault.startswith("Component: ")


def test_the_form_suggests_teams_that_are_open(ana: Client) -> None:
    make("backup")
    closed = actions.ensure_team("closed")
    actions.change_team(closed, name="", members=[person("composer", "ben")])
    found = Html(ana.get(f"{NEW}?team=ops"))
    assert [option["value"] for option in found.all("#teams option")] == ["ops"]
    assert found.one("#id_team")["value"] == "ops"
    assert faults(ana.post(NEW, {**GOOD, "team": "closed"})) == [
        "Team: You are not in the team closed."
    ]


# ---- change


def test_an_edit_changes_all_but_team_and_name(ana: Client, beat: Heartbeat) -> None:
    path = f"{beat.get_absolute_url()}edit/"
    found = Html(ana.get(path))
    assert not found.all("#id_name")
    assert not found.all("#id_team")
    assert "These two stay as they are" in found.one("main").text
    assert found.one("#id_interval")["value"] == "5"
    due = beat.due_at
    given = {**GOOD, "interval": "10", "interval_unit": "minutes", "grace": "0", "name": "other"}
    assert ana.post(path, given)["Location"] == beat.get_absolute_url()
    beat = fresh(beat)
    assert beat.name == "backup"
    assert (beat.interval, beat.alert_priority) == (10, "P2")
    assert due is not None
    assert beat.due_at == due + timedelta(minutes=5), "a new interval counts at once"
    assert beat.state == "Responsive"


def test_an_edit_that_changes_nothing_changes_nothing(ana: Client) -> None:
    beat = make(
        "backup", interval=2, interval_unit="Hours", grace=timedelta(minutes=90), tags=["a", "b"],
        cron="30 2 * * *", time_zone="Europe/Berlin", alert_tags=["db"], alert_message="No backup",
        description="Dumps all.", alert_priority="P1", repeat_minutes=30,
        component=feed.create_component("Checkout"),
    )  # fmt: skip
    path = f"{beat.get_absolute_url()}edit/"
    form = Html(ana.get(path))
    sent = {one["name"]: one.attrs.get("value", "") for one in form.all("form.card input")}
    sent |= {one["name"]: one.text for one in form.all("form.card textarea")}
    for select in form.all("form.card select"):
        chosen = [one for one in form.all(f"#{select['id']} option") if "selected" in one.attrs]
        sent[select["name"]] = chosen[0]["value"] if chosen else ""
    before = {name: getattr(beat, name) for name in actions.CHANGEABLE}
    assert ana.post(path, {**sent, "enabled": "on"}).status_code == 302
    after = Heartbeat.objects.select_related("component").get()
    assert {name: getattr(after, name) for name in actions.CHANGEABLE} == before


def test_a_wrong_edit_is_422_and_changes_nothing(ana: Client, beat: Heartbeat) -> None:
    found = faults(ana.post(f"{beat.get_absolute_url()}edit/", {**GOOD, "interval": "none"}))
    assert found == ["A ping every: Enter a whole number."]
    assert fresh(beat).interval == 5


def test_a_duplicate_has_its_own_address(ana: Client, beat: Heartbeat) -> None:
    path = f"{beat.get_absolute_url()}duplicate/"
    assert Html(ana.get(path)).one("#id_name")["value"] == "backup (copy)"
    assert faults(ana.post(path, {"name": "backup"})) == [
        "Name: The team has a heartbeat of this name already."
    ]
    assert faults(ana.post(path, {"name": ""})) == ["Name: This field is required."]
    ana.post(path, {"name": "second"})
    made = Heartbeat.objects.get(name="second")
    assert made.ping_key != beat.ping_key
    assert made.period == beat.period


def test_a_deleted_heartbeat_is_asked_about(ana: Client, beat: Heartbeat) -> None:
    actions.ping(beat.ping_key, FAIL, now=timezone.now())
    path = f"{beat.get_absolute_url()}delete/"
    assert "its open alert is closed" in Html(ana.get(path)).one("main").text
    assert Heartbeat.objects.exists()
    assert ana.post(path)["Location"] == "/heartbeats/"
    assert not Heartbeat.objects.exists()
    assert alerts()[0].state == "closed"


def test_pause_and_resume_say_what_follows(ana: Client, beat: Heartbeat) -> None:
    for word, state, told in (
        ("pause", "Off", "backup is Off: nobody is told, whatever happens."),
        ("resume", "Pending", "backup is Pending: watched from its next ping on."),
    ):
        response = ana.post(f"{beat.get_absolute_url()}{word}/", follow=True)
        assert fresh(beat).state == state
        assert Html(response).one("#messages").text == told
    buttons = Html(response).all("button")
    assert "Pause" in [button.text for button in buttons]


def test_a_snooze_lasts_as_long_as_was_asked(ana: Client, beat: Heartbeat) -> None:
    path = f"{beat.get_absolute_url()}snooze/"
    ana.post(path, {"minutes": "30"})
    until = fresh(beat).snoozed_until
    assert until is not None
    assert timedelta(minutes=29) < until - timezone.now() <= timedelta(minutes=30)
    ana.post(path, {"minutes": "0"})
    assert fresh(beat).snoozed_until is None
    for wrong in ("", "soon", "-1", "10081"):
        assert faults(ana.post(path, {"minutes": wrong}))[0].startswith("Snooze: ")


def test_a_button_of_the_list_comes_back_to_the_list(ana: Client, beat: Heartbeat) -> None:
    path = f"{beat.get_absolute_url()}ping/"
    back = "/heartbeats/?team=ops&page=1"
    assert ana.post(path, {"next": back})["Location"] == back
    for away in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", ""):
        assert ana.post(path, {"next": away})["Location"] == beat.get_absolute_url()


# ---- teams


def test_teams_show_members_and_counts(ana: Client, beat: Heartbeat) -> None:
    actions.ping(beat.ping_key, FAIL, now=timezone.now())
    actions.change_team(beat.team, name="Operations", members=[person("composer", "ben")])
    (row,) = [row.text for row in Html(ana.get("/teams/")).all("tbody tr")]
    assert row.startswith("Operations ops ben (you are not in it) 1 1")


def test_a_team_is_made_named_and_filled(ana: Client) -> None:
    response = ana.post("/teams/new/", {"identifier": "ops", "name": "Operations"})
    team = Team.objects.get()
    assert response["Location"] == f"/teams/{team.pk}/"
    path = f"/teams/{team.pk}/edit/"
    ben = person("composer", "ben")
    assert faults(ana.post(path, {"name": "Night", "members": ["ben"]})) == [
        "Members: You would not be in it: add yourself, or ask an admin."
    ]
    assert ana.post(path, {"name": "Night", "members": ["ben", "ana"]}).status_code == 302
    team.refresh_from_db()
    assert team.name == "Night"
    assert {member.username for member in team.members.all()} == {"ana", "ben"}
    chosen = [one["value"] for one in Html(ana.get(path)).all("option") if "selected" in one.attrs]
    assert chosen == ["ana", "ben"]
    admin = signed_in("admin")
    assert admin.post(path, {"name": "", "members": [ben.username]}).status_code == 302
    assert ana.get(path).status_code == 403


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"identifier": ""}, "Identifier: This field is required."),
        ({"identifier": "a/b"}, "Identifier: A team has no slash in it"),
        ({"identifier": "taken"}, "Identifier: There is a team of this identifier already."),
        ({"identifier": "x", "members": ["nobody"]}, "Members: Select a valid choice."),
        ({"identifier": "x" * 256}, "Identifier: Ensure this value has at most 255"),
    ],
)
def test_a_wrong_team_is_422_and_names_the_field(
    ana: Client, given: dict[str, Any], words: str
) -> None:
    actions.ensure_team("taken")
    (fault,) = faults(ana.post("/teams/new/", given))
    assert fault.startswith(words)
    assert Team.objects.count() == 1


def test_a_channel_of_a_team_hears_of_all_its_heartbeats(ana: Client, beat: Heartbeat) -> None:
    path = f"/teams/{beat.team_id}/"
    response = ana.post(f"{path}channels/", {"kind": "email", "address": "ops@example.com"})
    assert response["Location"] == path
    channel = Channel.objects.get()
    assert channel.heartbeat is None
    actions.ping(beat.ping_key, FAIL, now=timezone.now())
    assert "Queued" in Html(ana.get(path)).one("ul.log").text
    response = ana.post(f"{path}channels/", {"kind": "webhook", "address": "https://example.com"})
    assert response.status_code == 201
    assert Html(response).one("#secret").text.startswith("whsec_")
    assert ana.post(f"/channels/{channel.uuid}/secret/").status_code == 302, "e-mail has none"
    assert ana.post(f"/channels/{channel.uuid}/delete/")["Location"] == path


# ---- who may


def test_a_viewer_changes_nothing_and_is_told_why(beat: Heartbeat) -> None:
    eve, path = signed_in("viewer", "eve"), beat.get_absolute_url()
    channel, _ = actions.create_channel(beat.team, kind="email", address="a@example.com")
    window = actions.create_window(beat.team, starts_at=timezone.now(), duration=timedelta(1))
    before = fresh(beat)
    for word in SWITCHES:
        response = eve.post(f"{path}{word}/", {**GOOD, "minutes": "10"})
        assert response.status_code == 403, word
        assert "A viewer reads" in Html(response).one("main").text
    for address in (NEW, "/teams/new/", f"/teams/{beat.team_id}/edit/", f"{path}edit/",
                    f"/channels/{channel.uuid}/"):  # fmt: skip
        assert eve.get(address).status_code == 403, address
    for address in (
        f"/channels/{channel.uuid}/delete/",
        f"/channels/{channel.uuid}/test/",
        f"/windows/{window.uuid}/delete/",
        f"/teams/{beat.team_id}/channels/",
    ):
        assert eve.post(address).status_code == 403, address
    after = fresh(beat)
    assert (after.state, after.pings, after.ping_key) == (
        before.state, before.pings, before.ping_key,
    )  # fmt: skip
    assert Channel.objects.count() == MaintenanceWindow.objects.count() == 1
    for address in ("/heartbeats/", path, "/teams/", f"/teams/{beat.team_id}/"):
        response = eve.get(address)
        assert response.status_code == 200
        links = {link.attrs.get("href", "") for link in Html(response).all("main a")}
        assert not [link for link in links if link.endswith(("/new/", "/edit/", "/delete/"))]


def test_strangers_to_a_team_change_nothing_of_it(ana: Client, beat: Heartbeat) -> None:
    actions.change_team(beat.team, name="Operations", members=[person("composer", "ben")])
    for word in SWITCHES:
        response = ana.post(f"{beat.get_absolute_url()}{word}/", {**GOOD, "minutes": "10"})
        assert response.status_code == 403, word
        assert "Only members of the team Operations and admins" in Html(response).one("main").text
    ben = Client()
    ben.force_login(beat.team.members.get())
    assert ben.post(f"{beat.get_absolute_url()}pause/").status_code == 302
    assert signed_in("admin").post(f"{beat.get_absolute_url()}resume/").status_code == 302


def test_whoever_is_not_signed_in_is_sent_to_sign_in(beat: Heartbeat) -> None:
    stranger, path = Client(), beat.get_absolute_url()
    for address in ("/heartbeats/", NEW, path, f"{path}edit/", "/teams/"):
        assert stranger.get(address)["Location"].startswith("/sign-in/?next=")
    for word in SWITCHES:
        assert stranger.post(f"{path}{word}/")["Location"].startswith("/sign-in/?next=")


def test_a_post_without_the_token_of_its_form_does_nothing(beat: Heartbeat) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person("composer", "ana"))
    for word in SWITCHES:
        assert strict.post(f"{beat.get_absolute_url()}{word}/").status_code == 403
    assert strict.post(NEW, GOOD).status_code == 403
    strict.get("/heartbeats/")
    form = Html(strict.get("/heartbeats/")).one("#act input[name=csrfmiddlewaretoken]")
    response = strict.post(
        f"{beat.get_absolute_url()}pause/", {"csrfmiddlewaretoken": form["value"]}
    )
    assert response.status_code == 302
    assert fresh(beat).state == "Off"


@pytest.mark.parametrize(
    "word", [word for word in SWITCHES if word not in {"edit", "duplicate", "delete"}]
)
def test_a_link_changes_nothing(ana: Client, beat: Heartbeat, word: str) -> None:
    assert ana.get(f"{beat.get_absolute_url()}{word}/").status_code == 405
