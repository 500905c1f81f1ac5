"""What a body may be before any dialect looks at it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.dialects import strictjson
from feeds.dialects.mapping import DialectError

LIMIT = 1_000_000


def refusal(body: bytes, limit: int = LIMIT) -> str:
    """Return why BODY is refused: one fault of the body as a whole."""
    with pytest.raises(DialectError) as caught:
        strictjson.decode(body, limit)
    (fault,) = caught.value.faults
    assert fault.path == "body"
    return fault.message


def nested(levels: int, inside: str = "") -> bytes:
    """Write LEVELS brackets around INSIDE."""
    return ("[" * levels + inside + "]" * levels).encode()


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (rb'{"a": "b\u0000c"}', "must not contain the NUL character"),
        (rb'{"a\u0000": 1}', "must not contain the NUL character"),
        (rb'["\ud83d"]', "must not contain half a surrogate pair"),
        (rb'{"\ude00": 1}', "must not contain half a surrogate pair"),
        (rb'"\ud83d"', "must not contain half a surrogate pair"),
        (b"NaN", "must be JSON, which has no NaN"),
        (b"[-Infinity]", "must be JSON, which has no -Infinity"),
        (b"[1e999]", "must not hold the number 1e999: it is out of range"),
        (b"[-1e999]", "must not hold the number -1e999: it is out of range"),
        (b"[" + b"9" * 5000 + b"]", "must not hold a number of more than 4300 digits"),
        (nested(100_000), "must not nest deeper than 64 levels"),
        (b'{"a":' * 100_000, "must not nest deeper than 64 levels"),
        (nested(65), "must not nest deeper than 64 levels"),
        (b'{"a": "\xff"}', "must be UTF-8; byte 7 is not"),
        ('{"a": "é"}'.encode("utf-16"), "must be UTF-8; byte 0 is not"),
        (b"\xed\xa0\xbd", "must be UTF-8; byte 0 is not"),
        (b'{"a": "\x00"}', "must be JSON: invalid control character at at line 1, column 8"),
        (b"", "must be JSON: expecting value at line 1, column 1"),
        (b'{"a": 1,\n}', None),
        (b"{} {}", "must be JSON: extra data at line 1, column 4"),
    ],
)
def test_a_body_that_no_database_keeps_is_refused_with_its_reason(
    body: bytes, rule: str | None
) -> None:
    found = refusal(body)
    assert found.startswith("must be JSON") if rule is None else found == rule


def test_a_body_over_the_limit_is_too_large() -> None:
    assert strictjson.decode(b"[1]", 3) == ("[1]", [1])
    assert refusal(b"[1] ", 3) == "must not be over 3 bytes"
    with pytest.raises(DialectError) as caught:
        strictjson.decode(b"[1] ", 3)
    assert caught.value.faults[0].rule == "too_large"


@pytest.mark.parametrize("inside", ["", "1", '"\\u00e9"', '{"a": 1}'])
def test_nesting_is_counted_in_brackets(inside: str) -> None:
    own = inside.count("{")
    assert strictjson.decode(nested(64 - own, inside), LIMIT)
    assert "nest" in refusal(nested(65 - own, inside))


def test_a_nul_in_the_deepest_brackets_is_found() -> None:
    assert "NUL" in refusal(nested(64, r'"\u0000"'))


def test_many_brackets_side_by_side_are_not_deep() -> None:
    body = json.dumps([[]] * 10_000).encode()
    assert len(strictjson.decode(body, LIMIT)[1]) == 10_000


def test_the_last_of_two_equal_names_counts_and_the_text_stays_as_sent() -> None:
    body = b' {"a": 1, "a": 2.50} '
    assert strictjson.decode(body, LIMIT) == (body.decode(), {"a": 2.5})


@pytest.mark.parametrize("text", ['"\\ud83d\\ude00"', '"😀"', '"\\u00e9 \\\\u0000"', "1e308"])
def test_what_only_looks_odd_is_let_in(text: str) -> None:
    assert strictjson.decode(text.encode(), LIMIT)[1] == json.loads(text)


SPACES = st.sampled_from(["", " ", "\n", "\t \r\n"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)
)


@given(st.lists(st.tuples(SPACES, VALUES, SPACES)), SPACES)
def test_the_elements_of_an_array_are_what_was_sent_one_by_one(
    parts: list[tuple[str, Any, str]], around: str
) -> None:
    sent = [json.dumps(value) for _, value, _ in parts]
    inside = ",".join(f"{a}{text}{b}" for text, (a, _, b) in zip(sent, parts, strict=True))
    found = strictjson.elements(f"{around}[{inside}]{around}")
    assert found == [(text, json.loads(text)) for text in sent]


@given(st.text('[]{},:1n "', max_size=12))
def test_what_is_no_array_of_json_has_no_elements(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    if isinstance(expected, list):
        assert [value for _, value in strictjson.elements(text)] == expected
    else:
        with pytest.raises(DialectError):
            strictjson.elements(text)
