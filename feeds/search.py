"""Text search by PostgreSQL full-text search or SQLite FTS5, behind one method."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
        query = " & ".join(f"({' <-> '.join(term)})" if term[1:] else term[0] for term in terms)
        query = query.replace("*", ":*")
        return activities.extra(where=[f"{DOCUMENT} @@ to_tsquery('simple', %s)"], params=[query])
    query = " ".join(_fts5(" ".join(term)) for term in terms)
    inside = "SELECT rowid FROM feeds_activity_search WHERE feeds_activity_search MATCH %s"
    return activities.extra(where=[f"feeds_activity.id IN ({inside})"], params=[query])


def _fts5(term: str) -> str:
    return f'"{term.rstrip("*")}"{"*" if term.endswith("*") else ""}'
