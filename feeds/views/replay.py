"""Send many letters again, behind a plan that says what will happen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from feeds import actions
from feeds.models import Role, User
from feeds.outboxforms import ReplayForm
from feeds.views.access import members, person

TYPED_OVER = 100  # letters: over that, who sends them again types how many they are
WITHIN = timedelta(seconds=1.2)  # of one POST; what does not fit in stays in the plan


@members
def page(request: HttpRequest) -> HttpResponse:
    """Show the plan for the letters that the address names; a POST sends exactly these."""
    user = person(request)
    try:
        return _send(request, user) if request.method == "POST" else _plan(request, user)
    except actions.Forbidden as error:
        raise PermissionDenied(f"{error}.") from None


def _plan(request: HttpRequest, user: User, *, fault: str = "", status: int = 200) -> HttpResponse:
    form = ReplayForm(request.POST if request.method == "POST" else request.GET)
    context: dict[str, Any] = {"form": form, "fault": fault, "typed_over": TYPED_OVER}
    if form.is_valid():
        role = Role(user.role)
        context["chosen"] = form.cleaned_data
        context["plan"] = actions.plan_replay(_choice(form), by=user, role=role)
        context["own"] = role != Role.ADMIN
    elif status == 200:
        status = 400
    return render(request, "outbox/replay.html", context, status=status)


def _choice(form: ReplayForm) -> actions.Choice:
    return actions.Choice(**form.cleaned_data)


def _send(request: HttpRequest, user: User) -> HttpResponse:
    form, role = ReplayForm(request.POST), Role(user.role)
    if not form.is_valid():
        return _plan(request, user, status=422)
    choice = _choice(form)
    count = actions.count_replay(choice, by=user, role=role)
    if count > TYPED_OVER and request.POST.get("typed", "").strip() != str(count):
        fault = f"Type {count}, the number of letters, to send them again."
        return _plan(request, user, fault=fault, status=422)
    done = actions.replay(choice, by=user, role=role, within=WITHIN)
    if done.left:
        words = f"{done.sent} letters go again; {done.left} of the plan are left: send them too."
        messages.info(request, words)
        return redirect(f"{reverse('replay')}?{urlencode(_again(choice))}")
    plural = "letter goes" if done.sent == 1 else "letters go"
    messages.success(request, f"{done.sent} {plural} again.")
    return redirect("outbox")


def _again(choice: actions.Choice) -> dict[str, str]:
    """Return the parameters of the page that shows what is left of the plan for CHOICE."""
    asked = {"state": choice.state, "until": choice.until.isoformat()}
    if choice.since:
        asked["since"] = choice.since.isoformat()
    if choice.connection:
        asked["connection"] = str(choice.connection.uuid)
    return asked
