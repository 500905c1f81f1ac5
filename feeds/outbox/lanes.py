"""Letters enter their lanes, and leave them other than by being sent.

Whoever changes what waits in a lane locks its row first; so the moment at which a lane is ready
and the letters in it never disagree. Who needs several lanes locks them together, in the order of
their ids, so that no two wait for each other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from feeds.celery import app
from feeds.dialects.letters import Letter, Verb
from feeds.models import Activity, Connection, Delivery, Lane, User

NUDGE_STEP = 1.0  # seconds: a drain that was nudged stays awake for longer than that
NOT_SENT_YET = (Delivery.State.QUEUED, Delivery.State.RETRYING)
RETRIED = (Delivery.State.RETRYING, Delivery.State.DEAD, Delivery.State.CANCELLED)

log = logging.getLogger(__name__)
_nudged_at = 0.0


def enqueue(
    letters: Sequence[tuple[Connection, Letter]],
    *,
    lane: str,
    verb: Verb,
    wire: str,
    title: str,
    link: str,
    now: datetime,
    activity: Activity | None = None,
    author: User | None = None,
) -> list[Delivery]:
    """Seal LETTERS, each at the end of its connection's lane; a transaction must be open.

    An earlier letter about the same activity that asks for the same address and has not gone yet
    has nothing more to say: it is superseded.
    """
    lanes = lock([connection for connection, _ in letters], lane, now=now)
    if activity is not None:
        _supersede(activity, [(lanes[to.pk], letter) for to, letter in letters], now)
    deliveries = [
        Delivery(
            lane=lanes[connection.pk],
            connection=connection,
            activity=activity,
            author=author,
            verb=verb,
            wire=wire,
            title=title,
            link=link,
            method=letter.method,
            path=letter.path,
            headers=dict(letter.headers),
            body=letter.body,
            next_try_at=now,
            created_at=now,
        )
        for connection, letter in letters
    ]
    Delivery.objects.bulk_create(deliveries)
    wake([lane.pk for lane in lanes.values()], now=now)
    transaction.on_commit(nudge, robust=True)
    return deliveries


def cancel(delivery: Delivery, *, now: datetime) -> bool:
    """Take DELIVERY out of its lane; return whether it had not gone yet."""
    with transaction.atomic():
        lane = _locked(delivery)
        done = _open(delivery, *NOT_SENT_YET).update(
            state=Delivery.State.CANCELLED, settled_at=now, next_try_at=None
        )
        wake([lane.pk], now=now)
    nudge()
    return bool(done)


def retry(delivery: Delivery, *, now: datetime) -> bool:
    """Send DELIVERY now, with a fresh retry budget; return whether it was one that had ended."""
    with transaction.atomic():
        lane = _locked(delivery)
        done = _open(delivery, *RETRIED).update(
            state=Delivery.State.QUEUED, tries=0, next_try_at=now, settled_at=None
        )
        wake([lane.pk], now=now)
    nudge()
    return bool(done)


def nudge() -> None:
    """Ask a worker to look now; beat looks every few seconds anyway, so a lost nudge only delays.

    A drain stays awake for a while after its last letter: more than one nudge a second is noise.
    Nobody waits for the broker, which may take seconds to say that it is not there.
    """
    global _nudged_at
    now = time.monotonic()
    if now - _nudged_at >= NUDGE_STEP:
        _nudged_at = now
        threading.Thread(target=_ask_a_worker, name="nudge", daemon=True).start()


def _ask_a_worker() -> None:
    try:
        app.send_task("feeds.tasks.drain", retry=False, ignore_result=True)
    except Exception as error:  # whatever the broker's client raises
        log.warning("no nudge: the broker does not answer: %s", error)


def lock(connections: Iterable[Connection], key: str, *, now: datetime) -> dict[int, Lane]:
    """Lock the lanes of KEY, made on first use, and return them by their connection's id."""
    pks = sorted({connection.pk for connection in connections})
    lanes = Lane.objects.filter(connection__in=pks, key=key)
    known = set(lanes.values_list("connection_id", flat=True))
    missing = [Lane(connection_id=pk, key=key, touched_at=now) for pk in pks if pk not in known]
    if missing:  # before any lock is held: two who make the same lanes would wait for each other
        Lane.objects.bulk_create(missing, ignore_conflicts=True)
    return {lane.connection_id: lane for lane in lanes.order_by("pk").select_for_update()}


def _locked(delivery: Delivery) -> Lane:
    return Lane.objects.select_for_update().get(pk=delivery.lane_id)


def _open(delivery: Delivery, *states: Delivery.State) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=delivery.pk, state__in=states)


def wake(lanes: Collection[int], *, now: datetime) -> None:
    """Make LANES, whose rows are locked, ready when their first letters are.

    While the first letter waits for a retry, those behind it wait too. A worker's lease stands.
    """
    if not lanes:
        return
    letters = Delivery.objects.filter(lane=OuterRef("pk"))
    first = letters.filter(state__in=NOT_SENT_YET).order_by("id")
    ready = first.annotate(at=Coalesce("next_try_at", Value(now))).values("at")[:1]
    in_flight = letters.filter(state=Delivery.State.SENDING)
    Lane.objects.filter(~Exists(in_flight), pk__in=lanes).update(
        ready_at=Subquery(ready), touched_at=now
    )


def _supersede(activity: Activity, letters: Sequence[tuple[Lane, Letter]], now: datetime) -> None:
    same = Q()
    for lane, letter in letters:
        same |= Q(lane=lane, method=letter.method, path=letter.path)
    Delivery.objects.filter(same, activity=activity, state__in=NOT_SENT_YET).update(
        state=Delivery.State.SUPERSEDED, settled_at=now, next_try_at=None
    )
