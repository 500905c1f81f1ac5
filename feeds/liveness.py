"""Whether something that runs still does, by the two clocks of TeamHub's rule.

"If an event has a progress value below 100, has a fairly recent timestamp and has also been updated
recently, an event is interpreted as a live event": it began within LIVE_WITHIN, and its last news
is no older than LIVE_QUIET. What runs without a progress sends no news in between on any wire, so
its silence says nothing.
"""

from datetime import datetime
from enum import StrEnum

from django.conf import settings

from feeds.models import Activity


class Liveness(StrEnum):
    """Where an event stands."""

    LIVE = "live"  # it runs, and updates may come
    QUIET = "quiet"  # it never told its end, and does not report any more
    ENDED = "ended"  # or it never was something that runs


def liveness(activity: Activity, *, now: datetime) -> Liveness:
    """Return where ACTIVITY stands at NOW."""
    if activity.state != Activity.State.RUNNING:
        return Liveness.ENDED
    recent = now - activity.occurred_at <= settings.LIVE_WITHIN
    updated = now - activity.touched_at <= settings.LIVE_QUIET
    if activity.progress is None or (recent and updated):
        return Liveness.LIVE
    return Liveness.QUIET
