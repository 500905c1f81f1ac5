"""What streams look like: server-sent events, or lines of JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from feeds.live.listeners import News


def _server_sent(name: str, data: bytes, number: int | None) -> bytes:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    event = b"event: %s\ndata: %s\n" % (name.encode(), data)
    return event + (b"\n" if number is None else b"id: %d\n\n" % number)


def _line(name: str, data: bytes, number: int | None) -> bytes:
    place = b"" if number is None else b'"id":"%d",' % number
    return b'{"event":"%s",%s"data":%s}\n' % (name.encode(), place, data)


@dataclass(frozen=True)
class Form:
    """A way to write a stream."""

    name: str
    content_type: str
    event: Callable[[str, bytes, int | None], bytes]  # name, JSON of one line, the id to resume at
    silence: bytes  # that the reader skips


SSE = Form("sse", "text/event-stream; charset=utf-8", _server_sent, b": still here\n\n")
NDJSON = Form("ndjson", "application/x-ndjson", _line, b"\n")


def as_json(value: Any) -> bytes:
    """Write VALUE on one line."""
    return json.dumps(value).encode()


def ping(form: Form, seq: int) -> bytes:
    """Tell that nothing was missed up to SEQ."""
    moment = timezone.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    return form.event("ping", as_json({"seq": seq, "t": moment}), seq)


def bye(form: Form, retry: int) -> bytes:
    """Ask to come back in RETRY milliseconds."""
    return form.event("bye", as_json({"retry_ms": retry}), None)


def hints(taken: Iterable[News], seq: int) -> bytes:
    """Write for a page what to fetch: as one hint, and the ids of what changed."""
    new = sum(news.new for news in taken)
    changed = dict.fromkeys(str(identity) for news in taken for identity in news.changed)
    events = []
    if new:  # first: who is cut off after it is told of the changes again, but not of what is new
        events.append(SSE.event("hint", as_json({"seq": seq, "new": new}), seq))
    if changed:
        events.append(SSE.event("row", as_json({"seq": seq, "ids": list(changed)}), seq))
    return b"".join(events)


def activities(form: Form, taken: Iterable[News]) -> bytes:
    """Write for a program all that it asked for; who shares the news shares the bytes."""
    return b"".join(_activities(form, news) for news in taken)


def _activities(form: Form, news: News) -> bytes:
    """Write NEWS; only its last event may be resumed at, for the others are not all of it."""
    if form.name not in news.written:
        events = [("activity", row) for row in news.rows]
        events += [("deleted", grave(identity)) for identity in news.gone]
        news.written[form.name] = b"".join(
            form.event(name, data, news.seq if number == len(events) else news.before)
            for number, (name, data) in enumerate(events, start=1)
        )
    return news.written[form.name]


def grave(identity: uuid.UUID) -> bytes:
    """Write that the activity IDENTITY is no more."""
    return as_json({"uuid": str(identity)})
