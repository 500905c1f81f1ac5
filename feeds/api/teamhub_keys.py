"""Who calls the TeamHub API: the forms in which real clients send its two keys."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest

from feeds import actions
from feeds.api import auth
from feeds.api.teamhub_wire import Refused
from feeds.models import Role

SCHEME = "hth.company_key='..',account_key='..'"
# All of these come: hth.company_key='..',account_key='..' as the vendor writes it; the same with
# `deveo ` in front, the product's old name, and a plugin_key; and both keys in double quotes with
# nothing in front, from the plugins for Jenkins.
_PAIR = r"""(?:company_key|account_key|plugin_key)\s*=\s*(?:'[^']*'|"[^"]*")"""
_HEADER = re.compile(rf"(?:(?:hth|deveo)[.\s]\s*)?{_PAIR}(?:\s*,\s*{_PAIR})*", re.IGNORECASE)
_KEY = re.compile(r"""(company|account)_key\s*=\s*(?:'([^']*)'|"([^"]*)")""", re.IGNORECASE)


def reader(request: HttpRequest) -> None:
    """Refuse a REQUEST of nobody who may read."""
    if not request.headers.get("Authorization") and not _query(request) and settings.ANONYMOUS_READ:
        return
    _identify(request, auth.identify, auth.holder)


def bot(request: HttpRequest) -> auth.Caller:
    """Return the bot that sent REQUEST, as of at most a minute ago; only bots may write."""
    caller = _identify(request, auth.remembered, auth.remembered_holder)
    if caller.role is not Role.BOT:
        raise Refused(403, f"only bots may do this, and this is the key of a {caller.role.value}")
    return caller


def _identify(
    request: HttpRequest,
    by_header: Callable[[HttpRequest], auth.Caller | None],
    by_key: Callable[[str], auth.Caller],
) -> auth.Caller:
    header = request.headers.get("Authorization", "").strip()
    try:
        if header.lower().startswith(("basic ", "bearer ")):
            caller = by_header(request)
        else:
            caller = by_key(_account_key(read_keys(header) if header else _query(request)))
    except auth.BadCredentials as error:
        raise Refused(401, str(error)) from None
    assert caller is not None  # for there is a header
    return caller


def read_keys(header: str) -> dict[str, str]:
    """Return the keys in HEADER by name: company and account; {} if it has another form."""
    if not _HEADER.fullmatch(header):
        return {}
    return {name.lower(): single or double for name, single, double in _KEY.findall(header)}


def _query(request: HttpRequest) -> dict[str, str]:
    """Return the keys in the query string of a GET, where the installation allows them."""
    if not settings.TEAMHUB_KEYS_IN_QUERY or request.method not in ("GET", "HEAD"):
        return {}
    names = [name for name in ("company", "account") if f"{name}_key" in request.GET]
    return {name: request.GET[f"{name}_key"] for name in names}


def _account_key(keys: Mapping[str, str]) -> str:
    """Return the account key of KEYS, if their company is this site; raises BadCredentials."""
    if set(keys) != {"company", "account"}:
        raise auth.BadCredentials(f"Authorization: must be {SCHEME}")
    if not secrets.compare_digest(keys["company"].encode(), actions.site().company_key.encode()):
        raise auth.BadCredentials("the company key is not this site's")
    return keys["account"]
