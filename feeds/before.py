"""What changed before this? The events before an alarm on its components and on what they need.

They are ranked by kind, by distance in dependencies and by distance in time: the first is the most
likely cause, and nothing more than that. How many there were of each kind stands beside how many
there were in the same hours of the weeks before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet, Subquery, Value

from feeds.dependencies import reach
from feeds.models import Activity, Attachment, Component, EventKind
from feeds.pages import ids_of, together
from feeds.running import span
from feeds.story import began, is_rehearsal

WINDOWS = {
    "30m": (timedelta(minutes=30), "30 minutes"),
    "2h": (timedelta(hours=2), "2 hours"),
    "24h": (timedelta(hours=24), "24 hours"),
}
USUAL = "2h"
WEEKS = 4  # whose same hours are compared with
WEEK = timedelta(days=7)
READ = 200  # events of either sort, changes and the rest, that are ranked
SHOWN = 8
LATER = timedelta(hours=24)  # a deployment before may have been rolled back after
HALF = 45 * 60  # seconds after which an event weighs half

Kind, State = EventKind, Activity.State
#: How often a kind is why something broke, against a deployment; the order of the counts too.
WEIGHTS: dict[str, float] = {
    Kind.DEPLOYMENT: 1.0,
    Kind.FLAG: 0.9,
    Kind.PULL_REQUEST: 0.5,
    Kind.PUSH: 0.45,
    Kind.LIFECYCLE: 0.3,
    Kind.CUSTOM: 0.25,
    Kind.BUILD: 0.2,
    Kind.ACTIVITY: 0.15,
    Kind.VULNERABILITY: 0.1,
    Kind.INCIDENT: 0.1,
    Kind.ALERT: 0.08,
}
CHANGES = (Kind.DEPLOYMENT, Kind.FLAG, Kind.PULL_REQUEST, Kind.PUSH, Kind.LIFECYCLE)
NAMES = {
    Kind.DEPLOYMENT: ("deployment", "deployments"),
    Kind.FLAG: ("flag change", "flag changes"),
    Kind.PULL_REQUEST: ("pull request", "pull requests"),
    Kind.PUSH: ("push", "pushes"),
    Kind.LIFECYCLE: ("lifecycle change", "lifecycle changes"),
    Kind.CUSTOM: ("custom event", "custom events"),
    Kind.BUILD: ("build", "builds"),
    Kind.ACTIVITY: ("activity", "activities"),
    Kind.VULNERABILITY: ("vulnerability", "vulnerabilities"),
    Kind.INCIDENT: ("incident", "incidents"),
    Kind.ALERT: ("alert", "alerts"),
}


@dataclass(frozen=True)
class Candidate:
    """An event before, and how far it is."""

    activity: Activity
    hops: int
    component: Component  # the nearest that its source is attached to
    earlier: str  # in words
    score: float

    @property
    def where(self) -> str:
        """Say how far in dependencies it is."""
        if not self.hops:
            return str(self.component)
        return f"{self.component}, {'a' if self.hops == 1 else f'{self.hops} steps of'} dependency"


@dataclass(frozen=True)
class Tally:
    """How many events of a kind there were, and what is usual; "" if nobody can know that."""

    kind: str
    count: int
    usual: str

    @property
    def name(self) -> str:
        """Name the kind in the number of the count."""
        return NAMES[EventKind(self.kind)][self.count != 1]


@dataclass(frozen=True)
class Before:
    """What changed before MOMENT."""

    moment: datetime
    since: datetime
    window: str
    length: str  # of the window, in words
    candidates: Sequence[Candidate]
    tallies: Sequence[Tally]
    weeks: int  # that are compared with
    more: int  # events than are shown
    own: Sequence[Component]
    needed: Sequence[Component]  # those that they depend on

    @property
    def likeliest(self) -> Candidate | None:
        """The first candidate that changes something, if there is one."""
        return next((one for one in self.candidates if one.activity.kind in CHANGES), None)


def changes_before(
    components: Iterable[Component], moment: datetime, *, window: str, without: Collection[int] = ()
) -> Before:
    """Return what changed in WINDOW before MOMENT on COMPONENTS and what they need.

    WITHOUT are ids of activities, such as the one that asks.
    """
    reached = reach([component.pk for component in components])
    around, hops = {one.pk: one for one in reached}, {one.pk: n for one, n in reached.items()}
    places, oldest = _places(hops)
    length, words = WINDOWS[window]
    since = moment - length
    found = [one for one in _events(places, since, moment) if one.pk not in without]
    ranked = sorted(
        (_candidate(one, places[one.source_id], around, moment) for one in found),
        key=lambda one: (-one.score, -one.activity.pk),
    )
    tallies, weeks = _tallies(places, found, since, moment, without, oldest=oldest)
    order = sorted(around.values(), key=lambda one: (hops[one.pk], one.name))
    return Before(
        moment, since, window, words, ranked[:SHOWN], tallies, weeks,
        more=max(sum(tally.count for tally in tallies) - SHOWN, 0),
        own=[one for one in order if not hops[one.pk]],
        needed=[one for one in order if hops[one.pk]],
    )  # fmt: skip


@dataclass(frozen=True)
class _Place:
    """Where a source stands: its nearest component."""

    hops: int
    component: int
    kind: str


def _places(hops: dict[int, int]) -> tuple[dict[int, _Place], datetime | None]:
    """Return the sources of the components in HOPS, each with the nearest of them, and when the
    oldest event of all was."""
    oldest = Activity.objects.order_by("occurred_at", "id").values("occurred_at")[:1]
    rows = Attachment.objects.filter(component__in=hops).values_list(
        "source_id", "component_id", "source__kind", Subquery(oldest)
    )
    found: dict[int, _Place] = {}
    first: datetime | None = None
    for source, component, kind, first in rows:  # noqa: B007
        place = _Place(hops[component], component, kind)
        if source not in found or place.hops < found[source].hops:
            found[source] = place
    return found, first


def _events(places: dict[int, _Place], since: datetime, moment: datetime) -> list[Activity]:
    """Load the newest events of PLACES from SINCE to MOMENT, changes apart from what is louder."""

    def of(*kinds: str) -> list[int]:
        return [pk for pk, place in places.items() if place.kind in kinds]

    parts = [
        ids_of(_newest(sources, begin, end))
        for sources, begin, end in (
            (of(*CHANGES), since, moment),
            (of(Kind.DEPLOYMENT), moment, moment + LATER),
            (of(*(WEIGHTS.keys() - set(CHANGES))), since, moment),
        )
        if sources
    ]
    if not parts:
        return []
    rows = Activity.objects.filter(id__in=together(parts)).select_related("source")
    return [one for one in rows.defer("content", "raw") if since <= _when(one) < moment]


def _newest(sources: Collection[int], since: datetime, until: datetime) -> QuerySet[Activity]:
    rows = Activity.objects.filter(
        source_id__in=sources, occurred_at__gte=since, occurred_at__lt=until
    )
    return rows.order_by("-occurred_at", "-id")[:READ]


def _when(activity: Activity) -> datetime:
    """Return when ACTIVITY changed something: a deployment when it began, for it may have been
    rolled back since; anything else at its last news."""
    return began(activity) if activity.kind == Kind.DEPLOYMENT else activity.occurred_at


def _candidate(
    activity: Activity, place: _Place, around: dict[int, Component], moment: datetime
) -> Candidate:
    seconds = (moment - _when(activity)).total_seconds()
    score = WEIGHTS[activity.kind] * _effect(activity) / (1 + place.hops) / (1 + seconds / HALF)
    component = around[place.component]
    return Candidate(activity, place.hops, component, span(int(seconds)), score)


def _effect(activity: Activity) -> float:
    """Weigh what became of ACTIVITY: what reached nobody broke nothing."""
    if activity.kind == Kind.DEPLOYMENT:
        if activity.state in (State.PENDING, State.CANCELLED):
            return 0.1
        return 0.2 if is_rehearsal(activity) else 1
    if activity.kind == Kind.PULL_REQUEST:
        return 1 if activity.state == State.MERGED else 0.2
    return 1


def _tallies(
    places: dict[int, _Place],
    found: Collection[Activity],
    since: datetime,
    moment: datetime,
    without: Collection[int],
    *,
    oldest: datetime | None,
) -> tuple[list[Tally], int]:
    """Count the events of each kind, and in the same hours of how many weeks before."""
    if not places:
        return [], 0
    first = oldest or moment
    weeks = [n for n in range(1, WEEKS + 1) if since - n * WEEK >= first]
    counted = _count(places, since, moment, [0, *weeks], without)
    here = counted[0]
    here[Kind.DEPLOYMENT] = sum(one.kind == Kind.DEPLOYMENT for one in found)
    tallies = [
        Tally(kind, here[kind], _usual([counted[week][kind] for week in weeks]))
        for kind in WEIGHTS
        if here[kind] or kind == Kind.DEPLOYMENT
    ]
    return tallies, len(weeks)


def _count(
    places: dict[int, _Place],
    since: datetime,
    moment: datetime,
    weeks: Sequence[int],
    without: Collection[int],
) -> dict[int, Counter[str]]:
    """Count in one query, a branch a week, each a range of the index of the sources."""
    branches = [
        Activity.objects.filter(
            source_id__in=list(places),
            occurred_at__gte=since - week * WEEK,
            occurred_at__lt=moment - week * WEEK,
        )
        .exclude(pk__in=without)
        .order_by()
        .values("kind")
        .annotate(week=Value(week), count=Count("pk"))
        .values_list("week", "kind", "count")
        for week in weeks
    ]
    counted: dict[int, Counter[str]] = {week: Counter() for week in weeks}
    rows = branches[0].union(*branches[1:], all=True) if len(branches) > 1 else branches[0]
    for week, kind, count in rows:
        counted[week][kind] += count
    return counted


def _usual(counts: Sequence[int]) -> str:
    """Say what is usual where COUNTS were there before."""
    if not counts:
        return ""
    low, high = min(counts), max(counts)
    if not high:
        return "usually none"
    return f"usually {low}" if low == high else f"usually {low}\N{EN DASH}{high}"
