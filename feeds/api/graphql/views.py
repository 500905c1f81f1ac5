"""The endpoint: who asks, what, and whether it may; then one answer."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    get_operation_ast,
)
from rest_framework.authentication import CSRFCheck

from feeds import actions, limits
from feeds.api import auth
from feeds.api.graphql import errors, guard, schema
from feeds.api.graphql.context import Context
from feeds.api.graphql.errors import Fault, Refused
from feeds.dialects import strictjson
from feeds.dialects.mapping import DialectError
from feeds.models import Role, User

CLASSIFICATION_OF = {
    400: "InvalidRequest",
    401: "Unauthorized",
    403: "Forbidden",
    405: "InvalidRequest",
    413: "InvalidRequest",
    415: "InvalidRequest",
}


@dataclass(frozen=True)
class Asked:
    """The body of a request."""

    query: str
    variables: dict[str, Any]
    operation: str | None


@csrf_exempt
def endpoint(request: HttpRequest) -> HttpResponse:
    """Answer one GraphQL request: 200 whatever the query says, unless nobody may ask it."""
    try:
        _check_method(request)
        _check_content_type(request)
        caller = _caller(request)
        context = Context(caller)
        answer = _answer(_read(request), context)
    except Refused as refused:
        return _refuse(refused.faults[0])
    limited = context.allowance is not None and context.allowance.exceeded and not context.done
    response = _respond(answer, 429 if limited else 200)
    return context.allowance.mark(response) if context.allowance else response


@require_GET
def tenant_info(request: HttpRequest) -> HttpResponse:
    """Tell the cloudId, to anybody: clients ask before they sign in."""
    return JsonResponse({"cloudId": actions.cloud_id()})


# ---- who asks


def _check_method(request: HttpRequest) -> None:
    if request.method != "POST":
        rule = f"the method must be POST; it is {request.method}"
        raise Refused(Fault(rule, "METHOD_NOT_ALLOWED", 405))


def _check_content_type(request: HttpRequest) -> None:
    if request.content_type not in ("", "application/json", "application/graphql+json"):
        rule = f"Content-Type: must be application/json; it is {request.content_type}"
        raise Refused(Fault(rule, "UNSUPPORTED_MEDIA_TYPE", 415))


def _caller(request: HttpRequest) -> auth.Caller | None:
    """Return who sent REQUEST: by its header, or by the session of the pages."""
    if request.META.get("HTTP_AUTHORIZATION"):
        try:
            return auth.remembered(request)
        except auth.BadCredentials as error:
            raise Refused(Fault(str(error), "UNAUTHORIZED", 401)) from None
    user = request.user
    if isinstance(user, User):
        _check_csrf(request)
        return auth.Caller(user, Role(user.role))
    if settings.ANONYMOUS_READ:
        return None
    raise Refused(Fault("Authorization: is required", "UNAUTHORIZED", 401))


def _check_csrf(request: HttpRequest) -> None:
    """Refuse a page of somebody else's that sends the session of ours."""
    check = CSRFCheck(lambda _: HttpResponse())
    check.process_request(request)
    if reason := check.process_view(request, lambda _: HttpResponse(), (), {}):
        raise Refused(Fault(f"the session wants a CSRF token: {reason}", "CSRF", 403))


def _check_role(context: Context, operation: OperationDefinitionNode) -> None:
    if operation.operation == OperationType.QUERY:
        return
    if context.caller is None:
        raise Refused(Fault("Authorization: is required for mutations", "UNAUTHORIZED", 401))
    if not context.caller.role.writes:
        role = context.caller.role.value
        raise Refused(Fault(f"a {role} may not change anything", "PERMISSION_DENIED", 403))


def _check_token(context: Context, operation: OperationDefinitionNode) -> None:
    """Refuse a remembered caller whose token was revoked; sending events checks that itself."""
    if context.caller is None or _only_sends(operation):
        return
    if limits.count(context.caller.sender, limited=False) is None:
        raise Refused(Fault(auth.NOT_VALID, "UNAUTHORIZED", 401))


def _only_sends(operation: OperationDefinitionNode) -> bool:
    """Tell whether OPERATION does nothing but send events."""
    inner = [
        selection
        for outer in operation.selection_set.selections
        if isinstance(outer, FieldNode) and outer.selection_set
        for selection in outer.selection_set.selections
    ]
    return bool(inner) and all(
        isinstance(selection, FieldNode) and selection.name.value == "createCompassEvent"
        for selection in inner
    )


# ---- what is asked


def _read(request: HttpRequest) -> Asked:
    try:
        body = request.read(settings.EVENT_BODY_LIMIT + 1)
        _, document = strictjson.decode(body, settings.EVENT_BODY_LIMIT)
    except DialectError as error:
        too_large = error.faults[0].rule == "too_large"
        status, kind = (413, "PAYLOAD_TOO_LARGE") if too_large else (400, "FORMAT_INVALID")
        raise Refused(Fault(str(error), kind, status)) from None
    if not isinstance(document, dict):
        raise Refused(Fault("body: must be an object"))
    rules = {"query": (str,), "variables": (dict, type(None)), "operationName": (str, type(None))}
    names = {"query": "a string", "variables": "an object", "operationName": "a string"}
    wrong = [name for name, types in rules.items() if not isinstance(document.get(name), types)]
    if wrong:
        raise Refused(Fault("; ".join(f"{name}: must be {names[name]}" for name in wrong)))
    operation = document.get("operationName") or None
    return Asked(document["query"], document.get("variables") or {}, operation)


def _answer(asked: Asked, context: Context) -> dict[str, Any]:
    """Return `data`, `errors`, or both; what is wrong with the query is part of the answer."""
    try:
        document = schema.read(asked.query)
        operation = get_operation_ast(document.tree, asked.operation)
        if operation is None:
            raise GraphQLError("operationName: must name one of the operations of the document")
        guard.check(document.tree, operation, asked.variables)
    except GraphQLSyntaxError as error:
        return {"errors": [errors.at_top(error, "InvalidSyntax")]}
    except GraphQLError as error:
        return {"errors": [errors.at_top(error, "ValidationError")]}
    if document.faults:
        return {"errors": [errors.at_top(fault, "ValidationError") for fault in document.faults]}
    _check_role(context, operation)
    _check_token(context, operation)
    result = execute_sync(
        schema.SCHEMA,
        document.tree,
        context_value=context,
        variable_values=asked.variables,
        operation_name=asked.operation,
    )
    return _write(result)


def _write(result: ExecutionResult) -> dict[str, Any]:
    answer: dict[str, Any] = {"data": result.data} if result.data is not None else {}
    if result.errors:
        where = "DataFetchingException" if answer else "ValidationError"
        answer["errors"] = [errors.at_top(error, where) for error in result.errors]
    return answer


def _refuse(fault: Fault) -> HttpResponse:
    answer = fault.at_top(CLASSIFICATION_OF[fault.status])
    response = _respond({"errors": [answer]}, fault.status)
    if fault.status == 401:
        response["WWW-Authenticate"] = auth.REALM
    if fault.status == 405:
        response["Allow"] = "POST"
    return response


def _respond(answer: dict[str, Any], status: int) -> HttpResponse:
    """Write ANSWER; its id stands where the vendor's gateway puts it."""
    answer["extensions"] = {"gateway": {"request_id": uuid.uuid4().hex}}
    return HttpResponse(json.dumps(answer), status=status, content_type="application/json")
