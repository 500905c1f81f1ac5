"""When a heartbeat is due, and when a maintenance window is open: pure functions of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
LAST = datetime(9000, 1, 1, tzinfo=UTC)  # no time of a schedule is later
CHAINED = 10


class Timing(Protocol):
    """What a deadline depends on; a Heartbeat is one."""

    period: timedelta
    grace: timedelta
    cron: str
    time_zone: str


class Window(Protocol):
    """What a maintenance window is; a MaintenanceWindow is one."""

    starts_at: datetime
    duration: timedelta
    cron: str
    time_zone: str


def period_of(interval: int, unit: str) -> timedelta:
    """Return how long INTERVAL times UNIT is, whatever the case of the unit."""
    return interval * UNITS[unit.lower()]


def due_after(timing: Timing, moment: datetime) -> datetime:
    """Return when the next sign of life after one at MOMENT is awaited, without grace."""
    if timing.cron:
        return next_time(timing.cron, timing.time_zone, moment) or LAST
    return moment + timing.period


def deadline(timing: Timing, moment: datetime) -> datetime:
    """Return when a heartbeat expires that gave its last sign of life at MOMENT."""
    return due_after(timing, moment) + timing.grace


def next_time(cron: str, zone: str, moment: datetime) -> datetime | None:
    """Return the first time of CRON after MOMENT, None if there is none in 50 years."""
    return next(iter(next_times(cron, zone, moment, 1)), None)


def next_times(cron: str, zone: str, moment: datetime, count: int) -> list[datetime]:
    """Return the first COUNT times of CRON, read in ZONE, after MOMENT.

    On days that change the clock a fixed time runs once, as in Debian's cron: one that the spring
    skips runs at once when the clock has jumped, and one that the autumn repeats runs the first
    time.
    """
    times = CronSim(cron, moment.astimezone(_zone(zone)))
    return [found.astimezone(UTC) for found in islice(times, count)]


def check_zone(zone: str) -> None:
    """Raise ValueError, in words, unless ZONE is a time zone."""
    try:
        _zone(zone)
    except (KeyError, ValueError, OSError):  # OSError: a directory of the database, or a long name
        raise ValueError(f"{zone!r} is not a time zone such as Europe/Berlin") from None


def check_cron(cron: str, zone: str, *, now: datetime) -> None:
    """Raise ValueError, in words, unless CRON names times that will come."""
    try:
        found = next_time(cron, zone, now)
    except CronSimError as error:
        raise ValueError(f"{cron!r} is not a cron expression: {error}".lower()) from None
    if found is None:
        raise ValueError(f"{cron!r} names a time that never comes")


def opened_at(window: Window, moment: datetime) -> datetime | None:
    """Return when WINDOW opened if it is open at MOMENT, else None."""
    if moment < window.starts_at:
        return None
    if not window.cron:
        return window.starts_at if moment < window.starts_at + window.duration else None
    since = max(moment - window.duration, window.starts_at - timedelta(microseconds=1))
    began = next_time(window.cron, window.time_zone, since)
    return began if began is not None and began <= moment else None


def open_until(windows: Sequence[Window], moment: datetime) -> datetime | None:
    """Return when nobody is kept from being told any more, None if no window is open at MOMENT.

    One that opens before another ends goes on with it, up to CHAINED times: whoever waits for the
    end asks again then.
    """
    until = None
    for _ in range(CHAINED):
        at = until or moment
        opened = [(began, one) for one in windows if (began := opened_at(one, at)) is not None]
        if not opened:
            break
        until = max(began + one.duration for began, one in opened)
    return until


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    if not name:
        raise ValueError("is empty")
    return ZoneInfo(name)
