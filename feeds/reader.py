"""Who reads a page, and how: in which time zone, how densely; addresses, forms and the API stay
with UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from feeds.models import Density, User

#: Where the pages are; whatever else answers, such as the API, knows UTC alone.
PAGES = ("feeds.views.", "heartbeats.views.")
HEALTH = "feeds.views.health"  # answers also where there is no database to ask for a user

TIME, MINUTE, SECOND = "%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"


class ReadersZone:
    """Show the moments of a page in the time zone of who has signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Set the zone where VIEW shows a page."""
        if not view.__module__.startswith(PAGES) or view.__module__ == HEALTH:
            return
        if isinstance(request.user, User):
            timezone.activate(request.user.zone)


def local(moment: datetime) -> datetime:
    """Return MOMENT on the reader's clock; at the ends of time as it is."""
    try:
        return timezone.localtime(moment)
    except OverflowError:
        return moment


def stamp(moment: datetime, to: str = SECOND) -> str:
    """Write MOMENT on the reader's clock, with the name of the zone: an hour that comes twice in
    autumn is told apart by it."""
    return f"{local(moment):{to} %Z}"


def density_of(request: HttpRequest) -> str:
    """Return how much room rows take for who sends REQUEST; strangers keep it in a cookie."""
    user = getattr(request, "user", None)  # a request that is refused early has none
    if isinstance(user, User):
        return user.density
    chosen = request.COOKIES.get("density", "")
    return chosen if chosen in Density.values else Density.COZY.value


def collapses(request: HttpRequest) -> bool:
    """Tell whether adjacent repeats become one row for who sends REQUEST; the address may say."""
    if asked := request.GET.get("collapse", ""):
        return asked != "off"
    return not isinstance(request.user, User) or request.user.collapse


class UtcField(forms.DateTimeField):
    """A date and a time in UTC, whatever the reader's zone: what its label says."""

    def prepare_value(self, value: Any) -> Any:
        with timezone.override(UTC):
            return super().prepare_value(value)

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            return super().to_python(value)
