"""Addresses of the feed: as a query shows it, with one value alone, with one more, without one."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from urllib.parse import quote_plus

from django.http import QueryDict
from django.urls import reverse

from feeds.filters import escaped


def feed_address(query: QueryDict, route: str = "feed") -> str:
    """Return the address of the newest page of the feed that QUERY shows, by ROUTE."""
    wanted = query.copy()
    for name in list(wanted):
        values = [value for value in wanted.getlist(name) if value]
        if name in {"before", "after"} or not values:
            del wanted[name]
        else:
            wanted.setlist(name, values)
    return f"{reverse(route)}?{wanted.urlencode()}" if wanted else reverse(route)


def open_address(query: QueryDict) -> str:
    """Return the address of the feed that QUERY shows, to be gone on with name=value."""
    address = feed_address(query)
    return f"{address}{'&' if '?' in address else '?'}"


def only(query: str, name: str, value: str) -> str:
    """Return the address of the feed that QUERY shows, and of NAME with VALUE alone.

    The pair comes last: app.js takes the last one of a link for what it stands for.
    """
    start, out = _up_to(query, name)
    if f"-{value}" in out:
        start, _ = _up_to(query, name, value)
    return start + quote_plus(escaped(value))


@lru_cache(maxsize=1024)  # a page asks 250 times, for six parameters
def _up_to(query: str, name: str, but: str = "") -> tuple[str, frozenset[str]]:
    """Return the address of QUERY up to the one value of NAME, and which of its values are left
    out, and stay so, BUT for one."""
    wanted = QueryDict(query, mutable=True)
    out = [other for other in wanted.pop(name, []) if other.startswith("-") and other != f"-{but}"]
    wanted.setlist(name, out)
    return f"{open_address(wanted)}{name}=", frozenset(out)


def narrowed(query: str, name: str, value: str) -> str:
    """Return the address of the feed that the query string QUERY shows, with NAME=VALUE added."""
    wanted = QueryDict(query, mutable=True)
    kept = [other for other in wanted.getlist(name) if other and other != f"-{value}"]
    written = escaped(value)
    wanted.setlist(name, kept if written in kept else [*kept, written])
    return feed_address(wanted)


def exchanged(query: QueryDict, name: str, written: Collection[str], to: str = "") -> str:
    """Return the address of QUERY without what is WRITTEN in parameter NAME, and with TO."""
    wanted = query.copy()
    kept = [value for value in wanted.getlist(name) if value.strip() not in written]
    wanted.setlist(name, [*kept, to] if to else kept)
    return feed_address(wanted)


def without(query: QueryDict, *names: str) -> QueryDict:
    """Return QUERY without the parameters NAMES."""
    wanted = query.copy()
    for name in names:
        wanted.pop(name, None)
    return wanted
