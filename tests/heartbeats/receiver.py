"""A program elsewhere that takes webhooks: a real HTTP server on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Call:
    """One request that came in; header names are in lower case."""

    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    def signed_with(self, secret: str) -> bool:
        """Check the signature as a receiver does, by the text of Standard Webhooks."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        head = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}."
        mac = hmac.new(key, head.encode() + self.body, hashlib.sha256)
        wanted = "v1," + base64.b64encode(mac.digest()).decode()
        return hmac.compare_digest(self.headers["webhook-signature"], wanted)


@dataclass
class Receiver:
    """What came in, and what is answered: `answers` in turn, and then 200."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    hold: threading.Event | None = None  # no answer until it is set

    @property
    def events(self) -> list[str]:
        return [call.document["type"] for call in self.calls]


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Listen on PORT, by default a free one."""
    receiver = Receiver()

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.calls.append(Call(headers, body))
            receiver.arrived.set()
            if receiver.hold is not None:
                receiver.hold.wait(60)
            status, more = receiver.answers.pop(0) if receiver.answers else (200, {})
            self.send_response(status)
            for name, value in {"Content-Length": "4", **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"fine")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Taker)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        if receiver.hold is not None:
            receiver.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
