"""Errors of our own API as problem details (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from feeds import actions

STATUS_OF: dict[type[actions.ActionError], int] = {
    actions.SiteUnknown: 404,
    actions.SourceUnknown: 404,
    actions.ComponentUnknown: 404,
    actions.ComponentMalformed: 400,
    actions.SourceLimitReached: 409,
    actions.Conflict: 409,
    actions.Forbidden: 403,
}


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer ERROR as application/problem+json; faults of fields stand in `errors`."""
    if isinstance(error, actions.ActionError):
        return problem_response(STATUS_OF[type(error)], str(error))
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        faults = list(_faults(error.detail))
        answer = problem_response(response.status_code, "Some fields are wrong.", faults)
    else:
        answer = problem_response(response.status_code, str(getattr(error, "detail", error)))
    for name, value in response.headers.items():
        if name != "Content-Type":
            answer[name] = value
    return answer


def problem_response(
    status: int, detail: str, errors: list[dict[str, str]] | None = None
) -> Response:
    """Make a problem details answer; ERRORS are {"field", "message"}."""
    body: dict[str, Any] = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if errors:
        body["errors"] = errors
    return Response(body, status=status, content_type="application/problem+json")


def _faults(detail: Any, path: str = "") -> Any:
    """Flatten the nested errors of a serializer into {"field", "message"}."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _faults(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        for index, inner in enumerate(detail):
            yield from _faults(inner, f"{path}[{index}]")
    else:
        messages = detail if isinstance(detail, list) else [detail]
        for message in messages:
            yield {"field": path or "body", "message": str(message)}
