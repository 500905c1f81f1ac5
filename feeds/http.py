"""The only place that speaks HTTP to others.

Requests go to https and public addresses only, unless PRIVATE_UPSTREAMS allows others; what is
checked is the address that the socket is really connected to, so no name can point elsewhere in
between. Redirects are not followed. The whole exchange has one deadline, however slowly the other
side trickles.
"""

from __future__ import annotations

import atexit
import contextlib
import ipaddress
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.exceptions import SSLError as PoolSSLError
from urllib3.poolmanager import PoolManager

from feeds.dialects.letters import Answer

BODY_READ = 1024 * 1024  # bytes of an answer; what follows is not read
IDLE = 20.0  # seconds that a connection is kept for the next request
IDLE_SESSIONS = 128  # kept in all
AGENT = "Pulseboard"


class TransportError(Exception):
    """A request without an answer; str(error) is fit to show.

    `uncertain` tells whether the other side may have received it.
    """

    def __init__(self, message: str, *, uncertain: bool) -> None:
        self.uncertain = uncertain
        super().__init__(message)


class AddressRefused(OSError):
    """The name leads to an address that we do not send to."""


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    budget: float | None = None,
) -> Answer:
    """Send one request and return the answer, whatever its status; raises TransportError.

    BUDGET is the seconds of the whole exchange, by default UPSTREAM_TIMEOUT.
    """
    budget = budget or float(settings.UPSTREAM_TIMEOUT)
    with _session(_origin(url)) as session, session.deadline(budget):
        try:
            with session.request(
                method,
                url,
                data=body,
                headers={"User-Agent": AGENT, "Accept-Encoding": "identity", **headers},
                timeout=budget,
                allow_redirects=False,
                stream=True,
            ) as response:
                text = _text_of(response)
                if session.late:  # a cut looks like an end
                    raise TimeoutError
                names = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, names, text)
        except (requests.RequestException, PoolSSLError, OSError, ValueError) as error:
            raise _in_words(error, budget, late=session.late) from error


def _origin(url: str) -> str:
    """Return scheme and host of URL."""
    try:
        target = urlsplit(url)
    except ValueError as error:
        raise TransportError(f"the address cannot be read: {error}", uncertain=False) from None
    if target.scheme != "https" and not settings.PRIVATE_UPSTREAMS:
        raise TransportError("the address must begin with https://", uncertain=False)
    return f"{target.scheme}://{target.netloc}"


def _text_of(response: requests.Response) -> str:
    """Read the body up to BODY_READ; a longer one ends the connection."""
    read = bytearray()
    for chunk in response.iter_content(64 * 1024):
        read += chunk
        if len(read) >= BODY_READ:
            response.raw.close()
            break
    return bytes(read[:BODY_READ]).decode(response.encoding or "utf-8", errors="replace")


# ---- what went wrong, in words


def _in_words(error: BaseException, budget: float, *, late: bool) -> TransportError:
    if late:
        return TransportError(f"timeout after {budget:g} s", uncertain=True)
    for cause in _causes(error):
        for sort, words, uncertain in _WORDS:
            if isinstance(cause, sort):
                return TransportError(words.format(cause, budget=budget), uncertain=uncertain)
    return TransportError("the connection was cut before the answer was whole", uncertain=True)


#: What each exception means, the most telling first; and whether the request may have arrived.
_WORDS: tuple[tuple[type[BaseException], str, bool], ...] = (
    (AddressRefused, "{}", False),
    (NameResolutionError, "DNS failure: the name of the host is not known", False),
    (socket.gaierror, "DNS failure: the name of the host is not known", False),
    (ConnectionRefusedError, "connection refused: nothing listens there", False),
    (NewConnectionError, "no connection: the host cannot be reached", False),
    (ConnectTimeoutError, "timeout: no connection within {budget:g} s", False),
    (PoolSSLError, "TLS failure: {}", False),
    (requests.exceptions.SSLError, "TLS failure: {}", False),
    (requests.exceptions.InvalidURL, "the address cannot be read: {}", False),
    (requests.exceptions.InvalidHeader, "a header cannot be sent: {}", False),
    (UnicodeError, "the address cannot be read: {}", False),
    (ReadTimeoutError, "timeout after {budget:g} s", True),
    (requests.exceptions.ReadTimeout, "timeout after {budget:g} s", True),
    (ConnectionResetError, "the connection was reset before the answer was whole", True),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ERROR and what it wraps: requests wraps urllib3, which wraps the socket's own."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    found: list[BaseException] = []
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        found.append(cause)
        waiting += [*cause.args, cause.__cause__, cause.__context__]
        waiting += [cause.reason] if isinstance(cause, MaxRetryError) else []
    for sort, _, _ in _WORDS:
        yield from (cause for cause in found if isinstance(cause, sort))


# ---- sockets


class _Session(requests.Session):
    """One connection to one origin, that is cut when its time is over."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.trust_env = False  # no proxy and no .netrc of whoever started us
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("https://", _Adapter())
        self.mount("http://", _Adapter())
        self.origin = origin
        self.used_at = time.monotonic()
        self.line: socket.socket | None = None  # the connected socket, once more
        self.late = False

    @contextlib.contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Cut the connection after SECONDS: a socket's own timeout begins anew with each byte."""
        _thread.session = self
        watch = threading.Timer(seconds, self._cut)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def opened(self, connected: socket.socket) -> None:
        """Remember CONNECTED: TLS will take its descriptor away, but not from a duplicate."""
        self._forget()
        self.line = connected.dup()
        if self.late:
            self._cut()

    def _cut(self) -> None:
        self.late = True
        with contextlib.suppress(OSError):
            if self.line:
                self.line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        super().close()
        self._forget()

    def _forget(self) -> None:
        if self.line:
            self.line.close()
        self.line = None


_thread = threading.local()  # .session: what this thread sends with
_idle: deque[_Session] = deque()  # the longest unused first
_idle_lock = threading.Lock()


@contextlib.contextmanager
def _session(origin: str) -> Iterator[_Session]:
    """Lend a session to ORIGIN, one that is connected already where there is one."""
    session = _unused(origin) or _Session(origin)
    try:
        yield session
    except BaseException:
        session.close()
        raise
    session.used_at = time.monotonic()
    with _idle_lock:
        _idle.append(session)
        spare = _idle.popleft() if len(_idle) > IDLE_SESSIONS else None
    if spare:
        spare.close()


def _unused(origin: str) -> _Session | None:
    since = time.monotonic() - IDLE
    with _idle_lock:
        stale = []
        while _idle and _idle[0].used_at < since:
            stale.append(_idle.popleft())
        found = next((each for each in reversed(_idle) if each.origin == origin), None)
        if found:
            _idle.remove(found)
    for each in stale:
        each.close()
    return found


@atexit.register
def close() -> None:
    """Close the connections that wait for their next request."""
    with _idle_lock:
        sessions = [*_idle]
        _idle.clear()
    for session in sessions:
        session.close()


def _checked(connected: socket.socket) -> socket.socket:
    """Refuse a socket whose other end is not a public address."""
    peer = connected.getpeername()[0]
    if not settings.PRIVATE_UPSTREAMS and not ipaddress.ip_address(peer.split("%")[0]).is_global:
        connected.close()
        raise AddressRefused(
            f"the name leads to {peer}, which is not a public address; "
            "PRIVATE_UPSTREAMS=1 allows such upstreams"
        )
    _thread.session.opened(connected)
    return connected


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _Secure(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    """Connects only to addresses that were checked."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=1, maxsize=1)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
