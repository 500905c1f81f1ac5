"""Lists, a page at a time: keyset cursors that nobody need understand, and absolute addresses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from feeds.dialects.mapping import INT64
from feeds.filters import FilterError

M = TypeVar("M", bound=Model)

PAGE_SIZE = 50  # rows, unless `limit` says otherwise
PAGE_LIMIT = 500  # rows
PARAMETERS = ("cursor", "limit")


@dataclass(frozen=True)
class Cursor:
    """A place beside one row, and the direction to go on in."""

    back: bool
    value: str  # of the column that the list is ordered by; "" where that is the id
    id: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read what str() wrote, None for no text."""
        if not text:
            return None
        try:
            back, value, number = json.loads(base64.urlsafe_b64decode(text))
            odd = back not in (0, 1) or not isinstance(number, int) or number not in INT64
            if odd or "\x00" in value:
                raise ValueError
            value.encode()  # half a surrogate pair is no text
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise FilterError("cursor", "is not a cursor that this list gave") from None
        return cls(bool(back), value, number)

    def __str__(self) -> str:
        written = json.dumps([int(self.back), self.value, self.id])
        return base64.urlsafe_b64encode(written.encode()).decode()


def listing(
    request: Request, rows: QuerySet[M], write: Callable[[M], Any], *, by: str = "-id"
) -> Response:
    """Answer the page of ROWS that REQUEST asks for, each as WRITE writes it, ordered BY a text
    column, or by the newest."""
    limit = limit_of(request)
    cursor = Cursor.read(request.query_params.get("cursor", ""))
    column = "" if by == "-id" else by
    back = cursor is not None and cursor.back
    rising = back == (not column)  # back in what falls, or on in what rises
    if cursor:
        rows = rows.filter(_beyond(cursor, column, rising))
    order = [name if rising else f"-{name}" for name in (column, "id") if name]
    found = list(rows.order_by(*order)[: limit + 1])
    more, kept = len(found) > limit, found[:limit]
    if back:
        kept.reverse()

    def beside(row: M, *, back: bool) -> str:
        value = str(getattr(row, column)) if column else ""
        return address(request, cursor=str(Cursor(back, value, row.pk)))

    return page(
        [write(row) for row in kept],
        following=beside(kept[-1], back=False) if kept and (more or back) else None,
        previous=beside(kept[0], back=True) if kept and (more if back else cursor) else None,
    )


def page(results: list[Any], *, following: str | None, previous: str | None) -> Response:
    """Answer RESULTS with the addresses of the neighbour pages."""
    return Response({"results": results, "next": following, "previous": previous})


def _beyond(cursor: Cursor, column: str, rising: bool) -> Q:
    comparison = "gt" if rising else "lt"
    behind = Q(**{f"id__{comparison}": cursor.id})
    if not column:
        return behind
    return Q(**{f"{column}__{comparison}": cursor.value}) | (Q(**{column: cursor.value}) & behind)


def limit_of(request: Request) -> int:
    """Return how many rows REQUEST wants."""
    text = request.query_params.get("limit", "")
    if not text:
        return PAGE_SIZE
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:10]) <= PAGE_LIMIT:
        raise FilterError("limit", f"must be a whole number from 1 to {PAGE_LIMIT}")
    return int(text)


def address(request: Request, **changed: str) -> str:
    """Return the absolute address of REQUEST with the parameters CHANGED and no other cursor."""
    parameters = request.query_params.copy()
    for name in ("cursor", "before", "after"):
        parameters.pop(name, None)
    for name, value in changed.items():
        parameters[name] = value
    return f"{settings.SITE_URL}{request.path}?{parameters.urlencode()}"


def words(request: Request) -> str:
    """Return the `q` of REQUEST."""
    text = request.query_params.get("q", "").strip()
    if "\x00" in text:
        raise FilterError("q", "must not contain the NUL character")
    return text
