"""That a worker or beat is missing is told: to probes, to Prometheus, and on the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds import actions
from feeds.models import Delivery, Sign, User
from tests.composed import connect, new_form
from tests.heartbeats.beats import make
from tests.pages import Html, signed_in

pytestmark = pytest.mark.django_db
GONE = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _no_process_signed() -> None:
    """Let each test leave signs of its own at once."""
    actions.signs._next_at.clear()


def last_seen(process: Sign.Process, ago: timedelta = timedelta()) -> None:
    """Leave the sign of PROCESS, as if that had been AGO."""
    actions.leave_sign(process)
    Sign.objects.filter(process=process).update(at=timezone.now() - ago)


def readiness() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def letter() -> Delivery:
    """Compose an event that goes to an upstream."""
    there = connect("compass")
    client = signed_in("composer")
    form = new_form(client)
    client.post(form.action, form.changed(**{f"to-{there.uuid}": "on"}))
    return Delivery.objects.get()


def outbox_says(role: str) -> str:
    page = Html(signed_in(role).get("/outbox/"))
    return " ".join(found.text for found in page.all(".message"))


def test_without_a_worker_the_web_process_is_ready_and_says_what_is_missing() -> None:
    status, body = readiness()
    assert (status, body["ready"]) == (200, True)
    assert (body["worker"], body["beat"]) == ("no sign yet", "no sign yet")
    last_seen(Sign.Process.BEAT)
    last_seen(Sign.Process.WORKER, GONE)
    status, body = readiness()
    assert (status, body["ready"], body["beat"]) == (200, True, "ok")
    since = Sign.objects.get(process="worker").at
    assert body["worker"] == f"no sign since {since:%Y-%m-%dT%H:%M:%SZ}"


def test_however_much_a_process_does_it_writes_a_sign_now_and_then() -> None:
    actions.leave_sign(Sign.Process.WORKER)
    first = Sign.objects.get().at
    actions.leave_sign(Sign.Process.WORKER)
    assert Sign.objects.get().at == first
    actions.signs._next_at.clear()
    actions.leave_sign(Sign.Process.WORKER)
    assert Sign.objects.get().at > first


def test_prometheus_reads_when_each_was_seen(settings: Any) -> None:
    settings.ANONYMOUS_READ = True
    last_seen(Sign.Process.WORKER)
    text = Client().get("/metrics").content.decode()
    at = Sign.objects.get().at.timestamp()
    assert f'pulseboard_last_sign_timestamp_seconds{{process="worker"}} {at}' in text
    assert 'pulseboard_last_sign_timestamp_seconds{process="beat"} 0' in text


def test_the_outbox_says_that_letters_wait_and_nothing_sends_them() -> None:
    assert outbox_says("viewer") == "", "nothing waits"
    letter()
    told = outbox_says("admin")
    assert "Letters wait, and nothing sends them." in told
    assert "celery --app feeds worker" in told
    last_seen(Sign.Process.BEAT)
    last_seen(Sign.Process.WORKER, GONE)
    client = Client()
    client.force_login(User.objects.get(username="composer"))
    told = " ".join(
        found.text for found in Html(client.get("/outbox/")).all(".message.tone-warning")
    )
    assert "The worker has shown no sign of life since" in told
    assert "beat" not in told
    assert "An admin must start it." in told
    last_seen(Sign.Process.WORKER)
    assert "Letters wait" not in client.get("/outbox/").content.decode()


def test_a_letter_to_a_paused_upstream_waits_for_no_worker() -> None:
    waiting = letter()
    actions.pause(waiting.connection, by=waiting.author)
    assert outbox_says("admin") == ""


def test_heartbeats_that_nobody_watches_say_so() -> None:
    client = signed_in("admin")
    assert not Html(client.get("/heartbeats/")).all(".message"), "there is none to watch"
    make()
    assert "Nobody watches these heartbeats now" in client.get("/heartbeats/").content.decode()
    last_seen(Sign.Process.WORKER)
    last_seen(Sign.Process.BEAT)
    assert "Nobody watches" not in client.get("/heartbeats/").content.decode()
