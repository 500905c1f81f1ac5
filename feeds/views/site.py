"""What admins set for the whole site: its name and ids, how long it keeps, how often it listens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from feeds import actions
from feeds.adminforms import LimitForm, RetentionForm, SiteForm
from feeds.models import Activity, Site
from feeds.views.access import admins, posted, posts

COUNTED = 100_000  # events that a shorter retention would delete; more are not counted


@never_cache
@admins
def site(request: HttpRequest) -> HttpResponse:
    """Show what senders need to know, and change the name and the cloudId."""
    current = _site()
    form = SiteForm(current, posted(request))
    if request.method == "POST" and form.is_valid():
        actions.change_site(form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("site")
    facts = {"site": current, "cloud_id": actions.cloud_id(), "site_url": settings.SITE_URL}
    return _page(request, "settings/site.html", form, **facts)


@admins
@posts
def company_key(request: HttpRequest) -> HttpResponse:
    """Give the site another company key."""
    actions.rotate_company_key()
    messages.success(request, "The company key is another now. Who sends the old one is refused.")
    return redirect("site")


@never_cache
@admins
def retention(request: HttpRequest) -> HttpResponse:
    """Say how long things are kept; what a shorter time would delete is told before."""
    form = RetentionForm(_site(), posted(request))
    if request.method == "POST" and form.is_valid():
        days = form.cleaned_data["retention_days"]
        gone = 0 if form.cleaned_data["sure"] else _older_than(days or settings.RETENTION.days)
        if not gone:
            actions.change_site({"retention_days": days})
            messages.success(request, f"Saved: {actions.retention().days} days.")
            return redirect("retention")
        count = f"More than {COUNTED:,}" if gone > COUNTED else f"{gone:,}"
        words = f"{count} events are older and would be deleted. Tick it to say that they may go."
        form.add_error("sure", words)
    facts = {"days": actions.retention().days, "audit_days": actions.AUDIT_KEPT.days}
    return _page(request, "settings/retention.html", form, **facts)


def _older_than(days: int) -> int:
    """Count the events that are older than DAYS, and would not go anyway, but not without end."""
    now = timezone.now()
    before = now - timedelta(days=days)
    kept = now - actions.retention()
    rows = Activity.objects.filter(
        occurred_at__gte=kept, occurred_at__lt=before, received_at__lt=before
    )
    return int(rows.order_by().values("pk")[: COUNTED + 1].count())


@never_cache
@admins
def limits(request: HttpRequest) -> HttpResponse:
    """Say how often a user may write."""
    form = LimitForm(_site(), posted(request))
    if request.method == "POST" and form.is_valid():
        actions.change_site(form.cleaned_data)
        messages.success(request, "Saved. Every process goes by it within seconds.")
        return redirect("limits")
    return _page(request, "settings/limits.html", form, limit=actions.rate_limit())


def _site() -> Site:
    """Return the site as it is in the database, not as this process remembers it."""
    actions.forget_site()
    return actions.site()


def _page(request: HttpRequest, template: str, form: Any, **context: Any) -> HttpResponse:
    status = 422 if request.method == "POST" else 200
    return render(request, template, {"form": form, **context}, status=status)
