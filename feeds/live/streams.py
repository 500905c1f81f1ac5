"""Open streams: each waits for its news, and holds neither a thread nor a connection meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from feeds.live import wire
from feeds.live.catchup import catch_up
from feeds.live.listeners import BEHIND, Listener, News
from feeds.live.watch import watch
from feeds.live.wire import Form

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PING = 15  # seconds of silence; a page takes 45 for a dead connection
LIFETIME = 15 * 60  # seconds; who comes back is asked again whether it may come in
MOST = 16 * 1024 * 1024  # bytes of a stream: granian keeps what a client does not take, and is mute
RETRY = (1000, 5000)  # milliseconds; spread, lest all come back at once
HEADERS = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would keep the events back
]


async def serve(listener: Listener, form: Form, receive: Receive, send: Send) -> None:
    """Stream to LISTENER until it is gone, its time is up or the process ends."""
    watch.join(listener)
    gone = asyncio.ensure_future(_disconnect(receive))
    gone.add_done_callback(lambda _: listener.news.set())
    stream = Stream(listener, form, gone, send)
    try:
        await stream.run()
    finally:
        watch.listeners.discard(listener)
        gone.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Stream:
    """One answer that does not end by itself."""

    def __init__(
        self, listener: Listener, form: Form, gone: asyncio.Future[None], send: Send
    ) -> None:
        self.listener, self.form, self.gone, self._send = listener, form, gone, send
        self.end = time.monotonic() + LIFETIME
        self.sent = 0  # bytes

    async def run(self) -> None:
        """Send events.

        The first says where the listener stands, a ping if it missed nothing; it comes with the
        first look, so whatever is committed after it is noticed.
        """
        kind = (b"content-type", self.form.content_type.encode())
        headers = [kind, *HEADERS]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        while not self.listener.start and not self._over:
            if not await self._news():
                await self._write(self.form.silence)  # the database does not answer
        if self.listener.whole and not self._over:
            await self._catch_up()
        while not self._over:
            taken = self.listener.take()
            await self._write(self._written(taken) or wire.ping(self.form, watch.seq))
            await self._news()
        if not self.gone.done():
            await self._write(wire.bye(self.form, random.randint(*RETRY)), more=False)

    @property
    def _over(self) -> bool:
        """Tell whether it is time to go; who reads too slowly may come again and read from disk."""
        much = self.listener.behind > BEHIND or self.sent > MOST
        return self.gone.done() or watch.closing or much or time.monotonic() > self.end

    async def _news(self) -> bool:
        """Wait for something to happen, but not for ever."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.listener.news.wait(), PING)
        happened = self.listener.news.is_set()
        self.listener.news.clear()
        return happened

    async def _catch_up(self) -> None:
        async for body in catch_up(self.listener, self.form):
            await self._write(body)
            if self._over:
                return

    def _written(self, taken: list[News]) -> bytes:
        if self.listener.whole:
            return wire.activities(self.form, taken)
        return wire.hints(taken, watch.seq)

    async def _write(self, body: bytes, *, more: bool = True) -> None:
        self.sent += len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
