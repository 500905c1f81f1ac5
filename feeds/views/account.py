"""Signing in and out, one's own settings, and tokens."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import LoginView, LogoutView
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from feeds import actions
from feeds.forms import PasswordForm, PreferencesForm, SignInForm, TokenForm
from feeds.models import ApiToken, Role, User
from feeds.views.access import manages, members, not_posted, person, posted, posts

PER_PAGE = 100  # tokens
UNUSED = timedelta(days=90)  # after which one asks whether a token is still wanted
LOG_LENGTH = 100  # refused and ignored bodies


class SignIn(LoginView):
    """The one page that everybody may open."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form again, with 422."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SignOut(LogoutView):
    """Only by POST, so that no link or image can sign anybody out."""

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return not_posted(request)


@members
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show one's settings section by section, and change the password."""
    user = person(request)
    form = PasswordForm(user, posted(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        update_session_auth_hash(request, user)
        messages.success(request, "Your password is changed.")
        return redirect("settings")
    return _settings(request, password=form)


@members
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep how one wants to read."""
    if request.method != "POST":
        return redirect("settings")
    user = person(request)
    form = PreferencesForm(user, request.POST)
    if not form.is_valid():
        return _settings(request, preferences=form)
    actions.prefer(user, form.cleaned_data)
    messages.success(request, "Your preferences are kept, on all your devices.")
    return redirect("settings")


def _settings(request: HttpRequest, **forms: Any) -> HttpResponse:
    """Show the page of settings, each section with its form; with what is wrong in one of FORMS."""
    user = person(request)
    context: dict[str, Any] = {
        "role": Role(user.role).label,
        "password": PasswordForm(user),
        "preferences": PreferencesForm(user),
        "zones": sorted(available_timezones()),
        **forms,
    }
    if manages(request):
        context |= {"site": actions.site(), "cloud_id": actions.cloud_id()}
        context["site_url"] = settings.SITE_URL
    status = 422 if request.method == "POST" else 200
    return render(request, "account/settings.html", context, status=status)


@never_cache
@members
def tokens(request: HttpRequest) -> HttpResponse:
    """List tokens and make one.

    The answer to a good POST is the page itself and no redirect: its secret is shown once, and
    must be kept nowhere in between.
    """
    user = person(request)
    form = TokenForm(user, posted(request))
    context: dict[str, Any] = {"form": form, "manages": manages(request)}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            role = Role(form.cleaned_data["role"])
            secret = actions.create_token(user, role=role, name=form.cleaned_data["name"])
            context |= {
                "secret": secret,
                "curl": _curl(user, role, secret),
                "form": TokenForm(user),
            }
            status = 201
    unused = "unused" in request.GET
    rows = _unused(_tokens(request)) if unused else _tokens(request)
    if text := request.GET.get("q", "").strip().replace("\x00", ""):
        rows = rows.filter(Q(name__icontains=text) | Q(user__username__icontains=text))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context |= {"page": page, "q": text, "unused": unused, "unused_days": UNUSED.days}
    return render(request, "account/tokens.html", context, status=status)


def _tokens(request: HttpRequest) -> QuerySet[ApiToken]:
    """Return the tokens that the person may see: their own, and to admins all."""
    rows = ApiToken.objects.select_related("user").order_by("-created_at", "-id")
    return rows if manages(request) else rows.filter(user=person(request))


def _unused(rows: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    """Return those of ROWS that still let somebody in, and that nobody used of late."""
    before = timezone.now() - UNUSED
    silent = Q(last_used_at__lt=before) | Q(last_used_at=None, created_at__lt=before)
    return rows.filter(silent, revoked_at=None)


def _curl(user: User, role: Role, secret: str) -> str:
    """Write a command that works at once: it sends an event, or reads the feed."""
    if not role.writes:
        return f"curl -H 'Authorization: Bearer {secret}' {settings.SITE_URL}/api/v1/activities"
    login = (user.email or user.username).replace("'", "'\\''")
    return (
        f"curl -u '{login}:{secret}' -H 'Content-Type: application/json' \\\n"
        f"  {settings.SITE_URL}/gateway/api/compass/v1/events \\\n"
        f"  -d '{json.dumps(example(actions.cloud_id()))}'"
    )


def example(cloud_id: str) -> dict[str, Any]:
    """Return an event that needs nothing set up: pull requests make their source themselves."""
    properties = {
        "id": "1",
        "repoUrl": "https://git.example.com/team/hello",
        "pullRequestUrl": "https://git.example.com/team/hello/pull/1",
        "status": "CREATED",
    }
    moment = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {"pullRequest": {"lastUpdated": moment, "pullRequestProperties": properties}}
    return {"cloudId": cloud_id, "event": event}


@members
def token(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a token and the bodies that came with it and changed nothing."""
    found = get_object_or_404(_tokens(request), pk=pk)
    log = found.refusals.select_related("source")[:LOG_LENGTH]
    return render(request, "account/token.html", {"token": found, "log": log})


@members
@posts
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token."""
    found = get_object_or_404(_tokens(request), pk=pk)
    actions.revoke_token(found)
    messages.success(request, f"The token {found.name or found.prefix} is revoked.")
    return redirect("tokens")
