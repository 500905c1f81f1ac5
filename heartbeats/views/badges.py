"""Badges: what a README may show of a heartbeat, to everybody who knows its badge key."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from heartbeats.badges import Badge, badge, shields
from heartbeats.models import Heartbeat

AGE = 30  # seconds that a badge may be kept
LETTER = 6.6  # pixels of a letter of the size 11, about
PADDING = 7  # pixels beside a text
LONGEST = 60  # letters of a label


@require_safe
@cache_control(public=True, max_age=AGE)
def show(request: HttpRequest, key: str, form: str) -> HttpResponse:
    """Answer a badge as a picture, or as JSON."""
    found = _badge(key)
    if form == "svg":
        return _open(HttpResponse(_draw(found), content_type="image/svg+xml"))
    return _open(JsonResponse(vars(found)))


@require_safe
@cache_control(public=True, max_age=AGE)
def endpoint(request: HttpRequest, key: str) -> HttpResponse:
    """Answer a badge as shields.io reads it."""
    return _open(JsonResponse(shields(_badge(key))))


def _badge(key: str) -> Badge:
    return badge(get_object_or_404(Heartbeat, badge_key=key))


def _open(response: HttpResponse) -> HttpResponse:
    """Let pages of other sites read RESPONSE."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _draw(found: Badge) -> str:
    """Draw a badge; the lengths of its texts are set, whatever the font of the reader."""
    words = "".join(one if one.isprintable() else " " for one in found.label)  # XML has no others
    label = words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
    left, right = (round(len(text) * LETTER) + 2 * PADDING for text in (label, found.message))
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" '
        'aria-label="{label}: {message}"><title>{label}: {message}</title>'
        '<clipPath id="r"><rect width="{width}" height="20" rx="3"/></clipPath>'
        '<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#444b57"/>'
        '<rect x="{left}" width="{right}" height="20" fill="{color}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" '
        'text-anchor="middle"><text x="{middle}" y="14" textLength="{inner}">{label}</text>'
        '<text x="{end}" y="14" textLength="{rest}">{message}</text></g></svg>',
        width=left + right, left=left, right=right, color=found.color, label=label,
        message=found.message, middle=left / 2, end=left + right / 2,
        inner=left - 2 * PADDING, rest=right - 2 * PADDING,
    )  # fmt: skip
