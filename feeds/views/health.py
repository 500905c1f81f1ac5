"""Whether the process lives, and whether it can work."""

import os

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from feeds import actions
from feeds.celery import app
from feeds.dialects.mapping import write_time
from feeds.models import Sign

BROKER_PATIENCE = 2  # seconds


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process lives."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database and the broker answer, else 503 with the reasons.

    Whether a worker and beat show signs of life is told beside it, and decides nothing: events are
    taken in without them, and a proxy that turned away would lose those too.
    """
    checks = {"database": _database(), "broker": _broker()}
    ready = all(reason == "ok" for reason in checks.values())
    others = _others() if checks["database"] == "ok" else {}
    return JsonResponse({"ready": ready, **checks, **others}, status=200 if ready else 503)


def _others() -> dict[str, str]:
    """Say of each process that must run beside this one whether it does."""
    try:
        missing = actions.silent(now=timezone.now())
    except DatabaseError as error:  # one that is not migrated yet
        return dict.fromkeys(Sign.Process.values, str(error).strip())
    said = dict.fromkeys(Sign.Process.values, "ok")
    for process, at in missing.items():
        since = f"since {write_time(at.replace(microsecond=0))}" if at else "yet"
        said[process] = f"no sign {since}"
    return said


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return str(error).strip()
    return "ok"


def _broker() -> str:
    folder = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("data_folder_in")
    if folder and not os.access(folder, os.W_OK):
        return f"cannot write to {folder}"
    try:
        # Redis's client would wait for ever on a host that takes connections and says nothing.
        patience = {"socket_timeout": BROKER_PATIENCE} if "redis" in app.conf.broker_url else {}
        with app.connection_for_write(
            connect_timeout=BROKER_PATIENCE, transport_options=patience
        ) as link:
            link.ensure_connection(max_retries=0, timeout=BROKER_PATIENCE)
            with link.channel():
                return "ok"
    except Exception as error:  # each transport has errors of its own, and all mean "not ready"
        return str(error) or type(error).__name__
