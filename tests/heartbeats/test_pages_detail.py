"""The page of a heartbeat: facts, log, runs, examples, badges, and who is told."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from heartbeats import actions
from heartbeats.models import Channel, Heartbeat, MaintenanceWindow, Notification, Ping
from tests.heartbeats.beats import FAIL, LOG, START, SUCCESS, fresh, make
from tests.pages import Html, person, signed_in

EVIL = "<img src=x onerror=alert(1)>\"'&"
EXIT = Ping.Kind.EXIT


@pytest.fixture
def ana(db: None) -> Client:
    """The browser of somebody who may send."""
    return signed_in("composer", "ana")


@pytest.fixture
def beat(db: None) -> Heartbeat:
    """A heartbeat that is a day old and was never pinged."""
    return make("backup", now=timezone.now() - timedelta(days=1))


def page(client: Client, beat: Heartbeat, query: str = "") -> Html:
    response = client.get(beat.get_absolute_url() + query)
    assert response.status_code == 200
    return Html(response)


def ping(beat: Heartbeat, ago: float, signal: actions.Signal = SUCCESS) -> None:
    """Ping BEAT, AGO seconds ago."""
    assert actions.ping(beat.ping_key, signal, now=timezone.now() - timedelta(seconds=ago))


def log_of(found: Html) -> list[str]:
    return [line.text for line in found.all("ul.log li")]


# ---- what happened


def test_the_log_holds_pings_and_flips_in_their_order(ana: Client, beat: Heartbeat) -> None:
    ping(beat, 300, START)
    done = actions.Signal(
        kind=EXIT, exit_status=0, run_id="", body="all <b>well</b>", method="POST",
        remote_addr="10.0.0.7", user_agent="curl/8",
    )  # fmt: skip
    ping(beat, 240, done)
    ping(beat, 60, actions.Signal(kind=EXIT, exit_status=3, run_id="r1"))
    ping(beat, 30, LOG)
    found = page(ana, beat)
    lines = log_of(found)
    assert [re.split(r"\s?20\d\d-", line)[0] for line in lines] == [
        "#4 Log",
        "Responsive Unresponsive exit status 3 · the alert",
        "#3 Failure exit status 3 · run r1",
        "Pending Responsive exit status 0",
        "#2 Success exit status 0 after 1 min",
        "#1 Start",
        "Pending it was made",
    ]
    assert "POST · from 10.0.0.7 · curl/8" in lines[4]
    assert found.all("ul.log pre")[0].text == "all <b>well</b>"
    assert not found.all("ul.log pre b")
    alert = next(link["href"] for link in found.all("ul.log a") if "/activities/" in link["href"])
    assert ana.get(alert).status_code == 200
    assert found.one(".standing .pill").text == "Unresponsive"
    feed_link = next(link["href"] for link in found.all("a.btn") if link.text == "Its alerts")
    assert "backup is expired" in ana.get(feed_link).content.decode()


def test_a_bar_of_a_strip_opens_its_part_of_the_log(ana: Client, beat: Heartbeat) -> None:
    ping(beat, 5 * 3600)
    ping(beat, 60)
    assert len(log_of(page(ana, beat))) == 4
    since = (timezone.now() - timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M")
    until = (timezone.now() - timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M")
    found = page(ana, beat, f"?since={since}&until={until}")
    assert [line.split()[0] for line in log_of(found)] == ["Pending", "#1"]
    assert found.one(".chip-x")["href"] == f"{beat.get_absolute_url()}#log"


def test_a_long_log_comes_in_pages(ana: Client, beat: Heartbeat) -> None:
    now = timezone.now()
    for number in range(35):
        actions.ping(beat.ping_key, LOG, now=now - timedelta(minutes=40 - number))
    found = page(ana, beat)
    assert [line.split()[0] for line in log_of(found)] == [f"#{n}" for n in range(35, 5, -1)]
    older = found.link("a[rel=next]")
    found = page(ana, beat, older.partition("#")[0])
    assert [line.split()[0] for line in log_of(found)] == [
        "#5", "#4", "#3", "#2", "#1", "Pending",
    ]  # fmt: skip
    assert found.link("a[rel=first]") == f"{beat.get_absolute_url()}#log"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?since=yesterday", "since: must be a date and time"),
        ("?before=x", "before: must be the number of a ping"),
        ("?before=" + "9" * 19, "before: must be the number of a ping"),
    ],
)
def test_a_part_of_the_log_that_cannot_be_read_is_named(
    ana: Client, beat: Heartbeat, query: str, words: str
) -> None:
    response = ana.get(beat.get_absolute_url() + query)
    assert response.status_code == 400
    assert words in Html(response).one("#live").text


def test_runs_are_plotted_with_axes_and_as_a_table(ana: Client, beat: Heartbeat) -> None:
    assert not page(ana, beat).all("svg.plot")
    for ago, took, status in ((4000, 30, 0), (3000, 90, 0), (2000, 600, 1)):
        ping(beat, ago, START)
        ping(beat, ago - took, actions.Signal(kind=EXIT, exit_status=status))
    found = page(ana, beat)
    spoken = found.one("svg.plot")["aria-label"]
    assert spoken == "3 runs: 30 s to 10 min, half of them at most 1 min 30 s"
    assert [mark.text for mark in found.all("svg.plot .axis")][:3] == ["0", "5 min", "10 min"]
    assert len(found.all("svg.plot circle")) == 3
    assert len(found.all("svg.plot circle.danger")) == 1
    rows = [row.text for row in found.all("table tr") if "Failure" in row.text]
    assert len(rows) == 1
    assert "10 min" in rows[0]


def test_uptime_stands_there_for_all_windows(ana: Client, beat: Heartbeat) -> None:
    ping(beat, 7200)
    ping(beat, 3600, FAIL)
    found = page(ana, beat)
    assert [one.text for one in found.all("ul.uptimes h3")] == [
        "24 hours", "7 days", "30 days", "90 days",
    ]  # fmt: skip
    assert {one.text[:2] for one in found.all("ul.uptimes b.num")} <= {"49", "50"}
    assert len(found.all("svg.strip")) == 4


def test_more_history_needs_no_more_queries(ana: Client, beat: Heartbeat) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            page(ana, beat)
        return len(found)

    ping(beat, 5000)
    few = queries()
    for ago in range(4000, 0, -200):
        ping(beat, ago, FAIL if ago % 400 else SUCCESS)
    assert queries() <= few + 1  # one for the sources of its alerts, whatever their number
    assert few <= 20


def test_htmx_gets_what_is_live_alone(ana: Client, beat: Heartbeat) -> None:
    response = ana.get(beat.get_absolute_url(), headers={"HX-Request": "true"})
    found = Html(response)
    assert found.all(".standing")
    assert not found.all("header.bar")
    assert not found.all("#examples")
    assert "no-store" in response["Cache-Control"]


# ---- how to ping it


def test_examples_for_every_place_have_a_copy_button(ana: Client, beat: Heartbeat) -> None:
    found = page(ana, beat)
    url = f"http://127.0.0.1:8000/ping/{beat.ping_key}"
    assert found.one("#ping-url").text == url
    texts = {key: found.one(f"#example-{key}").text for key in
             ("curl", "crontab", "python", "powershell", "actions", "compass")}  # fmt: skip
    buttons = {button["data-copy"] for button in found.all("button") if "data-copy" in button.attrs}
    assert {f"example-{key}" for key in texts} <= buttons
    for key in ("curl", "crontab", "python", "powershell"):
        assert url in texts[key]
    assert texts["crontab"].startswith("*/5 * * * * curl")
    assert "requests.get" in texts["python"]
    assert "Invoke-RestMethod" in texts["powershell"]
    assert "secrets.PULSEBOARD_PING" in texts["actions"]
    assert "/v1/teams/ops/heartbeats/ping?name=backup" in texts["compass"]


def test_the_example_of_the_api_survives_any_name(ana: Client) -> None:
    beat = make("it's $HOME; `ls` & 100 %", team="a b")
    text = page(ana, beat).one("#example-compass").text
    shell = text.partition('PULSEBOARD_SECRET"')[2].replace("\\", "", 1).strip()
    printed = subprocess.run(["sh", "-c", f"printf %s {shell}"], capture_output=True, text=True)
    path = printed.stdout.removeprefix("http://127.0.0.1:8000")
    assert path.startswith("/v1/teams/a%20b/heartbeats/ping?name=")
    assert "%27s%20%24HOME" in path


def test_a_cron_schedule_is_explained_and_goes_into_the_crontab(ana: Client) -> None:
    beat = make("report", cron="30 2 * * 1-5", time_zone="Europe/Berlin")
    found = page(ana, beat)
    assert "At 02:30 on Monday through Friday, Europe/Berlin" in found.one("main dl.facts").text
    crontab = found.one("#example-crontab").text
    assert crontab.startswith("CRON_TZ=Europe/Berlin 30 2 * * 1-5 curl")


@pytest.mark.parametrize(
    ("interval", "unit", "times"),
    [
        (1, "minutes", "* * * * *"),
        (45, "minutes", "*/45 * * * *"),
        (90, "minutes", "0 * * * *"),
        (1, "Hours", "0 * * * *"),
        (25, "hours", "0 2 * * *"),
        (7, "days", "0 2 * * *"),
    ],
)
def test_a_crontab_never_pings_more_rarely_than_it_must(
    ana: Client, interval: int, unit: str, times: str
) -> None:
    beat = make("job", interval=interval, interval_unit=unit)
    assert page(ana, beat).one("#example-crontab").text.startswith(f"{times} curl")


def test_ping_now_reads_the_state_back_and_says_it(ana: Client, beat: Heartbeat) -> None:
    response = ana.post(f"{beat.get_absolute_url()}ping/", follow=True)
    words = Html(response).one("#messages").text
    assert words.startswith("Pinged: backup is Responsive. The next ping is due at 20")
    assert fresh(beat).state == "Responsive"
    actions.pause(beat, now=timezone.now())
    response = ana.post(f"{beat.get_absolute_url()}ping/", follow=True)
    assert Html(response).one("#messages").text == (
        "The ping is recorded as ignored: backup is Off."
    )
    assert "Ignored" in log_of(page(ana, beat))[0]


def test_another_address_ends_the_old_one(ana: Client, beat: Heartbeat) -> None:
    old = beat.ping_key
    ana.post(f"{beat.get_absolute_url()}key/")
    assert Client().get(f"/ping/{old}").status_code == 404
    url = page(ana, beat).one("#ping-url").text
    assert Client().get(url.removeprefix("http://127.0.0.1:8000")).status_code == 200


# ---- badges


def test_badges_are_public_and_hold_no_secret(beat: Heartbeat) -> None:
    ping(beat, 5)
    stranger = Client()
    for path, kind in ((".svg", "image/svg+xml"), (".json", "application/json"),
                       ("/shields.json", "application/json")):  # fmt: skip
        response = stranger.get(f"/badges/{beat.badge_key}{path}")
        assert response.status_code == 200
        assert response["Content-Type"] == kind
        assert response["Cache-Control"] == "public, max-age=30"
        assert response["Access-Control-Allow-Origin"] == "*"
        assert "Set-Cookie" not in response
        text = response.content.decode()
        assert str(beat.ping_key) not in text
        assert str(beat.uuid) not in text
        assert "up" in text
    shields = stranger.get(f"/badges/{beat.badge_key}/shields.json").json()
    assert shields["schemaVersion"] == 1
    assert (shields["label"], shields["message"]) == ("backup", "up")
    assert stranger.get(f"/badges/{beat.ping_key}.svg").status_code == 404
    assert stranger.post(f"/badges/{beat.badge_key}.svg").status_code == 405


def test_a_badge_draws_any_name(db: None) -> None:
    beat = make(EVIL + "\x01" + "x" * 100)
    response = Client().get(f"/badges/{beat.badge_key}.svg")
    drawn = ElementTree.fromstring(response.content)
    label = drawn.find("{http://www.w3.org/2000/svg}title")
    assert label is not None
    assert label.text
    assert label.text.startswith(EVIL)
    assert label.text.endswith("…: pending")


def test_the_page_shows_the_badge_and_its_addresses(ana: Client, beat: Heartbeat) -> None:
    found = page(ana, beat)
    assert found.one("#main img")["src"] == f"/badges/{beat.badge_key}.svg"
    shown = [found.one(f"#badge-{number}").text for number in (1, 2, 3, 4)]
    for address in shown[:3]:
        assert ana.get(address.removeprefix("http://127.0.0.1:8000")).status_code == 200
    assert shown[3] == f"![backup]({shown[0]})"


# ---- who is told


def test_a_webhook_of_a_heartbeat_shows_its_secret_once(ana: Client, beat: Heartbeat) -> None:
    path = beat.get_absolute_url()
    given = {"kind": "webhook", "address": "https://example.com/hook?x=1", "name": "Chat"}
    response = ana.post(f"{path}channels/", given)
    assert response.status_code == 201
    assert "no-store" in response["Cache-Control"]
    secret = Html(response).one("#secret").text
    assert secret.startswith("whsec_")
    channel = Channel.objects.get()
    assert channel.heartbeat == beat
    assert secret not in ana.get(path).content.decode()
    again = Html(ana.post(f"/channels/{channel.uuid}/secret/")).one("#secret").text
    assert again not in (secret, "")
    changed = {"address": "https://example.com/new", "name": "", "enabled": ""}
    assert ana.post(f"/channels/{channel.uuid}/", changed).status_code == 302
    channel.refresh_from_db()
    assert (channel.address, channel.enabled) == ("https://example.com/new", False)
    assert "Not used" in page(ana, beat).one("main").text
    assert "cannot" not in Html(ana.get(f"/channels/{channel.uuid}/delete/")).one("main").text
    assert ana.post(f"/channels/{channel.uuid}/delete/")["Location"] == path
    assert not Channel.objects.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "webhook", "address": "http://example.com"}, "Address: Must begin with https://"),
        ({"kind": "webhook", "address": "ftp://example.com"}, "Address: Must be a web address"),
        ({"kind": "webhook", "address": ""}, "Address: This field is required"),
        ({"kind": "email", "address": "ana"}, "Address: This is no e-mail address"),
        ({"kind": "pigeon", "address": "ana@example.com"}, "Kind: Select a valid choice"),
    ],
)
def test_a_wrong_channel_is_422_and_names_the_field(
    ana: Client, beat: Heartbeat, given: dict[str, str], words: str
) -> None:
    for path in (beat.get_absolute_url(), f"/teams/{beat.team_id}/"):
        response = ana.post(f"{path}channels/", given)
        assert response.status_code == 422
        assert words in Html(response).one(".summary").text
    assert not Channel.objects.exists()


def test_the_page_tells_to_whom_what_was_sent_with_which_answer(
    ana: Client, beat: Heartbeat
) -> None:
    channel, _ = actions.create_channel(beat.team, kind="email", address="ops@example.com")
    ping(beat, 10)
    ping(beat, 5, FAIL)
    letter = Notification.objects.get()
    tries = [{"at": timezone.now().isoformat(), "seconds": 0.2, "status": 503, "answer": EVIL}]
    Notification.objects.update(state="failed", attempts=tries, settled_at=timezone.now())
    line = next(line for line in log_of(page(ana, beat)) if "ops@example.com" in line)
    assert line.startswith("Failed Unresponsive to ops@example.com")
    assert "503 0.2 s <img" in line
    assert not page(ana, beat).all("ul.log img")
    response = ana.post(
        f"/notifications/{letter.uuid}/retry/", {"next": beat.get_absolute_url()}, follow=True
    )
    assert "It is sent once more" in Html(response).one("#messages").text
    assert Notification.objects.get().state == "queued"
    response = ana.post(f"/notifications/{letter.uuid}/retry/", follow=True)
    assert "It has not failed" in Html(response).one("#messages").text
    assert ana.post(f"/channels/{channel.uuid}/test/").status_code == 302
    shown = Html(ana.get(f"/channels/{channel.uuid}/"))
    assert log_of(shown)[0].split()[:2] == ["Queued", "Test"]


def test_maintenance_windows_come_and_go(ana: Client, beat: Heartbeat) -> None:
    path, begins = beat.get_absolute_url(), timezone.now() - timedelta(minutes=5)
    given = {"name": "Move", "starts_at": f"{begins:%Y-%m-%dT%H:%M}", "duration": "2",
             "duration_unit": "hours", "cron": "", "time_zone": ""}  # fmt: skip
    assert ana.post(f"{path}windows/", given)["Location"] == f"{path}#windows"
    window = MaintenanceWindow.objects.get()
    assert (window.heartbeat, window.duration) == (beat, timedelta(hours=2))
    found = page(ana, beat)
    assert "Nobody is told until" in found.one(".standing").text
    assert "for 2 h" in found.one("main").text
    assert ana.post(f"/windows/{window.uuid}/delete/")["Location"] == path
    assert not MaintenanceWindow.objects.exists()
    weekly = {**given, "cron": "0 3 * * 0", "time_zone": "Europe/Berlin"}
    assert ana.post(f"/teams/{beat.team_id}/windows/", weekly).status_code == 302
    assert MaintenanceWindow.objects.get().heartbeat is None
    assert "of the team" in page(ana, beat).one("main").text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"starts_at": "2020-01-01T00:00"}, "Begins (UTC): It would be over already"),
        ({"starts_at": "soon"}, "Begins (UTC): Enter a valid date/time"),
        ({"starts_at": "9999-12-31T23:59"}, "Begins (UTC): Must be between 1970 and 9000"),
        ({"duration": "0"}, "Lasts: Ensure this value is greater than or equal to 1"),
        ({"duration": "999999"}, "Lasts: At most 366 days"),
        ({"cron": "61 * * * *"}, "Again by a cron schedule:"),
        ({"cron": "0 0 30 2 *"}, "Again by a cron schedule:"),
        ({"time_zone": "Mars/Base"}, "Time zone: 'Mars/Base' is not a time zone"),
    ],
)
def test_a_wrong_window_is_422_and_names_the_field(
    ana: Client, beat: Heartbeat, changed: dict[str, str], words: str
) -> None:
    begins = timezone.now() + timedelta(hours=1)
    good = {"starts_at": f"{begins:%Y-%m-%dT%H:%M}", "duration": "60", "duration_unit": "minutes"}
    response = ana.post(f"{beat.get_absolute_url()}windows/", {**good, **changed})
    assert response.status_code == 422
    assert words in Html(response).one(".summary").text
    assert not MaintenanceWindow.objects.exists()


# ---- who sees what


def test_secrets_are_for_those_who_may_change(ana: Client, beat: Heartbeat) -> None:
    actions.create_channel(beat.team, kind="email", address="ops@example.com")
    ping(beat, 10, actions.Signal(body="password 123", remote_addr="10.0.0.7"))
    ping(beat, 5, FAIL)
    secrets = (str(beat.ping_key), "password 123", "ops@example.com", "10.0.0.7")
    text = ana.get(beat.get_absolute_url()).content.decode()
    assert all(secret in text for secret in secrets)
    actions.change_team(beat.team, name="", members=[person("composer", "ben")])
    for stranger in (ana, signed_in("viewer", "eve")):
        response = stranger.get(beat.get_absolute_url())
        assert response.status_code == 200
        text = response.content.decode()
        assert not [secret for secret in secrets if secret in text]
        assert not re.search(r"Ping now|/edit/|/delete/", text)
    assert Client().get(beat.get_absolute_url()).status_code == 302


def test_names_messages_and_bodies_are_text_and_no_html(ana: Client) -> None:
    beat = make(EVIL, description=EVIL, alert_message=EVIL, alert_tags=[EVIL], tags=[EVIL])
    ping(beat, 9, actions.Signal(body=EVIL, user_agent=EVIL, run_id=EVIL))
    actions.create_channel(beat.team, kind="email", address="a@example.com", name=EVIL)
    actions.create_window(beat.team, starts_at=timezone.now(), duration=timedelta(1), name=EVIL)
    found = page(ana, beat)
    assert found.one("h1").text == EVIL
    assert [image["src"] for image in found.all("main img")] == [f"/badges/{beat.badge_key}.svg"]
    for path in ("edit/", "duplicate/", "delete/"):
        text = ana.get(f"{beat.get_absolute_url()}{path}").content.decode()
        assert "<img src=x" not in text


def test_what_is_not_there_is_404(ana: Client) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for path in (f"/heartbeats/{nobody}/", f"/channels/{nobody}/", "/teams/999999/",
                 f"/badges/{nobody}.svg", f"/heartbeats/{nobody}/edit/"):  # fmt: skip
        assert ana.get(path).status_code == 404
    for path in (f"/windows/{nobody}/delete/", f"/notifications/{nobody}/retry/"):
        assert ana.post(path).status_code == 404
