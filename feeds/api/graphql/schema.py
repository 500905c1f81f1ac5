"""The schema of Compass as its files say it, with our resolvers, and the documents that fit it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ariadne import ScalarType, make_executable_schema
from graphql import DocumentNode, GraphQLError, parse, validate
from graphql.validation import NoUnusedVariablesRule, specified_rules

from feeds.api.graphql import mutations, queries
from feeds.api.graphql.guard import MOST_TOKENS
from feeds.dialects.mapping import INTEGER, read_time, write_time

FILES = ("schema.graphql", "sdk.graphql")
KEPT_DOCUMENTS = 256
KEPT_LENGTH = 10_000  # characters; a longer document is read each time that it comes
MOST_ERRORS = 20  # that one document is told
#: A public client declares variables that it never uses.
RULES = tuple(rule for rule in specified_rules if rule is not NoUnusedVariablesRule)

date_time = ScalarType("DateTime")
long = ScalarType("Long")
url = ScalarType("URL")


@date_time.serializer
def write_date_time(value: datetime | str) -> str:
    """Write a moment in UTC with Z; a rendered event has it as it was sent."""
    return write_time(read_time(value) if isinstance(value, str) else value)


@date_time.value_parser
@url.value_parser
def read_string(value: Any) -> str:
    """Take a string as it is: the dialect says what is wrong with it, and where."""
    if not isinstance(value, str):
        raise GraphQLError(f"must be a string; it is {str(value)[:50]!r}")
    return value


@long.value_parser
@long.serializer
def read_long(value: Any) -> int:
    """Take a whole number of 64 bits; scripts send theirs as strings too."""
    try:
        return int(INTEGER.read(value))
    except ValueError as error:
        raise GraphQLError(str(error)) from None


SCHEMA = make_executable_schema(
    [Path(__file__).with_name(name).read_text() for name in FILES],
    queries.query,
    queries.catalogue,
    mutations.mutation,
    mutations.catalogue,
    date_time,
    long,
    url,
)


@dataclass
class Document:
    """A document that was read, and what validation says of it."""

    tree: DocumentNode

    @cached_property
    def faults(self) -> Sequence[GraphQLError]:
        """What the schema does not allow."""
        return validate(SCHEMA, self.tree, RULES, max_errors=MOST_ERRORS)


def read(text: str) -> Document:
    """Read TEXT, or find it among those that were read before; raises GraphQLError."""
    return _remembered(text) if len(text) <= KEPT_LENGTH else _read(text)


def _read(text: str) -> Document:
    tree = parse(text, max_tokens=MOST_TOKENS)
    token = tree.loc.start_token if tree.loc else None
    while token:
        if "\x00" in (token.value or ""):
            raise GraphQLError("a string must not contain the NUL character", tree)
        token = token.next
    return Document(tree)


_remembered = lru_cache(KEPT_DOCUMENTS)(_read)
