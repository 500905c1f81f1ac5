"""What a program missed since it left: read page by page, while its news wait in its box."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from django.db.models import Q

from feeds.live.changes import changed_since_told, deleted_since_told
from feeds.live.desk import Desk
from feeds.live.listeners import Listener
from feeds.live.lookout import write
from feeds.live.window import Mark
from feeds.live.wire import Form, grave

PAGE = 200  # activities
_desk = Desk("catch-up", threads=2)


async def catch_up(listener: Listener, form: Form) -> AsyncIterator[bytes]:
    """Yield, a page at a time, what LISTENER missed up to the look at which it joined.

    First what was changed or deleted, then what is new: so whoever is cut off between two events
    and resumes at the last one has missed nothing.
    """
    if listener.after is None or listener.start is None:
        return
    pages = _pages(listener, listener.after, listener.start, form)
    while body := await _desk.ask(lambda: next(pages, b"")):
        yield body


def _pages(listener: Listener, after: int, mark: Mark, form: Form) -> Iterator[bytes]:
    gone = deleted_since_told(after, listener.filter)
    if gone:
        yield b"".join(form.event("deleted", grave(identity), after) for identity in gone)
    yield from _changed(listener, after, form)
    yield from _new(listener, after, mark, form)


def _changed(listener: Listener, after: int, form: Form) -> Iterator[bytes]:
    rows = changed_since_told(after, listener.filter.rows()).order_by("touched_at", "id")
    page = list(rows.values_list("id", "touched_at")[:PAGE])
    while page:
        written = write({pk for pk, _ in page})
        yield (
            b"".join(form.event("activity", row, after) for row in written.values()) or form.silence
        )
        last, moment = page[-1]
        beyond = rows.filter(Q(touched_at__gt=moment) | Q(touched_at=moment, id__gt=last))
        page = list(beyond.values_list("id", "touched_at")[:PAGE]) if len(page) == PAGE else []


def _new(listener: Listener, after: int, mark: Mark, form: Form) -> Iterator[bytes]:
    """Yield what is new, but not what a look will notice later.

    No row above a hole may be resumed at, for what fills the hole may yet come.
    """
    newest = max(mark.seen, default=mark.floor)
    rows = listener.filter.rows().filter(id__lte=newest).order_by("id").values_list("id", flat=True)
    last, full = after, True
    while full:
        page = list(rows.filter(id__gt=last)[:PAGE])
        full = len(page) == PAGE
        last = page[-1] if page else last
        written = write({pk for pk in page if pk in mark})
        events = [
            form.event("activity", row, max(after, min(pk, mark.seq)))
            for pk, row in written.items()
        ]
        if events or full:
            yield b"".join(events) or form.silence
