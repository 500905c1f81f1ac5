"""How often a source sends, and whether it has been silent for too long.

Too long is measured by the source itself: longer than it is usually, longer than it lately was but
once, and at an hour at which it was not silent a day before and a week before. So a pipeline that
sleeps at night and on Sundays is not called silent then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    return rhythms_of(moments, now=now)


def rhythms_of(moments: Mapping[int, Sequence[datetime]], *, now: datetime) -> Mapping[int, Rhythm]:
    """Return the rhythms of sources whose newest MOMENTS, LOOKED_AT or more, are known."""
    found = {
        source: _rhythm(sorted(times, reverse=True)[:LOOKED_AT], now)
        for source, times in moments.items()
    }
    suspects = {source: each for source, each in found.items() if each.silent}
    calm = _usually_calm(suspects, now)
    return {
        source: Rhythm(each.last, each.usual, each.counted, each.silence)
        if source in calm
        else each
        for source, each in found.items()
    }


def _rhythm(newest: Sequence[datetime], now: datetime) -> Rhythm:
    silence = max(now - newest[0], timedelta(0))
    if len(newest) < FEWEST:
        return Rhythm(newest[0], None, len(newest), silence)
    gaps = sorted(later - earlier for later, earlier in pairwise(newest))
    usual = timedelta(seconds=median(gap.total_seconds() for gap in gaps))
    suspected = silence > max(LEAST, TIMES * usual, gaps[-2])
    return Rhythm(newest[0], usual, len(newest), silence, suspected)


def _usually_calm(suspects: Mapping[int, Rhythm], now: datetime) -> set[int]:
    """Return which of SUSPECTS sent nothing in the same hours a day or a week before."""
    asked = [(source, one.last, back) for source, one in suspects.items() for back in BEFORE]
    if not asked:
        return set()
    branches, parameters = [], []
    for number, (source, last, back) in enumerate(asked):
        edge = (now - last) / EDGE
        sql, between = walk(
            "source_id", str(number), since=last + edge - back, until=now - edge - back
        )
        branches.append(f"SELECT * FROM ({sql}) AS branch")
        parameters += [source, *between, 1]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(branches), parameters)
        heard = {number for (number,) in cursor.fetchall()}
    return {source for number, (source, _, _) in enumerate(asked) if number not in heard}
