"""When what happened began and when it ended, by the vendor's own words where it has them.

Only the two texts are read out of the details of a row: those of a code host may be long.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Case, QuerySet, TextField, Value, When
from django.db.models.fields.json import KT

from feeds.estimates import CLOCKS, OURS, Clock, moment_of
from feeds.models import Activity

State = Activity.State
#: Kinds that last; the others happen at a moment.
LASTING = {"build", "deployment", "incident", "alert"}
GOES_ON = {State.RUNNING, State.OPEN, State.ACKNOWLEDGED, State.SNOOZED}
_INCIDENT = ("event", "incident", "incidentProperties")
_ALERT = ("event", "alert", "alertProperties")
_CLOCKS: Mapping[tuple[str, str], Clock] = {
    **CLOCKS,
    ("compass", "incident"): Clock(
        (*_INCIDENT, "startTime"), (*_INCIDENT, "endTime"), last="occurred_at"
    ),
    ("compass", "alert"): Clock((*_ALERT, "createdAt"), (*_ALERT, "closedAt"), last="occurred_at"),
}


def with_clocks(rows: QuerySet[Activity]) -> QuerySet[Activity]:
    """Return ROWS with what their vendors say of beginning and end as `began` and `ended`."""
    return rows.annotate(began=_texts("began"), ended=_texts("ended"))


def _texts(name: str) -> Case:
    whens = [
        When(dialect=dialect, object_type=kind, then=KT("__".join(("details", *path))))
        for (dialect, kind), clock in _CLOCKS.items()
        if (path := getattr(clock, name))
    ]
    return Case(*whens, default=Value(""), output_field=TextField())


def span_of(activity: Activity, *, now: datetime) -> tuple[datetime, datetime | None]:
    """Return when ACTIVITY, one of with_clocks(), began and when it ended, or NOW if it goes on.

    Of what happens at a moment, or told only its end, that is the moment and None.
    """
    moment = activity.occurred_at
    if activity.kind not in LASTING:
        return moment, None
    row: Any = activity
    clock = _CLOCKS.get((activity.dialect, activity.object_type), OURS)
    began, ended = moment_of(clock, row.began), moment_of(clock, row.ended)
    if began is None and not clock.began:  # the wire cannot say it: our own clock counts
        began = getattr(activity, clock.first) if activity.updates else None
    if began is None:
        return moment, None
    if activity.state in GOES_ON:
        return began, None if activity.abandoned_at else now
    end = ended or getattr(activity, clock.last)
    return (began, end) if end > began else (moment, None)
