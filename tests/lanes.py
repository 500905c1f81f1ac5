"""The two ways by which an event comes in, for tests that go both."""

import pytest

#: PostgreSQL's fast lane is open only outside a transaction.
LANES = [
    pytest.param("inside a transaction", marks=pytest.mark.django_db),
    pytest.param("as in production", marks=pytest.mark.django_db(transaction=True)),
]
