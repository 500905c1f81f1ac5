"""The story of a change: the push, pull request, build, deployment and incident that are one.

A link is exact where both events name the same commit, pull request or incident: an index of
their keys finds it. It is likely where they stand close together: a build and a deployment of one
pipeline, or an alarm on a component shortly after its deployment. Likelihoods do not add up, so a
path through the story has one of them at most.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.models import prefetch_related_objects

from feeds.dialects.badges import at
from feeds.dialects.correlation import INCIDENT, Key, repository, same
from feeds.dialects.mapping import read_time
from feeds.models import PLACES, Activity, Attachment, Correlation, EventKind, EventSource
from feeds.moments import to_database
from feeds.pages import these
from feeds.running import span

SHORTLY = timedelta(hours=1)  # from a deployment to an alarm that it may have caused
ONE_RUN = timedelta(hours=24)  # from a build to a deployment by the same pipeline
UPDATED = timedelta(hours=24)  # from the begin of what we look for to its last news
HOPS = 3  # from an event to the farthest of its story: push, pull request, build, incident
MOST_STEPS = 30  # of a story
MOST_PAIRS = 2000  # read for one page; there, what many events share is counted short
EACH = 20  # events of a source that one event is compared with
COUNTED = 20  # linked events that a row counts

State = Activity.State
ALARMS = (EventKind.INCIDENT, EventKind.ALERT)
ORDER = (
    EventKind.PUSH, EventKind.PULL_REQUEST, EventKind.BUILD, EventKind.DEPLOYMENT, EventKind.FLAG,
    EventKind.ALERT, EventKind.INCIDENT,
)  # fmt: skip
NOT_CAUSES = (State.PENDING, State.CANCELLED)  # of deployments
#: Categories and names of environments whose deployments do not reach customers.
BEFORE_PRODUCTION = {
    "STAGING", "TESTING", "DEVELOPMENT", "STAGE", "STG", "TEST", "QA", "DEV", "PREVIEW", "SANDBOX",
}  # fmt: skip
_COMPASS: dict[EventKind, tuple[str, ...]] = {
    EventKind.INCIDENT: ("event", "incident", "incidentProperties", "startTime"),
    EventKind.ALERT: ("event", "alert", "alertProperties", "createdAt"),
    EventKind.DEPLOYMENT: ("event", "deployment", "deploymentProperties", "startedAt"),
    EventKind.BUILD: ("event", "build", "buildProperties", "startedAt"),
}
_BEGAN: dict[str, dict[EventKind, tuple[str, ...]]] = {
    "compass": _COMPASS,
    "github": {
        EventKind.DEPLOYMENT: ("deployment", "created_at"),
        EventKind.BUILD: ("workflow_run", "run_started_at"),
    },
}
_NAMES = "ours_kind, ours_object, ours_id"
#: Of what stands close to a build or a deployment, most is another pipeline's: _closeness() would
#: say so, but reading it takes longer than all else.
_SAME_RUN = f"""
    CASE WHEN ours_kind = '{EventKind.BUILD}'
        THEN other.object_key <> '' AND other.object_key IN (ours_id, ours_object)
    WHEN ours_kind = '{EventKind.DEPLOYMENT}' AND other.kind = '{EventKind.BUILD}'
        THEN ours_object IN (other.external_id, other.object_key)
    ELSE 1 = 1 END
"""
_CATEGORY = ("event", "deployment", "deploymentProperties", "environment", "category")
_NAMED, _EVENTS = Correlation._meta.db_table, Activity._meta.db_table
_SOURCES, _ATTACHED = EventSource._meta.db_table, Attachment._meta.db_table
_JUDGED = (
    "id", "dialect", "kind", "state", "source_id", "external_id", "object_type", "object_key",
    "target_key", "occurred_at", "received_at", "updates",
)  # fmt: skip
#: What a step of a story shows, beside its details; the same columns would be read one by one.
_SHOWN = tuple(
    one.attname
    for one in Activity._meta.concrete_fields
    if one.name not in {"content", "raw", "details"}
)


@dataclass(frozen=True)
class Link:
    """That two events belong together, and why."""

    ours: int  # id of the one that was asked about
    theirs: int
    certain: bool
    why: str

    @property
    def word(self) -> str:
        """How sure it is."""
        return "exact" if self.certain else "likely"


@dataclass(frozen=True)
class Step:
    """An event of a story; LINK joins it to another, and is None for the one it is about."""

    activity: Activity
    link: Link | None = None
    gap: str = ""  # since the step before

    @property
    def moment(self) -> datetime:
        """When it came into the story: when it began, but a pull request when it was merged."""
        if self.activity.kind == EventKind.PULL_REQUEST:
            return self.activity.occurred_at
        return began(self.activity)


@dataclass(frozen=True)
class Story:
    """The events that belong to one, in the order of time."""

    about: int  # id of the one that it is about
    steps: Sequence[Step]
    more: bool = False  # than a story shows

    @property
    def others(self) -> int:
        """How many there are beside the one that it is about."""
        return len(self.steps) - 1


def story_of(activity: Activity) -> Story:
    """Return the story of ACTIVITY; it costs the same few queries whatever its length."""
    steps = {activity.pk: Step(activity)}
    loose: set[int] = set()  # reached by a likelihood
    reached, more = [activity], False
    for _ in range(HOPS):
        firm = [one for one in reached if one.pk not in loose]
        fresh: dict[int, tuple[Link, Activity]] = {}
        for link, other in _links(reached, firm=firm, columns=_SHOWN):
            if link.theirs not in steps:
                fresh.setdefault(link.theirs, (link, other))
        more = more or len(steps) + len(fresh) > MOST_STEPS
        kept = list(fresh.values())[: MOST_STEPS - len(steps)]
        if not kept:
            break
        reached = [other for _, other in kept]
        for link, one in kept:
            steps[one.pk] = Step(one, link)
            if not link.certain or link.ours in loose:
                loose.add(one.pk)
    prefetch_related_objects([step.activity for step in steps.values()], PLACES)
    return Story(activity.pk, _spaced(sorted(steps.values(), key=_place)), more)


def _spaced(steps: Sequence[Step]) -> list[Step]:
    """Say in STEPS how long after the one before each came."""
    moments = [_place(step)[0] for step in steps]
    gaps = [0, *(int((b - a).total_seconds()) for a, b in pairwise(moments))]
    return [
        replace(step, gap=span(gap) if gap else "") for step, gap in zip(steps, gaps, strict=True)
    ]


def count_links(activities: Collection[Activity]) -> dict[int, str]:
    """Say for each of ACTIVITIES how many others are linked to it; in one query."""
    known = [activity for activity in activities if activity.pk]
    others: dict[int, set[int]] = {}
    for link, _ in _links(known, firm=known, columns=_JUDGED):
        others.setdefault(link.ours, set()).add(link.theirs)
    return {
        pk: f"{COUNTED}+" if len(found) > COUNTED else str(len(found))
        for pk, found in others.items()
    }


def links_of(activities: Collection[Activity], *, firm: Collection[Activity]) -> list[Link]:
    """Return how ACTIVITIES are linked to others, those of FIRM by likelihood too; exact first."""
    return [link for link, _ in _links(activities, firm=firm, columns=_JUDGED)]


def _links(
    activities: Collection[Activity], *, firm: Collection[Activity], columns: Sequence[str]
) -> list[tuple[Link, Activity]]:
    """Return the links of ACTIVITIES and COLUMNS of what they lead to, the exact ones first; of
    FIRM also the likely ones.

    It is one query, for each page of the feed asks it.
    """
    rows = {activity.pk: activity for activity in activities}
    if not rows:
        return []
    wanted = [one for activity in firm for one in _wanted(activity)]
    links = [
        (link, other)
        for other in Activity.objects.raw(*_statement(list(rows), wanted, columns))
        if (link := _judged(rows[other.ours], other))  # type: ignore[attr-defined]
    ]
    return sorted(links, key=lambda one: not one[0].certain)


def _judged(ours: Activity, other: Any) -> Link | None:
    """Return the link from OURS to OTHER, which may share a key with it, or stand near."""
    if ours.pk == other.pk:
        return None
    if not other.shared:
        why = _closeness(ours, other)
        return Link(ours.pk, other.pk, certain=False, why=why) if why else None
    mine = Key(other.shared, other.ours_rest)
    if mine.sort == INCIDENT and INCIDENT not in (other.kind, ours.kind):
        return None  # both only name it
    home = getattr(ours, "home", "") or ours.source.external_id  # what is linked brought it along
    at_home = repository(other.home) == repository(home)
    if not same(mine, Key(other.shared, other.their_rest), at_home=at_home):
        return None
    return Link(ours.pk, other.pk, certain=True, why=_why(mine))


def _place(step: Step) -> tuple[datetime, int, int]:
    kind = EventKind(step.activity.kind)
    return step.moment, ORDER.index(kind) if kind in ORDER else len(ORDER), step.activity.pk


def began(activity: Activity) -> datetime:
    """Return when ACTIVITY began: its wire says so, or it is the first that we heard of it."""
    steps = _BEGAN.get(activity.dialect, {}).get(EventKind(activity.kind), ())
    try:
        return read_time(at(activity.details, *steps)) if steps else _first_heard(activity)
    except ValueError:
        return _first_heard(activity)


def _first_heard(activity: Activity) -> datetime:
    if not activity.updates:
        return activity.occurred_at
    return min(activity.occurred_at, activity.received_at)


# ---- candidates: they name the same, or stand close together


@dataclass(frozen=True)
class _Wanted:
    """Events of KIND on the components of OURS, whose last news came from LOW to HIGH."""

    ours: Activity
    kind: EventKind
    low: datetime
    high: datetime

    def values(self) -> tuple[Any, ...]:
        """Return what stands for it in a statement, and by what a pipeline would name it."""
        low, high = (str(to_database(at)) for at in (self.low, self.high))
        names = self.ours.object_key, self.ours.external_id
        return self.ours.pk, self.ours.source_id, self.kind, low, high, self.ours.kind, *names


def _wanted(activity: Activity) -> Iterator[_Wanted]:
    at, kind = began(activity), activity.kind
    if kind in ALARMS:
        yield _Wanted(activity, EventKind.DEPLOYMENT, at - SHORTLY, at + UPDATED)
    elif kind == EventKind.BUILD:
        yield _Wanted(activity, EventKind.DEPLOYMENT, at, at + ONE_RUN + UPDATED)
    elif kind == EventKind.DEPLOYMENT:
        if activity.object_key:
            yield _Wanted(activity, EventKind.BUILD, at - ONE_RUN, at + UPDATED)
        if activity.state not in NOT_CAUSES:
            for alarm in ALARMS:
                yield _Wanted(activity, alarm, at, at + SHORTLY + UPDATED)


def _statement(
    ids: Sequence[int], wanted: Sequence[_Wanted], columns: Sequence[str]
) -> tuple[str, list[Any]]:
    """Write the query for COLUMNS of the events that name what IDS name, and of those WANTED."""
    taken = ", ".join(f"other.{name}" for name in columns)
    details = "other.details" if columns is _SHOWN else _nothing()
    exact = f"""
        SELECT ours.activity_id AS ours, ours.key AS shared, ours.rest AS ours_rest,
            theirs.rest AS their_rest, source.external_id AS home, {taken},
            {details} AS details
        FROM {_NAMED} ours
        JOIN {_NAMED} theirs ON theirs.key = ours.key AND theirs.activity_id <> ours.activity_id
        JOIN {_EVENTS} other ON other.id = theirs.activity_id
        JOIN {_SOURCES} source ON source.id = other.source_id
        WHERE ours.activity_id IN ({these(ids).sql}) LIMIT {MOST_PAIRS}
    """
    if not wanted:
        return exact, []
    near = f"""
        SELECT place.ours, '' AS shared, '' AS ours_rest, '' AS their_rest, place.home,
            {taken}, other.details
        FROM place {_walk()} WHERE {_SAME_RUN} LIMIT {MOST_PAIRS}
    """
    both = f"SELECT * FROM ({exact}) AS exact UNION ALL SELECT * FROM ({near}) AS near"
    return f"{_places()} {both}", [json.dumps([one.values() for one in wanted])]


def _nothing() -> str:
    return "NULL::jsonb" if connection.vendor == "postgresql" else "NULL"


def _walk() -> str:
    """Join the events of a place, walked to by the index of its source."""
    within = "other.source_id = place.source AND other.occurred_at BETWEEN low AND high"
    if connection.vendor != "postgresql":
        return f"JOIN {_EVENTS} other ON {within}"
    # with LATERAL no busy source leaves others nothing
    walk = f"SELECT * FROM {_EVENTS} other WHERE {within} ORDER BY occurred_at LIMIT {EACH}"
    return f"JOIN LATERAL ({walk}) other ON true"


def _places() -> str:
    """Write where wanted events are: sources of the same components, or of the same name.

    What is wanted comes as one parameter, JSON: the driver takes longer over some hundred of them
    than the database over all.
    """
    if connection.vendor == "postgresql":
        types = ("bigint", "bigint", "text", "timestamptz", "timestamptz", "text", "text", "text")
        columns = [f"CAST(value->>{at} AS {kind})" for at, kind in enumerate(types)]
        every = "jsonb_array_elements(CAST(%s AS jsonb)) AS wanted (value)"
    else:
        columns = [f"json_extract(value, '$[{at}]')" for at in range(8)]
        every = "json_each(%s)"
    return f"""
        WITH wanted (ours, source_id, kind, low, high, {_NAMES}) AS (
            SELECT {", ".join(columns)} FROM {every}
        ), place AS (
            SELECT ours, low, high, {_NAMES}, theirs.source_id AS source,
                source.external_id AS home
            FROM wanted
            JOIN {_ATTACHED} mine ON mine.source_id = wanted.source_id
            JOIN {_ATTACHED} theirs ON theirs.component_id = mine.component_id
            JOIN {_SOURCES} source ON source.id = theirs.source_id AND source.kind = wanted.kind
            UNION
            SELECT ours, low, high, {_NAMES}, source.id, source.external_id FROM wanted
            JOIN {_SOURCES} mine ON mine.id = source_id
            JOIN {_SOURCES} source
                ON source.external_id = mine.external_id AND source.kind = wanted.kind
        )
    """


# ---- why they belong together


def _why(key: Key) -> str:
    if key.sort == "commit":
        return f"same commit {key.name[:7]}"
    return f"same {'pull request' if key.sort == 'pull' else key.sort} {key.name}"


def _closeness(one: Activity, other: Activity) -> str:
    """Say why ONE and OTHER likely belong together, "" if they do not."""
    deployment, another = (one, other) if one.kind == EventKind.DEPLOYMENT else (other, one)
    after = began(another) - began(deployment)
    if another.kind == EventKind.BUILD:
        named = deployment.object_key and deployment.object_key in (
            another.external_id, another.object_key,
        )  # fmt: skip
        close = timedelta() <= -after <= ONE_RUN
        return f"same pipeline {deployment.object_key[:40]}" if named and close else ""
    if not timedelta() <= after <= SHORTLY or deployment.state in NOT_CAUSES:
        return ""
    place = "component"
    if another.target_key:
        if another.target_key.lower() != deployment.target_key.lower():
            return ""
        place = "component and environment"
    elif is_rehearsal(deployment):
        return ""
    return f"same {place}, {span(int(after.total_seconds()))} after the deployment"


def is_rehearsal(deployment: Activity) -> bool:
    """Tell whether DEPLOYMENT went to an environment before production."""
    category = at(deployment.details, *_CATEGORY)
    return str(category or deployment.target_key).upper() in BEFORE_PRODUCTION
