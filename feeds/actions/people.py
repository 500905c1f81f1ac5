"""Who may come in: users, roles and tokens."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from feeds.models import PREFERENCES, ApiToken, Role, User
from feeds.moments import from_database

#: How long a token may go without its "last used" being written again.
LAST_USED_STEP = timedelta(minutes=1)
LOG_INS_KEPT = 10  # tokens of a user and a program


def create_user(
    username: str,
    *,
    role: Role,
    email: str = "",
    name: str = "",
    password: str | None = None,
) -> User:
    """Make a user; without a password only tokens let it in."""
    user = User(username=username, email=email, name=name, role=role)
    user.set_password(password)
    user.save(force_insert=True)
    return user


def ensure_user(username: str, *, role: Role, name: str = "") -> User:
    """Return the user USERNAME, made with ROLE and no password if there is none."""
    return User.objects.by_login(username) or create_user(username, role=role, name=name)


def set_role(user: User, role: Role) -> None:
    """Give USER another role, and revoke the tokens that could do more than it."""
    stronger = set(Role) - set(role.up_to)
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(role=role)
        user.tokens.filter(role__in=stronger, revoked_at=None).update(revoked_at=timezone.now())
    user.role = role


def prefer(user: User, wishes: Mapping[str, Any]) -> None:
    """Keep WISHES, some of PREFERENCES, by which USER reads from now on, on every device."""
    unknown = set(wishes) - set(PREFERENCES)
    if unknown:
        raise ValueError(f"{sorted(unknown)} are no preferences")
    for name, value in wishes.items():
        setattr(user, name, value)
    User.objects.filter(pk=user.pk).update(**wishes)


def create_token(user: User, *, role: Role, name: str = "") -> str:
    """Make a token for USER and return its secret, which is never shown again."""
    return issue_token(user, role=role, name=name)[1]


def issue_token(user: User, *, role: Role, name: str = "") -> tuple[ApiToken, str]:
    """Make a token for USER and return it with its secret, which is never shown again."""
    secret = ApiToken.new_secret()
    digest = ApiToken.digest_of(secret)
    return user.tokens.create(name=name, role=role, prefix=secret[:8], digest=digest), secret


def log_in(user: User, *, name: str) -> str:
    """Make a token called NAME for a program in which USER logs in, and return its secret.

    Nobody tells us when such a program is done, so only the last LOG_INS_KEPT of them stay.
    """
    secret = create_token(user, role=Role(user.role), name=name)
    made = user.tokens.filter(name=name)
    kept = list(made.order_by("-id").values_list("id", flat=True)[:LOG_INS_KEPT])
    made.exclude(id__in=kept).delete()
    return secret


def revoke_token(token: ApiToken) -> None:
    """End TOKEN; requests that carry it get 401 from now on."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def touch_token(token_id: int, last_used_at: datetime | str | None) -> None:
    """Note that a token was used, at most once a minute; the time as the database gives it."""
    now = timezone.now()
    if last_used_at is None or now - from_database(last_used_at) > LAST_USED_STEP:
        ApiToken.objects.filter(pk=token_id).update(last_used_at=now)
