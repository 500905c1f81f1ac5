"""Secrets that must be used again, sealed at rest with a key derived from SECRET_KEY.

After SECRET_KEY changed, SECRET_KEY_FALLBACKS still opens what was sealed before.
"""

from __future__ import annotations

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"pulseboard vault 1"  # keeps the key apart from all else that SECRET_KEY signs


class SealBroken(Exception):
    """A sealed secret that no key of ours opens; str(error) is fit to show an admin."""

    def __init__(self) -> None:
        super().__init__(
            "the secret was sealed with another SECRET_KEY: set a new secret, or add the old key "
            "to SECRET_KEY_FALLBACKS"
        )


def seal(text: str) -> str:
    """Return TEXT in a form that only this installation can read."""
    return _lock().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Return the text in SEALED; raises SealBroken."""
    try:
        return _lock().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SealBroken from None


def _lock() -> MultiFernet:
    return MultiFernet(
        [_key_of(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


@cache
def _key_of(secret: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
