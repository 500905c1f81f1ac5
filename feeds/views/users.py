"""Users and their roles, for admins: find, invite, change and shut out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.core.paginator import Paginator
from django.db.models import Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.views.decorators.cache import never_cache

from feeds import actions
from feeds.adminforms import NewUserForm, UserForm
from feeds.forms import TokenForm
from feeds.models import Role, User
from feeds.views.access import admins, posted, posts
from feeds.views.components import refuse

PER_PAGE = 50  # users


@admins
def index(request: HttpRequest) -> HttpResponse:
    """List users, by name, role and whether they may come in."""
    text, role = request.GET.get("q", "").strip().replace("\x00", ""), request.GET.get("role", "")
    rows = User.objects.order_by("username").annotate(token_used=Max("tokens__last_used_at"))
    if text:
        words = Q(username__icontains=text) | Q(name__icontains=text) | Q(email__icontains=text)
        rows = rows.filter(words)
    if role in Role.values:
        rows = rows.filter(role=role)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "q": text, "role": role, "roles": Role.choices}
    return render(request, "settings/users.html", context)


@never_cache
@admins
def create(request: HttpRequest) -> HttpResponse:
    """Make a user; the answer to a good POST is the user's page, with the link to send them."""
    form = NewUserForm(posted(request))
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        entrance, role = given.pop("entrance"), Role(given.pop("role"))
        try:
            user = actions.create_user(given.pop("username"), role=role, **given)
        except actions.Conflict as error:
            refuse(form, error)
        else:
            link = _invitation(user) if entrance == "link" else ""
            return _show(request, user, UserForm(user), link=link, status=201)
    status = 422 if request.method == "POST" else 200
    return render(request, "settings/user_new.html", {"form": form}, status=status)


@never_cache
@admins
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a user, and change name, e-mail and role."""
    user = get_object_or_404(User, pk=pk)
    form = UserForm(user, posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_user(user, form.cleaned_data)
        except actions.Conflict as error:
            refuse(form, error)
        else:
            messages.success(request, f"{user.username} is changed.")
            return redirect("user", user.pk)
    return _show(request, user, form, status=422 if request.method == "POST" else 200)


@admins
@posts
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Shut a user out with all of its tokens, or let it in again."""
    user = get_object_or_404(User, pk=pk)
    wanted = request.POST.get("active") == "1"
    try:
        actions.change_user(user, {"is_active": wanted})
    except actions.Conflict as error:
        messages.error(request, f"{error}.")
    else:
        said = "may come in again" if wanted else "can no longer come in; nor can its tokens"
        messages.success(request, f"{user.username} {said}.")
    return redirect("user", user.pk)


@never_cache
@admins
@posts
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link with which a user sets a password, and show it once."""
    user = get_object_or_404(User, pk=pk, is_active=True)
    return _show(request, user, UserForm(user), link=_invitation(user), status=201)


@never_cache
@admins
@posts
def token(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a token for a user, a program above all, and show it once."""
    user = get_object_or_404(User, pk=pk, is_active=True)
    made = TokenForm(user, request.POST)
    if not made.is_valid():
        return _show(request, user, UserForm(user), token_form=made, status=422)
    role = Role(made.cleaned_data["role"])
    secret = actions.create_token(user, role=role, name=made.cleaned_data["name"])
    return _show(request, user, UserForm(user), secret=secret, status=201)


def _invitation(user: User) -> str:
    """Return where USER sets a password, once and within PASSWORD_RESET_TIMEOUT."""
    who = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("invitation", args=[who, default_token_generator.make_token(user)])
    return settings.SITE_URL + path


def _show(request: HttpRequest, user: User, form: Any, **context: Any) -> HttpResponse:
    status = context.pop("status")
    hours = settings.PASSWORD_RESET_TIMEOUT // 3600
    tokens = user.tokens.order_by("revoked_at", "-id")[:PER_PAGE]
    known = {"person": user, "form": form, "hours": hours, "tokens": tokens, **context}
    known.setdefault("token_form", TokenForm(user))
    known["token_form"].auto_id = "token_%s"  # both forms of the page ask for a name and a role
    return render(request, "settings/user.html", known, status=status)


class Invitation(PasswordResetConfirmView):
    """Where somebody who was sent a link sets a password."""

    template_name = "registration/invitation.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the password, and say so in the audit log."""
        response = super().form_valid(form)
        actions.note_password(form.user)
        messages.success(self.request, "Your password is set. Sign in with it.")
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form again, with 422."""
        return self.render_to_response(self.get_context_data(form=form), status=422)
