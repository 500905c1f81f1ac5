"""How often a source sends, and whether it has been silent for too long.

Too long is measured by the source itself: longer than it is usually, longer than it lately was but
once, and at an hour at which it was not silent a day before and a week before. So a pipeline that
sleeps at night and on Sundays is not called silent then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from django.db import connection

from feeds.digests.walks import newest_of_each, walk
from feeds.moments import from_database

LOOKED_AT = 30  # newest events of a source
FEWEST = 6  # events; fewer have no rhythm
LEAST = timedelta(minutes=15)  # no shorter silence means anything
TIMES = 3  # the usual gap
EDGE = 6  # a sixth of a silence at each end is not compared: nights do not begin on the minute
BEFORE = (timedelta(days=1), timedelta(days=7))  # when the same hours are looked at


@dataclass(frozen=True)
class Rhythm:
    """How often a source sends, by its newest events."""

    last: datetime
    usual: timedelta | None  # between two events, half of the gaps are shorter; None: too few
    counted: int  # events that this rests on
    silence: timedelta  # since the last; zero if that is in the future
    silent: bool = False  # for too long


def rhythms(sources: Iterable[int], *, now: datetime) -> Mapping[int, Rhythm]:
    """Return how often each of SOURCES, by their ids, sends; those that never did are missing.

    Two statements, whatever the number of sources: LOOKED_AT steps along an index for each, and
    two more for each that is suspected.
    """
    moments: dict[int, list[datetime]] = defaultdict(list)
    for source, moment in newest_of_each(list(sources), "source_id, occurred_at", LOOKED_AT):
        moments[source].append(from_database(moment))
    return rhythms_of(moments, asked=LOOKED_AT, now=now)


def rhythms_of(
    moments: Mapping[int, Sequence[datetime]], *, asked: int, now: datetime
) -> Mapping[int, Rhythm]:
    """Return the rhythms of sources whose newest MOMENTS are known, at most ASKED of each."""
    newest = {source: sorted(times, reverse=True) for source, times in moments.items()}
    found = {source: _rhythm(times[:LOOKED_AT], now) for source, times in newest.items()}
    calm = _usually_calm(
        {source for source, one in found.items() if one.silent}, newest, asked, now
    )
    return {
        source: replace(one, silent=False) if source in calm else one
        for source, one in found.items()
    }


def _rhythm(newest: Sequence[datetime], now: datetime) -> Rhythm:
    silence = max(now - newest[0], timedelta(0))
    if len(newest) < FEWEST:
        return Rhythm(newest[0], None, len(newest), silence)
    gaps = sorted(later - earlier for later, earlier in pairwise(newest))
    usual = timedelta(seconds=median(gap.total_seconds() for gap in gaps))
    suspected = silence > max(LEAST, TIMES * usual, gaps[-2])
    return Rhythm(newest[0], usual, len(newest), silence, suspected)


def _usually_calm(
    suspects: Iterable[int], newest: Mapping[int, Sequence[datetime]], asked: int, now: datetime
) -> set[int]:
    """Return which of SUSPECTS sent nothing in the same hours a day or a week before."""
    calm: set[int] = set()
    unknown: list[tuple[int, datetime, datetime]] = []
    for source in suspects:
        times = newest[source]
        edge = (now - times[0]) / EDGE
        for back in BEFORE:
            since, until = times[0] + edge - back, now - edge - back
            if len(times) == asked and times[-1] >= since:  # what we know does not reach back there
                unknown.append((source, since, until))
            elif not any(since <= moment < until for moment in times):
                calm.add(source)
    return calm | _without_events([one for one in unknown if one[0] not in calm])


def _without_events(asked: Sequence[tuple[int, datetime, datetime]]) -> set[int]:
    """Return the sources among ASKED that sent nothing from one moment to another."""
    if not asked:
        return set()
    branches, parameters = [], []
    for number, (source, since, until) in enumerate(asked):
        sql, between = walk("source_id", str(number), since=since, until=until)
        branches.append(f"SELECT * FROM ({sql}) AS branch")
        parameters += [source, *between, 1]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(branches), parameters)
        heard = {number for (number,) in cursor.fetchall()}
    return {source for number, (source, _, _) in enumerate(asked) if number not in heard}
