"""A few threads that ask the database for all streams, for a stream has none of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import close_old_connections, connections

T = TypeVar("T")


class Desk:
    """Threads with a connection each, which they keep only while somebody waits."""

    def __init__(self, name: str, *, threads: int) -> None:
        self._size = threads
        self._waiting = 0
        self._threads = ThreadPoolExecutor(threads, name)

    async def ask(self, question: Callable[[], T]) -> T:
        """Return what QUESTION answers, in its turn."""
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._answer, question
            )
        finally:
            self._waiting -= 1

    def _answer(self, question: Callable[[], T]) -> T:
        try:
            close_old_connections()  # or one that broke
            return question()
        finally:
            if self._waiting <= self._size:
                connections.close_all()
