"""How long runs of a pipeline take, by the last that finished: one query for all on a page.

A pipeline is what runs again and again in one source; each wire has its own way to name it. When a
run began and ended stands in the vendor's words where the wire has them (CLOCKS); else our own
clock counts, from its first news to its last.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import inf
from statistics import median, quantiles
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet, TextField, Value
from django.db.models.fields.json import KT

from feeds.dialects import gitlab
from feeds.dialects.mapping import read_time
from feeds.models import Activity, EventKind
from feeds.moments import from_database

RUNS = 20  # that an estimate rests on
FEWEST_RUNS = 3  # fewer are no experience
LOOKED_AT = 200  # newest events of a source among which the runs are looked for
MOST_PIPELINES = 20  # of one page; what runs beyond them has no estimate
REMEMBERED = 30  # seconds; a run more or less moves the median of twenty by little
MOST_KNOWN = 1000  # pipelines
#: How a run ends that went its way; what was cancelled says nothing about how long it takes.
FINISHED = (
    Activity.State.SUCCEEDED, Activity.State.FAILED, Activity.State.ERROR,
    Activity.State.TIMED_OUT, Activity.State.ROLLED_BACK,
)  # fmt: skip
_NUMBERED = re.compile(r"(.+?) #\d+(?::|$)")  # "CI #12: Fix the door", as code hosts are read

Path = tuple[str, ...]


@dataclass(frozen=True)
class Clock:
    """Where in the details a wire says when a run began and ended, or the column that knows.

    Where a wire that has a path for the beginning leaves it out, our own clock counts at both ends.
    """

    began: Path = ()
    ended: Path = ()
    first: str = "received_at"
    last: str = "touched_at"
    read: Callable[[Any], datetime] = read_time


_COMPASS = ("event", "build", "buildProperties"), ("event", "deployment", "deploymentProperties")
OURS = Clock()
#: By dialect and object type.
CLOCKS: Mapping[tuple[str, str], Clock] = {
    ("compass", "build"): Clock(
        (*_COMPASS[0], "startedAt"), (*_COMPASS[0], "completedAt"), last="occurred_at"
    ),
    ("compass", "deployment"): Clock(
        (*_COMPASS[1], "startedAt"), (*_COMPASS[1], "completedAt"), last="occurred_at"
    ),
    ("github", "workflow_run"): Clock(("workflow_run", "run_started_at"), last="occurred_at"),
    ("github", "deployment_status"): Clock(("deployment", "created_at"), last="occurred_at"),
    ("gitlab", "pipeline"): Clock(
        ("object_attributes", "created_at"), ("object_attributes", "finished_at"),
        last="occurred_at", read=gitlab.TIME.read,
    ),
    ("teamhub", "build"): Clock(ended=("updated_at",), first="occurred_at"),
}  # fmt: skip


@dataclass(frozen=True)
class Usual:
    """How the last runs of a pipeline went."""

    runs: int
    low: timedelta  # one of five is shorter
    median: timedelta
    high: timedelta  # one of five is longer
    gap: timedelta  # between two news


@dataclass(frozen=True)
class Pipeline:
    """What runs again and again: a source, and what its events have in common."""

    source_id: int
    clock: Clock
    sameness: tuple[tuple[str, Any], ...] = ()  # look-ups

    @classmethod
    def of(cls, activity: Activity) -> Pipeline:
        """Return the pipeline of which ACTIVITY is a run."""
        clock = CLOCKS.get((activity.dialect, activity.object_type), OURS)
        return cls(activity.source_id, clock, tuple(_sameness(activity).items()))

    def runs(self, number: int) -> QuerySet[Activity, Any]:
        """Return its last finished runs as times and counts, marked with NUMBER.

        Only the newest LOOKED_AT events of its source are looked at, which stand together in an
        index, so that a pipeline that runs once a year costs no more than any other.
        """
        newest = Activity.objects.filter(source_id=self.source_id).order_by("-occurred_at", "-id")
        rows = Activity.objects.filter(
            id__in=newest.values("id")[:LOOKED_AT], state__in=FINISHED, **dict(self.sameness)
        )
        return rows.order_by("-occurred_at", "-id").values_list(
            Value(number),
            F(self.clock.first), F(self.clock.last), "received_at", "touched_at", "updates",
            _text_at(self.clock.began), _text_at(self.clock.ended),
        )[:RUNS]  # fmt: skip


def _sameness(activity: Activity) -> dict[str, Any]:
    """Return what tells the runs of one pipeline from others in the same source."""
    if activity.dialect == "compass" and activity.kind == EventKind.DEPLOYMENT:
        return {"object_key": activity.object_key, "target_key": activity.target_key}
    if activity.dialect == "compass":
        return _named(activity, (*_COMPASS[0], "pipeline", "displayName"))
    if activity.dialect == "teamhub":
        return _named(activity, ("objects", "name"))
    if activity.dialect == "native":
        return {"object_type": activity.object_type, "target_key": activity.target_key}
    if activity.kind == EventKind.DEPLOYMENT:
        return {"target_key": activity.target_key}
    numbered = _NUMBERED.match(activity.title)
    return {"title__startswith": f"{numbered[1]} #"} if numbered else {}


def _named(activity: Activity, path: Path) -> dict[str, Any]:
    name, lookup = _at(activity.details, path), "__".join(("details", *path))
    return {lookup: name} if isinstance(name, str) else {f"{lookup}__isnull": True}


def _text_at(path: Path) -> Any:
    return KT("__".join(("details", *path))) if path else Value("", output_field=TextField())


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def started_at(activity: Activity) -> datetime:
    """Return when ACTIVITY, which runs, began: by its wire if it says so, else by our own clock."""
    clock = CLOCKS.get((activity.dialect, activity.object_type), OURS)
    said = moment_of(clock, _at(activity.details, clock.began)) if clock.began else None
    moment: datetime = said or getattr(activity, clock.first)
    return moment


def moment_of(clock: Clock, text: Any) -> datetime | None:
    """Read TEXT as CLOCK does; None for what is no moment."""
    try:
        return clock.read(text) if text else None
    except ValueError:
        return None


# ---- from runs to an estimate

#: When this process asked for a pipeline, and what it learned: the strip and the rows of a page,
#: and every part of it that is drawn anew, want the same. Threads at worst ask twice.
_known: dict[Pipeline, tuple[float, Usual | None]] = {}
_NEVER = (-inf, None)


@dataclass
class _Runs:
    """What the runs of one pipeline took."""

    seconds: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)

    def add(self, clock: Clock, row: tuple[Any, ...]) -> None:
        first, last, received, touched = map(from_database, row[:4])
        updates, began, ended = row[4:]
        start, end = moment_of(clock, began) or first, moment_of(clock, ended) or last
        if clock.began and not moment_of(clock, began):
            start, end = received, touched
        seconds = (end - start).total_seconds()
        if seconds <= 0:
            return  # it told only its end, and not when it began
        self.seconds.append(seconds)
        # what told its end alone would have told nothing before it either
        told = (touched - received).total_seconds() / updates if updates else seconds
        self.gaps.append(told)

    def usual(self) -> Usual | None:
        if len(self.seconds) < FEWEST_RUNS:
            return None
        fifths = quantiles(self.seconds, n=5, method="inclusive")
        span = partial(timedelta, 0)
        return Usual(
            len(self.seconds), span(fifths[0]), span(median(self.seconds)), span(fifths[-1]),
            span(median(self.gaps)),
        )  # fmt: skip


def usuals(activities: Iterable[Activity]) -> dict[Pipeline, Usual]:
    """Return how the pipelines of ACTIVITIES usually run, where enough is known: in one query."""
    runs = dict.fromkeys(Pipeline.of(activity) for activity in activities if activity.source_id)
    pipelines = list(runs)[:MOST_PIPELINES]
    since = time.monotonic() - REMEMBERED
    asked = [pipeline for pipeline in pipelines if _known.get(pipeline, _NEVER)[0] < since]
    if asked:
        _learn(asked)
    found = {pipeline: _known.get(pipeline, _NEVER)[1] for pipeline in pipelines}
    return {pipeline: usual for pipeline, usual in found.items() if usual}


def forget() -> None:
    """Forget what this process has learned, for a test has a database of its own."""
    _known.clear()


def _learn(pipelines: list[Pipeline]) -> None:
    found: dict[int, _Runs] = defaultdict(_Runs)
    for number, *row in _rows(pipelines):
        found[number].add(pipelines[number].clock, tuple(row))
    if len(_known) > MOST_KNOWN:
        _known.clear()
    now = time.monotonic()
    for number, pipeline in enumerate(pipelines):
        _known[pipeline] = now, found[number].usual()


def _rows(pipelines: list[Pipeline]) -> list[tuple[Any, ...]]:
    branches: list[str] = []
    parameters: list[Any] = []
    for number, pipeline in enumerate(pipelines):
        sql, values = pipeline.runs(number).query.sql_with_params()
        branches.append(f"SELECT * FROM ({sql}) AS branch")  # SQLite: no LIMIT in a bare branch
        parameters += values
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(branches), parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
