"""Many rows in one statement, as fast as a thousand outages in one second need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Model

from feeds.upsert import as_select


def insert(model: type[Model], rows: Sequence[dict[str, Any]]) -> None:
    """Insert ROWS of MODEL, each with the same columns; date-times are aware UTC."""
    if not rows:
        return
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create([model(**row) for row in rows])
        return
    fields = {field.attname: field for field in model._meta.concrete_fields}
    names = list(rows[0])
    select, parameters = as_select(rows, {name: _type(fields[name]) for name in names})
    place = f"{model._meta.db_table} ({', '.join(names)})"  # the names are ours
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {place} {select}", parameters)


def _type(field: Any) -> str:
    kind = field.rel_db_type(connection) if field.is_relation else field.cast_db_type(connection)
    return str(kind)
