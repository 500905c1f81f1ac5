"""The secret ping addresses: `/ping/{uuid}`, which need no account.

Whatever comes is a ping: nothing that a program puts into the query or the body is an error. No
task is queued here, so pings are taken in while the broker is down.
"""

from __future__ import annotations

from uuid import UUID

from axes.helpers import get_client_ip_address
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from heartbeats import actions
from heartbeats.models import BODY_LIMIT, RUN_LENGTH, Ping

STATUS_LIMIT = 2**63 - 1  # exit statuses of any system are smaller


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ping(request: HttpRequest, key: str, word: str = "", status: str = "") -> HttpResponse:
    """Take in a ping: a plain one, start, fail, log, or an exit STATUS; 404 is no heartbeat."""
    now = timezone.now()
    exit_status = max(-STATUS_LIMIT, min(STATUS_LIMIT, int(status))) if status else None
    signal = actions.Signal(
        kind=Ping.Kind.EXIT if status else Ping.Kind(word or Ping.Kind.SUCCESS),
        exit_status=exit_status,
        run_id=actions.storable(_run(request), RUN_LENGTH),
        body=_body(request),
        method=request.method or "",
        remote_addr=address_of(request),
        user_agent=actions.storable(request.META.get("HTTP_USER_AGENT", ""), 200),
    )
    if not actions.ping(UUID(key), signal, now=now):
        return HttpResponse("no such heartbeat\n", status=404, content_type="text/plain")
    return HttpResponse("OK\n", content_type="text/plain")


def address_of(request: HttpRequest) -> str:
    """Return where REQUEST comes from, "" if nobody knows."""
    return str(get_client_ip_address(request) or "")[:45]


def _run(request: HttpRequest) -> str:
    try:
        return request.GET.get("rid", "")
    except SuspiciousOperation:  # more parameters than Django reads
        return ""


def _body(request: HttpRequest) -> str:
    """Return what came, cut at BODY_LIMIT bytes; a connection that broke sent what it sent."""
    try:
        sent = request.read(BODY_LIMIT)
    except (UnreadablePostError, OSError):
        sent = b""
    return actions.storable(sent.decode(errors="replace"), BODY_LIMIT)
