"""What the lists of components, sources and people share: words, an order, and pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest

PER_PAGE = 100  # rows of a list


def listed(
    request: HttpRequest, rows: QuerySet[Any], *, within: tuple[str, ...], orders: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the page of ROWS that REQUEST asks for: those with its words WITHIN a column.

    ORDERS names each order and what to sort by; the first is the usual one.
    """
    text = request.GET.get("q", "").replace("\x00", " ").strip()
    for word in text.split():
        rows = rows.filter(
            Q(*((f"{column}__icontains", word) for column in within), _connector=Q.OR)
        )
    sort = request.GET.get("sort", "")
    sort = sort if sort in orders else next(iter(orders))
    page = Paginator(rows.order_by(*orders[sort]), PER_PAGE).get_page(request.GET.get("page"))
    return {"page": page, "q": text, "sort": sort}
