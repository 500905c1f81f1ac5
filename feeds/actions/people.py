"""Who may come in: users, roles and tokens."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from feeds.actions.audit import Change, differences, note, values_of
from feeds.actions.errors import Conflict
from feeds.models import PREFERENCES, ApiToken, AuditEntry, Role, User
from feeds.moments import from_database

Kind, Verb = AuditEntry.Kind, AuditEntry.Verb

#: How long a token may go without its "last used" being written again.
LAST_USED_STEP = timedelta(minutes=1)
VISIT_STEP = timedelta(minutes=1)
VISIT_GAP = timedelta(minutes=30)
LOG_INS_KEPT = 10  # tokens of a user and a program


def create_user(
    username: str,
    *,
    role: Role,
    email: str = "",
    name: str = "",
    password: str | None = None,
) -> User:
    """Make a user; without a password only tokens let it in. Raises Conflict."""
    user = User(username=username, email=email, name=name, role=role)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            note(Kind.USER, Verb.CREATED, username, key=user.pk, changes=[("role", "none", role)])
    except IntegrityError:
        raise Conflict("username: somebody has this user name or e-mail already") from None
    return user


def ensure_user(username: str, *, role: Role, name: str = "") -> User:
    """Return the user USERNAME, made with ROLE and no password if there is none."""
    return User.objects.by_login(username) or create_user(username, role=role, name=name)


def change_user(user: User, fields: Mapping[str, Any]) -> None:
    """Set FIELDS (name, email, role, is_active) of USER.

    A weaker role takes the tokens that could do more with it. Raises Conflict for an e-mail that
    somebody has, and where nobody would be left who is an admin.
    """
    try:
        with transaction.atomic():
            # The admins' rows are locked in one order: of two who demote each other, one is late.
            admins = User.objects.filter(role=Role.ADMIN, is_active=True).order_by("pk")
            left = [one.pk for one in admins.select_for_update() if one.pk != user.pk]
            current = User.objects.select_for_update().get(pk=user.pk)
            before = values_of(current, fields)
            for name, value in fields.items():
                setattr(current, name, value)
            if _rules(before, current) and not _rules({}, current) and not left:
                raise Conflict(LAST_ADMIN)
            current.save(update_fields=list(fields))
            _revoke_stronger(current)
            changes = differences(before, values_of(current, fields))
            note(Kind.USER, Verb.CHANGED, current.username, key=current.pk, changes=changes)
    except IntegrityError:
        raise Conflict(f"email: somebody has the address {fields.get('email')!r} already") from None
    for name, value in fields.items():
        setattr(user, name, value)


LAST_ADMIN = "the last admin must stay one: make somebody else an admin first"


def _rules(before: Mapping[str, Any], user: User) -> bool:
    """Tell whether USER is an admin who may come in, or was BEFORE."""
    role, active = before.get("role", user.role), before.get("is_active", user.is_active)
    return role == Role.ADMIN and bool(active)


def _revoke_stronger(user: User) -> None:
    stronger = set(Role) - set(Role(user.role).up_to)
    for token in user.tokens.filter(role__in=stronger, revoked_at=None):
        revoke_token(token)


def set_role(user: User, role: Role) -> None:
    """Give USER another role, and revoke the tokens that could do more than it."""
    change_user(user, {"role": role})


def note_password(user: User) -> None:
    """Write down that USER has another password."""
    change = ("password", "a password", "another password")
    note(Kind.USER, Verb.CHANGED, user.username, key=user.pk, changes=[change])


def prefer(user: User, wishes: Mapping[str, Any]) -> None:
    """Keep WISHES, some of PREFERENCES, by which USER reads from now on, on every device."""
    unknown = set(wishes) - set(PREFERENCES)
    if unknown:
        raise ValueError(f"{sorted(unknown)} are no preferences")
    for name, value in wishes.items():
        setattr(user, name, value)
    User.objects.filter(pk=user.pk).update(**wishes)


def look(user: User, *, now: datetime | None = None) -> None:
    """Note that USER looks at the feed, at most once in VISIT_STEP.

    A visit ends VISIT_GAP after its last look; the first look of the next keeps when that was.
    """
    now = now or timezone.now()
    seen = user.seen_at
    if seen is not None and now - seen < VISIT_STEP:
        return
    noted = {"seen_at": now}
    if seen is not None and now - seen >= VISIT_GAP:
        noted["seen_before"] = seen
    if User.objects.filter(pk=user.pk, seen_at=seen).update(**noted):
        for name, moment in noted.items():
            setattr(user, name, moment)
    else:  # another device of theirs was faster
        user.refresh_from_db(fields=["seen_at", "seen_before"])


def create_token(user: User, *, role: Role, name: str = "") -> str:
    """Make a token for USER and return its secret, which is never shown again."""
    return issue_token(user, role=role, name=name)[1]


def issue_token(user: User, *, role: Role, name: str = "") -> tuple[ApiToken, str]:
    """Make a token for USER and return it with its secret, which is never shown again."""
    with transaction.atomic():
        token, secret = _new_token(user, role=role, name=name)
        _note_token(token, Verb.CREATED, ("role", "none", role))
    return token, secret


def _new_token(user: User, *, role: Role, name: str) -> tuple[ApiToken, str]:
    secret = ApiToken.new_secret()
    digest = ApiToken.digest_of(secret)
    return user.tokens.create(name=name, role=role, prefix=secret[:8], digest=digest), secret


def _note_token(token: ApiToken, verb: AuditEntry.Verb, *changes: Change) -> None:
    subject = f"{token.name or token.prefix} of {token.user.username}"
    note(Kind.TOKEN, verb, subject, key=token.pk, changes=changes)


def log_in(user: User, *, name: str) -> str:
    """Make a token called NAME for a program in which USER logs in, and return its secret.

    Nobody tells us when such a program is done, so only the last LOG_INS_KEPT of them stay.
    """
    secret = _new_token(user, role=Role(user.role), name=name)[1]
    made = user.tokens.filter(name=name)
    kept = list(made.order_by("-id").values_list("id", flat=True)[:LOG_INS_KEPT])
    made.exclude(id__in=kept).delete()
    return secret


def revoke_token(token: ApiToken) -> None:
    """End TOKEN; requests that carry it get 401 from now on."""
    with transaction.atomic():
        valid = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if valid.update(revoked_at=timezone.now()):
            _note_token(token, Verb.REVOKED)


def rotate_feed_token(user: User) -> None:
    """End the addresses that USER's feed readers have; feedtoken.py makes the next ones."""
    User.objects.filter(pk=user.pk).update(feed_epoch=F("feed_epoch") + 1)
    user.refresh_from_db(fields=["feed_epoch"])


def touch_token(token_id: int, last_used_at: datetime | str | None) -> None:
    """Note that a token was used, at most once a minute; the time as the database gives it."""
    now = timezone.now()
    if last_used_at is None or now - from_database(last_used_at) > LAST_USED_STEP:
        ApiToken.objects.filter(pk=token_id).update(last_used_at=now)
