"""What follows when heartbeats change their state: alerts on the feed, flips, letters.

All of it is written in the transaction that changes the state, and for any number of heartbeats by
the same few statements. An outage has one alert: it is opened when the heartbeat becomes
Unresponsive, and closed, as an update of the same activity, when it leaves that state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import prefetch_related_objects

from feeds import actions as feed
from feeds.dialects import compass
from feeds.dialects.mapping import Draft, write_time
from feeds.models import KEY_LENGTH, Activity, Component, EventKind, EventSource
from feeds.upsert import as_json, upsert
from heartbeats.actions.letters import Told, tell
from heartbeats.actions.mirrors import take_back
from heartbeats.actions.rows import insert
from heartbeats.models import Flip, Heartbeat, Notification, Team

SENDER = "Pulseboard"  # who raises alerts
GENERATOR = "Heartbeats"
VERB = compass.KINDS["alert"][1]
State = Heartbeat.State


@dataclass(frozen=True)
class Turn:
    """A heartbeat that has just come into another state; `beat` holds the new one."""

    beat: Heartbeat
    at: datetime
    reason: str  # in words
    since: datetime  # when it had come into the state before

    @property
    def opens(self) -> bool:
        """Tell whether an outage begins."""
        return self.beat.state == State.UNRESPONSIVE

    @property
    def closes(self) -> bool:
        """Tell whether an outage ends."""
        return self.beat.was == State.UNRESPONSIVE

    @property
    def event(self) -> Notification.Event | None:
        """What people are told; None: nothing."""
        if self.opens:
            return Notification.Event.DOWN
        if not self.closes:
            return None
        up = self.beat.state == State.RESPONSIVE
        return Notification.Event.UP if up else Notification.Event.OFF


def follow(turns: Sequence[Turn], *, now: datetime) -> None:
    """Write what follows from TURNS; call it in the transaction that wrote their states."""
    prefetch_related_objects([turn.beat for turn in turns], "team", "source")
    alerts = write_alerts(turns, now=now)
    insert(
        Flip,
        [
            {
                "heartbeat_id": turn.beat.pk,
                "was": turn.beat.was,
                "state": turn.beat.state,
                "at": turn.at,
                "reason": turn.reason[:200],
                "activity": alerts.get(turn.beat.pk),
            }
            for turn in turns
        ],
    )
    told = [Told(turn.beat, turn.event, turn.at, turn.reason) for turn in turns if turn.event]
    tell(told, now=now)
    for turn in turns:
        if turn.beat.mirror_id is not None and turn.beat.state != State.RESPONSIVE:
            take_back(turn.beat, now=now)


def write_alerts(turns: Sequence[Turn], *, now: datetime) -> dict[int, UUID]:
    """Open and close the alerts of TURNS; return the activity of each, by heartbeat."""
    loud = [turn for turn in turns if turn.opens or turn.closes]
    rows = {turn.beat.pk: _draft(turn, sequence=1) for turn in loud}
    held = _sequences(loud)
    for turn in loud:
        if turn.beat.pk in held:  # above what we have, whoever changed it in between
            rows[turn.beat.pk] = _draft(turn, sequence=held[turn.beat.pk] + 1)
    places = {turn.beat.pk: _source(turn.beat).pk for turn in loud}
    written = upsert([(places[pk], draft) for pk, draft in rows.items()], author_id=None, now=now)
    found = {pk: written.get((places[pk], draft.external_id)) for pk, draft in rows.items()}
    return {pk: one.uuid for pk, one in found.items() if one is not None}


def alert_id(beat: Heartbeat) -> str:
    """Return what names the alert of BEAT's latest outage among those of its source."""
    return f"{beat.uuid}/{beat.outages}"


def _sequences(turns: Sequence[Turn]) -> dict[int, int]:
    """Return the sequence of each alert that is there to be closed, by heartbeat."""
    names = {alert_id(turn.beat): turn.beat for turn in turns if turn.closes}
    rows = Activity.objects.filter(
        external_id__in=names, source_id__in={beat.source_id for beat in names.values()}
    ).values_list("external_id", "sequence")
    return {names[name].pk: sequence for name, sequence in rows} if names else {}


def _draft(turn: Turn, *, sequence: int) -> Draft:
    """Write the alert of TURN as the Compass event that it is.

    The vendor's heartbeats raise alerts there as well, so its wire has a place for all we say. The
    draft is what compass.parse() would read, which takes too long for ten thousand at once.
    """
    beat, at, name, source = turn.beat, write_time(turn.at), alert_id(turn.beat), _source(turn.beat)
    title, content = beat.title, f"Heartbeat {beat.name}: {turn.reason}."
    url = settings.SITE_URL + beat.get_absolute_url()
    left = {
        "priority": beat.alert_priority,
        "createdAt": at if turn.opens else write_time(turn.since),
    }
    if not turn.opens:
        left["closedAt"] = at
    word = "OPENED" if turn.opens else "CLOSED"
    more = {
        "heartbeat": {"name": beat.name, "ownerTeamId": beat.team.identifier},
        "tags": beat.alert_tags,
    }
    alert = {
        "displayName": title,
        "description": content,
        "url": url,
        "lastUpdated": at,
        "updateSequenceNumber": sequence,
        "externalEventSourceId": source.external_id,
        "alertProperties": {"id": name, "status": word, **left},
        **more,
    }
    site = feed.cloud_id()
    return Draft(
        dialect=compass.DIALECT, kind=EventKind.ALERT.value, verb=VERB, site_id=site,
        source_id=source.external_id, external_id=name, sequence=sequence, title=title,
        content=content, url=url, occurred_at=turn.at, state=compass.ALERT_STATES[word],
        generator=GENERATOR, actor_name=SENDER, object_type=EventKind.ALERT.value, object_key=name,
        details={"cloudId": site, "event": {"alert": {"alertProperties": left, **more}}},
        raw=as_json({"cloudId": site, "event": {"alert": alert}}),
    )  # fmt: skip


def _source(beat: Heartbeat) -> EventSource:
    """Return the source of BEAT's alerts, made again if somebody deleted it.

    Where its component has no room any more it stays without: no alert may fail for that.
    """
    if beat.source is None:
        try:
            beat.source = source_of(beat.team, beat.component)
        except feed.SourceLimitReached:
            beat.source = source_of(beat.team, None)
        beat.save(update_fields=["source"])
    return beat.source


def source_of(team: Team, component: Component | None) -> EventSource:
    """Return the source of the alerts of TEAM about COMPONENT, attached to it.

    One for all heartbeats of both, for a component has few places. Raises SourceLimitReached.
    """
    # colons, for what has one slash is taken for a repository
    about = f":{component.uuid}" if component else ""
    source = feed.create_source(
        f"heartbeats:{team.identifier}{about}",
        kind=EventKind.ALERT,
        name=f"Heartbeats of {team}"[:KEY_LENGTH],
    )
    if component is not None:
        feed.attach(component, source)
    return source
