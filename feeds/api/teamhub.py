"""Perforce Helix TeamHub: `/api/events`, and the log-in of its programs."""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from feeds import actions, fastlane, limits
from feeds.api import auth, teamhub_keys, teamhub_lists
from feeds.api.teamhub_wire import Refused, respond, stamp, succeed
from feeds.dialects import strictjson, teamhub
from feeds.dialects.mapping import DialectError, Document, Draft, Field, lift
from feeds.models import Activity, Role
from feeds.moments import from_database

LOG_IN = "TeamHub log-in"  # the name of its tokens
#: What a change of an event needs of it.
COLUMNS = (
    "external_id", "kind", "verb", "progress", "actor_key", "object_type", "occurred_at",
    "details", "sequence", "raw", "source_id",
)  # fmt: skip
#: Each report of progress asks this, so it stands here as it goes: the ORM takes 3 times as long.
EVENT = f"""
    SELECT {", ".join(COLUMNS)} FROM feeds_activity
    WHERE dialect = %s AND external_id = %s ORDER BY id LIMIT 1
"""
CREDENTIALS = [Field(name, column=name, required=True) for name in ("company", "login", "password")]


@csrf_exempt
def events(request: HttpRequest) -> HttpResponse:
    """List events, or take one in."""
    return respond(request, {"GET": _list, "POST": _create})


@csrf_exempt
def event(request: HttpRequest, identity: str) -> HttpResponse:
    """Show one event, or change a build that runs."""
    return respond(request, {"GET": _show, "PUT": _change}, identity)


@csrf_exempt
def sessions(request: HttpRequest) -> HttpResponse:
    """Log a person in, and give the keys for the other requests."""
    return respond(request, {"POST": _log_in})


# ---- reading


def _list(request: HttpRequest) -> HttpResponse:
    teamhub_keys.reader(request)
    page = teamhub_lists.Listing.read(request.GET).page()
    answered = stamp()
    results = [{**answered, **each} for each in page["results"]]
    return JsonResponse({**page, "results": results})


def _show(request: HttpRequest, identity: str) -> HttpResponse:
    teamhub_keys.reader(request)
    expand = teamhub_lists.expansions(request.GET)
    return succeed(teamhub_lists.written([_find(identity)], expand)[0])


def _find(identity: str) -> Activity:
    rows = teamhub_lists.events().filter(external_id=identity).order_by("id")
    found = None if "\x00" in identity else rows.first()
    if found is None:
        raise Refused(404, f"no event {identity!r}")
    return found


# ---- writing


def _create(request: HttpRequest) -> HttpResponse:
    caller = teamhub_keys.bot(request)
    body = request.read(settings.EVENT_BODY_LIMIT + 1)
    document: Any = None
    try:
        text, document = _decode(body)
        whole, draft = _read(document, caller)
        draft.raw = text
        if not _pass(caller, draft):
            actions.record(caller.sender, draft)
    except (Refused, actions.SourceUnknown) as error:
        raise _logged(caller, error, body, source=teamhub.source_of(document)) from None
    # The vendor's trigger takes only 200 with an empty body for a success.
    return HttpResponse() if teamhub.is_trigger(document) else succeed(whole, 201)


def _read(document: Any, caller: auth.Caller) -> tuple[Document, Draft]:
    """Return the whole event that DOCUMENT asks for, as it is answered and as it is stored."""
    now = timezone.now()
    new_id = f"{int(now.timestamp()):08x}{secrets.token_hex(8)}"  # by time, as the vendor's are
    try:
        whole = teamhub.whole(document, event_id=new_id, subject=caller.user.username, now=now)
        draft = teamhub.parse(whole, now=now)
    except DialectError as error:
        raise Refused.of(422, error) from None
    if teamhub.is_trigger(document):
        draft.sequence = 0  # sent again, it changes nothing: not even when it happened
    return whole, draft


def _change(request: HttpRequest, identity: str) -> HttpResponse:
    caller = teamhub_keys.bot(request)
    body = request.read(settings.EVENT_BODY_LIMIT + 1)
    found: Document = {}
    try:
        _, change = _decode(body)
        while True:  # whoever was slower reads again what the faster one made of the event
            found = _held(identity)
            whole, draft = _amend(found, change)
            if _pass(caller, draft) or actions.amend(
                caller.sender, draft, source_id=found["source_id"]
            ):
                return succeed(whole)
    except Refused as error:
        raise _logged(caller, error, body, source_id=found.get("source_id")) from None


def _held(identity: str) -> Document:
    """Return COLUMNS of the event IDENTITY."""
    found = None
    if "\x00" not in identity:
        with connection.cursor() as cursor:
            cursor.execute(EVENT, [teamhub.DIALECT, identity])
            found = cursor.fetchone()
    if found is None:
        raise Refused(404, f"no event {identity!r}")
    columns = dict(zip(COLUMNS, found, strict=True))
    columns["details"] = json.loads(columns["details"])
    columns["occurred_at"] = from_database(columns["occurred_at"])
    return columns


def _amend(found: Document, change: Any) -> tuple[Document, Draft]:
    """Return FOUND after CHANGE, as it is answered and as it is stored."""
    now = timezone.now()
    try:
        whole = teamhub.amend(found, change, now=now)
    except DialectError as error:
        raise Refused.of(422, error) from None
    draft = teamhub.parse(whole, now=now)
    draft.sequence = found["sequence"] + 1  # so that it is written over FOUND, and nothing newer
    draft.raw = found["raw"]  # what made the event says more than a change of two fields
    return whole, draft


def _pass(caller: auth.Caller, draft: Draft) -> bool:
    """Take DRAFT through the fast lane if it may come that way; refuse a revoked key."""
    passage = fastlane.take(caller.sender, draft, limited=False)
    if passage.allowance is None:
        raise Refused(401, auth.NOT_VALID)
    return passage.recorded is not None


def _decode(body: bytes) -> tuple[str, Any]:
    try:
        return strictjson.decode(body, settings.EVENT_BODY_LIMIT)
    except DialectError as error:
        status = 413 if error.faults[0].rule == "too_large" else 400
        raise Refused.of(status, error) from None


def _logged(
    caller: auth.Caller,
    error: Refused | actions.SourceUnknown,
    body: bytes,
    *,
    source: tuple[str, str] | None = None,
    source_id: int | None = None,
) -> Refused:
    """Return ERROR to be raised, and keep the BODY; but a revoked key learns only that it is."""
    if limits.count(caller.sender, limited=False) is None:
        return Refused(401, auth.NOT_VALID)
    refused = error if isinstance(error, Refused) else Refused(404, str(error))
    actions.log_refusal(
        caller.sender,
        status=refused.status,
        reason=str(refused),
        body=body.decode(errors="replace"),
        source=source,
        source_id=source_id,
    )
    return refused


# ---- logging in


def _log_in(request: HttpRequest) -> HttpResponse:
    _, document = _decode(request.read(settings.EVENT_BODY_LIMIT + 1))
    company, login, password = _credentials(document)
    caller = auth.by_password(request, login, password) if company in _companies() else None
    if caller is None:
        raise Refused(401, "the company, the login or the password is wrong")
    if caller.role is Role.BOT:
        raise Refused(403, "bots cannot log in: they have a token")
    user = caller.user
    answer = {
        "account_key": actions.log_in(user, name=LOG_IN),
        "company_key": actions.site().company_key,
        "account": {**teamhub_lists.account(user), "email": user.email, "role": user.role},
        "company": {"id": _host(), "name": _host()},
    }
    return succeed(answer, 201)


def _credentials(document: Any) -> tuple[str, str, str]:
    """Return company, login and password; raises Refused with all that are wrong."""
    columns, _, faults = lift(document if isinstance(document, dict) else {}, CREDENTIALS)
    if faults:
        raise Refused.of(422, DialectError(faults))
    return columns["company"].lower(), columns["login"], columns["password"]


def _companies() -> set[str]:
    """Return what may be written for this site in a log-in, in lower case."""
    hosts = {host.lower() for host in settings.ALLOWED_HOSTS}
    return {actions.site().company_key, _host(), *hosts} - {"*", ""}


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or ""
