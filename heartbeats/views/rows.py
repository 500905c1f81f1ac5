"""The rows of the list: where each heartbeat stands, its strip, and whether it may be changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse

from feeds.vocabulary import Mark
from heartbeats.actions import silent_until
from heartbeats.models import Heartbeat
from heartbeats.views.access import changeable
from heartbeats.views.strips import Strip, strips
from heartbeats.views.words import Due, due_of, state_of


@dataclass(frozen=True)
class Row:
    """A heartbeat as the list shows it."""

    beat: Heartbeat
    strip: Strip
    due: Due | None
    silent: datetime | None  # until when nobody is told
    open: bool  # the reader may change it

    @property
    def mark(self) -> Mark:
        """How its state is named and drawn."""
        return state_of(self.beat.state)

    @property
    def path(self) -> str:
        """The address of its page."""
        return self.beat.get_absolute_url()

    @property
    def component(self) -> str:
        """The address of its component's page, "" if it has none."""
        return reverse("component", args=[self.beat.component.slug]) if self.beat.component else ""


def read(
    request: HttpRequest, beats: Sequence[Heartbeat], window: str, *, now: datetime
) -> list[Row]:
    """Read what the list shows of BEATS, in three queries."""
    drawn = strips(beats, window, now=now)
    silent = silent_until(beats, now=now)
    own = changeable(request, (beat.team_id for beat in beats))
    return [
        Row(
            beat,
            drawn[beat.pk],
            due_of(beat, now=now),
            silent.get(beat.pk),
            open=beat.team_id in own,
        )
        for beat in beats
    ]
