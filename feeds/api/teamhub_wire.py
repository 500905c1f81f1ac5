"""How the TeamHub API answers: success and error bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from feeds.dialects.mapping import DialectError, Document, write_time

#: What stands in `error.code` beside each status.
CODES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    422: "invalid",
    429: "locked_out",
}

View = Callable[..., HttpResponse]


class Refused(Exception):
    """An answer that is no success; `fields` names what is wrong in the body or the query."""

    def __init__(
        self, status: int, message: str, *, fields: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.fields = dict(fields or {})
        super().__init__(message)

    @classmethod
    def of(cls, status: int, error: DialectError) -> Refused:
        """Refuse what a dialect could not read."""
        fields: dict[str, str] = {}
        for fault in error.faults:
            told = fields.get(fault.path)
            fields[fault.path] = f"{told}; {fault.message}" if told else fault.message
        return cls(status, str(error), fields=fields)


def respond(request: HttpRequest, views: Mapping[str, View], *parts: str) -> HttpResponse:
    """Answer REQUEST by the view of its method; what the view refuses becomes an error body."""
    view = views.get("GET" if request.method == "HEAD" else request.method or "")
    try:
        if view is None:
            raise Refused(405, f"{request.method} is not one of {', '.join(views)}")
        response = view(request, *parts)
    except Refused as refused:
        response = _refuse(_locked_out(request) or refused)
    if response.status_code == 405:
        response["Allow"] = ", ".join(views)
    return response


def succeed(event: Document, status: int = 200) -> HttpResponse:
    """Answer EVENT with the status and the time beside its own fields."""
    return JsonResponse({**stamp(status), **event}, status=status)


def stamp(status: int = 200) -> Document:
    """Return what the vendor merges into each object that it answers."""
    now = timezone.now().replace(microsecond=0)
    return {"api_status": status, "api_timestamp": write_time(now)}


def _refuse(refused: Refused) -> HttpResponse:
    error = {"code": CODES[refused.status], "message": str(refused), "fields": refused.fields}
    response = JsonResponse({**stamp(refused.status), "error": error}, status=refused.status)
    if refused.status == 401:
        response["WWW-Authenticate"] = 'hth realm="Pulseboard"'
    return response


def _locked_out(request: HttpRequest) -> Refused | None:
    """Refuse who guessed passwords too often; the page for people would be of no use here."""
    if not getattr(request, "axes_locked_out", False):
        return None
    request.axes_locked_out = False  # type: ignore[attr-defined]
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    return Refused(429, f"too many wrong passwords: try again in {minutes} minutes")
