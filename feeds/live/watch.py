"""The task that looks for all listeners of this process, and fills their boxes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import close_old_connections, connections

from feeds.live.listeners import Listener, News
from feeds.live.lookout import Lookout
from feeds.live.window import Mark

log = logging.getLogger("feeds.live")

TICK = 0.15  # seconds from look to look, and so between two hints to a page
BREATH = 0.05  # seconds between two looks, however long they take


class Watch:
    """The listeners of this process."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.closing = False
        self.seq = 0
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "watch")  # and so one connection, while it looks

    def join(self, listener: Listener) -> None:
        """Let LISTENER have news from now on."""
        self.listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def streams_of(self, user: int | None) -> int:
        """Count the streams of USER; nobody in particular has none."""
        return sum(listener.user == user for listener in self.listeners) if user else 0

    def close(self) -> None:
        """Let every stream say good-bye and end."""
        self.closing = True
        for listener in self.listeners:
            listener.news.set()

    async def _run(self) -> None:
        in_thread = asyncio.get_running_loop().run_in_executor
        while self.listeners:  # who joins while the connection is closed is not forgotten
            await self._look_for_all(in_thread)
            await in_thread(self._thread, connections.close_all)

    async def _look_for_all(self, in_thread: Callable[..., Awaitable[Any]]) -> None:
        lookout: Lookout | None = None
        while self.listeners:
            listeners, begun = list(self.listeners), time.monotonic()
            try:
                await in_thread(self._thread, close_old_connections)  # or one that broke
                lookout = lookout or await in_thread(self._thread, Lookout)
                found = await in_thread(self._thread, lookout.look, listeners)
            except Exception:  # whatever it is, the listeners wait, and only the next look helps
                log.exception("live: cannot look for new activities")
                await asyncio.sleep(1)
            else:
                self._deliver(found, lookout.mark)
                await asyncio.sleep(max(BREATH, begun + TICK - time.monotonic()))

    def _deliver(self, found: dict[Listener, News], mark: Mark) -> None:
        self.seq = mark.seq
        for listener, news in found.items():
            listener.start = listener.start or mark
            listener.tell(news)


watch = Watch()
