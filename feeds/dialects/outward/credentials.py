"""How each sort of upstream wants to be told who we are."""

from __future__ import annotations

import base64

from feeds.dialects.letters import Account


def basic(account: Account) -> dict[str, str]:
    """Return the header of Basic: user name or e-mail, and password or token."""
    pair = f"{account.user}:{account.secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def bearer(account: Account) -> dict[str, str]:
    """Return the header of a token that stands for itself."""
    return {"Authorization": f"Bearer {account.secret}"}


def keys(account: Account) -> dict[str, str]:
    """Return the header of TeamHub, as the vendor's page writes it."""
    company, own = _quoted(account.company_key), _quoted(account.secret)
    return {"Authorization": f"hth.company_key={company},account_key={own}"}


def _quoted(key: str) -> str:
    """Put KEY between the quotes that it does not hold itself; the vendor reads both."""
    quote = '"' if "'" in key else "'"
    return f"{quote}{key}{quote}"
