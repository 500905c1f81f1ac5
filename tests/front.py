"""One address in front of the two processes of a Pulseboard, as Caddy is in production.

It knows HTTP only as far as it must: the first line of a request tells whose it is.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.house import free_port

STREAMS = (b"GET /live/", b"GET /api/v1/activities/stream")
CHUNK = 65536  # bytes
IDLE = 120  # seconds until a connection on which nobody speaks is given up


@dataclass
class Front:
    """A server that hands each connection to the web or to the live process."""

    web: int
    live: int
    port: int = field(default_factory=free_port)
    open: bool = True  # when it is not, every connection is closed at once, as without a network

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def served(self) -> Iterator[Front]:
        """Serve until the end of the block."""
        with socket.create_server(("127.0.0.1", self.port), backlog=64) as server:
            threading.Thread(target=self._accept, args=[server], daemon=True).start()
            try:
                yield self
            finally:
                server.shutdown(socket.SHUT_RDWR)

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(IDLE)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = client.recv(CHUNK)
                if not piece:
                    return
                request += piece
            if not self.open:
                return
            head, _, body = request.partition(b"\r\n\r\n")
            port = self.live if head.startswith(STREAMS) else self.web
            with socket.create_connection(("127.0.0.1", port), timeout=IDLE) as upstream:
                upstream.sendall(_last(head) + b"\r\n\r\n" + body)
                threading.Thread(target=_pump, args=[client, upstream], daemon=True).start()
                _pump(upstream, client)


def _last(head: bytes) -> bytes:
    """Ask for no other request on the same connection."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"])


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copy until one side ends, and tell both."""
    with contextlib.suppress(OSError):
        while piece := source.recv(CHUNK):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
