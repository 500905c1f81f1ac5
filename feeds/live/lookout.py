"""One look at the database for all listeners: a query for each distinct filter, not for each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Set

from rest_framework.renderers import JSONRenderer

from feeds.api.native.activities import activity_json, whole_activities
from feeds.live.changes import Changes, Found, changed_on_screen, may_pass
from feeds.live.listeners import Listener, News
from feeds.live.window import Mark, Window

_renderer = JSONRenderer()


class Lookout:
    """What has been noticed, and what it means to each listener."""

    def __init__(self) -> None:
        self.window = Window()
        self.changes = Changes()

    @property
    def mark(self) -> Mark:
        return self.window.mark

    def look(self, listeners: Iterable[Listener]) -> dict[Listener, News]:
        """Notice what is new or changed, and return the news of those of LISTENERS who have any.

        A listener at its first look has news in any case: where it stands, and for a page what it
        missed since it left. A program that resumes reads that by itself: catchup.py.
        """
        groups: dict[Hashable, list[Listener]] = {}
        for listener in listeners:
            groups.setdefault(listener.interest, []).append(listener)
        before = self.window.seq
        new = self.window.notice()
        found = self.changes.notice(new)
        told = {
            interest: self._news(group[0], new, found)
            for interest, group in groups.items()
            if new or found or not group[0].start
        }
        self._write_rows(told, groups, new | found.changed.keys())
        self.window.accept(new)  # only now: a look that failed is made again
        self.changes.accept(found)
        for news in told.values():
            news.before, news.seq = before, self.window.seq
        return {
            listener: news
            for interest, news in told.items()
            for listener in groups[interest]
            if news.new or news.changed or news.size or not listener.start
        }

    def _news(self, listener: Listener, new: Set[int], found: Found) -> News:
        news, filter = News(0, 0), listener.filter
        if listener.whole:
            news.gone = may_pass(filter, found.gone.values()) if listener.start else ()
        elif listener.start:
            news.new = filter.rows().filter(id__in=new).count() if new else 0
            news.changed = found.on_screens(filter) if found else ()
        elif listener.after is not None:
            news.new = self.window.missed(filter, listener.after, new)
            news.changed = changed_on_screen(listener.after, filter)
        return news

    def _write_rows(
        self, told: dict[Hashable, News], groups: dict[Hashable, list[Listener]], ids: Set[int]
    ) -> None:
        """Give the programs of TOLD the rows of IDS that pass, each written once for all."""
        passing: dict[Hashable, list[int]] = {}
        for interest in told if ids else ():
            first = groups[interest][0]
            if first.whole and first.start:
                rows = first.filter.rows().filter(id__in=ids).order_by("id")
                passing[interest] = list(rows.values_list("id", flat=True))
        written = write(set().union(*passing.values()))
        for interest, kept in passing.items():
            told[interest].rows = [written[pk] for pk in kept if pk in written]


def write(ids: Set[int]) -> dict[int, bytes]:
    """Write the activities IDS, as GET /api/v1/activities does, in the order of their ids."""
    if not ids:
        return {}
    rows = whole_activities().filter(id__in=ids).order_by("id")
    return {row.pk: _renderer.render(activity_json(row)) for row in rows}
