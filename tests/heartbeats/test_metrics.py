"""GET /metrics, as Prometheus reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from feeds.metrics import Family, render
from heartbeats import actions
from tests.conftest import Caller
from tests.heartbeats.beats import FAIL, make, ping

LINE = re.compile(r'(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"\n]*"\})? [0-9.]+)')


def read(text: str) -> dict[str, float]:
    """Read the samples of TEXT, every line of which must be one that Prometheus reads."""
    assert text.endswith("\n")
    assert all(LINE.fullmatch(line) for line in text.splitlines())
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(number) for name, _, number in lines}


def test_heartbeats_letters_and_events_are_counted(viewer: Caller) -> None:
    actions.create_channel(actions.ensure_team("ops"), kind="webhook", address="https://a.example/")
    ping(make("a"), 0)
    ping(ping(make("b"), 0), 1, FAIL)
    make("c", enabled=False)
    answer = viewer.get("/metrics")
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = read(answer.content.decode())
    states = {"Responsive": 1, "Unresponsive": 1, "Off": 1, "Pending": 0}
    for state, count in states.items():
        assert found[f'pulseboard_heartbeats{{state="{state}"}}'] == count
    assert found['pulseboard_heartbeat_notifications{state="queued"}'] == 1
    assert found['pulseboard_deliveries{state="queued"}'] == 0
    assert found["pulseboard_heartbeat_pings_total"] == 3
    assert found["pulseboard_heartbeat_outages_total"] == 1
    assert found["pulseboard_activities_total"] >= 1


@pytest.mark.django_db
def test_an_empty_site_has_numbers_too(settings: Any) -> None:
    settings.ANONYMOUS_READ = True
    assert set(read(Client().get("/metrics").content.decode()).values()) == {0}


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}])
def test_strangers_read_no_metrics(headers: dict[str, str]) -> None:
    answer = Client().get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer


def test_odd_labels_are_escaped() -> None:
    text = render([Family("a", "gauge", "A.", {'x"\\\n': 1}, "b")])
    assert text.splitlines()[-1] == 'a{b="x\\"\\\\\\n"} 1'
