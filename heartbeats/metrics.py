"""Numbers about heartbeats for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, Sum

from feeds.metrics import Family
from heartbeats.models import Heartbeat, Notification


def families() -> Iterable[Family]:
    """Count heartbeats and letters by state, pings and outages."""
    beats = Heartbeat.objects.order_by()
    yield Family(
        "pulseboard_heartbeats",
        "gauge",
        "Heartbeats by state.",
        dict.fromkeys(Heartbeat.State.values, 0)
        | dict(beats.values_list("state").annotate(Count("id"))),
        "state",
    )
    letters = Notification.objects.order_by().values_list("state").annotate(Count("id"))
    yield Family(
        "pulseboard_heartbeat_notifications",
        "gauge",
        "Letters about heartbeats by how far they came.",
        dict.fromkeys(Notification.State.values, 0) | dict(letters),
        "state",
    )
    sums = beats.aggregate(pings=Sum("pings"), outages=Sum("outages"))
    yield Family(
        "pulseboard_heartbeat_pings_total",
        "counter",
        "Pings of all heartbeats that there are.",
        {"": sums["pings"] or 0},
    )
    yield Family(
        "pulseboard_heartbeat_outages_total",
        "counter",
        "Outages of all heartbeats that there are.",
        {"": sums["outages"] or 0},
    )
