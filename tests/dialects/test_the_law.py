"""What every dialect keeps: its inverse, its one exception, and what our columns can hold."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given

from feeds.dialects.mapping import INT64, DialectError, Draft
from feeds.models import KEY_LENGTH, Activity, EventKind

from .documents import NOW, PARSE, RENDER, anything, exactly, load, moderately, mutated, names

DIALECTS = sorted(PARSE)
GOLDEN = [(dialect, name) for dialect in DIALECTS for name in names(dialect)]


def check_the_law(dialect: str, document: Any) -> Draft:
    """Check that what DIALECT reads of DOCUMENT it writes again, and that our columns hold it."""
    before = exactly(document)
    draft = PARSE[dialect](document)
    assert exactly(RENDER[dialect](vars(draft))) == before
    assert exactly(document) == before, "parse changed its argument"
    check_the_columns(draft)
    return draft


def refusal(dialect: str, document: Any) -> DialectError | None:
    """Check the law for DOCUMENT, or return the error with which DIALECT refuses it."""
    try:
        check_the_law(dialect, document)
    except DialectError as error:
        return error
    return None


def check_the_columns(draft: Draft) -> None:
    """Check that every value of DRAFT fits its column."""
    for column in Activity._meta.fields:
        value = getattr(draft, column.name, None)
        if value is None and column.null:
            continue
        if column.get_internal_type() in ("CharField", "TextField") and column.name != "raw":
            assert isinstance(value, str), column.name
            assert len(value) <= (column.max_length or len(value)), column.name
    for text in (draft.source_id, draft.source_name):
        assert isinstance(text, str)
        assert len(text) <= KEY_LENGTH
    assert draft.kind in EventKind.values
    assert draft.state in ("", *Activity.State.values)
    assert type(draft.sequence) is int
    assert draft.sequence in INT64
    assert draft.progress is None or (type(draft.progress) is int and draft.progress in range(101))
    assert isinstance(draft.occurred_at, datetime)
    assert draft.occurred_at.tzinfo is UTC
    assert len(draft.title) <= 255
    assert isinstance(draft.site_id, str)
    assert isinstance(draft.component_id, str)
    assert isinstance(draft.details, dict)


@pytest.mark.parametrize(("dialect", "name"), GOLDEN)
def test_a_golden_document_comes_back_as_it_was_sent(dialect: str, name: str) -> None:
    draft = check_the_law(dialect, load(name))
    assert draft.dialect == dialect


@pytest.mark.parametrize("dialect", DIALECTS)
def test_there_are_golden_documents(dialect: str) -> None:
    assert len(names(dialect)) >= 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_mutated_document_is_refused_with_paths_or_comes_back_as_sent(dialect: str) -> None:
    refused = []

    @moderately
    @given(mutated(dialect))
    def run(document: Any) -> None:
        if error := refusal(dialect, document):
            assert error.faults
            assert all(fault.path and fault.message for fault in error.faults)
            refused.append(document)

    run()
    assert refused, "no mutation did any harm"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_arbitrary_json_raises_nothing_but_a_dialect_error(dialect: str) -> None:
    @moderately
    @example({"event": {"custom": {}}})
    @example({"event": {"target": "build", "project": {}, "repository": []}})
    @example({"generator": [], "application": {}, "id": 1})
    @given(anything)
    def run(document: Any) -> None:
        error = refusal(dialect, document)
        assert error is None or error.faults

    run()


@pytest.mark.parametrize("dialect", ["streams", "teamhub"])
def test_what_does_not_say_when_happens_now(dialect: str) -> None:
    name = {"streams": "streams/minimal", "teamhub": "teamhub/post-request"}[dialect]
    assert PARSE[dialect](load(name)).occurred_at == NOW
