"""Upstreams: who we are there, whether letters go, and how often."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils import timezone

from feeds import outbox, vault
from feeds.actions.audit import SECRET, Change, differences, note, values_of
from feeds.actions.errors import Conflict
from feeds.dialects.letters import Probe
from feeds.dialects.outward import UPSTREAMS
from feeds.models import Attempt, AuditEntry, Budget, Connection, Lane, User

ATLASSIAN = (".atlassian.net", ".atlassian.com")  # where one account has one budget for all sites
PAUSED = "paused by {}"


def create_connection(
    name: str,
    *,
    dialect: str,
    base_url: str,
    secret: str,
    account: str = "",
    cloud_id: str = "",
    company_key: str = "",
    per_minute: int | None = None,
    pulls: bool = False,
    user: User | None = None,
) -> Connection:
    """Make a connection; raises Conflict where its name or its account there is taken.

    PER_MINUTE is the rate limit of the upstream, by default what its vendor documents; 0 is none.
    With PULLS its events are read from now on.
    """
    base_url = base_url.rstrip("/")
    try:
        with transaction.atomic():
            connection = Connection.objects.create(
                name=name,
                dialect=dialect,
                base_url=base_url,
                account=account,
                cloud_id=cloud_id,
                company_key=company_key,
                sealed_secret=vault.seal(secret),
                budget=_budget(dialect, base_url, account or company_key, per_minute),
                pull_at=timezone.now() if pulls else None,
                user=user,
            )
            _note(connection, AuditEntry.Verb.CREATED)
            return connection
    except IntegrityError:
        raise Conflict(_TAKEN) from None


_TAKEN = "a connection with this name, or to this account, exists already"


def change_connection(
    connection: Connection,
    *,
    name: str,
    base_url: str,
    account: str = "",
    cloud_id: str = "",
    company_key: str = "",
    per_minute: int | None = None,
    pulls: bool | None = None,
    secret: str = "",
) -> None:
    """Change CONNECTION; an empty SECRET keeps the one it has. Raises Conflict.

    Letters that wait go to the new address, as the new account. A secret that is kept does not
    follow to another host: else whoever may change the address could read it there. PULLS None
    leaves it as it is.
    """
    base_url = base_url.rstrip("/")
    if not secret and place_of(base_url) != place_of(connection.base_url):
        raise Conflict(_ELSEWHERE)
    before = _told(connection)
    connection.name, connection.base_url = name, base_url
    connection.account, connection.cloud_id = account, cloud_id
    connection.company_key = company_key
    fields = ["name", "base_url", "account", "cloud_id", "company_key", "budget"]
    if secret:
        connection.sealed_secret = vault.seal(secret)
        fields.append("sealed_secret")
    if pulls is not None and pulls != bool(connection.pull_at):
        connection.pull_at = timezone.now() if pulls else None
        fields.append("pull_at")
    try:
        with transaction.atomic():
            connection.budget = _budget(
                connection.dialect, base_url, account or company_key, per_minute
            )
            connection.save(update_fields=fields)
            changes = differences(before, _told(connection))
            changes += [("secret", "a secret", SECRET)] if secret else []
            _note(connection, AuditEntry.Verb.CHANGED, *changes)
    except IntegrityError:
        raise Conflict(_TAKEN) from None


def _told(connection: Connection) -> dict[str, Any]:
    """Return what the audit log tells of CONNECTION."""
    return {
        **values_of(connection, ["name", "base_url", "account", "cloud_id"]),
        "company_key": connection.company_key[:4] and f"{connection.company_key[:4]}…",
        "requests a minute": connection.budget.per_minute,
        "reads events": connection.pull_at is not None,
    }


def _note(connection: Connection, verb: AuditEntry.Verb, *changes: Change) -> None:
    note(AuditEntry.Kind.CONNECTION, verb, connection, key=connection.uuid, changes=changes)


_ELSEWHERE = "secret: the address leads to another host than before, so enter the secret once more"


def place_of(base_url: str) -> tuple[str, str | None]:
    """Return what a secret must not leave: the scheme and the host of BASE_URL."""
    parts = urlsplit(base_url)
    return parts.scheme, parts.hostname


def delete_connection(connection: Connection) -> None:
    """Delete CONNECTION with its letters, sent or not; what was sent stays there.

    Its lanes are locked first: who settles one of its letters at this moment comes before or after.
    """
    with transaction.atomic():
        lanes = Lane.objects.filter(connection=connection).order_by("pk").select_for_update()
        list(lanes.values_list("pk"))
        _note(connection, AuditEntry.Verb.DELETED)
        connection.delete()


def pause(connection: Connection, *, by: User) -> None:
    """Keep the letters to CONNECTION here until it is resumed."""
    with transaction.atomic():
        if Connection.objects.filter(pk=connection.pk, paused_at=None).update(
            paused_at=timezone.now(), pause_reason=PAUSED.format(by)
        ):
            _note(connection, AuditEntry.Verb.PAUSED)


def resume(connection: Connection) -> None:
    """Let the letters to CONNECTION go again."""
    with transaction.atomic():
        paused = Connection.objects.filter(pk=connection.pk, paused_at__isnull=False)
        if paused.update(paused_at=None, pause_reason=""):
            _note(connection, AuditEntry.Verb.RESUMED)
    outbox.nudge()


def test_connection(connection: Connection) -> Probe:
    """Ask the upstream who we are there, and keep the ids that it tells; changes nothing there.

    A cloudId that was just learnt is tried at once: only with it does Compass say whether the
    account may read the site.
    """
    found = outbox.probe(connection)
    if _learn(connection, found) and not found.fault:
        found = outbox.probe(connection)
    return found


def _learn(connection: Connection, found: Probe) -> bool:
    """Keep the ids that FOUND tells and CONNECTION lacks; return whether there were any."""
    told = {
        name: value
        for name, value in (("cloud_id", found.cloud_id), ("company_key", found.company_key))
        if value and not getattr(connection, name)
    }
    if not told:
        return False
    try:
        with transaction.atomic():
            Connection.objects.filter(pk=connection.pk).update(**told)
            changes = [(name.replace("_", " "), "none", "learnt from it") for name in told]
            _note(connection, AuditEntry.Verb.CHANGED, *changes)
    except IntegrityError:
        raise Conflict(_TAKEN) from None
    for name, value in told.items():
        setattr(connection, name, value)
    return True


def used_of(budgets: Iterable[Budget]) -> dict[int, int]:
    """Count the requests of the last minute of each of BUDGETS, by its id."""
    since = timezone.now() - timedelta(minutes=1)
    pks = [budget.pk for budget in budgets]
    recent = Attempt.objects.filter(started_at__gt=since, delivery__connection__budget__in=pks)
    used = dict.fromkeys(pks, 0)
    for pk in recent.values_list("delivery__connection__budget", flat=True):
        used[pk] += 1
    return used


def _budget(dialect: str, base_url: str, account: str, per_minute: int | None) -> Budget:
    """Return the budget that this account shares with all its connections."""
    host = urlsplit(base_url).hostname or base_url
    place = "atlassian" if host.endswith(ATLASSIAN) else host
    if per_minute is None:
        per_minute = UPSTREAMS[dialect].RATE
    now = timezone.now()
    budget, made = Budget.objects.get_or_create(
        key=f"{dialect} {place} {account.lower()}"[:255],
        defaults={"per_minute": per_minute, "next_slot_at": now, "taken_at": now},
    )
    if not made and budget.per_minute != per_minute:
        budget.per_minute = per_minute
        budget.save(update_fields=["per_minute"])
    return budget
