"""Atlassian Compass over REST: `POST /gateway/api/compass/v1/events`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from feeds import actions, fastlane
from feeds.api import auth
from feeds.api.problems import STATUS_OF
from feeds.dialects import compass, strictjson
from feeds.dialects.mapping import DialectError, Draft

#: ErrorResponseDto types; the vendor's registry names them.
TYPE_OF_RULE = {
    "missing": "FIELD_MISSING",
    "format": "FORMAT_INVALID",
    "one_of": "ONE_OF_DIRECTIVE_VALIDATION_ERROR",
    "too_large": "PAYLOAD_TOO_LARGE",
}
TYPE_OF_ERROR: dict[type[actions.ActionError], str] = {
    actions.SiteUnknown: "CLOUD_ID_INVALID",
    actions.SourceUnknown: "CREATE_EVENT_SOURCE_NOT_FOUND",
    actions.ComponentUnknown: "COMPONENT_NOT_FOUND",
    actions.ComponentMalformed: "COMPONENT_ARI_INVALID",
    actions.SourceLimitReached: "ATTACHED_EVENT_SOURCE_LIMIT_REACHED",
}

Error = tuple[str, str]  # type, message


@csrf_exempt
@require_POST
def events(request: HttpRequest) -> HttpResponse:
    """Take in one event: 202 with an empty body once it is on disk."""
    try:
        caller = auth.remembered(request)
    except auth.BadCredentials as error:
        return _refuse(401, [("UNAUTHORIZED", str(error))])
    if not caller.role.writes:
        return _refuse(403, [("PERMISSION_DENIED", f"a {caller.role.value} may not send events")])
    event = _read(request.read(settings.EVENT_BODY_LIMIT + 1))
    passage = fastlane.take(caller.sender, event.draft)
    allowance, recorded = passage.allowance, passage.recorded
    if allowance is None:
        return _refuse(401, [("UNAUTHORIZED", auth.NOT_VALID)])
    if allowance.exceeded:
        return allowance.mark(HttpResponse(status=429))
    return allowance.mark(_accept(recorded) if recorded else _decide(caller, event))


@dataclass
class Event:
    """The body of one event, read as far as it can be."""

    body: bytes
    document: Any = None
    draft: Draft | None = None
    error: DialectError | None = None


def _read(body: bytes) -> Event:
    event = Event(body)
    try:
        text, event.document = strictjson.decode(body, settings.EVENT_BODY_LIMIT)
        event.draft = compass.parse(event.document)
        event.draft.raw = text
    except DialectError as error:
        event.error = error
    return event


def _decide(caller: auth.Caller, event: Event) -> HttpResponse:
    answer = decide(caller.sender, event)
    return _accept(answer) if isinstance(answer, actions.Recorded) else _refuse(*answer)


def decide(sender: actions.Sender, event: Event) -> actions.Recorded | tuple[int, list[Error]]:
    """Record EVENT; or log why not, and return the status and the errors."""
    error: DialectError | actions.ActionError | None = event.error
    if event.draft:
        try:
            return actions.record(sender, event.draft)
        except actions.ActionError as forbidden:
            error = forbidden
    assert error is not None
    status, errors = answer_to(error)
    actions.log_refusal(
        sender,
        status=status,
        reason=refusal_reason(errors),
        body=event.body.decode(errors="replace"),
        source=compass.source_of(event.document),
    )
    return status, errors


def _accept(recorded: actions.Recorded) -> HttpResponse:
    headers = {
        "X-Pulseboard-Outcome": recorded.outcome.value,
        "X-Pulseboard-Activity": str(recorded.activity),
    }
    return HttpResponse(status=202, headers=headers)


def answer_to(error: DialectError | actions.ActionError) -> tuple[int, list[Error]]:
    """Return the status, and the vendor's type with our message for each fault."""
    if isinstance(error, DialectError):
        status = 413 if error.faults[0].rule == "too_large" else 400
        return status, [(TYPE_OF_RULE[fault.rule], str(fault)) for fault in error.faults]
    return STATUS_OF[type(error)], [(TYPE_OF_ERROR[type(error)], str(error))]


def refusal_reason(errors: Sequence[Error]) -> str:
    """Return the messages of ERRORS in one line, as the log keeps them."""
    return "; ".join(message for _, message in errors)


def _refuse(status: int, errors: Sequence[Error]) -> HttpResponse:
    """Answer an ErrorResponseDto."""
    body = {"errors": [{"type": kind, "message": message} for kind, message in errors]}
    response = JsonResponse(body, status=status)
    if status == 401:
        response["WWW-Authenticate"] = auth.REALM
    return response
