"""What every operation of our own API keeps: strict JSON, counted writes, plain parameters."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from rest_framework import exceptions, permissions
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feeds.api.auth import NOT_VALID, caller_of
from feeds.dialects import strictjson
from feeds.filters import FilterError
from feeds.limits import Allowance, count
from feeds.models import Role

WRITERS = (Role.COMPOSER, Role.BOT, Role.ADMIN)
EVERYBODY = tuple(Role)


class StrictJSON(BaseParser):
    """JSON by the rules of strictjson; its DialectError becomes a problem."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return strictjson.decode(stream.read(), settings.EVENT_BODY_LIMIT)[1]


class Resource(APIView):
    """A view of our own API.

    `write_roles` may write; `members_only` is read by nobody else, whatever ANONYMOUS_READ says;
    `shows_secret` answers what must never be kept; `parameters` may stand in the query string of
    who reads, and `write_parameters` of who writes.
    """

    parser_classes = [StrictJSON]
    write_roles: tuple[Role, ...] = (Role.ADMIN,)
    members_only = False
    shows_secret = False
    body_limit = settings.EVENT_BODY_LIMIT
    parameters: ClassVar[tuple[str, ...]] = ()
    write_parameters: ClassVar[tuple[str, ...]] = ()
    allowance: Allowance | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authorise REQUEST, count it if it writes, and refuse what it cannot mean."""
        super().initial(request, *args, **kwargs)
        allowed = self.parameters
        if request.method not in permissions.SAFE_METHODS:
            self._count(request)
            strictjson.check_size(_size(request), self.body_limit)
            allowed = self.write_parameters
        for name in request.query_params:
            if name not in allowed:
                known = ", ".join(allowed) or "none"
                raise FilterError(name, f"is not a parameter of this address; it has: {known}")

    def _count(self, request: Request) -> None:
        self.allowance = count(caller_of(request).sender)
        if self.allowance is None:
            raise exceptions.AuthenticationFailed(NOT_VALID)
        if self.allowance.exceeded:
            most = self.allowance.limit
            raise exceptions.Throttled(
                detail=f"only {most} requests per user per minute are allowed"
            )

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Tell who writes what is left of its minute."""
        found = super().finalize_response(request, response, *args, **kwargs)
        return self.allowance.mark(found) if self.allowance else found


def _size(request: Request) -> int:
    """Return how many bytes REQUEST says that its body has; one that comes in chunks does not."""
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        return 0
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0
