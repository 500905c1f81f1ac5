"""An issue of a tracker: how far its changes have come; and a project: its issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Case, F, JSONField, QuerySet, When

from feeds.dialects import correlation
from feeds.digests.deployments import Deployed, Place, deployed
from feeds.digests.walks import walk
from feeds.models import Activity, Correlation, EventKind
from feeds.story import Link, links_of

STARTS = 30  # newest changes that name an issue
FOLLOWED = 100  # newest events of a step from them
HOPS = 2  # from a push or a pull request to its build, and on to a deployment
ENVIRONMENTS = 12  # shown
ISSUES = 15  # of a project, shown
LOOKED_AT = 500  # newest events of a project
NAMING = 300  # newest pushes and newest pull requests whose words are looked through
#: The way of a change, the farthest first.
WAY = (EventKind.DEPLOYMENT, EventKind.BUILD, EventKind.PULL_REQUEST, EventKind.PUSH)
_TELLING = (EventKind.DEPLOYMENT, EventKind.BUILD)  # kinds whose details are read
_NAMED = Correlation._meta.db_table


@dataclass(frozen=True)
class Carrier:
    """An event that carries changes of an issue, and how we know."""

    activity: Activity
    certain: bool
    why: str


@dataclass(frozen=True)
class Way:
    """How far the changes of an issue have come."""

    deployments: Sequence[tuple[Deployed, Carrier]]  # the last one to each environment
    newest: Sequence[Carrier]  # of each other kind, the farthest first
    more_environments: int

    def __bool__(self) -> bool:
        return bool(self.deployments or self.newest)


def way_of(key: str) -> Way:
    """Follow what names the issue KEY to its builds and deployments: six statements at most."""
    carriers = _followed(correlation.issue(key))
    newest: dict[str, Carrier] = {}
    places: dict[str, Place] = {}
    for one in sorted(carriers.values(), key=_moment, reverse=True):
        newest.setdefault(one.activity.kind, one)
        if one.activity.kind == EventKind.DEPLOYMENT:
            _place(places, one.activity)
    loaded = {pk: one.activity for pk, one in carriers.items()}
    stand = [(one, carriers[one.newest.pk]) for one in deployed(list(places.values()), loaded)]
    others = [newest[kind] for kind in WAY[1:] if kind in newest]
    return Way(stand[:ENVIRONMENTS], others, len(stand[ENVIRONMENTS:]))


def _place(places: dict[str, Place], one: Activity) -> None:
    """Keep of ONE, a deployment older than those before it, what PLACES lack."""
    name, works = one.target_key, one.pk if one.state == Activity.State.SUCCEEDED else None
    known = places.get(name)
    if known is None:
        places[name] = Place(name, one.occurred_at, one.pk, works)
    elif known.stands is None:
        places[name] = Place(name, known.occurred_at, known.newest, works)


def _moment(one: Carrier) -> tuple[datetime, int]:
    return one.activity.occurred_at, one.activity.pk


def _followed(key: str) -> dict[int, Carrier]:
    """Return what carries a change that names KEY, by id.

    It goes on from pushes, pull requests and builds, and never back from a deployment: a pipeline
    deploys what others have changed too.
    """
    named = Correlation.objects.filter(key=key).values("activity_id")
    reached = _load(Activity.objects.filter(id__in=named), STARTS)
    carriers = {one.pk: Carrier(one, True, "names it") for one in reached}
    for _ in range(HOPS):
        going = [one for one in reached if one.kind != EventKind.DEPLOYMENT]
        links: dict[int, Link] = {}
        for link in links_of(going, firm=going):
            if link.theirs not in carriers:
                links.setdefault(link.theirs, link)  # the exact ones come first
        reached = _load(Activity.objects.filter(id__in=list(links)), FOLLOWED) if links else []
        for one in reached:
            carriers[one.pk] = Carrier(one, links[one.pk].certain, links[one.pk].why)
        if not reached:
            break
    return carriers


def _load(rows: QuerySet[Activity], count: int) -> list[Activity]:
    """Load the newest COUNT of ROWS that are on the way; their details only if somebody reads."""
    kept = Case(When(kind__in=_TELLING, then=F("details")), output_field=JSONField())
    found: Any = (
        rows.filter(kind__in=WAY)
        .select_related("source")
        .defer("content", "raw", "details")
        .annotate(kept=kept)
        .order_by("-occurred_at", "-id")[:count]
    )
    for row in found:
        row.details = row.kept or {}
    return list(found)


# ---- a project


@dataclass(frozen=True)
class Issue:
    """An issue of a project, and the last event that names it."""

    key: str
    count: int  # events among those that were looked at
    newest: Activity


@dataclass(frozen=True)
class Issues:
    """The issues of a project that were named last, the newest first."""

    shown: Sequence[Issue]
    more: int

    @property
    def named(self) -> str:
        """Return the query string of the feed of what names those that are shown.

        The project itself has no index of what only names its issues: to collect all of it would
        take the longer the more there is.
        """
        return urlencode([("issue", issue.key) for issue in self.shown])


def issues_of(project: str) -> Issues:
    """Look at the newest events about PROJECT, and at what the newest changes name: three
    statements."""
    counts: Counter[str] = Counter()
    newest: dict[str, tuple[Any, int]] = {}
    seen = set()
    for key, moment, pk in (*_about(project), *_naming(project)):
        if (key, pk) in seen:
            continue
        seen.add((key, pk))
        counts[key] += 1
        newest[key] = max(newest.get(key, (moment, pk)), (moment, pk))
    ranked = sorted(newest, key=lambda key: newest[key], reverse=True)
    shown = ranked[:ISSUES]
    rows = Activity.objects.filter(pk__in={newest[key][1] for key in shown})
    loaded = {row.pk: row for row in rows.select_related("source").defer("content", "raw")}
    found = [(key, loaded.get(newest[key][1])) for key in shown]
    issues = [Issue(key, counts[key], row) for key, row in found if row]
    return Issues(issues, len(ranked) - len(shown))


def _about(project: str) -> Iterator[tuple[str, Any, int]]:
    """Yield issue, moment and id of the newest events that are about an issue of PROJECT."""
    sql, _ = walk("project_key", "target_key, occurred_at, id")
    with connection.cursor() as cursor:
        cursor.execute(sql, [project, LOOKED_AT])
        yield from (row for row in cursor.fetchall() if row[0] != project)


def _naming(project: str) -> Iterator[tuple[str, Any, int]]:
    """Yield the same of the newest pushes and pull requests of all that name one in words."""
    sql, _ = walk("kind", "id, occurred_at")
    branches = " UNION ALL ".join([f"SELECT * FROM ({sql}) AS branch"] * 2)
    begin = correlation.issue(f"{project}-")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT named.key, newest.occurred_at, newest.id FROM ({branches}) AS newest "
            f"JOIN {_NAMED} named ON named.activity_id = newest.id "
            "WHERE substr(named.key, 1, %s) = %s",
            [EventKind.PUSH, NAMING, EventKind.PULL_REQUEST, NAMING, len(begin), begin],
        )
        for key, moment, pk in cursor.fetchall():
            yield key[len(correlation.issue("")) :], moment, pk
