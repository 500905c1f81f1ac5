"""The filters of Activity Streams, `?streams=key IS ONE`: from the query string to a condition.

`streams` and `thirdparty` may be given several times, and all their filters must hold. A filter
reads `key OPERATOR value[ value]`, and any of its values will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_

from django.db.models import Q, Subquery
from django.db.models.functions import Coalesce
from django.http import QueryDict

from feeds.dialects.mapping import EPOCH, key
from feeds.filters import MOST_VALUES, FilterError
from feeds.models import Activity, EventSource

WALK = 10_000  # newest activities that filters without an index look at
MOST_FILTERS = 50  # of one feed
WHOLE = ("IS", "NOT")
PART = ("CONTAINS", "DOES_NOT_CONTAIN")
RANGE = {"BEFORE": 1, "AFTER": 1, "BETWEEN": 2}  # moments that each takes
NEGATIVE = {"NOT", "DOES_NOT_CONTAIN"}
TICK = timedelta(milliseconds=1)  # the wire has no finer moments

#: The keys of each parameter, and their operators.
KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "streams": {
        "key": WHOLE + PART,
        "user": WHOLE + PART,
        "issue-key": WHOLE + PART,
        "update-date": tuple(RANGE),
        "activity": WHOLE,
    },
    "thirdparty": {"provider_name": WHOLE + PART},
}
COLUMNS = {
    "key": "project_key",
    "user": "actor_key",
    "issue-key": "target_key",
    "provider_name": "source__external_id",
}
NO_MOMENT = "update-date takes milliseconds since 1970"
_ESCAPED = re.compile(r"\\?_")
_MILLISECONDS = re.compile(r"-?[0-9]{1,17}")


@dataclass(frozen=True)
class Clause:
    """One filter, as it was written."""

    key: str
    operator: str
    values: tuple[str, ...]

    @classmethod
    def read(cls, parameter: str, text: str) -> Clause:
        """Read TEXT; raises ValueError with the rule that it breaks."""
        keys, words = KEYS[parameter], text.split()
        if "\x00" in text:
            raise ValueError("must not contain the NUL character")
        if len(words) < 3:
            raise ValueError("must be a key, an operator and values, as in key IS ONE")
        name, operator, *values = words
        if name not in keys:
            raise ValueError(f"begins with none of {', '.join(keys)}")
        if operator.upper() not in keys[name]:
            raise ValueError(f"{name} must be followed by one of {', '.join(keys[name])}")
        clause = cls(name, operator.upper(), tuple(values))
        clause._check_values()
        return clause

    def _check_values(self) -> None:
        wanted = RANGE.get(self.operator, 0)
        if wanted and len(self.values) != wanted:
            raise ValueError(f"{self.operator} takes {wanted} moment{'s' if wanted > 1 else ''}")
        if len(self.values) > MOST_VALUES:
            raise ValueError(f"{self.operator} takes at most {MOST_VALUES} values")
        if self.key == "activity" and not all(":" in value for value in self.values):
            raise ValueError("activity takes values such as issue:post, an object type and a verb")
        if wanted:
            self.span()

    @property
    def is_indexed(self) -> bool:
        """Tell whether the database finds what passes without looking at every row."""
        return self.operator not in PART and self.key != "activity"

    def span(self) -> Q:
        """Return the condition of a range; a moment stands for its whole millisecond."""
        try:
            moments = [_moment(value) for value in self.values]
            match self.operator:
                case "BEFORE":
                    return Q(occurred_at__lt=moments[0])
                case "AFTER":
                    return Q(occurred_at__gte=moments[0] + TICK)
                case _:
                    return Q(occurred_at__gte=moments[0], occurred_at__lt=moments[1] + TICK)
        except OverflowError:
            raise ValueError(NO_MOMENT) from None

    def condition(self) -> Q:
        """Return the condition of a filter by words; asks the database for a provider's id."""
        words = [reading for value in self.values for reading in readings(value)]
        if self.key == "activity":
            found = _any(_type_and_verb(word) for word in words)
        elif self.operator in PART:
            found = _any(Q(**{f"{COLUMNS[self.key]}__icontains": word}) for word in words)
        elif self.key == "provider_name":
            sources = EventSource.objects.filter(external_id__in=[key(word) for word in words])
            found = Q(source_id__in=list(sources.values_list("id", flat=True)))
        else:
            found = Q(**{f"{COLUMNS[self.key]}__in": words})
        return ~found if self.operator in NEGATIVE else found


def condition(query: QueryDict, *, walk: int = WALK) -> Q:
    """Return what the filters of QUERY ask for; raises FilterError with every fault.

    Filters without an index look at the newest WALK activities of the range alone.
    """
    clauses = _clauses(query)
    within = _all(clause.span() for clause in clauses if clause.key == "update-date")
    others = [clause for clause in clauses if clause.key != "update-date"]
    found = within & _all(clause.condition() for clause in others)
    if all(clause.is_indexed for clause in others):
        return found
    newest = Activity.objects.filter(within).order_by("-occurred_at", "-id")
    end = Subquery(newest.values("occurred_at")[walk - 1 : walk])
    return found & Q(occurred_at__gte=Coalesce(end, EPOCH.replace(year=1)))


def readings(value: str) -> tuple[str, ...]:
    """Return what VALUE may stand for.

    An underscore is a space and `\\_` an underscore; but who sends no `\\_` may not know that rule,
    and mean what stands there.
    """
    decoded = _ESCAPED.sub(lambda found: " " if found[0] == "_" else "_", value)
    return (decoded,) if decoded == value or "\\_" in value else (decoded, value)


def _clauses(query: QueryDict) -> list[Clause]:
    clauses: list[Clause] = []
    faults: list[tuple[str, str]] = []
    for parameter in KEYS:
        for text in query.getlist(parameter):
            try:
                clauses.append(Clause.read(parameter, text))
            except ValueError as error:
                faults.append((parameter, f"{text!r}: {error}"))
    if len(clauses) > MOST_FILTERS:
        faults.append(("streams", f"there must not be more than {MOST_FILTERS} filters"))
    if faults:
        (parameter, first), *others = faults
        raise FilterError(parameter, "; ".join([first, *map(": ".join, others)]))
    return clauses


def _moment(text: str) -> datetime:
    if not _MILLISECONDS.fullmatch(text):
        raise ValueError(NO_MOMENT)
    return EPOCH + timedelta(milliseconds=int(text))


def _type_and_verb(text: str) -> Q:
    object_type, _, verb = text.rpartition(":")
    return Q(object_type=object_type, verb=verb)


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions)


def _all(conditions: Iterable[Q]) -> Q:
    return reduce(and_, conditions, Q())
