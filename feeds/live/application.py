"""The ASGI application of the streams; it does not go through Django's handler."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterable
from types import FrameType

from django.core.exceptions import DisallowedHost

from feeds.api.auth import BadCredentials
from feeds.api.problems import problem_response
from feeds.filters import FilterError
from feeds.live import admission, streams
from feeds.live.streams import Receive, Scope, Send
from feeds.live.watch import watch
from feeds.metrics import CONTENT_TYPE, Family, render

Headers = Iterable[tuple[bytes, bytes]]

FOR_PAGES = "/live/feed"
FOR_PROGRAMS = "/api/v1/activities/stream"
STREAMS_PER_USER = 8  # listeners without a user (ANONYMOUS_READ) are not counted


def serves(path: str) -> bool:
    """Tell whether PATH is one of this application, and not of the other."""
    return path.startswith("/live/") or path == FOR_PROGRAMS


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the two streams, /live/healthz and /live/metrics."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["path"] == "/live/healthz":
        await _answer(send, 200, b"ok\n", [(b"content-type", b"text/plain")])
    elif scope["path"] == "/live/metrics":
        count = {"": len(watch.listeners)}
        text = render([Family("pulseboard_live_streams", "gauge", "Open streams.", count)]).encode()
        await _answer(send, 200, text, [(b"content-type", CONTENT_TYPE.encode())])
    elif scope["path"] not in (FOR_PAGES, FOR_PROGRAMS):
        await _refuse(send, 404, "There is nothing here.")
    elif scope["method"] != "GET":
        await _refuse(send, 405, "Only GET is allowed.", headers=[(b"allow", b"GET")])
    else:
        await _stream(scope, receive, send)


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


async def _stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Authorise, validate, and stream."""
    try:
        listener, form = await admission.admit(scope, whole=scope["path"] == FOR_PROGRAMS)
    except DisallowedHost:
        return await _refuse(send, 400, "This host is not served here.")
    except FilterError as error:
        return await _refuse(send, 400, str(error), field=error.field)
    except BadCredentials as error:
        # not Basic, for which a browser would ask in a window of its own
        challenge = [(b"www-authenticate", b'Bearer realm="Pulseboard"')]
        return await _refuse(send, 401, str(error), headers=challenge)
    if watch.streams_of(listener.user) >= STREAMS_PER_USER:
        return await _refuse(send, 429, f"A user may have {STREAMS_PER_USER} streams at once.")
    return await streams.serve(listener, form, receive, send)


async def _refuse(
    send: Send, status: int, detail: str, *, field: str = "", headers: Headers = ()
) -> None:
    errors = [{"field": field, "message": detail}] if field else None
    body = json.dumps(problem_response(status, detail, errors).data).encode()
    await _answer(send, status, body, [(b"content-type", b"application/problem+json"), *headers])


async def _answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
