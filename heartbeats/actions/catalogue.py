"""Teams and their heartbeats: made, changed, switched, snoozed, deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from feeds import actions as feed
from feeds.models import Activity, AuditEntry, User
from heartbeats.actions import mirrors
from heartbeats.actions.letters import Event, Told, tell
from heartbeats.actions.turns import Turn, alert_id, follow, source_of, write_alerts
from heartbeats.models import Flip, Heartbeat, Team
from heartbeats.schedule import deadline, period_of

State = Heartbeat.State
Kind, Verb = AuditEntry.Kind, AuditEntry.Verb
TIMING = {"interval", "interval_unit", "grace", "cron", "time_zone"}
#: What change_heartbeat() may set, beside "enabled".
CHANGEABLE = {
    *TIMING, "description", "tags", "component", "alert_message", "alert_tags", "alert_priority",
    "repeat_minutes", "mirror", "mirror_team",
}  # fmt: skip


class HeartbeatUnknown(feed.ActionError):
    """No such heartbeat, or it was deleted at this moment."""


def ensure_team(identifier: str) -> Team:
    """Return the team IDENTIFIER, made if there is none."""
    with transaction.atomic():
        team, created = Team.objects.get_or_create(identifier=identifier)
        if created:
            feed.note(Kind.TEAM, Verb.CREATED, team, key=team.pk)
    return team


def change_team(team: Team, *, name: str, members: Sequence[User]) -> None:
    """Name TEAM, and say who is in it; nobody at all opens it to everybody."""
    with transaction.atomic():
        before = {"name": team.name, "members": list(team.members.order_by("username"))}
        team.name = name
        team.save(update_fields=["name"])
        team.members.set(members)
        after = {"name": name, "members": list(team.members.order_by("username"))}
        changes = feed.differences(before, after)
        feed.note(Kind.TEAM, Verb.CHANGED, team, key=team.pk, changes=changes)


def create_heartbeat(
    team: Team,
    *,
    name: str,
    interval: int,
    interval_unit: str,
    now: datetime,
    enabled: bool = False,
    **fields: Any,
) -> Heartbeat:
    """Make a heartbeat of TEAM: Pending if ENABLED, else Off. FIELDS are names in CHANGEABLE.

    Raises Conflict if TEAM has one of that name, and SourceLimitReached if the component that it
    names is full.
    """
    _check_names(fields)
    state = State.PENDING if enabled else State.OFF
    beat = Heartbeat(
        team=team,
        name=name,
        interval=interval,
        interval_unit=interval_unit,
        period=period_of(interval, interval_unit),
        state=state,
        changed_at=now,
        **fields,
    )
    try:
        with transaction.atomic():
            beat.source = source_of(team, beat.component)
            beat.save(force_insert=True)
            Flip.objects.create(heartbeat=beat, state=state, at=now, reason="it was made")
            mirrors.begin(beat, now=now)
            feed.note(Kind.HEARTBEAT, Verb.CREATED, _named(beat), key=beat.uuid)
    except IntegrityError:
        raise feed.Conflict(f"name: the team has a heartbeat {name!r} already") from None
    return beat


def duplicate_heartbeat(beat: Heartbeat, *, name: str, now: datetime) -> Heartbeat:
    """Make another heartbeat like BEAT, with a ping address of its own."""
    fields = {column: getattr(beat, column) for column in CHANGEABLE}
    return create_heartbeat(beat.team, name=name, enabled=beat.enabled, now=now, **fields)


def change_heartbeat(beat: Heartbeat, fields: Mapping[str, Any], *, now: datetime) -> Heartbeat:
    """Set FIELDS of BEAT, names in CHANGEABLE or "enabled", and return it as it is now.

    A new interval applies to the running countdown. Switched off, it is not watched and its alert
    is closed; switched on again, it is Pending until the next ping.
    """
    wanted = dict(fields)
    enabled = wanted.pop("enabled", None)
    _check_names(wanted)
    with _locked(beat) as current:
        before = feed.values_of(current, fields)
        component, mirror = current.component, (current.mirror, current.mirror_team)
        mirrored = mirrors.document(current, now=now) if current.mirror else None
        if (wanted.get("mirror", mirror[0]), wanted.get("mirror_team", mirror[1])) != mirror:
            mirrors.end(current, now=now)
        for name, value in wanted.items():
            setattr(current, name, value)
        current.period = period_of(current.interval, current.interval_unit)
        if current.component != component:
            _move(current, now)
        since = current.started_at or current.last_ping_at
        if current.due_at is not None and since is not None and not TIMING.isdisjoint(wanted):
            current.due_at = deadline(current, since)
        current.save(update_fields=["period", "due_at", "source", "updated_at", *wanted])
        if enabled is not None and enabled != current.enabled:
            _switch(current, on=enabled, now=now)
        if (current.mirror, current.mirror_team) != mirror:
            mirrors.begin(current, now=now)
        else:
            mirrors.follow_change(current, mirrored, now=now)
        _note_change(current, before, fields)
    return current


def _note_change(beat: Heartbeat, before: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Note what FIELDS changed; to switch it on or off and no more is to resume or to pause it."""
    changes = feed.differences(before, fields)
    verb = Verb.CHANGED
    if [name for name, _, _ in changes] == ["enabled"]:
        verb, changes = Verb.RESUMED if fields["enabled"] else Verb.PAUSED, []
    feed.note(Kind.HEARTBEAT, verb, _named(beat), key=beat.uuid, changes=changes)


def _named(beat: Heartbeat) -> str:
    return f"{beat.name} of {beat.team}"


def pause(beat: Heartbeat, *, now: datetime) -> Heartbeat:
    """Stop watching BEAT."""
    return change_heartbeat(beat, {"enabled": False}, now=now)


def resume(beat: Heartbeat, *, now: datetime) -> Heartbeat:
    """Watch BEAT again, from its next ping on."""
    return change_heartbeat(beat, {"enabled": True}, now=now)


def snooze(beat: Heartbeat, *, until: datetime | None, now: datetime) -> Heartbeat:
    """Tell nobody about BEAT until UNTIL, None: tell again from now on."""
    with _locked(beat) as current:
        changes = feed.differences(
            {"snoozed until": current.snoozed_until}, {"snoozed until": until}
        )
        feed.note(Kind.HEARTBEAT, Verb.CHANGED, _named(beat), key=beat.uuid, changes=changes)
        current.snoozed_until = until
        if current.state == State.UNRESPONSIVE and not current.announced:
            current.remind_at = now  # the monitor looks how long it stays silent
        current.save(update_fields=["snoozed_until", "remind_at", "updated_at"])
    return current


def delete_heartbeat(beat: Heartbeat, *, now: datetime) -> None:
    """Delete BEAT with its history; an open alert is closed, and stays on the feed."""
    with _locked(beat) as current:
        if current.state == State.UNRESPONSIVE:
            since, current.was, current.state = current.changed_at, current.state, State.OFF
            write_alerts([Turn(current, max(now, since), "it was deleted", since)], now=now)
            tell([Told(current, Event.OFF, max(now, since), "it was deleted")], now=now)
        mirrors.end(current, now=now)
        feed.note(Kind.HEARTBEAT, Verb.DELETED, _named(current), key=current.uuid)
        current.delete()


def rotate_ping_key(beat: Heartbeat) -> UUID:
    """Give BEAT another secret ping address; the old one is unknown from now on."""
    key = uuid4()
    with transaction.atomic():
        Heartbeat.objects.filter(pk=beat.pk).update(ping_key=key)
        changes = [("ping address", "a secret address", feed.SECRET)]
        feed.note(Kind.HEARTBEAT, Verb.CHANGED, _named(beat), key=beat.uuid, changes=changes)
    return key


def _check_names(fields: Mapping[str, Any]) -> None:
    unknown = set(fields) - CHANGEABLE
    if unknown:
        raise TypeError(f"not to be set: {', '.join(sorted(unknown))}")


@contextmanager
def _locked(beat: Heartbeat) -> Iterator[Heartbeat]:
    """Lend BEAT as it is now; pings and the monitor wait until the caller is done."""
    with transaction.atomic():
        rows = Heartbeat.objects.select_for_update(of=("self",))
        found = (
            rows.select_related("team", "source", "component", "mirror").filter(pk=beat.pk).first()
        )
        if found is None:
            raise HeartbeatUnknown(f"heartbeat {beat.name!r} was deleted at this moment")
        yield found


def _move(beat: Heartbeat, now: datetime) -> None:
    """Put BEAT's alerts where its component is; one that is open goes with it."""
    before, beat.source = beat.source, source_of(beat.team, beat.component)
    if before != beat.source and beat.state == State.UNRESPONSIVE:
        Activity.objects.filter(source=before, external_id=alert_id(beat)).update(
            source=beat.source, touched_at=now
        )


def _switch(beat: Heartbeat, *, on: bool, now: datetime) -> None:
    turn = Turn(
        beat,
        max(now, beat.changed_at),
        "it was switched on" if on else "it was switched off",
        since=beat.changed_at,
    )
    beat.was, beat.state = beat.state, State.PENDING if on else State.OFF
    beat.changed_at, beat.due_at, beat.started_at, beat.remind_at = turn.at, None, None, None
    beat.save(update_fields=["was", "state", "changed_at", "due_at", "started_at", "remind_at"])
    follow([turn], now=now)
