"""Read a request body as JSON that both databases can keep, or say what is wrong with it."""

import json
import math
import re
from typing import Any

from feeds.dialects.mapping import DialectError, Fault

DEPTH_LIMIT = 64  # levels; a Compass event has 5, and JSON columns and printers recurse


def decode(body: bytes, limit: int) -> tuple[str, Any]:
    """Return BODY as text, exactly as sent, and as the value that it encodes.

    Raises DialectError with one fault: over LIMIT bytes; or not UTF-8, not JSON, NaN or Infinity,
    a number outside IEEE double, nesting over DEPTH_LIMIT, the NUL character, half a surrogate
    pair.
    """
    text = read_text(body, limit)
    return text, decode_text(text)


def read_text(body: bytes, limit: int) -> str:
    """Return BODY as text; raises DialectError if it is over LIMIT bytes or not UTF-8."""
    check_size(len(body), limit)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise _malformed(f"must be UTF-8; byte {error.start} is not") from None


def check_size(size: int, limit: int) -> None:
    """Refuse SIZE bytes over LIMIT."""
    if size > limit:
        raise DialectError([Fault("body", f"must not be over {limit} bytes", "too_large")])


def decode_text(text: str) -> Any:
    """Return the value that TEXT encodes, by the same rules as decode()."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise _malformed(f"must not nest deeper than {DEPTH_LIMIT} levels") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed(f"must be JSON: {error.msg.lower()} at {where}") from None
    except ValueError:  # an integer of more digits than Python reads
        raise _malformed("must not hold a number of more than 4300 digits") from None
    check(value, text)
    return value


def elements(text: str) -> list[tuple[str, Any]]:
    """Return the elements of TEXT, an array, each as it was sent and as the value that it encodes.

    Raises DialectError as decode_text() does, but for what check() finds: whoever can tell one
    element from the others asks for that.
    """
    found: list[tuple[str, Any]] = []
    at = _past_space(text, 0)
    try:
        if text[at] == "[":
            at = _past_space(text, at + 1)
            more = text[at] != "]"
            while more:
                value, end = _DECODER.raw_decode(text, at)
                found.append((text[at:end], value))
                at = _past_space(text, end)
                more = text[at] == ","
                at = _past_space(text, at + 1) if more else at
            if text[at] == "]" and _past_space(text, at + 1) == len(text):
                return found
    except (ValueError, RecursionError, IndexError):
        pass
    decode_text(text)  # says what is wrong, and where
    raise _malformed("must be an array")


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def check(value: Any, text: str) -> None:
    """Refuse what databases cannot keep in VALUE, which was read from TEXT."""
    # Few brackets cannot nest deep, and without an escape no character is odd: the usual body
    # passes here without a walk.
    deep = text.count("{") + text.count("[") > DEPTH_LIMIT
    odd = "\\u" in text or "\x00" in text
    if not deep and not odd:
        return
    level = [value]
    for _ in range(DEPTH_LIMIT):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    if any(isinstance(child, dict | list) for child in level):
        raise _malformed(f"must not nest deeper than {DEPTH_LIMIT} levels")
    for scalar in level:  # in the deepest brackets that are allowed
        _children(scalar)


def _children(value: Any) -> list[Any]:
    if isinstance(value, str):
        _check_text(value)
        return []
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise _malformed("must not contain the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _malformed("must not contain half a surrogate pair") from None


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _malformed(f"must not hold the number {digits[:20]}: it is out of range")
    return number


def _no_constant(name: str) -> None:
    raise _malformed(f"must be JSON, which has no {name}")


def _malformed(rule: str) -> DialectError:
    return DialectError([Fault("body", rule, "format")])


_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
