"""The audit log: who changed what."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from feeds.adminforms import AuditFilterForm
from feeds.models import AuditEntry
from feeds.views.access import admins

PAGE_SIZE = 50  # entries


@admins
def index(request: HttpRequest) -> HttpResponse:
    """List what was changed, the newest first, from where the last page ended."""
    form = AuditFilterForm(request.GET)
    if not form.is_valid():
        return render(request, "settings/audit.html", {"form": form}, status=400)
    wanted = form.cleaned_data
    rows = _chosen(wanted)
    if wanted["before"]:
        rows = rows.filter(pk__lt=wanted["before"])
    found = list(rows.order_by("-id")[: PAGE_SIZE + 1])
    older = None
    if len(found) > PAGE_SIZE:
        parameters = request.GET.copy()
        parameters["before"] = str(found[PAGE_SIZE - 1].pk)
        older = f"?{parameters.urlencode()}"
    filtered = any(value for name, value in wanted.items())
    context = {"form": form, "entries": found[:PAGE_SIZE], "older": older, "filtered": filtered}
    return render(request, "settings/audit.html", context)


def _chosen(wanted: dict[str, Any]) -> QuerySet[AuditEntry]:
    """Return the entries that the filters let through; until is the last day that is included."""
    rows: QuerySet[AuditEntry] = AuditEntry.objects.about(wanted["q"])
    same = {name: wanted[name] for name in ("kind", "verb") if wanted[name]}
    if wanted["since"]:
        same["at__gte"] = datetime.combine(wanted["since"], time(), UTC)
    if wanted["until"]:
        same["at__lt"] = datetime.combine(wanted["until"] + timedelta(days=1), time(), UTC)
    return rows.filter(**same)
