"""What people do to letters: send again, cancel, and send again all that a plan names."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from feeds import outbox
from feeds.actions.errors import Conflict, Forbidden
from feeds.dialects import compass as compass_wire
from feeds.dialects.letters import Account, Sent
from feeds.dialects.outward import UPSTREAMS, compass
from feeds.models import Connection, Delivery, Lane, Role, User
from feeds.outbox.lanes import wake

State = Delivery.State

#: What may be sent again at once: letters that ended. Those that retry go by themselves, all of
#: them as soon as one gets through.
REPLAYED = (State.DEAD, State.CANCELLED)
BATCH = 500  # letters a transaction: a tenth of a second in which their lanes are locked
UNNUMBERED = compass.sequence_of({})  # what sequence_of() says where there is no number


def retry_delivery(delivery: Delivery, *, by: User, role: Role) -> None:
    """Send DELIVERY now, with a fresh retry budget; raises Forbidden, and Conflict if it may not
    be sent again."""
    _may_touch(delivery, by, role)
    if not outbox.retry(delivery, now=timezone.now()):
        raise Conflict(f"only what ended, or retries, can be sent again: {_stands(delivery)}")


def cancel_delivery(delivery: Delivery, *, by: User, role: Role) -> None:
    """Take DELIVERY out of its queue; raises Forbidden, and Conflict if it went already."""
    _may_touch(delivery, by, role)
    if not outbox.cancel(delivery, now=timezone.now()):
        raise Conflict(f"only what waits can be cancelled: {_stands(delivery)}")


def may_touch(delivery: Delivery, by: User, role: Role) -> bool:
    """Tell whether BY may send DELIVERY again or cancel it."""
    return role == Role.ADMIN or (role.writes and delivery.author_id == by.pk)


def _may_touch(delivery: Delivery, by: User, role: Role) -> None:
    if not may_touch(delivery, by, role):
        raise Forbidden("only who sent this letter, or an admin, may do this")


def _stands(delivery: Delivery) -> str:
    delivery.refresh_from_db(fields=["state"])
    return f"this one is {delivery.get_state_display().lower()}"


# ---- many at once


@dataclass(frozen=True)
class Choice:
    """Which letters to send again: those that ended in STATE, from SINCE up to UNTIL.

    UNTIL is the moment of the plan: what ends later was not in it.
    """

    state: str
    until: datetime
    since: datetime | None = None
    connection: Connection | None = None


@dataclass(frozen=True)
class Share:
    """What of a plan goes to one connection, and how long that takes it."""

    connection: Connection
    count: int
    takes: timedelta | None  # None: it has no rate limit


@dataclass(frozen=True)
class Plan:
    """What sending a choice again will do."""

    shares: list[Share]
    ignored: int  # a newer update is there already
    looked_for: int  # may have arrived, on a wire where that cannot be told: looked for first
    gone: int  # their event was deleted here: left out

    @property
    def count(self) -> int:
        """Return how many letters go."""
        return sum(share.count for share in self.shares)

    @property
    def takes(self) -> timedelta | None:
        """Return how long the slowest account takes; None where no one has a rate limit."""
        by_budget: dict[int, timedelta] = defaultdict(timedelta)
        for share in self.shares:
            if share.takes is not None:
                by_budget[share.connection.budget_id] += share.takes
        return max(by_budget.values(), default=None)


@dataclass(frozen=True)
class Replay:
    """What became of a plan: how many letters go, and how many of it are left for another time."""

    sent: int
    left: int


def plan_replay(choice: Choice, *, by: User, role: Role) -> Plan:
    """Say what replay() would do; changes nothing. Raises Forbidden."""
    chosen = _chosen(choice, by, role)
    sendable = chosen.exclude(_GONE)
    counts = sendable.order_by().values_list("connection").annotate(count=Count("pk"))
    count_of = dict(counts)
    connections = Connection.objects.select_related("budget").filter(pk__in=count_of)
    return Plan(
        shares=[_share(connection, count_of[connection.pk]) for connection in connections],
        ignored=_ignored(sendable),
        looked_for=sendable.filter(_without_identity(connections), _MAY_HAVE_ARRIVED).count(),
        gone=chosen.filter(_GONE).count(),
    )


def count_replay(choice: Choice, *, by: User, role: Role) -> int:
    """Count the letters that replay() would send. Raises Forbidden."""
    return _chosen(choice, by, role).exclude(_GONE).count()


def replay(choice: Choice, *, by: User, role: Role, within: timedelta) -> Replay:
    """Send CHOICE again, each lane in order; what does not fit WITHIN is left. Raises Forbidden.

    A letter that somebody else has sent again since the plan is not touched.
    """
    end = time.monotonic() + within.total_seconds()
    sendable = _chosen(choice, by, role).exclude(_GONE)
    sent, last = 0, 0
    while True:
        batch = list(sendable.filter(pk__gt=last).order_by("pk").values_list("pk", "lane")[:BATCH])
        if batch:
            sent += _send_again(sendable, dict(batch))
            last = batch[-1][0]
        if len(batch) < BATCH or time.monotonic() > end:
            break
    outbox.nudge()
    return Replay(sent, sendable.count())


_GONE = Q(activity=None) & ~Q(verb=Delivery.Verb.DELETE)
_MAY_HAVE_ARRIVED = Q(uncertain=True, verb=Delivery.Verb.CREATE)


def _chosen(choice: Choice, by: User, role: Role) -> QuerySet[Delivery]:
    """Return what CHOICE names, as far as BY may send it."""
    if not role.writes:
        raise Forbidden(f"a {role.value} may not send events")
    rows = Delivery.objects.filter(state=choice.state, settled_at__lte=choice.until)
    if choice.since:
        rows = rows.filter(settled_at__gte=choice.since)
    if choice.connection:
        rows = rows.filter(connection=choice.connection)
    return rows if role == Role.ADMIN else rows.filter(author=by)


def _share(connection: Connection, count: int) -> Share:
    per_minute = connection.budget.per_minute
    return Share(connection, count, count * outbox.step(per_minute) if per_minute else None)


def _ignored(sendable: QuerySet[Delivery]) -> int:
    """Count the letters that come too late: the event is further on at the upstream.

    A newer letter about it was accepted; or there is no newer letter at all, and yet the event
    has a higher number: its sender updated it by other ways, there as well as here.
    """
    newest = _newest(sendable)
    columns = ("pk", "activity", "connection", "wire", "body", "activity__sequence")
    ignored = 0
    for pk, activity, connection, wire, body, held in sendable.values_list(*columns).iterator():
        last, arrived = newest.get((activity, connection), (pk, None))
        if arrived is not None and arrived > pk:
            ignored += 1
        elif last == pk and wire == compass_wire.DIALECT and body and held is not None:
            ignored += UNNUMBERED < compass.sequence_of(body) < held
    return ignored


def _newest(sendable: QuerySet[Delivery]) -> dict[tuple[int, int], tuple[int, int | None]]:
    """Return the newest letter about each event to each connection, and the newest that arrived.

    One grouping: a subquery for each letter may go through all letters of its connection.
    """
    arrived = Q(state__in=(State.ACCEPTED, State.CONFIRMED))
    rows = Delivery.objects.filter(activity__in=sendable.order_by().values("activity"))
    grouped = rows.order_by().values_list("activity", "connection")
    found = grouped.annotate(last=Max("pk"), arrived=Max("pk", filter=arrived))
    return {(activity, connection): (last, there) for activity, connection, last, there in found}


def _without_identity(connections: QuerySet[Connection]) -> Q:
    """Return the condition for letters of which the upstream cannot tell that it has them."""
    found = Q(pk=None)  # none
    for connection in connections:
        upstream = UPSTREAMS[connection.dialect]
        wires = [
            wire
            for wire in sorted(upstream.WIRES)
            if upstream.look_up(Sent(wire, {}, ""), Account()) is not None
        ]
        found |= Q(connection=connection, wire__in=wires)
    return found


def _send_again(sendable: QuerySet[Delivery], lane_of: dict[int, int]) -> int:
    """Queue the letters of LANE_OF, by their ids, with a fresh retry budget; return how many."""
    now = timezone.now()
    with transaction.atomic():
        lanes = Lane.objects.filter(pk__in=set(lane_of.values()))
        locked = lanes.select_for_update().order_by("pk")
        pks = list(locked.values_list("pk", flat=True))
        done = sendable.filter(pk__in=lane_of, lane__in=pks).update(
            state=State.QUEUED, tries=0, next_try_at=now, settled_at=None
        )
        wake(pks, now=now)
    return done
