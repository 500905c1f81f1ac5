"""Errors of our own API as problem details (RFC 9457)."""

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from feeds import actions
from feeds.dialects.mapping import DialectError
from feeds.filters import FilterError

CONTENT_TYPE = "application/problem+json"
SEVERAL_FAULTS = "Some fields are wrong."
#: A row that this one needs went, or the same was made, between our look and our write.
AT_THIS_MOMENT = "another request changed the same things at this moment: send this one again"
NON_FIELD_ERRORS_KEY = api_settings.NON_FIELD_ERRORS_KEY
log = logging.getLogger(__name__)

Faults = list[dict[str, str]]  # field, message

STATUS_OF: dict[type[actions.ActionError], int] = {
    actions.SiteUnknown: 404,
    actions.SourceUnknown: 404,
    actions.ComponentUnknown: 404,
    actions.ComponentMalformed: 400,
    actions.LinkUnknown: 404,
    actions.SourceLimitReached: 409,
    actions.Conflict: 409,
    actions.TooMany: 409,
    actions.Forbidden: 403,
}


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer ERROR as application/problem+json; faults of fields stand in `errors`."""
    found = problem_of(error)
    if found is not None:
        return found
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        faults = list(_faults(error.detail))
        answer = problem_response(response.status_code, SEVERAL_FAULTS, faults)
    else:
        answer = problem_response(response.status_code, str(getattr(error, "detail", error)))
    for name, value in response.headers.items():
        if name != "Content-Type":
            answer[name] = value
    return answer


def problem_of(error: Exception) -> Response | None:
    """Answer an ERROR of ours, that REST framework does not know; None if it is another."""
    if isinstance(error, actions.ActionError):
        field, _, message = str(error).partition(": ")
        named = isinstance(error, actions.Conflict) and message
        faults = [{"field": field, "message": message}] if named else None
        return problem_response(STATUS_OF[type(error)], str(error), faults)
    if isinstance(error, DialectError):
        status = 413 if error.faults[0].rule == "too_large" else 400
        faults = [{"field": fault.path, "message": fault.message} for fault in error.faults]
        return problem_response(status, SEVERAL_FAULTS if len(faults) > 1 else str(error), faults)
    if isinstance(error, FilterError):
        message = str(error).removeprefix(f"{error.field}: ")
        return problem_response(400, str(error), [{"field": error.field, "message": message}])
    if isinstance(error, SuspiciousOperation):  # Django's limits of what a request may hold
        return problem_response(413 if isinstance(error, RequestDataTooBig) else 400, str(error))
    if isinstance(error, IntegrityError):
        log.warning("%s: %s", AT_THIS_MOMENT, error)
        return problem_response(409, AT_THIS_MOMENT)
    return None


def problem_response(status: int, detail: str, errors: Faults | None = None) -> Response:
    """Make a problem details answer; ERRORS are {"field", "message"}."""
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    body["detail"] = detail
    if errors:
        body["errors"] = errors
    return Response(body, status=status, content_type=CONTENT_TYPE)


def is_problem(body: Any) -> bool:
    """Tell whether BODY is one that problem_response() made."""
    return isinstance(body, dict) and body.keys() >= {"type", "title", "status", "detail"}


def _faults(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Flatten the nested errors of a serializer into {"field", "message"}."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _faults(inner, _step(path, name))
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        for index, inner in enumerate(detail):
            yield from _faults(inner, f"{path}[{index}]")
    else:
        messages = detail if isinstance(detail, list) else [detail]
        for message in messages:
            yield {"field": path or "body", "message": str(message)}


def _step(path: str, name: str | int) -> str:
    if name == NON_FIELD_ERRORS_KEY:
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name
