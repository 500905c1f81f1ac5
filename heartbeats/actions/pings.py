"""Pings: a sign of life, the start of a run, its end with success or failure.

The usual one, a plain success of a heartbeat that lives, decides nothing. On PostgreSQL it is one
statement, one UPDATE and one INSERT, in one round trip. All else, and every ping on SQLite, which
has no round trips, goes through the heartbeat's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection, transaction
from django.db.models import Q

from feeds import limits
from feeds.actions import Sender
from feeds.models import Role
from heartbeats.access import open_to
from heartbeats.actions.mirrors import forward_ping
from heartbeats.actions.turns import Turn, follow
from heartbeats.models import Heartbeat, Ping, Team
from heartbeats.schedule import deadline

State = Heartbeat.State
Kind = Ping.Kind
ENDS = {Kind.SUCCESS, Kind.FAIL, Kind.EXIT}


@dataclass(frozen=True)
class Signal:
    """What a program said, and how it came."""

    kind: Ping.Kind = Ping.Kind.SUCCESS
    exit_status: int | None = None
    run_id: str = ""
    body: str = ""
    method: str = ""
    remote_addr: str = ""
    user_agent: str = ""

    @property
    def fails(self) -> bool:
        """Tell whether it says that something went wrong."""
        return self.kind == Kind.FAIL or bool(self.exit_status)

    @property
    def reason(self) -> str:
        """What it says, for the flip that it makes."""
        if self.kind == Kind.EXIT:
            return f"exit status {self.exit_status}"
        return "it reported a failure" if self.fails else "it was pinged"


def storable(text: str, length: int) -> str:
    """Cut TEXT, and show what no database keeps."""
    shown = text[:length].replace("\x00", "\N{SYMBOL FOR NULL}")
    return shown.encode(errors="replace").decode()


def ping(key: UUID, signal: Signal, *, now: datetime) -> bool:
    """Take in SIGNAL for the heartbeat of the secret KEY; return whether there is one."""
    if _is_usual(signal):
        parameters = {"key": key, **_parameters(signal, now)}
        if _execute(_statement(BY_KEY), parameters) is not None:
            return True
    return _decide(Q(ping_key=key), signal, now)


def ping_named(
    sender: Sender, role: Role, team: str, name: str, signal: Signal, *, now: datetime
) -> bool | None:
    """Take in SIGNAL of SENDER, who comes as ROLE, for the heartbeat NAME of TEAM.

    Returns whether there is such a heartbeat that SENDER may ping; None if SENDER may no longer
    come in.
    """
    if _is_usual(signal):
        parameters = {
            "team": team, "name": name, "admin": role == Role.ADMIN,
            **limits.parameters(sender, now), **_parameters(signal, now),
        }  # fmt: skip
        if _execute(_statement(BY_NAME), parameters) is not None:
            return True
    if limits.count(sender, limited=False) is None:
        return None
    teams = Team.objects.filter(open_to(sender.user, role), identifier=team)
    return _decide(Q(team__in=teams, name=name), signal, now)


# ---- the usual one


def _is_usual(signal: Signal) -> bool:
    ends_well = signal.kind in ENDS and not signal.fails
    return connection.vendor == "postgresql" and ends_well and not signal.run_id


BY_KEY = ("", "beat.ping_key = %(key)s")
BY_NAME = (
    f"sender AS ({limits.CHECK}), ",
    """beat.name = %(name)s AND EXISTS (SELECT 1 FROM sender) AND beat.team_id = (
        SELECT team.id FROM heartbeats_team team
        WHERE team.identifier = %(team)s AND (%(admin)s
            OR NOT EXISTS (SELECT 1 FROM heartbeats_team_members WHERE team_id = team.id)
            OR EXISTS (SELECT 1 FROM heartbeats_team_members
                       WHERE team_id = team.id AND user_id = %(user)s)))""",
)
LOGGED = (
    "kind", "exit_status", "run_id", "body", "method", "remote_addr", "user_agent",
)  # fmt: skip


@cache
def _statement(place: tuple[str, str]) -> bytes:
    tables, condition = place
    logged = [(name, "::bigint" if name == "exit_status" else "") for name in LOGGED]
    return f"""
        WITH {tables} alive AS (
            UPDATE heartbeats_heartbeat beat
            SET last_ping_at = %(now)s, due_at = %(now)s + beat.period + beat.grace,
                pings = beat.pings + 1
            WHERE {condition} AND beat.state = 'Responsive' AND beat.cron = ''
                AND beat.started_at IS NULL AND beat.mirror_id IS NULL
            RETURNING beat.id, beat.pings
        )
        INSERT INTO heartbeats_ping (heartbeat_id, number, at, {", ".join(LOGGED)})
        SELECT id, pings, %(now)s, {", ".join(f"%({name})s{cast}" for name, cast in logged)}
        FROM alive
        RETURNING heartbeat_id
    """.encode()


def _parameters(signal: Signal, now: datetime) -> dict[str, Any]:
    logged = {name: getattr(signal, name) for name in LOGGED}
    return {**logged, "kind": signal.kind.value, "now": now}


def _execute(statement: bytes, parameters: dict[str, Any]) -> tuple[Any, ...] | None:
    connection.ensure_connection()
    # Django's own cursor binds parameters itself, and so cannot prepare.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, prepare=True)
        return cursor.fetchone()


# ---- all else


def _decide(place: Q, signal: Signal, now: datetime) -> bool:
    """Take in SIGNAL under the lock of the heartbeat at PLACE; return whether there is one."""
    with transaction.atomic():
        locked = Heartbeat.objects.select_for_update(of=("self",)).select_related("team", "source")
        beat = locked.filter(place).first()
        if beat is None:
            return False
        started_at, before = beat.started_at, beat.state
        changed = _apply(beat, signal, now)
        beat.pings += 1
        turn = None
        if beat.state != before:
            at = max(now, beat.changed_at)  # its flips never go back, whatever the clocks
            turn = Turn(beat, at, signal.reason, since=beat.changed_at)
            beat.was, beat.changed_at, beat.remind_at = before, at, None
            changed |= {"state", "was", "changed_at", "remind_at"}
        beat.save(update_fields=["pings", *changed])
        _log(beat, signal, now, started_at)
        if turn is not None:
            follow([turn], now=now)
        if beat.state == State.RESPONSIVE and signal.kind in ENDS:
            forward_ping(beat, agent=signal.user_agent, now=now)
    return True


def _apply(beat: Heartbeat, signal: Signal, now: datetime) -> set[str]:
    """Change BEAT by SIGNAL; return the columns that may have changed."""
    if beat.state == State.OFF or signal.kind == Kind.LOG:
        return set()
    if signal.kind == Kind.START:
        beat.started_at = now
        if beat.state != State.UNRESPONSIVE:
            beat.due_at = deadline(beat, now)
        return {"started_at", "due_at"}
    beat.started_at = None
    if not signal.fails:
        beat.state, beat.last_ping_at, beat.due_at = State.RESPONSIVE, now, deadline(beat, now)
        return {"started_at", "last_ping_at", "due_at"}
    if beat.state != State.UNRESPONSIVE:
        beat.state, beat.outages = State.UNRESPONSIVE, beat.outages + 1
    beat.due_at = None
    return {"started_at", "due_at", "outages"}


def _log(beat: Heartbeat, signal: Signal, now: datetime, started_at: datetime | None) -> None:
    logged = {name: getattr(signal, name) for name in LOGGED}
    if beat.state == State.OFF:
        logged["kind"] = Kind.IGNORED
    Ping.objects.create(
        heartbeat_id=beat.pk,
        number=beat.pings,
        at=now,
        duration=_duration(beat, signal, now, started_at),
        **logged,
    )


def _duration(
    beat: Heartbeat, signal: Signal, now: datetime, started_at: datetime | None
) -> timedelta | None:
    """Return how long the run took that SIGNAL ends; None if it ends none that we know of."""
    if signal.kind not in ENDS:
        return None
    if signal.run_id:
        starts = beat.log.filter(kind=Kind.START, run_id=signal.run_id).order_by("-number")
        started_at = starts.values_list("at", flat=True).first()
    return max(now - started_at, timedelta()) if started_at else None
