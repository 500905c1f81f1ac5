"""`searchComponents`: components by name and by what is kept of them, a page at a time."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from django.db import connection
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL

from feeds.api.graphql.components import Shelf, page_address
from feeds.api.graphql.errors import Fault, Refused
from feeds.api.graphql.timeline import first_of, page_of
from feeds.models import Component

PAGE_SIZE = 25
MOST_COMPONENTS = 200  # of a page
MOST_WORDS = 10  # of a search; the rest is left out
COMPARISONS = ("gt", "gte", "lt", "lte")

Filter = Mapping[str, Any]
Rows = QuerySet[Component]


def search(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the CompassSearchComponentConnection that QUERY asks for; raises Refused."""
    first = first_of(query, default=PAGE_SIZE, most=MOST_COMPONENTS)
    all = _filtered(_named(query.get("query") or ""), query.get("fieldFilters") or [])
    descending = _is_descending(query.get("sort") or [])
    rows = _behind(all, query.get("after") or "", descending=descending)
    order = ("rank", "-name", "-id") if descending else ("rank", "name", "id")
    found = list(rows.order_by(*order)[: first + 1])
    shelf = Shelf(found[:first])
    nodes = [
        (_cursor(row), {"component": answer, "link": page_address(row)})
        for row, answer in zip(shelf.components, shelf.answer(), strict=True)
    ]
    more, before = len(found) > first, bool(query.get("after"))
    page = page_of("CompassSearchComponentConnection", nodes, more=more, before=before)
    return {**page, "totalCount": lambda info: all.count()}


def _named(text: str) -> Rows:
    """Return the components whose name or slug holds every word of TEXT, each with its rank: the
    exact name first, then what begins with it."""
    words = text.split()[:MOST_WORDS]
    rows = Component.objects.annotate(
        rank=Case(
            When(Q(name__iexact=text) | Q(slug=text), then=0),
            When(name__istartswith=text, then=1),
            default=2,
            output_field=IntegerField(),
        )
        if words
        else Value(0)
    )
    for word in words:
        rows = rows.filter(Q(name__icontains=word) | Q(slug__icontains=word))
    return rows


# ---- filters


def _filtered(rows: Rows, filters: list[Filter | None]) -> Rows:
    for asked in filters:
        conditions = (asked or {}).get("filter") or {}
        name = (asked or {}).get("name") or ""
        if asked and name not in FILTERS:
            rule = f"fieldFilters: {name!r} is not one of {', '.join(FILTERS)}"
            raise Refused(Fault(rule))
        for how, value in conditions.items():
            if value is not None:
                rows = _filter(rows, name, how, value)
    return rows


def _filter(rows: Rows, name: str, how: str, value: Any) -> Rows:
    if name == "eventSourceCount":
        return _by_count(rows, how, value)
    if how in COMPARISONS and FILTERS[name] is not _kept_nowhere:
        raise Refused(Fault(f"fieldFilters: {name} can be compared by eq, neq and in only"))
    wanted = [word for word in value if word is not None] if how == "in" else [value]
    condition = Q(pk__in=[])
    for word in wanted:
        condition |= FILTERS[name](word)
    return rows.exclude(condition) if how == "neq" else rows.filter(condition)


def _by_count(rows: Rows, how: str, value: Any) -> Rows:
    texts = value if how == "in" else [value]
    if not all(isinstance(text, str) and text.isdecimal() and len(text) < 10 for text in texts):
        raise Refused(Fault("fieldFilters: eventSourceCount must be compared with whole numbers"))
    rows = rows.annotate(source_count=Count("attachments"))
    numbers = [int(text) for text in texts]
    if how == "in":
        return rows.filter(source_count__in=numbers)
    if how == "neq":
        return rows.exclude(source_count=numbers[0])
    lookup = {"eq": "exact"}.get(how, how)
    return rows.filter(**{f"source_count__{lookup}": numbers[0]})


def _column(name: str) -> Callable[[str], Q]:
    return lambda word: Q(**{name: word})


def _holds(column: str, key: str = "") -> Callable[[str], Q]:
    """Return what tests whether a word stands in the list COLUMN, as KEY of one of its objects."""

    def test(word: str) -> Q:
        if connection.vendor == "postgresql":
            return Q(**{f"{column}__contains": [{key: word} if key else word]})
        value = f"json_extract(value, '$.{key}')" if key else "value"
        each = f"SELECT feeds_component.id FROM json_each({column}) WHERE {value} = %s"
        return Q(pk__in=RawSQL(each, [word]))

    return test


def _kept_nowhere(word: str) -> Q:
    """Find nothing: Pulseboard keeps no tiers and no scores, so no component has one."""
    return Q(pk__in=[])


FILTERS: dict[str, Callable[[str], Q]] = {
    "labels": _holds("labels"),
    "ownerId": _column("owner_team"),
    "type": _column("type"),
    "state": _column("state"),
    "links": _holds("links", "url"),
    "linkTypes": _holds("links", "type"),
    "eventSourceCount": _kept_nowhere,  # _by_count() answers it
    "compass:tier": _kept_nowhere,
    "score": _kept_nowhere,
}


# ---- order and pages


def _is_descending(sorts: list[Filter | None]) -> bool:
    """Tell which way SORTS go: by name, which Compass calls title too."""
    asked = [sort for sort in sorts if sort]
    for sort in asked:
        if sort.get("name") not in (None, "title", "name"):
            raise Refused(Fault(f"sort: {sort['name']!r} is not one of title, name"))
    return bool(asked) and asked[0].get("order") == "DESC"


def _cursor(component: Any) -> str:
    place = json.dumps([component.rank, component.name, component.pk])
    return base64.urlsafe_b64encode(place.encode()).decode()


def _behind(rows: Rows, cursor: str, *, descending: bool) -> Rows:
    """Return those of ROWS that stand behind CURSOR."""
    if not cursor:
        return rows
    try:
        rank, name, pk = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        if not (isinstance(rank, int) and isinstance(name, str) and isinstance(pk, int)):
            raise ValueError
        if "\x00" in name or abs(rank) > 9 or abs(pk) >= 2**63:
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise Refused(Fault("after: is not a cursor that this search gave")) from None
    beyond = "lt" if descending else "gt"
    return rows.filter(
        Q(rank__gt=rank)
        | Q(rank=rank, **{f"name__{beyond}": name})
        | Q(rank=rank, name=name, **{f"id__{beyond}": pk})
    )
