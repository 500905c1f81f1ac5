"""Text search by PostgreSQL full-text search or SQLite FTS5, behind one method."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import QuerySet

if TYPE_CHECKING:
    from feeds.models import Activity

#: What is searched; a word is a run of letters and digits in any of them.
SEARCHED = ("title", "content", "actor_name", "object_key", "target_key")
MOST_WORDS = 50  # of a query; the rest is left out
LONGEST_WORD = 500  # characters; PostgreSQL refuses lexemes over 2 kB
_WORD = re.compile(r"[^\W_]+\*?")
_TERM = re.compile(rf'"([^"]*)"|{_WORD.pattern}')
_TEXT = " || ' ' || ".join(SEARCHED)
_ROWS = re.compile(r"rows=(\d+)")  # in the plan of a query
_TABLE = "feeds_activity"
_MATCH = "FROM feeds_activity_search WHERE feeds_activity_search MATCH %s"
#: The document that PostgreSQL indexes; only the same expression finds its index. Everything but
#: letters and digits goes first, for PostgreSQL's own parser would keep ci.example.com in one word.
DOCUMENT = f"to_tsvector('simple', regexp_replace({_TEXT}, '[^[:alnum:]]+', ' ', 'g'))"


def words_of(text: str) -> list[str]:
    """Return the words of TEXT, lower case; a star behind a word stays."""
    return [word.lower()[:LONGEST_WORD] for word in _WORD.findall(text)[:MOST_WORDS]]


def terms_of(text: str) -> list[list[str]]:
    """Return what TEXT looks for: words, each alone, and those in quotes one behind the other.

    Only the last word of a phrase keeps its star, for FTS5 has none elsewhere.
    """
    terms, room = [], MOST_WORDS
    for found in _TERM.finditer(text):
        term = words_of(found[0])[:room]
        if term:
            terms.append([*(word.rstrip("*") for word in term[:-1]), term[-1]])
            room -= len(term)
        if not room:
            break
    return terms


def matching(activities: QuerySet[Activity], text: str) -> QuerySet[Activity]:
    """Return those of ACTIVITIES that hold every word of TEXT; deploy* is what begins with deploy,
    and "web shop" those two words side by side.

    Words match whole unless the star is there: the database knows how rare a word is, and so
    whether to begin at the word or at the newest rows, but not how rare a beginning is.
    """
    terms = terms_of(text)
    if not terms:
        return activities.none() if text.strip() else activities
    if connection.vendor == "postgresql":
        holds = f"{DOCUMENT} @@ to_tsquery('simple', %s)"
        return activities.extra(where=[holds], params=[_tsquery(terms)])
    inside = f"SELECT rowid {_MATCH}"
    return activities.extra(where=[f"feeds_activity.id IN ({inside})"], params=[_match(terms)])


def on_the_way(activities: QuerySet[Activity], text: str) -> QuerySet[Activity]:
    """Return what matching() does of ACTIVITIES that are few, in a table called `walked`.

    No index serves them there. PostgreSQL parses each text, which takes long, so it is first looked
    whether the letters of the words are in it; of SQLite's index only their part is read.
    """
    terms = terms_of(text)
    if not terms:
        return matching(activities, text)
    if connection.vendor == "postgresql":
        hints = [hint for term in terms if (hint := _hint(term))]
        activities = activities.extra(
            where=[sql for sql, _ in hints], params=[value for _, value in hints]
        )
        return matching(activities, text)
    part = "rowid BETWEEN (SELECT MIN(id) FROM walked) AND (SELECT MAX(id) FROM walked)"
    inside = f"SELECT rowid {_MATCH} AND {part}"
    return activities.extra(where=[f"feeds_activity.id IN ({inside})"], params=[_match(terms)])


def held_by(text: str, columns: Sequence[str], most: int) -> tuple[str, tuple[Any, ...], bool]:
    """Return the SQL of COLUMNS of MOST activities, in no order, that may hold the words of TEXT,
    and whether all of them do.

    PostgreSQL's index does not know which words stand side by side, and to collect all beginnings
    takes it long; so where there are other words, it is asked for those alone.
    """
    terms, taken = terms_of(text), ", ".join(columns)
    if connection.vendor != "postgresql":
        inside = f"SELECT rowid {_MATCH} LIMIT %s"
        return f"SELECT {taken} FROM {_TABLE} WHERE id IN ({inside})", (_match(terms), most), True
    asked = _asked(terms)
    # materialized, or PostgreSQL would plan for the first few, and hope to meet them on the way
    held = (
        f"WITH held AS MATERIALIZED (SELECT {taken} FROM {_TABLE} "
        f"WHERE {DOCUMENT} @@ to_tsquery('simple', %s)) SELECT * FROM held LIMIT %s"
    )
    return held, (_tsquery(asked), most), asked == terms


def expected(text: str) -> int:
    """Return how many activities should hold the words of TEXT, as PostgreSQL plans; SQLite, which
    knows nothing of it, need not: it stops early."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"EXPLAIN SELECT id FROM {_TABLE} WHERE {DOCUMENT} @@ to_tsquery('simple', %s)",
            [_tsquery(_asked(terms_of(text)))],
        )
        (plan,) = cursor.fetchone()
    found = _ROWS.search(plan)
    return int(found[1]) if found else 0


def _asked(terms: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return what held_by() asks for: the whole words of TERMS, or if there are none, all."""
    words = [[word] for term in terms for word in term]
    return [word for word in words if not word[0].endswith("*")] or words


def _tsquery(terms: Sequence[Sequence[str]]) -> str:
    query = " & ".join(f"({' <-> '.join(term)})" if term[1:] else term[0] for term in terms)
    return query.replace("*", ":*")


def _match(terms: Sequence[Sequence[str]]) -> str:
    return " ".join(_fts5(" ".join(term)) for term in terms)


def _fts5(term: str) -> str:
    return f'"{term.rstrip("*")}"{"*" if term.endswith("*") else ""}'


def _hint(term: Sequence[str]) -> tuple[str, str] | None:
    """Return a condition that every text with TERM meets; None where its letters have lower and
    upper forms that PostgreSQL and we may see otherwise."""
    words = [word.rstrip("*") for word in term]
    if not all(map(str.isascii, words)):
        return None
    if words[1:]:
        return f"lower({_TEXT}) ~ %s", "[^[:alnum:]]+".join(words)
    return f"strpos(lower({_TEXT}), %s) > 0", words[0]
