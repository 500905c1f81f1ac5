"""What the query box suggests: keys, and values that are known.

At most three queries, each bounded: a few components, the newest activities, and a walk from value
to value through the index of one column. None grows with the history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.db import connection
from django.db.models import Q

from feeds import querybox
from feeds.filters import COLUMNS, WORDS
from feeds.models import Activity, Component, EventKind, EventSource

MOST = 8  # suggestions at once
NEWEST = 500  # activities whose values are looked through
HINTS = {
    "type": "build, deployment, ...",
    "state": "failed, running, ...",
    "is": "a type or a state",
    "component": "what it is about",
    "actor": "who did it",
    "environment": "where a deployment went",
    "target": "an issue, a repository, ...",
    "generator": "which tool",
    "source": "who sent it",
    "project": "its key",
    "ref": "a branch or a pipeline",
    "level": "how grave",
    "issue": "what names it",
    "since": "2h, yesterday, a date",
    "until": "a date or a time",
    "q": "words",
}
TIMES = ("1h", "2h", "1d", "7d", "today", "yesterday")


@dataclass(frozen=True)
class Suggestion:
    """What may be chosen, the whole text with it, and where the caret is then."""

    shown: str
    hint: str
    text: str
    at: int


def suggest(text: str, at: int) -> list[Suggestion]:
    """Return what may be meant by the term in TEXT at whose end the caret stands AT."""
    term = querybox.typed(text, at)
    if term.quoted and not term.key:
        return []
    found = _values(term) if term.key else _beginnings(term)
    return [_taken(text, term, shown, hint) for shown, hint in islice(found, MOST)]


def _taken(text: str, term: querybox.Term, shown: str, hint: str) -> Suggestion:
    space = "" if shown.endswith(":") else " "
    before = f"{text[: term.start]}{shown}{space}"
    return Suggestion(shown, hint, before + text[term.end :].lstrip(), len(before))


def _beginnings(term: querybox.Term) -> Iterator[tuple[str, str]]:
    """Yield keys, and values of any key, that begin like TERM; between two terms, every key."""
    minus, word = "-" if term.minus else "", term.value.lower()
    if not word:
        yield from ((f"{minus}{name}:", hint) for name, hint in HINTS.items())
        return
    for key, name in querybox.KEYS.items():
        if key.startswith(word):
            yield f"{minus}{key}:", HINTS[name]
    if len(word) > 1:
        for name, words in WORDS.items():
            yield from ((f"{minus}{name}:{one}", name) for one in words if one.startswith(word))
        for name in ("component", "actor"):
            for value, hint in islice(_known(name, term.value), 3):
                yield querybox.term_of(name, value, minus=minus), hint or name


def _values(term: querybox.Term) -> Iterator[tuple[str, str]]:
    """Yield TERM with the values that it may go on to."""
    name = querybox.KEYS.get(term.key.lower(), "")
    minus, word = "-" if term.minus else "", term.value.lower().replace("-", "_")
    if name in WORDS or name == "is":
        words = [one for kind in ((name,) if name in WORDS else WORDS) for one in WORDS[kind]]
        found: Iterable[tuple[str, str]] = ((one, "") for one in words if word in one)
    elif name in ("since", "until"):
        found = ((one, "") for one in TIMES if one.startswith(word))
    else:
        found = _known(name, term.value) if name and name != "q" else ()
    for value, hint in found:
        yield querybox.term_of(term.key, value, minus=minus), hint


def _known(name: str, typed: str) -> Iterator[tuple[str, str]]:
    """Yield the values of the parameter NAME that hold TYPED, and what else they are called."""
    if name == "component":
        holds = Q(slug__icontains=typed) | Q(name__icontains=typed)
        yield from (
            Component.objects.filter(holds).order_by("slug").values_list("slug", "name")[:MOST]
        )
    elif name == "source":
        holding = EventSource.objects.filter(external_id__icontains=typed).order_by("external_id")
        found = holding.values_list("external_id", flat=True).distinct()[:MOST]
        yield from ((value, "") for value in found)
    else:
        yield from _seen(name, typed)


def _seen(name: str, typed: str) -> Iterator[tuple[str, str]]:
    column, rows = COLUMNS.get(name, "target_key"), Activity.objects.all()
    if name == "environment":
        rows = rows.filter(kind=EventKind.DEPLOYMENT)
    elif name == "issue":
        rows = rows.filter(project_key__isnull=False)
    newest = rows.order_by("-occurred_at", "-id").values_list(column, "actor_name")[:NEWEST]
    counts, names = Counter[str](), {}
    for value, actor in newest:
        called = actor if name == "actor" and actor != value else ""
        if value and (typed.lower() in value.lower() or typed.lower() in called.lower()):
            counts[value] += 1
            names[value] = called
    frequent = [value for value, _ in counts.most_common(MOST)]
    yield from ((value, names[value]) for value in frequent)
    if typed and len(frequent) < MOST and name in COLUMNS:
        yield from ((value, "") for value in _walked(column, typed) if value not in counts)


def _walked(column: str, typed: str) -> list[str]:
    """Return the first values of COLUMN that begin with TYPED, each by one look into its index."""
    statement = f"""
        WITH RECURSIVE walk(value, step) AS (
            SELECT (SELECT min({column}) FROM feeds_activity WHERE {column} >= %s), 1
            UNION ALL
            SELECT (SELECT min({column}) FROM feeds_activity WHERE {column} > walk.value), step + 1
            FROM walk WHERE walk.value IS NOT NULL AND step < {2 * MOST}
        ) SELECT value FROM walk WHERE value IS NOT NULL"""
    with connection.cursor() as cursor:
        cursor.execute(statement, [typed])
        return [value for (value,) in cursor.fetchall() if value.startswith(typed)]
