"""Who calls: Basic (e-mail or user name with a token, or with a password) and Bearer."""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import authenticate as check_password
from django.db import connection
from django.http import HttpRequest
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from feeds import origin
from feeds.actions import LAST_USED_STEP, Sender, touch_token
from feeds.models import ApiToken, Role, User

if TYPE_CHECKING:  # rest_framework.views itself imports the classes below
    from rest_framework.views import APIView

REALM = 'Basic realm="Pulseboard"'


class BadCredentials(Exception):
    """Credentials came, and are wrong; str(error) is fit to show."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and what it may do."""

    user: User
    role: Role
    token_id: int | None = None

    @property
    def sender(self) -> Sender:
        return Sender(self.user, self.token_id)


def identify(request: HttpRequest) -> Caller | None:
    """Return who sent REQUEST by its Authorization header, None if it has none.

    Raises BadCredentials for an unknown, revoked or mismatched token or password.
    """
    scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if not scheme:
        return None
    if scheme.lower() == "bearer":
        caller = _by_token(value.strip())
    elif scheme.lower() == "basic":
        caller = _by_basic(request, value.strip())
    else:
        raise BadCredentials("Authorization: must be Basic or Bearer")
    if caller is None:
        raise BadCredentials("the user name, password or token is wrong, or the token is revoked")
    origin.acts(caller.user, caller.token_id)
    return caller


#: Every request asks this, so it goes to the database as it stands: the ORM takes 5 times as long.
_OWNER = """
    SELECT token.id, token.role, token.last_used_at, owner.id, owner.username, owner.email,
           owner.name, owner.role
    FROM feeds_apitoken token JOIN feeds_user owner ON owner.id = token.user_id
    WHERE token.digest = %s AND token.revoked_at IS NULL AND owner.is_active
"""


def _by_token(secret: str, login: str = "") -> Caller | None:
    """Return the owner of the token SECRET, if LOGIN (when given) names that owner."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNER, [ApiToken.digest_of(secret)])
        found = cursor.fetchone()
    if found is None:
        return None
    token_id, role, last_used_at, pk, username, email, name, user_role = found
    if login and login.lower() not in {email.lower(), username.lower()}:
        return None
    touch_token(token_id, last_used_at)
    user = User(id=pk, username=username, email=email, name=name, role=user_role)
    return Caller(user, Role(role), token_id)


def _by_basic(request: HttpRequest, value: str) -> Caller | None:
    try:
        login, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise BadCredentials("Authorization: Basic wants user:password in base64") from None
    if not login or "\x00" in login + secret:
        return None
    return _by_token(secret, login) or by_password(request, login, secret)


def by_password(request: HttpRequest, login: str, password: str) -> Caller | None:
    """Return who LOGIN is if PASSWORD is right; who guesses too often is locked out for a while."""
    known = User.objects.by_login(login)  # so that guesses are counted by user, not by spelling
    username = known.username if known else login
    user = check_password(request, username=username, password=password)
    return Caller(user, Role(user.role)) if isinstance(user, User) else None


# ---- callers seen in the last minute
#
# A pipeline sends the same header again and again. Remembering whom it named saves a query; whoever
# remembers must ask limits.COUNT, which lets no revoked token through.

REMEMBERED = 10_000  # headers
NOT_VALID = "the token is wrong or revoked, or its user may no longer come in"
_callers: dict[bytes, tuple[float, Caller]] = {}


def remembered(request: HttpRequest) -> Caller:
    """Return who sent REQUEST, as of at most a minute ago; raises BadCredentials."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    return _recall(header, lambda: identify(request))


def holder(secret: str) -> Caller:
    """Return whose token SECRET is, on the wires that send it by itself; raises BadCredentials."""
    caller = _by_token(secret)
    if caller is None:
        raise BadCredentials(NOT_VALID)
    origin.acts(caller.user, caller.token_id)
    return caller


def remembered_holder(secret: str) -> Caller:
    """Return whose token SECRET is, as of at most a minute ago; raises BadCredentials."""
    return _recall(f"Bearer {secret}", lambda: holder(secret))  # which is the same caller


def _recall(header: str, find: Callable[[], Caller | None]) -> Caller:
    digest = hashlib.sha256(header.encode(errors="surrogatepass")).digest()
    until, known = _callers.get(digest, (0.0, None))
    if known is not None and time.monotonic() < until:
        origin.acts(known.user, known.token_id)
        return known
    caller = find()
    if caller is None:
        raise BadCredentials("Authorization: is required")
    if caller.token_id is not None:  # a password is checked each time
        if len(_callers) >= REMEMBERED:
            _callers.clear()
        _callers[digest] = time.monotonic() + LAST_USED_STEP.total_seconds(), caller
    return caller


def caller_of(request: Request) -> Caller:
    """Return who sent REQUEST of our own API; raises NotAuthenticated."""
    if not isinstance(request.auth, Caller):
        raise exceptions.NotAuthenticated
    return request.auth


class CredentialAuthentication(authentication.BaseAuthentication):
    """identify() for our own API."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        try:
            caller = identify(request._request)
        except BadCredentials as error:
            raise exceptions.AuthenticationFailed(str(error)) from None
        return (caller.user, caller) if caller else None

    def authenticate_header(self, request: Request) -> str:
        return REALM


class SessionAuthentication(authentication.SessionAuthentication):
    """The signed-in person of the pages, with the CSRF check."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        return user, Caller(user, Role(user.role))

    def enforce_csrf(self, request: Request) -> None:
        """Check the token, and leave the body to be read: the check looks for a form in it."""
        _ = request._request.body
        super().enforce_csrf(request)


class RolePermission(permissions.BasePermission):
    """Viewers read; a view says which role it wants for the rest in `write_roles`.

    With ANONYMOUS_READ everybody reads, unless the view is `members_only`.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in permissions.SAFE_METHODS:
            open_to_all = settings.ANONYMOUS_READ and not getattr(view, "members_only", False)
            return request.auth is not None or open_to_all
        allowed: tuple[Role, ...] = getattr(view, "write_roles", (Role.ADMIN,))
        return caller_of(request).role in allowed
