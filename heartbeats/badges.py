"""What a badge says about a heartbeat."""

from __future__ import annotations

from dataclasses import dataclass

from heartbeats.models import Heartbeat

State = Heartbeat.State
WORDS = {
    State.RESPONSIVE: ("up", "#1a7f37"),
    State.UNRESPONSIVE: ("down", "#b3261e"),
    State.PENDING: ("pending", "#6c727e"),
    State.OFF: ("off", "#6c727e"),
}


@dataclass(frozen=True)
class Badge:
    """A label, a word and its colour, which is dark enough for white letters."""

    label: str
    message: str
    color: str


def badge(beat: Heartbeat) -> Badge:
    """Return the badge of BEAT."""
    return Badge(beat.name, *WORDS[State(beat.state)])


def shields(found: Badge) -> dict[str, object]:
    """Write a badge as the endpoint of shields.io reads it."""
    color = found.color.removeprefix("#")
    return {"schemaVersion": 1, "label": found.label, "message": found.message, "color": color}
