"""Who is told of what, how, and what happens when a receiver does not take it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from heartbeats import actions, notices
from heartbeats.models import Channel, Notification
from tests.heartbeats.beats import (
    DOWN,
    FAIL,
    OFF,
    UP,
    alerts,
    at,
    channel,
    letters,
    make,
    ping,
    watch,
)
from tests.heartbeats.receiver import Receiver, receiving
from tests.house import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> None:
    settings.PRIVATE_UPSTREAMS = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def send(minutes: float = 0) -> int:
    return notices.send_due(clock=lambda: at(minutes))


def only() -> Notification:
    return Notification.objects.get()


# ---- what is sent


def test_a_webhook_tells_of_the_outage_and_is_signed(receiver: Receiver) -> None:
    _, secret = channel(receiver.url)
    beat = ping(make(alert_message="Backups stopped", alert_tags=["db"]), 0)
    watch(6)
    send(6)
    (call,) = receiver.calls
    assert secret.startswith("whsec_")
    assert call.signed_with(secret)
    assert not call.signed_with(actions.new_secret())
    assert call.headers["webhook-id"] == f"msg_{only().uuid.hex}"
    assert call.headers["webhook-timestamp"] == str(int(at(6).timestamp()))
    assert call.headers["content-type"] == "application/json"
    assert call.document == {
        "type": DOWN,
        "timestamp": "2026-11-21T12:05:00Z",
        "data": {
            "id": str(beat.uuid), "name": "backup", "team": "ops", "state": "Unresponsive",
            "since": "2026-11-21T12:05:00Z", "reason": "no ping came before the deadline",
            "message": "Backups stopped", "priority": "P3", "tags": ["db"],
            "last_ping_at": "2026-11-21T12:00:00Z",
            "url": f"http://127.0.0.1:8000/heartbeats/{beat.uuid}/",
        },
    }  # fmt: skip


def test_an_outage_is_told_once_and_its_end_once(receiver: Receiver) -> None:
    channel(receiver.url)
    beat = ping(make(), 0)
    for minute in range(6, 30):
        watch(minute)
        send(minute)
    ping(beat, 30)
    ping(beat, 31)
    send(31)
    assert receiver.events == [DOWN, UP]


def test_many_that_expire_at_once_take_no_more_statements_than_few() -> None:
    channel("http://127.0.0.1:9/")
    counts = []
    for many in (3, 60):
        for number in range(many):
            ping(make(f"of-{many}-{number}"), 0)
        with CaptureQueriesContext(connection) as told:
            assert watch(10) == many
        counts.append(len(told))
    assert counts[1] <= counts[0] < 25  # the first looks some things up that stay known
    assert len(letters()) == len(alerts()) == 63


def test_the_first_ping_and_a_switch_tell_nobody(receiver: Receiver) -> None:
    channel(receiver.url)
    beat = ping(make(), 0)
    actions.pause(beat, now=at(1))
    actions.resume(beat, now=at(2))
    assert letters() == []


@pytest.mark.parametrize("end", [actions.pause, actions.delete_heartbeat])
def test_who_was_told_of_an_outage_learns_that_nobody_watches_it_any_more(
    receiver: Receiver, end: Any
) -> None:
    channel(receiver.url)
    beat = ping(make(), 0, FAIL)
    end(beat, now=at(1))
    send(1)
    assert receiver.events == [DOWN, OFF]


def test_channels_hear_of_their_team_or_of_their_heartbeat(receiver: Receiver) -> None:
    mine, other = make("mine"), make("other")
    foreign = make("foreign", team="others")
    for beat in (mine, other, foreign):
        ping(beat, 0)
    channel(receiver.url)
    channel(receiver.url, mine)
    off, _ = channel(receiver.url)
    actions.change_channel(off, {"enabled": False})
    watch(10)
    send(10)
    told = sorted(call.document["data"]["name"] for call in receiver.calls)
    assert told == ["mine", "mine", "other"]


def test_a_mail_says_what_happened() -> None:
    channel("oncall@example.com", kind="email")
    ping(make("nightly\tbackup", alert_message="It\nstopped", alert_priority="P1"), 0)
    watch(6)
    assert send(6) == 1
    (sent,) = mail.outbox
    assert sent.to == ["oncall@example.com"]
    assert sent.subject == "[P1] Down: nightly backup: It stopped"
    assert "no ping came before the deadline" in sent.body
    assert "/heartbeats/" in sent.body
    assert str(only().uuid) in sent.extra_headers["Message-ID"]


def test_a_mail_server_that_fails_is_asked_again(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    channel("oncall@example.com", kind="email")
    ping(make(), 0, FAIL)
    send(0)
    letter = only()
    assert letter.state == "queued"
    assert "refused" in letter.attempts[0]["answer"].lower()


def test_a_mail_server_that_hangs_up_holds_no_worker(settings: Any) -> None:
    class Rude(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"421 go away\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Rude) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        channel("oncall@example.com", kind="email")
        ping(make(), 0, FAIL)
        send(0)
        server.shutdown()
    assert only().state == "queued"


# ---- retries


def test_a_receiver_that_is_down_for_five_minutes_gets_it_all_the_same() -> None:
    port = free_port()
    channel(f"http://127.0.0.1:{port}/hook")
    ping(make(), 0, FAIL)
    minutes = 0.0
    while minutes < 5:
        send(minutes)
        minutes += 0.5
    assert only().state == "queued"
    assert only().attempts[0]["answer"] == "connection refused: nothing listens there"
    with receiving(port) as receiver:
        while only().state != "sent":
            minutes += 0.5
            assert minutes < 20
            send(minutes)
    assert len(receiver.calls) == 1
    assert 3 < len(only().attempts) < 8
    assert (only().attempts[-1]["status"], only().attempts[-1]["answer"]) == (200, "fine")


def test_what_never_arrives_fails_in_the_end_and_says_why(receiver: Receiver) -> None:
    receiver.answers = [(500, {})] * 20
    channel(receiver.url)
    ping(make(), 0, FAIL)
    now = at(0)
    while only().state == "queued":
        now = max(only().next_at, Channel.objects.get().rests_until or now)
        notices.send_due(clock=lambda moment=now: moment)
    letter = only()
    assert letter.state == "failed"
    assert [one["status"] for one in letter.attempts] == [500] * 10
    waits = [
        (datetime.fromisoformat(b["at"]) - datetime.fromisoformat(a["at"])).total_seconds()
        for a, b in zip(letter.attempts, letter.attempts[1:], strict=False)
    ]
    named = [5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600]
    for waited, wanted in zip(waits, named, strict=True):
        assert 0.8 * wanted <= waited <= 1.2 * wanted
    assert actions.retry_notification(letter, now=now + timedelta(days=1))
    receiver.answers = []
    notices.send_due(clock=lambda: now + timedelta(days=1))
    assert only().state == "sent"
    assert not actions.retry_notification(only(), now=now)


def test_retry_after_is_kept(receiver: Receiver) -> None:
    receiver.answers = [(429, {"Retry-After": "90"})]
    channel(receiver.url)
    ping(make(), 0, FAIL)
    send(0)
    assert only().next_at == at(1.5)
    assert send(1.4) == 0
    assert send(1.5) == 1
    assert only().state == "sent"


def test_a_receiver_that_is_gone_is_asked_no_more(receiver: Receiver) -> None:
    receiver.answers = [(410, {})]
    channel(receiver.url)
    ping(make(), 0, FAIL)
    send(0)
    assert only().state == "failed"


def test_redirects_are_no_success(receiver: Receiver) -> None:
    receiver.answers = [(302, {"Location": receiver.url})]
    channel(receiver.url)
    ping(make(), 0, FAIL)
    send(0)
    assert (only().state, only().attempts[0]["status"]) == ("queued", 302)


def test_letters_about_one_heartbeat_go_in_order(receiver: Receiver) -> None:
    receiver.answers = [(400, {})]
    channel(receiver.url)
    beat = ping(make(), 0, FAIL)
    send(0)
    ping(beat, 0.01)
    assert send(0.01) == 0  # its end waits until its beginning has arrived
    send(1)
    assert receiver.events == [DOWN, DOWN, UP]


def test_a_channel_that_fails_keeps_no_other_waiting(receiver: Receiver) -> None:
    channel(f"http://127.0.0.1:{free_port()}/hook")
    channel(receiver.url)
    for number in range(5):
        ping(make(f"beat-{number}"), 0, FAIL)
    assert send(0) == 6  # one try of the broken one, which then rests
    assert len(receiver.calls) == 5


def test_private_addresses_are_refused_unless_allowed(receiver: Receiver, settings: Any) -> None:
    settings.PRIVATE_UPSTREAMS = False
    channel(receiver.url)
    ping(make(), 0, FAIL)
    send(0)
    assert receiver.calls == []
    assert only().attempts[0]["answer"] == "the address must begin with https://"


def test_a_deleted_channel_ends_its_letters(receiver: Receiver) -> None:
    found, _ = channel(receiver.url)
    ping(make(), 0, FAIL)
    actions.delete_channel(found)
    send(0)
    assert (only().state, only().recipient) == ("failed", receiver.url)
    assert only().attempts[0]["answer"] == "the channel was deleted"


def test_a_new_secret_signs_what_is_still_to_be_sent(receiver: Receiver) -> None:
    found, old = channel(receiver.url)
    ping(make(), 0, FAIL)
    new = actions.rotate_channel_secret(found)
    send(0)
    assert receiver.calls[0].signed_with(new)
    assert not receiver.calls[0].signed_with(old)


def test_a_channel_can_be_tried_out(receiver: Receiver) -> None:
    found, secret = channel(receiver.url)
    actions.test_channel(found, now=at(0))
    send(0)
    assert receiver.events == ["heartbeat.test"]
    assert receiver.calls[0].signed_with(secret)
    mailbox, _ = channel("me@example.com", kind="email")
    actions.test_channel(mailbox, now=at(0))
    send(0)
    assert mail.outbox[0].subject == "[P3] Test: Example"
