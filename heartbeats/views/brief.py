"""The heartbeats of a component in brief, for its page: urls.py puts the two together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, IntegerField, Value, When
from django.http import HttpRequest

from feeds.models import Component
from feeds.vocabulary import Mark
from heartbeats.models import Heartbeat
from heartbeats.views.words import schedule_of, state_of

SHOWN = 8  # heartbeats; the list has them all


@dataclass(frozen=True)
class Brief:
    """One heartbeat in a line."""

    name: str
    address: str
    schedule: str
    last: datetime | None
    mark: Mark


def of_component(request: HttpRequest, component: Component) -> dict[str, Any]:
    """Return the heartbeats of COMPONENT, those that are down first: one query, and for members."""
    if not request.user.is_authenticated:
        return {}
    down = When(state=Heartbeat.State.UNRESPONSIVE, then=Value(0))
    rows = component.heartbeats.order_by(
        Case(down, default=Value(1), output_field=IntegerField()), "name", "id"
    )
    found = list(rows[: SHOWN + 1])
    beats = [
        Brief(
            beat.name, beat.get_absolute_url(), schedule_of(beat), beat.last_ping_at,
            state_of(beat.state),
        )
        for beat in found[:SHOWN]
    ]  # fmt: skip
    return {"beats": beats, "more_beats": len(found) > SHOWN}
