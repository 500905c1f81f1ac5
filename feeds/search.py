"""Text search by PostgreSQL full-text search or SQLite FTS5, behind one method."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import QuerySet

if TYPE_CHECKING:
    from feeds.models import Activity

#: What stands between the parts of one emoji, and behind it.
JOINERS = "\u200d\ufe0e\ufe0f"
#: What is searched; a word is a run of letters and digits in any of them.
SEARCHED = ("title", "content", "actor_name", "object_key", "target_key")
MOST_WORDS = 50  # of a query; the rest is left out
LONGEST_SIGNED = 4000  # characters of a query that are looked through for signs
LONGEST_WORD = 500  # characters; PostgreSQL refuses lexemes over 2 kB
_WORD = re.compile(r"[^\W_]+\*?")
#: A minus leaves out where a term begins: not that of deploy-web, nor those of --no-cache.
_TERM = re.compile(
    rf"""(?<!\S)-(?P<out>"[^"]*"|[^\s"-][^\s"]*)|"[^"]*"|{_WORD.pattern}""", re.VERBOSE
)
#: The same pieces with all that stands in them, for signs are no part of a word.
_SIGNED = re.compile(r'(?<!\S)-(?P<out>"[^"]*"|[^\s"-][^\s"]*)|"[^"]*"|[^\s"]+')
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


@dataclass(frozen=True)
class Terms:
    """What a text looks for, and what it leaves out: words that stand one behind the other, and
    signs, which no index knows."""

    wanted: list[list[str]]
    left_out: list[list[str]]
    signs: list[str] = field(default_factory=list)
    signs_out: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.wanted or self.left_out or self.signs or self.signs_out)


def terms_of(text: str) -> Terms:
    """Return what TEXT looks for: words, each alone, and those in quotes one behind the other; and
    what it leaves out, each behind a minus.

    Only the last word of a phrase keeps its star, for FTS5 has none elsewhere.
    """
    terms, room = Terms([], []), MOST_WORDS
    for found in _SIGNED.finditer(text[:LONGEST_SIGNED]):
        kept_signs = terms.signs_out if found["out"] else terms.signs
        kept_signs += [sign for sign in signs_of(found[0]) if sign not in kept_signs]
    for found in _TERM.finditer(text):
        term = words_of(found[0])[:room]
        if term:
            kept = terms.wanted if found["out"] is None else terms.left_out
            kept.append([*(word.rstrip("*") for word in term[:-1]), term[-1]])
            room -= len(term)
        if not room:
            break
    return terms


def signs_of(text: str) -> list[str]:
    """Return the emoji and other signs of TEXT beyond ASCII, each run of them whole."""
    runs = [""]
    for letter in text:
        if not letter.isascii() and (letter in JOINERS or unicodedata.category(letter)[0] == "S"):
            runs[-1] += letter
        elif runs[-1]:
            runs.append("")
    return [sign for run in runs if (sign := run.strip(JOINERS))][:MOST_WORDS]


def parted(text: str) -> tuple[str, list[str]]:
    """Return what TEXT looks for, and each piece of it that leaves something out."""
    out = [found for found in _TERM.finditer(text) if found["out"] and terms_of(found[0])]
    wanted = text
    for found in reversed(out):
        wanted = f"{wanted[: found.start()]}{wanted[found.end() :]}"
    return " ".join(wanted.split()), [found[0] for found in out]


def matching(activities: QuerySet[Activity], text: str) -> QuerySet[Activity]:
    """Return those of ACTIVITIES that hold every word of TEXT; deploy* is what begins with deploy,
    "web shop" those two words side by side, and -web leaves out what holds web.

    Words match whole unless the star is there: the database knows how rare a word is, and so
    whether to begin at the word or at the newest rows, but not how rare a beginning is.
    """
    terms = terms_of(text)
    if not terms:
        return activities.none() if text.strip() else activities
    activities = with_signs(activities, text)
    if not terms.wanted:
        return _without(activities, terms) if terms.left_out else activities
    if connection.vendor == "postgresql":
        holds = f"{DOCUMENT} @@ to_tsquery('simple', %s)"
        return activities.extra(where=[holds], params=[_tsquery(terms)])
    inside = f"SELECT rowid {_MATCH}"
    return activities.extra(where=[f"feeds_activity.id IN ({inside})"], params=[_match(terms)])


def with_signs(activities: QuerySet[Activity], text: str) -> QuerySet[Activity]:
    """Return those of ACTIVITIES that hold every sign of TEXT, and none that it leaves out."""
    terms, at = terms_of(text), "strpos" if connection.vendor == "postgresql" else "instr"
    for among, signs in (("> 0", terms.signs), ("= 0", terms.signs_out)):
        for sign in signs:
            activities = activities.extra(where=[f"{at}({_TEXT}, %s) {among}"], params=[sign])
    return activities


def _without(activities: QuerySet[Activity], terms: Terms) -> QuerySet[Activity]:
    """Return ACTIVITIES without those that hold what TERMS leave out, which is all that they say.

    An index finds what holds a word, not what does not: each row is looked at by itself.
    """
    if connection.vendor == "postgresql":
        for term in terms.left_out:
            hint, values = _hint(term) or ("true", [])
            holds = f"{DOCUMENT} @@ to_tsquery('simple', %s)"
            asked = _tsquery(Terms([term], []))
            activities = activities.extra(
                where=[f"NOT ({hint} AND {holds})"], params=[*values, asked]
            )
        return activities
    row = f"SELECT 1 {_MATCH} AND rowid = feeds_activity.id"
    any_of = _either(terms.left_out)
    return activities.extra(where=[f"NOT EXISTS ({row})"], params=[any_of])


def on_the_way(activities: QuerySet[Activity], text: str) -> QuerySet[Activity]:
    """Return what matching() does of ACTIVITIES that are few, in a table called `walked`.

    No index serves them there. PostgreSQL parses each text, which takes long, so it is first looked
    whether the letters of the words are in it; of SQLite's index only their part is read.
    """
    terms = terms_of(text)
    if not terms:
        return matching(activities, text)
    if connection.vendor == "postgresql":
        hints = [hint for term in terms.wanted if (hint := _hint(term))]
        for sql, values in hints:
            activities = activities.extra(where=[sql], params=values)
        return matching(activities, text)
    activities = with_signs(activities, text)
    if not terms.wanted and not terms.left_out:
        return activities
    part = "rowid BETWEEN (SELECT MIN(id) FROM walked) AND (SELECT MAX(id) FROM walked)"
    inside = f"SELECT rowid {_MATCH} AND {part}"
    among = "IN" if terms.wanted else "NOT IN"
    asked = _match(terms) if terms.wanted else _either(terms.left_out)
    return activities.extra(where=[f"feeds_activity.id {among} ({inside})"], params=[asked])


def held_by(text: str, columns: Sequence[str], most: int) -> tuple[str, tuple[Any, ...], bool]:
    """Return the SQL of COLUMNS of MOST activities, in no order, that may hold the words of TEXT,
    and whether all of them do; its signs are left to with_signs().

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
    return held, (_tsquery(asked), most), asked == replace(terms, signs=[], signs_out=[])


def expected(text: str) -> int:
    """Return how many activities should hold the words of TEXT, as PostgreSQL plans; SQLite, which
    knows nothing of it, need not: it stops early. Of what only leaves words out, more than any
    index should be asked for."""
    if not terms_of(text).wanted:
        return sys.maxsize
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


def _asked(terms: Terms) -> Terms:
    """Return what held_by() asks for: the whole words of TERMS, or if there are none, all."""
    words = [[word] for term in terms.wanted for word in term]
    wanted = [word for word in words if not word[0].endswith("*")] or words
    left_out = [term for term in terms.left_out if not term[1:] and not term[0].endswith("*")]
    return Terms(wanted, left_out)


def _tsquery(terms: Terms) -> str:
    pieces = [_side_by_side(term) for term in terms.wanted]
    pieces += [f"!{_side_by_side(term)}" for term in terms.left_out]
    return " & ".join(pieces).replace("*", ":*")


def _side_by_side(term: Sequence[str]) -> str:
    return f"({' <-> '.join(term)})" if term[1:] else term[0]


def _match(terms: Terms) -> str:
    wanted = " ".join(_fts5(" ".join(term)) for term in terms.wanted)
    return f"({wanted}) NOT ({_either(terms.left_out)})" if terms.left_out else wanted


def _either(terms: Iterable[Sequence[str]]) -> str:
    return " OR ".join(_fts5(" ".join(term)) for term in terms)


def _fts5(term: str) -> str:
    return f'"{term.rstrip("*")}"{"*" if term.endswith("*") else ""}'


def _hint(term: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return a condition that every text with TERM meets; None where its letters have lower and
    upper forms that PostgreSQL and we may see otherwise."""
    words = [word.rstrip("*") for word in term]
    if not all(map(str.isascii, words)):
        return None
    if words[1:]:
        return f"lower({_TEXT}) ~ %s", ["[^[:alnum:]]+".join(words)]
    return f"strpos(lower({_TEXT}), %s) > 0", [words[0]]
