"""Atlassian Activity Streams: third-party activities over REST, `/rest/activities/1.0/`."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from feeds import actions, fastlane, richtext
from feeds.api import auth
from feeds.dialects import streams, strictjson
from feeds.dialects.mapping import DialectError, Document, Draft, key, read_time
from feeds.models import Activity, User

MEDIA_TYPE = "application/vnd.atl.streams.thirdparty+json"
READ_TYPES = {MEDIA_TYPE, "application/json"}
ROOT = "/rest/activities/1.0/"
PAGE_SIZE = 10  # the vendor's default
PAGE_LIMIT = 1000  # as in the vendor's Atom feed
ERRORS = {
    400: "invalid activity entry",
    401: "authentication is required",
    403: "not permitted",
    413: "invalid activity entry",
    415: "unsupported media type",
    503: "try again",
}


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def activities(request: HttpRequest) -> HttpResponse:
    """List the activities, newest first, or take one in."""
    return _post(request) if request.method == "POST" else _list(request)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "DELETE"])
def activity(request: HttpRequest, number: str) -> HttpResponse:
    """Answer one activity by our number, or delete it."""
    try:
        caller = _caller(request)
    except auth.BadCredentials as error:
        return _refuse(401, str(error))
    found = _find(number)
    if found is None:
        return HttpResponse(status=404)
    answer = _answer(request, found.columns(), found.pk)
    if request.method == "DELETE":
        try:
            _delete(found, caller)
        except actions.Forbidden as error:
            return _refuse(403, str(error))
    return answer


def _caller(request: HttpRequest) -> auth.Caller | None:
    """Return who asks, None for nobody where nobody needs to be; raises BadCredentials."""
    caller = auth.identify(request)
    if caller is None and not (settings.ANONYMOUS_READ and request.method in {"GET", "HEAD"}):
        raise auth.BadCredentials("Authorization: is required")
    return caller


def _find(number: str) -> Activity | None:
    if not re.fullmatch(r"[0-9]{1,19}", number):
        return None
    rows = Activity.objects.select_related("source")
    return rows.filter(dialect=streams.DIALECT, pk=int(number)).first()


def _delete(found: Activity, caller: auth.Caller | None) -> None:
    if caller is None or not caller.role.writes:
        raise actions.Forbidden("a viewer may not delete activities")
    actions.delete_activity(found, by=caller.user, role=caller.role)


# ---- one activity in


@dataclass
class Entry:
    """The body of one activity, read as far as it can be."""

    body: bytes
    document: Any = None
    draft: Draft | None = None
    status: int = 0  # if there is no draft
    reason: str = ""


def _post(request: HttpRequest) -> HttpResponse:
    try:
        caller = auth.remembered(request)
    except auth.BadCredentials as error:
        return _refuse(401, str(error))
    if not caller.role.writes:
        return _refuse(403, f"a {caller.role.value} may not post activities")
    entry = _read(request, caller)
    passage = fastlane.take(caller.sender, entry.draft, limited=False)
    if passage.allowance is None:
        return _refuse(401, auth.NOT_VALID)
    if entry.draft is None:
        _log(caller, entry)
        return _refuse(entry.status, entry.reason)
    try:
        recorded = passage.recorded or actions.record(caller.sender, entry.draft)
    except actions.ActionError as error:  # its source was deleted at this moment
        return _refuse(503, str(error))
    answer = _answer(request, vars(entry.draft), recorded.number, status=201)
    answer["Location"] = f"{_root(request)}{recorded.number}"
    return answer


def _read(request: HttpRequest, caller: auth.Caller) -> Entry:
    entry = Entry(request.read(settings.EVENT_BODY_LIMIT + 1))
    if request.content_type not in READ_TYPES:
        entry.status, entry.reason = 415, f"Content-Type: must be {MEDIA_TYPE}"
        return entry
    try:
        text, entry.document = strictjson.decode(entry.body, settings.EVENT_BODY_LIMIT)
        entry.draft = _parse(entry.document, caller)
        entry.draft.raw = text
    except DialectError as error:
        entry.status = 413 if error.faults[0].rule == "too_large" else 400
        entry.reason = str(error)
    return entry


def _parse(document: Document, caller: auth.Caller) -> Draft:
    """Read DOCUMENT, and bind its actor to the user that it names or must name."""
    now = timezone.now()
    draft = streams.parse(document, now=now)
    # The vendor's bridges send one id for many activities, and each is one.
    draft.external_id = key(f"{draft.external_id}#{uuid.uuid4().hex}")
    named = draft.actor_key or draft.actor_name
    if not named:
        return draft  # who sends it is the actor
    if named.lower() == caller.user.username.lower():
        user: User | None = caller.user
    elif caller.role.names_others:
        user = User.objects.named(draft.actor_key)
    else:
        rest = {name: value for name, value in document.items() if name != "user"}
        return _parse({**rest, "actor": {"id": caller.user.username}}, caller)
    if user:
        draft.actor_key, draft.actor_name = user.username, str(user)
    return draft


def _log(caller: auth.Caller, entry: Entry) -> None:
    actions.log_refusal(
        caller.sender,
        status=entry.status,
        reason=entry.reason,
        body=entry.body.decode(errors="replace"),
        source=streams.source_of(entry.document),
    )


# ---- many out


def _list(request: HttpRequest) -> HttpResponse:
    try:
        _caller(request)
    except auth.BadCredentials as error:
        return _refuse(401, str(error))
    try:
        size = min(_whole(request, "max-results", PAGE_SIZE, least=1), PAGE_LIMIT)
        start = _whole(request, "start-index", 0, least=0)
    except ValueError as error:
        return _refuse(400, str(error))
    rows = Activity.objects.filter(dialect=streams.DIALECT).select_related("source")
    found = list(rows.order_by("-occurred_at", "-id")[start : start + size + 1])
    links = {"self": _page_url(request, size, start)}
    if start:
        links["prev"] = _page_url(request, size, max(0, start - size))
    if len(found) > size:
        links["next"] = _page_url(request, size, start + size)
    root = _root(request)
    items = [_document(row.columns(), row.pk, root) for row in found[:size]]
    return JsonResponse({"items": items, "links": links}, content_type=MEDIA_TYPE)


def _whole(request: HttpRequest, name: str, default: int, *, least: int) -> int:
    text = request.GET.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
        raise ValueError(f"{name}: must be a whole number from {least} to 999999999")
    return int(text)


def _page_url(request: HttpRequest, size: int, start: int) -> str:
    return f"{_root(request)}?{urlencode({'max-results': size, 'start-index': start})}"


# ---- what an answer looks like


def _root(request: HttpRequest) -> str:
    """Return the absolute URL of all activities, with the context path if the client sent it."""
    context, _, _ = request.path.rpartition(ROOT.rstrip("/"))
    return f"{settings.SITE_URL}{context}{ROOT}"


def _answer(
    request: HttpRequest, columns: Mapping[str, Any], number: int, *, status: int = 200
) -> HttpResponse:
    document = _document(columns, number, _root(request))
    return JsonResponse(document, status=status, content_type=MEDIA_TYPE)


def _document(columns: Mapping[str, Any], number: int, root: str) -> Document:
    """Write an activity as it was sent, its HTML made safe, and what was left out filled in."""
    document = streams.render(columns)
    for name in ("title", "content"):
        if document.get(name):
            document[name] = richtext.linked(document[name], base=settings.SITE_URL)
    document["published"] = _moment(columns["occurred_at"])
    if document.get("updated"):
        document["updated"] = _moment(read_time(document["updated"]))
    document["verb"] = columns["verb"]
    if document.get("actor") is None and document.get("user") is None:
        document["actor"] = {"id": columns["actor_key"], "displayName": columns["actor_name"]}
    return {**document, "links": {"self": f"{root}{number}", "activities": root}}


def _moment(moment: datetime) -> str:
    """Write MOMENT as the vendor does, `2011-02-10T15:04:55.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refuse(status: int, reason: str) -> HttpResponse:
    body = {"errorMessage": ERRORS[status], "subCode": reason}
    response = JsonResponse(body, status=status, content_type=MEDIA_TYPE)
    if status == 401:
        response["WWW-Authenticate"] = auth.REALM
    return response
