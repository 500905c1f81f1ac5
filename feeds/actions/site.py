"""The one site of this installation, and what its admins set: what a page says wins over the
environment."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from feeds.actions.audit import SECRET, differences, note, values_of
from feeds.models import AuditEntry, Site

REMEMBERED = 15.0  # seconds that a process goes on with the site as it read it
_remembered: tuple[float, Site] | None = None


def site() -> Site:
    """Return this installation's site, made on first use, as of at most REMEMBERED ago.

    Every request asks, and none must pay for it with a query.
    """
    global _remembered
    now = time.monotonic()
    if _remembered is None or now >= _remembered[0]:
        found, _ = Site.objects.get_or_create(id=1, defaults={"company_key": _new_key()})
        _remembered = now + REMEMBERED, found
    return _remembered[1]


def forget_site() -> None:
    """Read the site again at the next question."""
    global _remembered
    _remembered = None


def cloud_id() -> str:
    """Return the cloudId that senders must name: the page's, else CLOUD_ID, else one of our own."""
    here = site()
    return here.adopted_cloud_id or settings.CLOUD_ID or str(here.cloud_id)


def retention() -> timedelta:
    """Return how long things are kept: as the page says, else RETENTION_DAYS."""
    days = site().retention_days
    return settings.RETENTION if days is None else timedelta(days=days)


def rate_limit() -> int:
    """Return the requests a user a minute: as the page says, else RATE_LIMIT; 0 is no limit."""
    limit = site().rate_limit
    return int(settings.RATE_LIMIT) if limit is None else limit


def change_site(fields: Mapping[str, Any]) -> None:
    """Set FIELDS (name, adopted_cloud_id, retention_days, rate_limit) of the site.

    Nothing ("" or None) goes back to the environment. Other processes know within REMEMBERED.
    """
    with transaction.atomic():
        current = Site.objects.select_for_update().get(pk=site().pk)
        before = values_of(current, fields)
        for name, value in fields.items():
            setattr(current, name, value)
        current.save(update_fields=list(fields))
        changes = differences(_worded(before), _worded(values_of(current, fields)))
        note(AuditEntry.Kind.SITE, AuditEntry.Verb.CHANGED, "Site", changes=changes)
        _tell()


def rotate_company_key() -> str:
    """Give the site another company key and return it; who sends the old one is refused."""
    fresh = _new_key()
    with transaction.atomic():
        Site.objects.filter(pk=site().pk).update(company_key=fresh)
        changes = [("company key", "a key", SECRET)]
        note(AuditEntry.Kind.SITE, AuditEntry.Verb.CHANGED, "Site", changes=changes)
        _tell()
    return fresh


def _tell() -> None:
    """Forget the site now, and again when all others can read what was written."""
    forget_site()
    transaction.on_commit(forget_site)


def _worded(values: Mapping[str, Any]) -> dict[str, Any]:
    absent = (None, "")
    return {
        name: "as in the environment" if value in absent and name != "name" else value
        for name, value in values.items()
    }


def _new_key() -> str:
    return secrets.token_hex(16)
