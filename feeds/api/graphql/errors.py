"""Errors in the three shapes that Compass clients read.

A query answers a QueryError, whose extensions are a list. A mutation answers a payload with
MutationErrors, whose extensions are one object. Everything else is an error at the top.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError
from graphql import GraphQLError

from feeds import actions
from feeds.api.compass import TYPE_OF_ERROR, Error
from feeds.api.problems import STATUS_OF
from feeds.ari import InvalidAri
from feeds.filters import FilterError

logger = logging.getLogger(__name__)

TYPES: dict[type[Any], str] = {
    **TYPE_OF_ERROR,
    actions.SourceUnknown: "EVENT_SOURCE_NOT_FOUND",
    actions.LinkUnknown: "COMPONENT_LINK_NOT_FOUND",
    actions.Conflict: "STORE_CONFLICT_EXCEPTION",
    actions.TooMany: "CONSTRAINT_VIOLATION",
    actions.Forbidden: "PERMISSION_DENIED",
    InvalidAri: "ARGUMENT_INVALID",
    FilterError: "ARGUMENT_INVALID",
}
COMPONENT_NOT_FOUND = "Component not found"  # clients compare the text
NOTHING_KNOWN = "something went wrong here; the log says what"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong; `type` is stable, and the words may change."""

    message: str
    type: str = "ARGUMENT_INVALID"
    status: int = 400

    def in_query(self, identifier: str | None = None) -> dict[str, Any]:
        """Write a QueryError."""
        extension = {"__typename": "GenericQueryErrorExtension", **self._extension}
        return {
            "__typename": "QueryError",
            "identifier": identifier,
            "message": self.message,
            "extensions": [extension],
        }

    def in_mutation(self) -> dict[str, Any]:
        """Write a MutationError."""
        extension = {"__typename": "GenericMutationErrorExtension", **self._extension}
        return {"message": self.message, "extensions": extension}

    def at_top(self, classification: str, **more: Any) -> dict[str, Any]:
        """Write an error of the whole request."""
        extensions = {
            "errorSource": "GRAPHQL_GATEWAY",
            "classification": classification,
            **self._extension,
            **more,
        }
        return {"message": self.message, "extensions": extensions}

    @property
    def _extension(self) -> dict[str, Any]:
        return {"errorType": self.type, "statusCode": self.status}


class Refused(Exception):
    """A query or a mutation that breaks a rule, with every fault."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.message for fault in faults))


#: What a resolver may raise because of what was asked; anything else is a fault of ours.
EXPECTED = (Refused, actions.ActionError, InvalidAri, FilterError, IntegrityError)


def faults_of(error: Exception) -> tuple[Fault, ...]:
    """Return the faults that one of EXPECTED stands for."""
    if isinstance(error, Refused):
        return error.faults
    if isinstance(error, IntegrityError):
        rule = "what this refers to was changed at this moment: try again"
        return (Fault(rule, "STORE_CONFLICT_EXCEPTION", 409),)
    status = STATUS_OF[type(error)] if isinstance(error, actions.ActionError) else 400
    return (Fault(_words(error), TYPES[type(error)], status),)


def _words(error: Exception) -> str:
    if isinstance(error, actions.ComponentUnknown):
        return COMPONENT_NOT_FOUND
    words = str(error)
    if isinstance(error, actions.Conflict) and words.startswith("slug: another"):
        return words.replace("slug: another", "Another", 1)  # clients look for these words
    return words


def from_vendor(status: int, errors: list[Error]) -> Refused:
    """Return what the REST wire would answer, as a refusal of GraphQL."""
    return Refused(*(Fault(message, kind, status) for kind, message in errors))


def stop(fault: Fault, **more: Any) -> GraphQLError:
    """Return the error at the top that FAULT is, to be raised."""
    answer = fault.at_top("DataFetchingException", **more)
    return GraphQLError(fault.message, extensions=answer["extensions"])


def at_top(error: GraphQLError, classification: str) -> dict[str, Any]:
    """Write ERROR of the library; what it says of our own faults stands in the log only."""
    cause = error.original_error
    if cause is not None and not isinstance(cause, GraphQLError):
        logger.error("graphql %s failed", error.path, exc_info=cause)
        fault = Fault(NOTHING_KNOWN, "INTERNAL_SERVER_ERROR", 500)
    else:
        fault = Fault(error.message)
    answer = fault.at_top(classification)
    if error.extensions:
        answer["extensions"] = error.extensions
    if error.locations:
        answer["locations"] = [place.formatted for place in error.locations]
    if error.path:
        answer["path"] = error.path
    return answer
