"""The secret in the addresses that feed readers subscribe to: it reads feeds, and no more.

Nothing of it is stored. It is a signature over the user and a number that counts up when the user
wants other addresses; so all addresses of a user end at once, and a new one is known by itself.
"""

from __future__ import annotations

from django.core.signing import BadSignature, Signer

from feeds.models import User

PARAMETER = "token"
_signer = Signer(sep=".", salt="feeds.feedtoken")


def token_of(user: User) -> str:
    """Return the token of USER."""
    return _signer.sign(f"{user.pk}-{user.feed_epoch}")


def owner_of(token: str) -> User | None:
    """Return whose TOKEN is, None if it is wrong, was replaced, or its user may not come in."""
    try:
        pk, epoch = _signer.unsign(token).split("-")
    except (BadSignature, ValueError):
        return None
    return User.objects.filter(pk=pk, feed_epoch=epoch, is_active=True).first()
