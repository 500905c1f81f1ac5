"""Atlassian Compass over REST: `POST /gateway/api/compass/v1/events`."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from feeds import actions
from feeds.api.auth import REALM, BadCredentials, Caller, identify
from feeds.api.limits import count_request
from feeds.api.problems import STATUS_OF
from feeds.dialects import compass, strictjson
from feeds.dialects.mapping import DialectError

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
        caller = identify(request)
    except BadCredentials as error:
        return _refuse(401, [("UNAUTHORIZED", str(error))])
    if caller is None:
        return _refuse(401, [("UNAUTHORIZED", "Authorization: is required")])
    if not caller.role.writes:
        return _refuse(403, [("PERMISSION_DENIED", f"a {caller.role.value} may not send events")])
    body = request.read(settings.EVENT_BODY_LIMIT + 1)
    # One transaction for the count and the event: one commit, and a lock as short as both.
    with transaction.atomic():
        allowance = count_request(caller.user)
        if allowance is None:
            return _take(body, caller)
        if allowance.exceeded:
            return allowance.mark(HttpResponse(status=429))
        return allowance.mark(_take(body, caller))


def _take(body: bytes, caller: Caller) -> HttpResponse:
    document = None
    try:
        text, document = strictjson.decode(body, settings.EVENT_BODY_LIMIT)
        draft = compass.parse(document)
        draft.raw = text
        recorded = actions.record(caller.sender, draft)
    except (DialectError, actions.ActionError) as error:
        status, errors = answer_to(error)
        actions.log_refusal(
            caller.sender,
            status=status,
            reason=refusal_reason(errors),
            body=body.decode(errors="replace"),
            source=compass.source_of(document),
        )
        return _refuse(status, errors)
    return HttpResponse(
        status=202,
        headers={
            "X-Pulseboard-Outcome": recorded.outcome.value,
            "X-Pulseboard-Activity": str(recorded.activity),
        },
    )


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
        response["WWW-Authenticate"] = REALM
    return response
