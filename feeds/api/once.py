"""Idempotency-Key: a POST that is sent again gets the first one's answer, and does nothing.

The key is claimed, the work done and the answer kept in one transaction: a crash leaves all or
nothing. Of two requests at once the second waits at the claim until the first has ended, on
PostgreSQL for its row and on SQLite for the write lock. What fails with 5xx keeps nothing, and
neither do 401, 403 for the role, and 429, which are answered before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import transaction
from django.http import HttpResponse
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import caller_of
from feeds.api.problems import CONTENT_TYPE, is_problem, problem_response
from feeds.api.resource import Resource
from feeds.dialects.mapping import DialectError
from feeds.models import KeptAnswer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_LENGTH = 255  # characters
OTHER_REQUEST = "the Idempotency-Key was used for another request: take a new one for this"
SHOWN_ONCE = (
    "an earlier request with this Idempotency-Key has done it; its secret was shown once and is "
    "not kept: if it is lost, end what was made and make another with a new key"
)
#: What a request may be answered with beside a response; anything else is a fault of ours.
ANSWERED = (APIException, DialectError, actions.ActionError)

V = TypeVar("V", bound=Resource)
P = ParamSpec("P")
Post = Callable[Concatenate[V, Request, P], Response]


def once(post: Post[V, P]) -> Callable[Concatenate[V, Request, P], Response | HttpResponse]:
    """Let POST take the header Idempotency-Key."""

    @wraps(post)
    def answered(
        view: V, request: Request, /, *args: P.args, **kwargs: P.kwargs
    ) -> Response | HttpResponse:
        key = request.headers.get(HEADER)
        if key is None:
            return post(view, request, *args, **kwargs)
        if not (0 < len(key) <= KEY_LENGTH and key.isascii() and key.isprintable()):
            raise ValidationError({HEADER: f"must be 1 to {KEY_LENGTH} printable characters"})
        actions.site()  # made on first use, and remembered: it must not go with what goes back
        with transaction.atomic():
            fingerprint = _fingerprint(request)
            user = caller_of(request).user
            kept, fresh = actions.claim_answer(user, key, fingerprint=fingerprint)
            if not fresh:
                return _again(view, kept, fingerprint)
            response = _attempt(view, lambda: post(view, request, *args, **kwargs))
            secret = view.shows_secret and response.status_code < 400
            body = "" if secret else JSONRenderer().render(response.data).decode()
            actions.keep_answer(kept, status=response.status_code, body=body)
        return response

    answered.takes_key = True  # type: ignore[attr-defined]  # for the OpenAPI, and its test
    return answered


def _attempt(view: Resource, act: Callable[[], Response]) -> Response:
    """Return what ACT answers, also when it is refused: then nothing of it stays."""
    try:
        with transaction.atomic():
            return act()
    except ANSWERED as error:
        return view.handle_exception(error)


def _again(view: Resource, kept: KeptAnswer, fingerprint: str) -> Response | HttpResponse:
    if kept.fingerprint != fingerprint:
        return problem_response(422, OTHER_REQUEST)
    if view.shows_secret and not kept.body:
        return problem_response(409, SHOWN_ONCE)
    wrong = is_problem(json.loads(kept.body))
    content_type = CONTENT_TYPE if wrong else JSONRenderer.media_type
    return HttpResponse(
        kept.body, status=kept.status, content_type=content_type, headers={REPLAYED: "true"}
    )


def _fingerprint(request: Request) -> str:
    """Return the SHA-256 of REQUEST's method, path with query, and body."""
    http: Any = request._request
    head = f"{http.method} {http.get_full_path()}\n".encode(errors="surrogatepass")
    return hashlib.sha256(head + http.body).hexdigest()
