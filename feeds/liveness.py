"""Whether something that runs still does, by two clocks: when it began, and its last news.

TeamHub's rule: "If an event has a progress value below 100, has a fairly recent timestamp and has
also been updated recently, an event is interpreted as a live event." So what began within
LIVE_WITHIN and told news within LIVE_QUIET is live. How long a silence means something depends on
how often a run tells news: docs/live-progress.md has every window.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from feeds.estimates import Usual, started_at
from feeds.models import Activity

State = Activity.State

QUIET_GAPS, STALLED_GAPS = 2, 10  # of the usual time between two news
LONG_RUNS = 3  # times the usual duration
LEAST_QUIET = timedelta(seconds=60)  # no shorter silence means anything
#: Wires on which a run tells how far it came. The others say that it began and that it ended; and
#: GitLab counts its jobs only when the pipeline as a whole changes.
REPORTING = {"teamhub", "native"}


class Liveness(StrEnum):
    """Where an event stands."""

    QUEUED = "queued"  # it waits for its turn, and a queue tells nothing
    RUNNING = "running"
    LONG = "long"  # it runs longer than it should; no silence says that anything is wrong
    QUIET = "quiet"  # it tells less than it used to
    STALLED = "stalled"  # so much less that it is not live any more
    ABANDONED = "abandoned"  # nobody expects its end any more
    ENDED = "ended"  # or it never was something that runs


RUNNING = Liveness.RUNNING
#: What is going on, as far as one can tell.
LIVE = {RUNNING, Liveness.LONG, Liveness.QUIET}
_WORST_FIRST = (Liveness.ABANDONED, Liveness.STALLED, Liveness.LONG, Liveness.QUIET)


def liveness(activity: Activity, *, now: datetime, usual: Usual | None = None) -> Liveness:
    """Return where ACTIVITY stands at NOW, knowing how its pipeline USUALly runs."""
    if activity.abandoned_at is not None:
        return Liveness.ABANDONED
    if activity.state == State.PENDING:
        return Liveness.QUEUED
    if activity.state != State.RUNNING:
        return Liveness.ENDED
    begins = windows(activity, usual)
    return next((each for each in _WORST_FIRST if each in begins and now > begins[each]), RUNNING)


def windows(activity: Activity, usual: Usual | None) -> dict[Liveness, datetime]:
    """Return from when on ACTIVITY, which runs, is each of these if no news come."""
    last, began = activity.touched_at, started_at(activity)
    begins = {
        Liveness.LONG: activity.occurred_at + settings.LIVE_WITHIN,
        Liveness.ABANDONED: last + settings.LIVE_ABANDONED,
    }
    if activity.dialect in REPORTING and activity.progress is not None:
        gap = usual_gap(activity, usual)
        begins[Liveness.QUIET] = last + max(LEAST_QUIET, QUIET_GAPS * gap)
        begins[Liveness.STALLED] = last + max(settings.LIVE_QUIET, STALLED_GAPS * gap)
    elif usual is not None:  # it tells only its end: the usual time until then is all there is
        long = began + max(LEAST_QUIET, LONG_RUNS * usual.median)
        begins[Liveness.LONG] = min(begins[Liveness.LONG], long)
        begins[Liveness.STALLED] = began + max(settings.LIVE_QUIET, STALLED_GAPS * usual.median)
    return begins


def usual_gap(activity: Activity, usual: Usual | None) -> timedelta:
    """Return the time between two news of ACTIVITY, its own or its pipeline's, the longer of them.

    Zero where nothing is known: then the least windows count.
    """
    own = timedelta(0)
    if activity.updates:
        own = (activity.touched_at - activity.received_at) / activity.updates
    return max(own, usual.gap) if usual else own
