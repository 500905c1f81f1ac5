"""The OpenAPI 3.1 document of our own API, drawn from its views; vendor wires are in docs/."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from feeds.api.native.shapes import Problem
from feeds.api.problems import CONTENT_TYPE
from feeds.api.resource import Resource

PREFIX = "/api/v1/"
CACHED = "max-age=300"  # seconds; it changes only with the program
WRITING = ("POST", "PATCH", "PUT", "DELETE")
VERBS = {"GET": "read", "POST": "create", "PATCH": "change", "DELETE": "delete"}
#: What stands in a path.
PATHS = {
    "reference": "A slug, or a uuid.",
    "other": "A slug, or a uuid.",
    "identity": "Its own id.",
    "id": "Its own id.",
}
#: Why an operation may be refused.
REASONS = {
    400: "The body, a parameter or a header is wrong; `errors` names each fault.",
    401: "No credentials, or wrong ones.",
    403: "The role of the caller does not allow it, or it is somebody else's, or the CSRF token "
    "of a session is missing.",
    404: "There is no such thing.",
    406: "Only JSON is spoken here.",
    409: "Another thing stands in the way.",
    413: "The body is too large.",
    415: "The body must be JSON.",
    422: "The Idempotency-Key was used for another request.",
    429: "Too many requests of this user in a minute.",
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[ -~]*$"},
    location=OpenApiParameter.HEADER,
    description="Makes sending again safe: for 24 hours a request of the same user with the same "
    "key, address and body gets the first one's answer, and does nothing. One that comes while "
    "the first still runs waits for it. Answers of 5xx, 401, 403 for the role and 429 are not "
    "kept.",
)


class Schema(AutoSchema):
    """An operation with all that Resource makes of it: problems, limits, keys."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix(PREFIX).partition("/")[0]]

    def get_operation_id(self) -> str:
        """Name the operation as a verb and what stands in its path: list_component_sources."""
        words = [part for part in self.path.removeprefix(PREFIX).split("/") if "{" not in part]
        *outer, last = words
        many = self.method == "GET" and not self.path.endswith("}") and last.endswith("s")
        verb = "list" if many else VERBS[self.method]
        return "_".join([verb, *map(_one_of, outer), last if many else _one_of(last)])

    def _resolve_path_parameters(self, variables: Any) -> Any:
        found: Any = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        for parameter in found:
            parameter.setdefault("description", PATHS.get(parameter["name"], ""))
        return found

    def get_override_parameters(self) -> list[Any]:
        """Add the headers that Resource and once() read and write."""
        found: list[Any] = [_sent("WWW-Authenticate", str, "Basic.", 401)]
        if self.method in WRITING:
            found += [
                _sent("Retry-After", int, "Seconds to wait.", 429),
                _sent("X-RateLimit-Limit", int, "Writing requests that a minute has."),
                _sent("X-RateLimit-Remaining", int, "Those that are left of it."),
                _sent("X-RateLimit-Reset", int, "When it ends, in seconds since 1970."),
            ]
        if self._takes_key():
            found.append(IDEMPOTENCY_KEY)
            found.append(_sent("Idempotency-Replayed", bool, "Whether this was answered before."))
        return found

    def _takes_key(self) -> bool:
        return hasattr(getattr(self.view, self.method.lower(), None), "takes_key")

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        """Add a problem for each way in which the operation may be refused."""
        found = super()._get_response_bodies(direction)
        for status in self._refusals():
            answer = OpenApiResponse(Problem, description=REASONS[status])
            own = self._get_response_for_code(  # type: ignore[no-untyped-call]
                answer, str(status), [CONTENT_TYPE], direction
            )
            if str(status) in found:
                found[str(status)]["content"] |= own["content"]
            else:
                found[str(status)] = own
        return dict(sorted(found.items()))

    def _refusals(self) -> set[int]:
        refusals = {400, 401, 406}
        if "{" in self.path:
            refusals.add(404)
        if getattr(self.view, "members_only", False):
            refusals.add(403)
        if self.method in WRITING:
            refusals |= {403, 404, 409, 413, 429}
        if self.method in ("POST", "PATCH"):
            refusals.add(415)
        if self._takes_key():
            refusals.add(422)
        return refusals


def _one_of(words: str) -> str:
    irregular = {"activities": "activity", "aliases": "alias", "deliveries": "delivery"}
    return irregular.get(words, words.removesuffix("s"))


def _sent(name: str, kind: type, description: str, *statuses: int) -> OpenApiParameter:
    """Describe the header NAME of answers with STATUSES, or of all."""
    return OpenApiParameter(
        name,
        kind,
        location=OpenApiParameter.HEADER,
        description=description,
        response=list(statuses) or True,
    )


class Credentials(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Both spellings of a token."""

    target_class = "feeds.api.auth.CredentialAuthentication"
    name = ["basic", "bearer"]

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        basic = "A user name or e-mail, with a token or the password."
        return [
            {"type": "http", "scheme": "basic", "description": basic},
            {"type": "http", "scheme": "bearer", "description": "A token."},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        return [{"basic": []}, {"bearer": []}]


class Session(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The pages' own cookie."""

    target_class = "feeds.api.auth.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        cookie = "Who is signed in. What writes needs the header X-CSRFToken too."
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": cookie}


def own_paths(endpoints: Any) -> list[Any]:
    """Keep those of ENDPOINTS that are ours, and write them without the slash they may end in."""
    return [
        (path.rstrip("/"), regex, method, callback)
        for path, regex, method, callback in endpoints
        if path.startswith(PREFIX) and issubclass(callback.cls, Resource)
    ]


def forbid_other_fields(result: Any, **options: Any) -> Any:
    """Say in RESULT that bodies may hold nothing but what is named."""
    for name, shape in result["components"]["schemas"].items():
        if name.endswith("Request") and shape.get("type") == "object":
            shape["additionalProperties"] = False
    return result


@cache
def _text() -> bytes:
    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
    return json.dumps(generator.get_schema(request=None, public=True), indent=1).encode()


def _etag(request: HttpRequest) -> str:
    return f'"{hashlib.sha256(_text()).hexdigest()[:32]}"'


@require_safe
@condition(etag_func=_etag)
def document(request: HttpRequest) -> HttpResponse:
    """Answer the document; it tells nothing of this site, so everybody may have it."""
    return HttpResponse(_text(), content_type="application/json", headers={"Cache-Control": CACHED})
