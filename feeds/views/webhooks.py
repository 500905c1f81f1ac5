"""Webhooks that code hosts call: make them, see what they delivered, end them."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from feeds import actions
from feeds.dialects.registry import WEBHOOKS
from feeds.forms import WebhookForm
from feeds.models import Webhook
from feeds.views.access import admins, person, posted, posts

WEBHOOKS_SHOWN = 200


@never_cache
@admins
def index(request: HttpRequest) -> HttpResponse:
    """List webhooks and make one.

    The answer to a good POST is the new webhook's page and no redirect: its secret is shown once,
    and must be kept nowhere in between.
    """
    form = WebhookForm(posted(request))
    if request.method == "POST" and form.is_valid():
        webhook, secret = actions.create_webhook(**form.cleaned_data, user=person(request))
        return _show(request, webhook, secret, status=201)
    rows = Webhook.objects.select_related("component").annotate(
        last_call=Max("deliveries__received_at")
    )
    context = {"form": form, "webhooks": rows[:WEBHOOKS_SHOWN]}
    status = 422 if request.method == "POST" else 200
    return render(request, "hooks/index.html", context, status=status)


@never_cache
@admins
def show(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Show a webhook, its address, and what it delivered."""
    return _show(request, get_object_or_404(Webhook, uuid=identity))


@never_cache
@admins
@posts
def rotate(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Give a webhook another secret, and show it once."""
    webhook = get_object_or_404(Webhook, uuid=identity)
    return _show(request, webhook, actions.rotate_secret(webhook))


@admins
@posts
def revoke(request: HttpRequest, identity: UUID) -> HttpResponse:
    """End a webhook; its log stays."""
    webhook = get_object_or_404(Webhook, uuid=identity)
    actions.revoke_webhook(webhook)
    messages.success(request, f"The webhook {webhook} is revoked.")
    return redirect(webhook)


@admins
def delete(request: HttpRequest, identity: UUID) -> HttpResponse:
    """Ask, then delete a webhook with its log."""
    webhook = get_object_or_404(Webhook, uuid=identity)
    if request.method == "POST":
        actions.delete_webhook(webhook)
        messages.success(request, f"The webhook {webhook} is deleted. Its events stay.")
        return redirect("webhooks")
    return render(request, "hooks/delete.html", {"webhook": webhook})


def _show(
    request: HttpRequest, webhook: Webhook, secret: str = "", *, status: int = 200
) -> HttpResponse:
    """Draw the page of WEBHOOK, with its SECRET if it was made just now."""
    dialect = WEBHOOKS.get(webhook.dialect)
    context = {
        "webhook": webhook,
        "secret": secret,
        "address": settings.SITE_URL + reverse("hook", args=[webhook.token]),
        "steps": dialect.STEPS if dialect else (),
        "deliveries": webhook.deliveries.all(),
    }
    return render(request, "hooks/show.html", context, status=status)
