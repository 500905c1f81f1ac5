"""The query box: one line of text <-> the parameters of a feed, by one table of keys.

    type:build -actor:ci component:checkout "exact words" before:2026-11-01

A term is `key:value`, with a minus to leave out; what has no key is text to search for, or behind a
minus text that must not be there. Addresses know the parameters alone: whoever takes a text opens()
it first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches

from django.http import QueryDict

from feeds.filters import (
    FACETS,
    MOST_VALUES,
    WORDS,
    Choice,
    FilterError,
    escaped,
    moment,
)
from feeds.search import signs_of, terms_of, words_of

#: What else a parameter is called in the box; the first name is how the address calls it too.
ALIASES = {
    "type": ("kind",),
    "state": ("status",),
    "component": ("service",),
    "source": (),
    "generator": ("tool",),
    "actor": ("user", "author", "by"),
    "target": ("on",),
    "environment": ("env",),
    "project": (),
    "ref": ("branch", "pipeline"),
    "level": ("severity", "priority"),
    "issue": ("names",),
    "since": ("after", "from"),
    "until": ("before", "to"),
    "q": ("text", "words"),
}
#: What may stand before a colon, and the parameter that it means; `is` is of type or of state.
KEYS = {
    **{alias: name for name, aliases in ALIASES.items() for alias in (name, *aliases)},
    "is": "is",
}
#: A value of each parameter, to show how it is written.
EXAMPLES = {
    "type": "build",
    "state": "failed",
    "component": "checkout",
    "source": "shop/checkout",
    "generator": "ci.example.com",
    "actor": "maria",
    "target": "SHOP-7",
    "environment": "production",
    "project": "SHOP",
    "ref": "main",
    "level": "Sev 1",
    "issue": "SHOP-7",
    "since": "2h",
    "until": "2026-11-01",
    "q": "timeout",
    "is": "failed",
}
#: Values that people write otherwise.
SPOKEN = {
    "deploy": "deployment",
    "pr": "pull_request",
    "mr": "pull_request",
    "vuln": "vulnerability",
    "canceled": "cancelled",
    "success": "succeeded",
    "passed": "succeeded",
}
_TERM = re.compile(
    r"""(?P<minus>-?)
        (?:(?P<key>[A-Za-z_]+):(?!//))?
        (?:"(?P<quoted>(?:[^"\\]|\\.)*)(?P<closed>"?)|(?P<bare>\S*))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\(["\\])')
_PIECE = re.compile(r'(?<!\S)-"[^"]*"|"[^"]*"|[^\s"]+|"')
_BARE = re.compile(r'(?!//)[^\s"]\S*')


@dataclass(frozen=True)
class Term:
    """One term of a text, as it stands there."""

    start: int
    end: int
    text: str
    minus: bool
    key: str  # as written; "": it has none
    value: str
    quoted: bool
    closed: bool  # its quotes, if it has any, have an end


@dataclass(frozen=True)
class Fault:
    """What is wrong with one term: the rule, what would be `right`, and the whole text `mended`."""

    term: str
    rule: str
    right: str = ""
    mended: str = ""

    def __str__(self) -> str:
        return f"{self.term}: {self.rule}" + (f"; try {self.right}" if self.right else "")


@dataclass(frozen=True)
class Reading:
    """What a text asks for: pairs of a parameter and a value, and what could not be read."""

    pairs: list[tuple[str, str]]
    faults: list[Fault]


class _Wrong(ValueError):
    """A term that breaks a rule; `right` is what may have been meant."""

    def __init__(self, rule: str, right: str = "") -> None:
        self.right = right
        super().__init__(rule)


def terms(text: str) -> Iterator[Term]:
    """Yield the terms of TEXT, in their order."""
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return
        found = _TERM.match(text, at)
        assert found  # an empty key and an empty value match anything
        quoted = found["quoted"] is not None
        value = _ESCAPE.sub(r"\1", found["quoted"]) if quoted else found["bare"]
        yield Term(
            at, found.end(), found[0], bool(found["minus"]), found["key"] or "", value,
            quoted, bool(found["closed"]) or not quoted,
        )  # fmt: skip
        at = found.end()


def typed(text: str, at: int) -> Term:
    """Return the term in which the caret stands AT, as far as it is typed; an empty one between
    two. What is chosen for it takes the place of the whole."""
    for term in terms(text):
        if term.start < at <= term.end:
            begun = next(terms(text[term.start : at]))
            end = term.end if term.closed else at  # else quotes just opened would take the rest
            return replace(begun, start=term.start, end=end)
    return Term(at, at, "", False, "", "", False, True)


def read(text: str) -> Reading:
    """Read TEXT: what can be understood of it, and every fault of the rest."""
    text = text.replace("\x00", " ")
    pairs: list[tuple[str, str]] = []
    words: list[str] = []
    faults: list[Fault] = []
    for term in terms(text):
        try:
            name, value = _meant(term)
            _check_room(name, pairs)
        except _Wrong as wrong:
            mended = text[: term.start] + wrong.right + text[term.end :] if wrong.right else ""
            faults.append(Fault(term.text, str(wrong), wrong.right, mended))
        else:
            if name == "q":
                words.append(value)
            elif (name, value) not in pairs:
                pairs.append((name, value))
    return Reading([*pairs, ("q", " ".join(words))] if words else pairs, faults)


def opened(query: QueryDict) -> tuple[QueryDict, list[Fault]]:
    """Return QUERY with what its `query` asks for as parameters, and the faults of that text."""
    found = query.copy()
    reading = read(" ".join(found.pop("query", [])))
    for name, value in reading.pairs:
        if name == "q" and found.get("q"):
            found["q"] = f"{found['q']} {value}"
        elif value not in found.getlist(name):
            found.appendlist(name, value)
    return found, reading.faults


def checked(query: QueryDict) -> QueryDict:
    """Return QUERY with its `query` opened; raises FilterError for what cannot be read."""
    found, faults = opened(query)
    if faults:
        raise FilterError("query", "; ".join(map(str, faults)))
    return found


def written(query: QueryDict) -> str:
    """Write the filters of QUERY as a text that reads as the same filters."""
    found = []
    for name in FACETS:
        choice = Choice.of(query.getlist(name))
        found += [term_of(name, value) for value in choice.included]
        found += [term_of(name, value, minus="-") for value in choice.excluded]
    for name in ("since", "until"):
        if text := query.get(name, ""):
            found.append(term_of(name, text))
    found += [_piece(piece) for piece in _PIECE.findall(query.get("q", "").replace("\x00", " "))]
    return " ".join(found)


def term_of(name: str, value: str, *, minus: str = "") -> str:
    """Write one term."""
    return f"{minus}{name}:{value if _BARE.fullmatch(value) else _in_quotes(value)}"


def _in_quotes(value: str) -> str:
    return '"{}"'.format(value.replace("\\", "\\\\").replace('"', '\\"'))


def _piece(piece: str) -> str:
    """Write one piece of a search; what the box would take for something else goes as its words."""
    terms = terms_of(piece)
    minus, rest = ("-", piece[1:]) if terms.left_out or terms.signs_out else ("", piece)
    if rest[0] == '"' and rest[1:]:
        return minus + _in_quotes(rest[1:-1])
    read_back = read(piece)
    if read_back.pairs == [("q", piece)] and not read_back.faults:
        return piece
    words = " ".join([*words_of(piece), *signs_of(piece)]) or piece
    return f'-"{words}"' if minus else words if words != piece else _in_quotes(piece)


def _meant(term: Term) -> tuple[str, str]:
    """Return the parameter that TERM means and its value; raises _Wrong."""
    if not term.closed:
        raise _Wrong("the quotes that open here are never closed", f'{term.text}"')
    if not term.key:
        return _words(term)
    name = KEYS.get(term.key.lower())
    if name is None:
        raise _unknown_key(term)
    if not term.value and (not term.quoted or name in (*WORDS, "is", "since", "until", "q")):
        example = f"{'-' if term.minus else ''}{term.key}:{EXAMPLES[name]}"
        raise _Wrong(f"needs a value behind the colon, such as {example}")
    if name in ("since", "until"):
        return name, _time(term, name)
    if name == "q":
        return _words(term)
    if name == "is" or name in WORDS:
        name, value = _word(term, name)
    else:
        value = term.value
    return name, f"-{value}" if term.minus else escaped(value) or "\\"  # actor:"" has no actor


def _words(term: Term) -> tuple[str, str]:
    """Read text to search for, or to leave out: words, or a phrase."""
    value = term.value.replace('"', " ")
    # left out are the words of a term together, whatever stands between them
    together = term.quoted or (term.minus and value != term.value)
    return "q", f"{'-' if term.minus else ''}" + (f'"{value}"' if together else value)


def _unknown_key(term: Term) -> _Wrong:
    rest = term.text.partition(":")[2]
    near = get_close_matches(term.key.lower(), KEYS, 1, 0.6)
    if near:
        right = f"{'-' if term.minus else ''}{near[0]}:{rest}"
        return _Wrong(f"there is no key {term.key}", right)
    return _Wrong(
        f"there is no key {term.key}; the keys are {', '.join(ALIASES)} and is; "
        "text with a colon stands in quotes",
        ("-" if term.minus else "") + _in_quotes(f"{term.key}:{term.value}"),
    )


def _time(term: Term, name: str) -> str:
    key = term.key.lower()
    if term.minus:
        other = "before" if name == "since" else "since"
        value = term.text.partition(":")[2]
        raise _Wrong(f"a time is not left out; {other} is the opposite", f"{other}:{value}")
    try:
        moment(name, term.value)
    except FilterError as error:
        raise _Wrong(f"{key} {str(error).partition(': ')[2]}") from None
    return term.value


def _word(term: Term, name: str) -> tuple[str, str]:
    """Return the parameter and our own word for a type or a state."""
    named = {word: one for one in ((name,) if name in WORDS else WORDS) for word in WORDS[one]}
    folded = re.sub(r"[\s-]+", "_", term.value.strip().lower())
    word = folded if folded in named else SPOKEN.get(folded, "")
    if word in named:
        return named[word], word
    near = get_close_matches(folded, [*named, *(one for one in SPOKEN if SPOKEN[one] in named)], 1)
    right = f"{'-' if term.minus else ''}{term.key}:{near[0]}" if near else ""
    what = {"type": "type of event", "state": "state"}.get(name, "type and no state")
    known = f"; the types are {', '.join(WORDS['type'])}" if name == "type" and not near else ""
    raise _Wrong(f"{term.value} is no {what}{known}", right)


def _check_room(name: str, pairs: list[tuple[str, str]]) -> None:
    given = sum(1 for one, _ in pairs if one == name)
    if name in ("since", "until") and given:
        raise _Wrong(f"there is a {name} already; a feed begins and ends once")
    if given >= MOST_VALUES:
        raise _Wrong(f"there are more than {MOST_VALUES} of {name}")
