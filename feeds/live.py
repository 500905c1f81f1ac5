"""The live feed: server-sent events that say when new activities pass a viewer's filter.

Nobody publishes. While somebody listens, one task of the process asks the database four times a
second for activities it has not noticed, and counts them once per distinct filter, however many
viewers share it. A stream itself holds no thread and no connection.

A hint carries no rows, only {"seq": 918273, "new": 3}: the viewer fetches what it may see.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import random
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from types import FrameType
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections, connection, connections
from django.utils import timezone

from feeds.api.auth import BadCredentials, identify
from feeds.api.problems import problem_response
from feeds.filters import FeedFilter, FilterError
from feeds.models import Activity

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

TICK = 0.25  # seconds between looks, and so between two hints to a viewer
PING = 15  # seconds of silence; a viewer takes 45 for a dead connection
LIFETIME = 15 * 60  # seconds; who comes back is asked again whether it may come in
STREAMS_PER_USER = 8  # viewers without a user (ANONYMOUS_READ) are not counted
STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would keep the events back
]
RETRY = (1000, 5000)  # milliseconds; spread, lest all come back at once
LATE = 60  # seconds that a transaction may take from its id to its commit
WINDOW = 10_000  # activities remembered, and the most that a hint to who resumes can count
BURST = 5_000  # activities noticed in one look; the rest waits for the next


@dataclass(eq=False)
class Viewer:
    """One open stream."""

    filter: FeedFilter
    user: int | None
    after: int | None  # where it resumes
    joined: bool = False  # whether a look has taken place since it came
    waiting: int = 0  # activities noticed since its last hint
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> Hashable:
        """What viewers with the same filter share."""
        chosen = self.filter
        return frozenset(chosen.choices.items()), chosen.since, chosen.until, chosen.q


class Window:
    """What has been noticed lately, so that a late commit is noticed too, and nothing twice.

    Ids are handed out in order, but a transaction may commit after one with higher ids. So each
    look asks again for all ids above `floor`, the highest that was known LATE seconds ago: a row
    is noticed if it commits within LATE seconds of taking its id, and if no more than WINDOW
    activities with higher ids were noticed meanwhile. What is later than that shows up in the feed
    without a hint.

    `seq` is the highest id below which nothing can be missing: all ids up to it were noticed or are
    not above `floor`. Whoever resumes after it misses nothing within those limits, but where a
    hole (an update or a rollback also uses up an id) holds `seq` back, for LATE seconds at most, it
    counts again what was noticed above the hole.
    """

    def __init__(self) -> None:
        self.late = 0 if connection.vendor == "sqlite" else LATE  # SQLite has one writer at a time
        recent = list(Activity.objects.order_by("-id").values_list("id", "received_at")[:WINDOW])
        settled = timezone.now() - timedelta(seconds=self.late)
        self.seen = {pk for pk, _ in recent}
        newest = max(self.seen, default=0)
        lowest = min(self.seen) - 1 if len(recent) == WINDOW else 0
        self.floor = max((pk for pk, received in recent if received < settled), default=lowest)
        self.marks = deque([(time.monotonic(), newest)])  # the highest id known at a moment
        self.seq = 0
        self._settle()

    def look(self, viewers: Iterable[Viewer]) -> dict[Viewer, int]:
        """Notice what is new, and count for each of VIEWERS how much of it passes."""
        ids = Activity.objects.filter(id__gt=self.floor).order_by("id").values_list("id", flat=True)
        new = set(ids[: len(self.seen) + BURST]) - self.seen
        seen = self.seen | new
        counted: dict[Hashable, int] = {}
        counts = {}
        for viewer in viewers:
            asked = viewer.key, viewer.joined, None if viewer.joined else viewer.after
            if asked not in counted:
                counted[asked] = (
                    _passing(viewer, new) if viewer.joined else self._missed(viewer, seen)
                )
            counts[viewer] = counted[asked]
        self.seen = seen  # only now: a look that failed is made again
        self._settle()
        return counts

    def _missed(self, viewer: Viewer, seen: set[int]) -> int:
        """Count what passed since VIEWER left, but not what the next look will notice."""
        if viewer.after is None:
            return 0
        rows = viewer.filter.rows().filter(id__gt=viewer.after).order_by("-id")
        ids = rows.values_list("id", flat=True)[:WINDOW]
        return sum(pk <= self.floor or pk in seen for pk in ids)

    def _settle(self) -> None:
        """Raise the floor to what is old enough, and seq to the first hole above it."""
        now = time.monotonic()
        self.marks.append((now, max(self.seen, default=0)))
        while self.marks and self.marks[0][0] <= now - self.late:
            self.floor = max(self.floor, self.marks.popleft()[1])
        if len(self.seen) > WINDOW:
            self.floor = max(self.floor, sorted(self.seen)[-WINDOW - 1])
        self.seen = {pk for pk in self.seen if pk > self.floor}
        self.seq = max(self.seq, self.floor)
        while self.seq + 1 in self.seen:
            self.seq += 1


def _passing(viewer: Viewer, new: set[int]) -> int:
    return viewer.filter.rows().filter(id__in=new).count() if new else 0


class Watch:
    """The viewers of this process, and the task that looks for them."""

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.closing = False
        self.seq = 0
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "watch")  # and so one connection, while it looks

    def join(self, viewer: Viewer) -> None:
        """Let VIEWER have news from now on."""
        self.viewers.add(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def streams_of(self, user: int | None) -> int:
        """Count the streams of USER; nobody in particular has none."""
        return sum(viewer.user == user for viewer in self.viewers) if user else 0

    def close(self) -> None:
        """Let every stream say good-bye and end."""
        self.closing = True
        for viewer in self.viewers:
            viewer.news.set()

    async def _run(self) -> None:
        in_thread = asyncio.get_running_loop().run_in_executor
        while self.viewers:  # who joins while the connection is closed is not forgotten
            await self._look_for_all(in_thread)
            await in_thread(self._thread, connections.close_all)

    async def _look_for_all(self, in_thread: Callable[..., Awaitable[Any]]) -> None:
        window: Window | None = None
        while self.viewers:
            viewers = list(self.viewers)
            try:
                await in_thread(self._thread, close_old_connections)  # or one that broke
                window = window or await in_thread(self._thread, Window)
                counts = await in_thread(self._thread, window.look, viewers)
            except Exception:  # whatever it is, the viewers wait, and only the next look helps
                log.exception("live: cannot look for new activities")
                await asyncio.sleep(1)
            else:
                self._deliver(viewers, counts, window.seq)
                await asyncio.sleep(TICK)

    def _deliver(self, viewers: list[Viewer], counts: dict[Viewer, int], seq: int) -> None:
        self.seq = seq
        for viewer in viewers:
            viewer.waiting += counts.get(viewer, 0)
            if viewer.waiting or not viewer.joined:
                viewer.news.set()
            viewer.joined = True


watch = Watch()


# ---- the application


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve GET /live/feed and GET /live/healthz."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["path"] == "/live/healthz":
        await _answer(send, 200, b"ok\n", [(b"content-type", b"text/plain")])
    elif scope["path"] != "/live/feed":
        await _refuse(send, 404, "There is nothing here.")
    elif scope["method"] != "GET":
        await _refuse(send, 405, "Only GET is allowed.", headers=[(b"allow", b"GET")])
    else:
        await _feed(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    _close_on(signal.SIGTERM)
    _close_on(signal.SIGINT)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    watch.close()
    await send({"type": "lifespan.shutdown.complete"})


def _close_on(number: signal.Signals) -> None:
    """End the streams at a signal: granian says lifespan.shutdown only after the last has ended.

    The loop of the server learns of the signal by its wake-up descriptor, whatever stands here.
    """
    loop, before = asyncio.get_running_loop(), signal.getsignal(number)

    def close(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(watch.close)
        if callable(before):
            before(number, frame)

    signal.signal(number, close)


async def _feed(scope: Scope, receive: Receive, send: Send) -> None:
    """Authorise, validate, and stream."""
    request = ASGIRequest(scope, io.BytesIO())
    try:
        request.get_host()
        filter = FeedFilter.read(request.GET)
        after = _position(request)
        user = await asyncio.to_thread(_admit, request, filter)
    except DisallowedHost:
        return await _refuse(send, 400, "This host is not served here.")
    except FilterError as error:
        return await _refuse(send, 400, str(error), field=error.field)
    except BadCredentials as error:
        # not Basic, for which a browser would ask in a window of its own
        challenge = [(b"www-authenticate", b'Bearer realm="Pulseboard"')]
        return await _refuse(send, 401, str(error), headers=challenge)
    if watch.streams_of(user) >= STREAMS_PER_USER:
        return await _refuse(send, 429, f"A user may have {STREAMS_PER_USER} streams at once.")
    viewer = Viewer(filter, user, after)
    watch.join(viewer)
    gone = asyncio.ensure_future(_disconnect(receive))
    gone.add_done_callback(lambda _: viewer.news.set())
    try:
        await _stream(viewer, gone, send)
    finally:
        watch.viewers.discard(viewer)
        gone.cancel()


def _position(request: ASGIRequest) -> int | None:
    """Return where the viewer resumes; Last-Event-ID is newer than the address."""
    text = request.META.get("HTTP_LAST_EVENT_ID") or request.GET.get("after", "")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or int(text[:20]) >= 2**63:
        raise FilterError("after", "is not an id that this stream gave")
    return int(text)


def _admit(request: ASGIRequest, filter: FeedFilter) -> int | None:
    """Return the id of who asks, None if it may be anybody; raises BadCredentials."""
    try:
        user = _user_of(request)
        # a query that the database refuses must fail here, not for everybody in a look
        filter.rows().filter(id=0).exists()
        return user
    finally:
        connections.close_all()


def _user_of(request: ASGIRequest) -> int | None:
    if caller := identify(request):
        return caller.user.pk
    sessions = import_module(settings.SESSION_ENGINE)
    request.session = sessions.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    user = get_user(request)
    if user.pk is None and not settings.ANONYMOUS_READ:
        raise BadCredentials("Sign in, or send credentials.")
    return user.pk


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stream(viewer: Viewer, gone: asyncio.Future[None], send: Send) -> None:
    """Send VIEWER its news until it is gone, its time is up or the process ends.

    The first event says where it stands, a ping if nothing was missed; it comes with the first
    look, so whatever is committed after it is noticed.
    """
    await send({"type": "http.response.start", "status": 200, "headers": STREAM})
    end = time.monotonic() + LIFETIME
    while not gone.done():
        with suppress(TimeoutError):
            await asyncio.wait_for(viewer.news.wait(), PING)
        viewer.news.clear()
        if gone.done():
            return
        if watch.closing or time.monotonic() > end:
            bye = _event("bye", {"retry_ms": random.randint(*RETRY)})
            await send({"type": "http.response.body", "body": bye, "more_body": False})
            return
        await send({"type": "http.response.body", "body": _news(viewer), "more_body": True})


def _news(viewer: Viewer) -> bytes:
    if not viewer.joined:
        return b": the database does not answer\n\n"
    new, viewer.waiting = viewer.waiting, 0
    if new:
        return _event("hint", {"seq": watch.seq, "new": new}, number=watch.seq)
    moment = timezone.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    return _event("ping", {"seq": watch.seq, "t": moment}, number=watch.seq)


def _event(name: str, data: dict[str, Any], number: int | None = None) -> bytes:
    lines = [f"event: {name}", f"data: {json.dumps(data)}"]
    if number is not None:
        lines.append(f"id: {number}")
    return ("\n".join(lines) + "\n\n").encode()


async def _refuse(
    send: Send, status: int, detail: str, *, field: str = "", headers: Headers = ()
) -> None:
    errors = [{"field": field, "message": detail}] if field else None
    body = json.dumps(problem_response(status, detail, errors).data).encode()
    await _answer(send, status, body, [(b"content-type", b"application/problem+json"), *headers])


async def _answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
