"""Heartbeats of Atlassian Compass: `/compass/cloud/{cloudId}/ops/v1/teams/{teamId}/heartbeats`.

The same views answer at all addresses that its clients use. There is no address of one heartbeat:
the query parameter `name` is the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from feeds import actions as feed
from feeds import limits
from feeds.api import auth
from feeds.dialects import strictjson
from feeds.dialects.mapping import DialectError
from feeds.models import KEY_LENGTH
from heartbeats import actions, shape
from heartbeats.access import may_use
from heartbeats.models import Heartbeat, Team
from heartbeats.pings import address_of

SIZE, LARGEST_SIZE = 20, 100  # heartbeats of a page
PONG = {"message": "PONG - Heartbeat received"}
PING_METHODS = ("POST", "GET", "PUT", "PATCH", "HEAD")
STATUS_OF: dict[type[feed.ActionError], tuple[int, str]] = {
    feed.Conflict: (422, "HEARTBEAT_ALREADY_EXISTS"),
    feed.SourceLimitReached: (422, "VALIDATION_ERROR"),
    actions.HeartbeatUnknown: (404, "HEARTBEAT_NOT_FOUND"),
}


class Refused(Exception):
    """A request that is answered with an error; the titles are sentences."""

    def __init__(self, status: int, code: str, *titles: str) -> None:
        self.status, self.code, self.titles = status, code, titles
        super().__init__(code)


View = Callable[[HttpRequest, auth.Caller, str], HttpResponse]
Entry = Callable[..., HttpResponse]


def _entered(view: View) -> Entry:
    """Let in who has credentials, and answer in the vendor's words what goes wrong."""

    @csrf_exempt
    @wraps(view)
    def entry(request: HttpRequest, team: str, cloud: str = "") -> HttpResponse:
        try:
            return view(request, auth.remembered(request), team)
        except auth.BadCredentials as error:
            return _unauthorized(str(error))
        except Refused as error:
            return _refuse(error.status, error.code, error.titles)
        except feed.ActionError as error:
            status, code = STATUS_OF[type(error)]
            return _refuse(status, code, [_sentence(str(error))])

    return entry


@_entered
def heartbeats(request: HttpRequest, caller: auth.Caller, identifier: str) -> HttpResponse:
    """List, make, change and delete the heartbeats of a team."""
    serve = {"GET": _list, "HEAD": _list, "POST": _create, "PATCH": _change, "DELETE": _delete}
    if request.method not in serve:
        return _not_allowed(serve)
    allowance = limits.count(caller.sender)
    if allowance is None:
        return _unauthorized(auth.NOT_VALID)
    if allowance.exceeded:
        title = f"More than {allowance.limit} requests in a minute."
        return allowance.mark(_refuse(429, "TOO_MANY_REQUESTS", [title]))
    try:
        team = _team(caller, identifier, writes=serve[request.method] is not _list)
        return allowance.mark(serve[request.method](request, team, identifier))
    except Refused as error:
        return allowance.mark(_refuse(error.status, error.code, error.titles))


@_entered
def ping(request: HttpRequest, caller: auth.Caller, identifier: str) -> HttpResponse:
    """Take in a sign of life: 202 whatever the body is, and whether the name exists or not.

    Pings are not counted by the rate limit: one that is refused would be an outage that was none.
    """
    if request.method not in PING_METHODS:
        return _not_allowed(PING_METHODS)
    now = timezone.now()
    _check_role(caller)
    name = _name(request)
    signal = actions.Signal(
        method=request.method or "",
        remote_addr=address_of(request),
        user_agent=actions.storable(request.META.get("HTTP_USER_AGENT", ""), 200),
    )
    if not name or "\x00" in name + identifier:
        found: bool | None = False if limits.count(caller.sender, limited=False) else None
    else:
        found = actions.ping_named(caller.sender, caller.role, identifier, name, signal, now=now)
    if found is None:
        return _unauthorized(auth.NOT_VALID)
    if not found:
        _team(caller, identifier, writes=True)  # a stranger's is refused
    return JsonResponse(PONG, status=202)


def _list(request: HttpRequest, team: Team | None, identifier: str) -> HttpResponse:
    offset = _whole(request, "offset", 0, 0, 2**31 - 1)
    size = _whole(request, "size", SIZE, 1, LARGEST_SIZE)
    rows = Heartbeat.objects.filter(team=team).select_related("team").order_by("id")
    name = _name(request)
    if name:
        rows = rows.filter(name=name) if "\x00" not in name else rows.none()
    found = list(rows[offset : offset + size + 1]) if team else []
    links = {}
    if len(found) > size:
        query = {"name": name} if name else {}
        query |= {"offset": str(offset + size), "size": str(size)}
        links["next"] = f"/v1/teams/{identifier}/heartbeats?{urlencode(query)}"
    return JsonResponse({"values": [shape.write(beat) for beat in found[:size]], "links": links})


def _create(request: HttpRequest, team: Team | None, identifier: str) -> HttpResponse:
    fields = _read(request, shape.read_new)
    if team is None and (len(identifier) > KEY_LENGTH or "\x00" in identifier):
        title = f"teamId must not be longer than {KEY_LENGTH} characters, nor hold NUL."
        raise Refused(422, "VALIDATION_ERROR", title)
    team = team or actions.ensure_team(identifier)
    beat = actions.create_heartbeat(team, **fields, now=timezone.now())
    return _written(beat)


def _change(request: HttpRequest, team: Team | None, identifier: str) -> HttpResponse:
    beat = _find(request, team)
    fields = _read(request, lambda document: shape.read_change(document, beat))
    changed = actions.change_heartbeat(beat, fields, now=timezone.now())
    return _written(changed)


def _delete(request: HttpRequest, team: Team | None, identifier: str) -> HttpResponse:
    actions.delete_heartbeat(_find(request, team), now=timezone.now())
    return HttpResponse(status=204)


# ---- parts of a request


def _team(caller: auth.Caller, identifier: str, *, writes: bool) -> Team | None:
    """Return the team IDENTIFIER, None if there is none; raises Refused for a stranger."""
    if writes:
        _check_role(caller)
    rows = Team.objects.filter(identifier=identifier)
    team = rows.first() if "\x00" not in identifier else None
    if not may_use(team, user=caller.user, role=caller.role):
        raise Refused(403, "TEAM_FORBIDDEN", "The heartbeats are those of a team you are not in.")
    return team


def _check_role(caller: auth.Caller) -> None:
    if not caller.role.writes:
        title = f"A {caller.role.value} may not change or ping heartbeats."
        raise Refused(403, "PERMISSION_DENIED", title)


def _name(request: HttpRequest) -> str:
    return request.GET.get("name") or request.GET.get("heartbeatName") or ""


def _find(request: HttpRequest, team: Team | None) -> Heartbeat:
    name = _name(request)
    if not name:
        raise Refused(400, "NAME_REQUIRED", "The query parameter name is required.")
    rows = Heartbeat.objects.select_related("team").filter(team=team, name=name)
    beat = rows.first() if team and "\x00" not in name else None
    if beat is None:
        raise actions.HeartbeatUnknown(f"there is no heartbeat {name!r} in this team")
    return beat


def _whole(request: HttpRequest, name: str, default: int, least: int, most: int) -> int:
    text = request.GET.get(name, "")
    if not text:
        return default
    if text.isascii() and text.isdecimal() and len(text) <= 10 and least <= int(text) <= most:
        return int(text)
    title = f"{name} must be a whole number from {least} to {most}."
    raise Refused(422, "VALIDATION_ERROR", title)


def _read(request: HttpRequest, read: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    body = request.read(settings.EVENT_BODY_LIMIT + 1)
    try:
        return read(strictjson.decode(body, settings.EVENT_BODY_LIMIT)[1])
    except DialectError as error:
        large = error.faults[0].rule == "too_large"
        status, code = (413, "BODY_TOO_LARGE") if large else (400, "MALFORMED_JSON")
        raise Refused(status, code, _sentence(f"the {error.faults[0]}")) from None
    except shape.Malformed as error:
        status, code = (400, "NAME_REQUIRED") if error.nameless else (422, "VALIDATION_ERROR")
        raise Refused(status, code, *error.faults) from None


# ---- answers


def _written(beat: Heartbeat) -> HttpResponse:
    """Answer the object, and beside it the secret address that pings it without an account."""
    answer = JsonResponse(shape.write(beat), status=201)
    answer["X-Pulseboard-Ping"] = settings.SITE_URL + reverse(
        "heartbeat-ping", args=[beat.ping_key]
    )
    return answer


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _refuse(status: int, code: str, titles: Sequence[str]) -> HttpResponse:
    errors = [{"title": title, "code": code} for title in titles]
    return JsonResponse({"errors": errors}, status=status)


def _unauthorized(message: str) -> HttpResponse:
    answer = JsonResponse({"code": 401, "message": message}, status=401)
    answer["WWW-Authenticate"] = auth.REALM
    return answer


def _not_allowed(methods: Sequence[str] | dict[str, Any]) -> HttpResponse:
    answer = _refuse(405, "METHOD_NOT_ALLOWED", [f"Only {', '.join(methods)} may be sent here."])
    answer["Allow"] = ", ".join(methods)
    return answer
