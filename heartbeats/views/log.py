"""The event log of a heartbeat: pings and flips, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from feeds.filters import FilterError
from heartbeats.models import Flip, Heartbeat, Ping

PER_PAGE = 30  # pings
MOST_FLIPS = 200  # beside them
NUMBER_DIGITS = 18


@dataclass(frozen=True)
class Entry:
    """One line of the log: a ping, or a flip."""

    at: datetime
    ping: Ping | None = None
    flip: Flip | None = None


@dataclass(frozen=True)
class Log:
    """Some lines of a log, and where its older ones begin."""

    entries: Sequence[Entry]
    since: datetime | None
    until: datetime | None
    older: str  # a query string, "" if there is nothing older
    paged: bool


def read(beat: Heartbeat, query: QueryDict) -> Log:
    """Read the part of BEAT's log that QUERY names; raises FilterError.

    `since` and `until` are times, `before` is the number of a ping.
    """
    since, until = _moment(query, "since"), _moment(query, "until")
    before = _number(query)
    found = list(_pings(beat, since, until, before)[: PER_PAGE + 1])
    pings, rest = found[:PER_PAGE], len(found) > PER_PAGE
    # beside the pings of this page stand the flips of their time
    newest = _at(beat, before) if before else None
    flips = _flips(beat, since, until, oldest=pings[-1].at if rest else None, newest=newest)
    entries = [Entry(ping.at, ping=ping) for ping in pings]
    entries += [Entry(flip.at, flip=flip) for flip in flips]
    # a flip follows from the ping of the same moment, and so stands above it
    entries.sort(key=lambda entry: (entry.at, entry.flip is not None), reverse=True)
    kept = {name: query[name] for name in ("since", "until") if query.get(name)}
    older = f"?{urlencode({**kept, 'before': pings[-1].number})}#log" if rest else ""
    return Log(entries, since, until, older, paged=before is not None)


def _pings(
    beat: Heartbeat, since: datetime | None, until: datetime | None, before: int | None
) -> Any:
    rows = beat.log.order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    return _within(rows, since, until)


def _flips(
    beat: Heartbeat,
    since: datetime | None,
    until: datetime | None,
    *,
    oldest: datetime | None,
    newest: datetime | None,
) -> Any:
    rows = beat.flips.order_by("-id")
    if oldest is not None:
        rows = rows.filter(at__gte=oldest)
    if newest is not None:
        rows = rows.filter(at__lt=newest)
    return _within(rows, since, until)[:MOST_FLIPS]


def _within(rows: Any, since: datetime | None, until: datetime | None) -> Any:
    if since is not None:
        rows = rows.filter(at__gte=since)
    return rows.filter(at__lt=until) if until is not None else rows


def _at(beat: Heartbeat, number: int) -> datetime | None:
    return beat.log.filter(number=number).values_list("at", flat=True).first()


def _number(query: QueryDict) -> int | None:
    text = query.get("before", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS):
        raise FilterError("before", "must be the number of a ping")
    return int(text)


def _moment(query: QueryDict, name: str) -> datetime | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FilterError(name, "must be a date and time, such as 2026-11-21T14:03") from None
