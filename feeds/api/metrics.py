"""`GET /metrics`: what Prometheus may want to know, for anybody who may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.conf import settings
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from feeds import actions
from feeds.api import auth
from feeds.metrics import CONTENT_TYPE, Family, render
from feeds.models import Activity, Delivery, Refusal

Source = Callable[[], Iterable[Family]]


@require_safe
def metrics(request: HttpRequest, sources: Sequence[Source] = ()) -> HttpResponse:
    """Answer our own numbers and those of SOURCES."""
    try:
        known = settings.ANONYMOUS_READ or request.user.is_authenticated or auth.identify(request)
        reason = "" if known else "Authorization: is required"
    except auth.BadCredentials as error:
        reason = str(error)
    if reason:
        answer = HttpResponse(f"{reason}\n", status=401, content_type="text/plain")
        answer["WWW-Authenticate"] = auth.REALM
        return answer
    families = [family for source in (own, *sources) for family in source()]
    return HttpResponse(render(families), content_type=CONTENT_TYPE)


def own() -> Iterable[Family]:
    """Count letters to upstreams and what came in."""
    counted = Delivery.objects.order_by().values_list("state").annotate(Count("id"))
    yield Family(
        "pulseboard_deliveries",
        "gauge",
        "Letters to upstreams by how far they came.",
        dict.fromkeys(Delivery.State.values, 0) | dict(counted),
        "state",
    )
    # counting millions of rows would take a second; ids go up by one or more with each
    yield Family(
        "pulseboard_activities_total",
        "counter",
        "Highest number that an activity got: it rises with each that comes in.",
        {"": _highest(Activity)},
    )
    yield Family(
        "pulseboard_refusals_total",
        "counter",
        "Highest number that a refused or ignored body got.",
        {"": _highest(Refusal)},
    )
    yield Family(
        "pulseboard_last_sign_timestamp_seconds",
        "gauge",
        "When a process last showed that it works, in seconds since 1970; 0: never.",
        {process: at.timestamp() if at else 0 for process, at in actions.last_signs().items()},
        "process",
    )


def _highest(model: type[Activity] | type[Refusal]) -> int:
    return model._default_manager.aggregate(highest=Max("id"))["highest"] or 0
