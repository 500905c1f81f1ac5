"""What somebody pastes to fill the form: the JSON body of an event, or a curl command with one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from feeds.dialects import compass, streams, strictjson, teamhub
from feeds.dialects.mapping import EPOCH, DialectError, Document
from feeds.dialects.outward.teamhub import flat

LIMIT = 256 * 1024  # bytes, as of an event that is sent to us
LONGEST_NAME = 60  # characters of a word of theirs that is worth repeating


class PasteError(Exception):
    """Text that holds no event; str(error) is fit to show, and names the field."""


@dataclass(frozen=True)
class Pasted:
    """An event that was pasted, as its wire has it."""

    wire: str
    document: Document


def read_pasted(text: str) -> Pasted:
    """Read TEXT, a JSON body or a curl command; raises PasteError."""
    text = text.strip().removeprefix("\ufeff").removeprefix("$ ").lstrip()
    if not text:
        raise PasteError("there is nothing to read: paste a JSON body or a curl command")
    body = _body_of(text) if re.match(r"curl(\.exe)?\s", text) else text
    try:
        strictjson.check_size(len(body.encode(errors="replace")), LIMIT)
        return _recognised(strictjson.decode_text(body))
    except DialectError as error:
        raise PasteError(str(error)) from None


# ---- which wire


def _recognised(document: Any) -> Pasted:
    """Return DOCUMENT with the wire whose shape it has; raises DialectError with its faults."""
    if not isinstance(document, dict):
        raise PasteError("body: must be one event, an object")
    wire = _wire_of(document)
    return Pasted(wire, _READ[wire](document))


def _wire_of(document: Document) -> str:
    inner = document.get("event")
    event = inner if isinstance(inner, dict) else {}
    if {"cloudId", "componentId"} & document.keys() or compass.KINDS.keys() & event.keys():
        return compass.DIALECT
    if {"generator", "application"} & document.keys():
        return streams.DIALECT
    of_hub = event or document
    if _OF_TEAMHUB & of_hub.keys() or isinstance(of_hub.get("target"), str):
        return teamhub.DIALECT
    if _OF_STREAMS & document.keys():
        return streams.DIALECT
    named = ", ".join(_short(name) for name in list(document)[:5]) or "nothing"
    raise PasteError(
        "body: must be an event of Compass (cloudId, event), of Activity Streams (generator, id) "
        f"or of TeamHub (target, operation); it has {named}"
    )


_OF_TEAMHUB = {"operation", "repository", "objects"}
_OF_STREAMS = {"actor", "user", "verb", "object", "published", "provider", "content", "title"}


def _read_compass(document: Document) -> Document:
    """Check DOCUMENT; its cloudId may be missing, for the connection has the one that counts."""
    document = {**document, "cloudId": document.get("cloudId") or ""}
    compass.parse(document)
    return document


def _read_streams(document: Document) -> Document:
    streams.parse(document, now=EPOCH)
    return document


def _read_teamhub(document: Document) -> Document:
    """Check DOCUMENT, and return the flat request that it is, or that would make it."""
    draft = teamhub.parse(document, now=EPOCH)
    if draft.kind != "build" or teamhub.is_trigger(document):
        raise PasteError(f"target: must be build; a {_short(draft.object_type)} cannot be sent")
    inner = document.get("event")
    event: Document = inner if isinstance(inner, dict) else document
    if draft.external_id:  # a whole event, as GET answers it
        event = flat(event)
        teamhub.parse(event, now=EPOCH)
    return event


_READ: dict[str, Callable[[Document], Document]] = {
    compass.DIALECT: _read_compass,
    streams.DIALECT: _read_streams,
    teamhub.DIALECT: _read_teamhub,
}


# ---- the words of a shell

_PIECE = re.compile(
    r"""\$'(?P<ansi>(?:[^'\\]|\\.)*)' | '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)"
    | \\(?P<escaped>.) | (?P<plain>[^\s'"\\$]+|\$) | (?P<space>\s+)""",
    re.VERBOSE | re.DOTALL,
)
_CONTINUED = re.compile(r"\\\r?\n")
_OPERATOR = re.compile(r"[|;&<>]+")  # what stands behind it is another command
_IN_DOUBLE = re.compile(r'\\([$`"\\])')
_IN_ANSI = re.compile(
    r"\\(u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL
)
_ESCAPES = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
    "v": "\v",
}  # fmt: skip


def _words(text: str) -> Iterator[str]:
    """Split TEXT as a shell does, to the end of its first command; variables stay as they are."""
    text = _CONTINUED.sub("", text)
    word: str | None = None
    place = 0
    while place < len(text):
        piece = _PIECE.match(text, place)
        if piece is None:
            raise PasteError(f"curl: a quote is opened and never closed: {_short(text[place:])}")
        place = piece.end()
        if piece["space"] is None:
            word = (word or "") + _unquoted(piece)
            continue
        if word is not None and _OPERATOR.fullmatch(word):
            return
        if word is not None:
            yield word
        word = None
    if word is not None:
        yield word


def _unquoted(piece: re.Match[str]) -> str:
    if piece["double"] is not None:
        return _IN_DOUBLE.sub(r"\1", piece["double"])
    if piece["ansi"] is not None:
        return _IN_ANSI.sub(_unescaped, piece["ansi"])
    return next(each for each in piece.group("single", "escaped", "plain") if each is not None)


def _unescaped(escape: re.Match[str]) -> str:
    sign = escape[1]
    if sign[0] in "uUx" and len(sign) > 1:
        return _character(int(sign[1:], 16))
    if sign[0] in "01234567":
        return _character(int(sign, 8))
    return _ESCAPES.get(sign, sign)


def _character(number: int) -> str:
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise PasteError(f"curl: there is no character {number:#x}")
    return chr(number)


# ---- the options of curl

#: Long options that say something of the body, by what they are.
_DATA = {
    "--data": "data", "--data-ascii": "data", "--data-binary": "data", "--data-raw": "raw",
    "--json": "json", "-d": "data",
}  # fmt: skip
_METHOD = ("-X", "--request")
_HEADER = ("-H", "--header")
_REFUSED = {
    "-F": "sends a form", "--form": "sends a form", "--form-string": "sends a form",
    "--data-urlencode": "sends a form", "-G": "sends no body", "--get": "sends no body",
    "-T": "sends a file", "--upload-file": "sends a file", "-K": "reads a file",
    "--config": "reads a file",
}  # fmt: skip
_SHORT_WITH_VALUE = frozenset("AbcCdDeEFhHKmoPQrtTuUwxXyYz")


@dataclass
class _Command:
    """What a curl command says of the body."""

    method: str = "POST"
    data: list[str] = field(default_factory=list)
    joined_by: str = "&"  # "of multiple -d ... the data pieces are merged with a separating &"


def _body_of(text: str) -> str:
    """Return the body that the curl command in TEXT sends."""
    command = _Command()
    for option, value in _options(list(_words(text))[1:]):
        _apply(command, option, value)
    if command.method.upper() != "POST":
        method = _short(command.method)
        raise PasteError(f"-X {method}: only the request that creates an event, a POST, is read")
    if not command.data:
        raise PasteError("curl: the command has no body: no -d, --data-raw or --json")
    return command.joined_by.join(command.data)


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each option with its value, "" if it has none here; addresses are left out."""
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, given, value = word.partition("=")
            known = name in _DATA or name in (*_METHOD, *_HEADER)
            yield name, value if given or not known else _value(name, rest)
        elif word.startswith("-"):
            yield from _cluster(word[1:], rest)


def _cluster(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Yield the options in LETTERS, such as `sSX`; the last may have its value behind it."""
    for place, letter in enumerate(letters):
        if letter in _SHORT_WITH_VALUE:
            behind = letters[place + 1 :]
            yield f"-{letter}", behind or _value(f"-{letter}", rest)
            return
        yield f"-{letter}", ""


def _value(name: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise PasteError(f"{name}: its value is missing")
    return value


def _apply(command: _Command, option: str, value: str) -> None:
    if option in _REFUSED:
        raise PasteError(f"{option}: {_REFUSED[option]}, and not the JSON of an event")
    how = _DATA.get(option)
    if how in ("data", "json") or option in _HEADER:
        _check_no_file(option, value)
    if how is not None:
        command.data.append(value)
    if how == "json":
        command.joined_by = ""  # "If this option is used several times ... concatenated"
    if option in _METHOD:
        command.method = value


def _check_no_file(option: str, value: str) -> None:
    if value.startswith("@"):
        file = _short(value)
        raise PasteError(f"{option} {file}: the file is on your machine: paste what is in it")


def _short(text: str) -> str:
    """Return TEXT, or what of it is worth repeating, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"
