"""Pages, APIs and streams on one port: what `make run` serves, as one ASGI application.

Production runs feeds.wsgi and feeds.asgi as two processes behind a proxy. Where there is no proxy,
this answers the streams itself and hands all else to the WSGI application in a few threads, the
body read beforehand: so one who sends or stays slowly holds no thread.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from django.conf import settings

from feeds.asgi import application as live
from feeds.asgi import serves
from feeds.live.streams import Receive, Scope, Send
from feeds.wsgi import application as site

THREADS = 4  # each with a connection to the database
IN_MEMORY = 1024 * 1024  # bytes of a body; a longer one goes to a file
PATIENCE = 60  # seconds for a piece of a long answer to be taken over
#: One byte over the largest limit is enough to tell that a body is over it.
LONGEST = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
_threads = ThreadPoolExecutor(THREADS, "site")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve everything."""
    if scope["type"] != "http" or serves(scope["path"]):
        await live(scope, receive, send)
        return
    with SpooledTemporaryFile(max_size=IN_MEMORY) as body:
        if await _read(receive, body):
            await _hand_over(scope, body, receive, send)
        else:  # who broke a chunk may still listen
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send(_piece(b"The body did not come whole.\n", more=False))


async def _read(receive: Receive, body: IO[bytes]) -> bool:
    """Write to BODY what comes, and return whether it came whole or is too long."""
    more = True
    while more and body.tell() <= LONGEST:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        body.write(message.get("body", b""))
        more = message.get("more_body", False)
    return True


async def _hand_over(scope: Scope, body: IO[bytes], receive: Receive, send: Send) -> None:
    loop = asyncio.get_running_loop()
    gone = asyncio.ensure_future(_disconnect(receive))

    def push(message: dict[str, Any]) -> None:
        """Send MESSAGE from a thread, which waits until the server has taken it over."""
        if gone.done():
            raise ConnectionResetError("the client is gone")
        asyncio.run_coroutine_threadsafe(_send(send, message), loop).result(PATIENCE)

    try:
        for message in await loop.run_in_executor(_threads, _answer, environ_of(scope, body), push):
            await send(message)
    except ConnectionResetError:
        pass
    finally:
        gone.cancel()


async def _send(send: Send, message: dict[str, Any]) -> None:
    await send(message)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _answer(
    environ: dict[str, Any], push: Callable[[dict[str, Any]], None]
) -> list[dict[str, Any]]:
    """Run the WSGI application; return its answer whole, or nothing once a long one is pushed."""
    started: list[dict[str, Any]] = []

    def start_response(status: str, headers: list[tuple[str, str]], error: object = None) -> None:
        pairs = [
            (name.encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers
        ]
        started[:] = [{"type": "http.response.start", "status": int(status[:3]), "headers": pairs}]

    chunks: Any = site(environ, start_response)  # type: ignore[arg-type]
    try:
        if not getattr(chunks, "streaming", True):
            return [*started, _piece(b"".join(chunks), more=False)]
        push(started[0])
        for chunk in chunks:
            push(_piece(chunk))
        return [_piece(b"", more=False)]
    finally:
        chunks.close()


def _piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def environ_of(scope: Scope, body: IO[bytes]) -> dict[str, Any]:
    """Write SCOPE as PEP 3333 wants it, with BODY, which has come whole or is too long."""
    length = body.tell()
    body.seek(0)
    host, port = scope.get("server") or ("localhost", 80)
    path = scope.get("raw_path") or scope["path"].encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.partition(b"?")[0]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or [""])[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **_headers(scope["headers"]),
    }
    # what came in chunks has its length only now; what is too long is cut, as feeds.wsgi does
    environ.setdefault("CONTENT_LENGTH", str(min(length, LONGEST)))
    return environ


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw, value in pairs:
        name = raw.decode("latin-1").upper()
        if "_" in name or name == "TRANSFER-ENCODING":
            continue  # X_FORWARDED_FOR would read as X-Forwarded-For; and the chunks are joined
        key = name.replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        text, glue = value.decode("latin-1"), "; " if name == "COOKIE" else ","
        found[key] = f"{found[key]}{glue}{text}" if key in found else text
    return found
