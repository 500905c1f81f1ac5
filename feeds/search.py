"""Text search by PostgreSQL full-text search or SQLite FTS5, behind one method."""

import re
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import QuerySet

if TYPE_CHECKING:
    from feeds.models import Activity

#: What is searched; a word is a run of letters and digits in any of them.
SEARCHED = ("title", "content", "actor_name", "object_key", "target_key")
_WORD = re.compile(r"[^\W_]+")
_TEXT = " || ' ' || ".join(SEARCHED)
#: The document that PostgreSQL indexes; only the same expression finds its index. Everything but
#: letters and digits goes first, for PostgreSQL's own parser would keep ci.example.com in one word.
DOCUMENT = f"to_tsvector('simple', regexp_replace({_TEXT}, '[^[:alnum:]]+', ' ', 'g'))"


def words_of(text: str) -> list[str]:
    """Return the words of TEXT, lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def matching(activities: "QuerySet[Activity]", text: str) -> "QuerySet[Activity]":
    """Return those of ACTIVITIES in which every word of TEXT begins some word."""
    words = words_of(text)
    if not words:
        return activities.none() if text.strip() else activities
    if connection.vendor == "postgresql":
        query = " & ".join(f"{word}:*" for word in words)
        return activities.extra(where=[f"{DOCUMENT} @@ to_tsquery('simple', %s)"], params=[query])
    query = " ".join(f'"{word}"*' for word in words)
    inside = "SELECT rowid FROM feeds_activity_search WHERE feeds_activity_search MATCH %s"
    return activities.extra(where=[f"feeds_activity.id IN ({inside})"], params=[query])
