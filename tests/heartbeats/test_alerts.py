"""Alerts are written by hand, for parsing takes too long: they are what parsing would make."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from feeds.dialects import compass
from feeds.models import Activity
from feeds.upsert import badges_of
from tests.heartbeats.beats import alerts, make, ping, watch

#: Columns that say who raised it; the wire has no place for them.
OURS = {"generator", "actor_name", "raw"}


@pytest.mark.django_db
@pytest.mark.parametrize("closed", [False, True])
def test_an_alert_is_the_event_of_compass_that_its_raw_body_says(closed: bool) -> None:
    beat = make("Ä" * 200, alert_tags=["prod"], grace=timedelta(milliseconds=1))
    ping(beat, 0)
    watch(6)
    if closed:
        ping(beat, 7.5)
    (alert,) = alerts()
    assert alert.state == ("closed" if closed else "open")
    read = compass.parse(json.loads(alert.raw))
    named = {field.name for field in Activity._meta.fields} & set(vars(read)) - OURS
    assert len(named) > 15
    assert {name: getattr(alert, name) for name in named} == {
        name: value for name, value in (vars(read) | badges_of(read)).items() if name in named
    }
    assert alert.source.external_id == read.source_id
    assert compass.render({**vars(alert), "source_id": read.source_id}) == json.loads(alert.raw)
