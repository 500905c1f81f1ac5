"""The audit log: each action writes down, in its own transaction, what it changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model
from django.utils import timezone

from feeds import origin
from feeds.models import KEY_LENGTH, ApiToken, AuditEntry

ON_THE_SERVER = "a command on the server"
WORDS = 300  # characters of a value
#: What is only said to be otherwise now, never how.
SECRET = "another"

Change = tuple[str, str, str]


def note(
    kind: AuditEntry.Kind,
    verb: AuditEntry.Verb,
    subject: object,
    *,
    key: object = "",
    changes: Iterable[Change] = (),
) -> None:
    """Write down that SUBJECT was changed, by whom and from where; a change that changes nothing
    leaves no entry. Call it in the transaction of the change."""
    made = [list(change) for change in changes]
    if verb == AuditEntry.Verb.CHANGED and not made:
        return
    here = origin.current()
    author = here.author
    AuditEntry.objects.create(
        at=timezone.now(),
        user_id=author.pk if author else None,
        who=str(author)[:KEY_LENGTH] if author else ON_THE_SERVER,
        via=_via(here) if author else "",
        address=here.address,
        kind=kind,
        verb=verb,
        subject=str(subject)[:KEY_LENGTH],
        key=str(key)[:KEY_LENGTH],
        changes=made,
    )


def _via(here: origin.Origin) -> str:
    if here.token_id is not None:
        token = ApiToken.objects.filter(pk=here.token_id).first()
        return f"token {token.name} {token.prefix}…" if token else "a token"
    return "password" if here.user is not None else "pages"


def values_of(thing: Model, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of NAMES of THING as they are now."""
    return {name: getattr(thing, name) for name in names}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what is otherwise in AFTER than in BEFORE, in words."""
    return [
        (name.replace("_", " "), words(before.get(name)), words(value))
        for name, value in after.items()
        if words(before.get(name)) != words(value)
    ]


def words(value: Any) -> str:
    """Write VALUE for people, in one line; nothing at all is "none"."""
    if value is None or value == "" or value == [] or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, Mapping):
        return " ".join(filter(None, (value.get("name"), value.get("url"))))
    if isinstance(value, list | tuple | set):
        return ", ".join(words(one) for one in value)[:WORDS]
    text = str(value)
    return text if len(text) <= WORDS else f"{text[:WORDS]}…"
