"""Django's backend, which empties only what is not empty after a test that commits: to truncate 46
tables with all their indexes takes PostgreSQL longer than most tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations


class Operations(DatabaseOperations):
    """As Django's, but for the flush."""

    def sql_flush(
        self,
        style: Any,
        tables: Sequence[str],
        *,
        reset_sequences: bool = False,
        allow_cascade: bool = False,
    ) -> list[str]:
        if reset_sequences or allow_cascade or not tables:
            return super().sql_flush(
                style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade
            )
        looks = [
            f"SELECT '{name}' WHERE EXISTS (SELECT FROM {self.quote_name(name)})" for name in tables
        ]
        with self.connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(looks))
            full = [name for (name,) in cursor.fetchall()]
        # in any order: foreign keys are looked at when all is done
        return [f"DELETE FROM {self.quote_name(name)}" for name in full]


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's, with operations of ours."""

    ops_class = Operations
