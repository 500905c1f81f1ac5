"""A load generator on one epoll loop: cheap enough to share two cores with what it measures."""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Result:
    """What one run measured."""

    seconds: float
    latencies: list[float] = field(default_factory=list)  # seconds, one a request
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return a latency in milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[percent - 1] * 1000


class _Client:
    """One keep-alive connection with one request in flight."""

    def __init__(self, port: int, next_request: Callable[[], bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._next = next_request
        self._buffer = b""
        self.sent_at = 0.0

    def send(self) -> None:
        self._buffer = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(self._next())

    def receive(self) -> int:
        """Read what came; return the status once the answer is whole, else 0."""
        block = self.socket.recv(1 << 20)
        if not block:
            raise ConnectionError("the server closed the connection")
        self._buffer += block
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return 0
        for line in head.lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                return int(head[9:12]) if len(body) >= int(value) else 0
        return int(head[9:12])


def hammer(
    port: int, next_request: Callable[[], bytes], *, connections: int = 16, seconds: float = 4
) -> Result:
    """Keep CONNECTIONS busy with one request each for SECONDS."""
    result = Result(seconds)
    with selectors.DefaultSelector() as selector:
        clients = [_Client(port, next_request) for _ in range(connections)]
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.send()
        start = time.perf_counter()
        while (now := time.perf_counter()) - start < seconds:
            for key, _ in selector.select(timeout=1):
                status = key.data.receive()
                if status:
                    result.latencies.append(time.perf_counter() - key.data.sent_at)
                    result.statuses[status] = result.statuses.get(status, 0) + 1
                    key.data.send()
        result.seconds = now - start
        for client in clients:
            client.socket.close()
    return result


def request(path: str, body: bytes, headers: dict[str, str], *, method: str = "POST") -> bytes:
    """Write a request with BODY."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
