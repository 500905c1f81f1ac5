"""Full-text search over activities: a GIN index on PostgreSQL, an FTS5 table on SQLite.

feeds/search.py holds the query that both serve; the words of a text are its runs of letters and
digits, whatever the database.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from feeds.search import DOCUMENT, SEARCHED

COLUMNS = ", ".join(SEARCHED)
NEW = ", ".join(f"new.{name}" for name in SEARCHED)
OLD = ", ".join(f"old.{name}" for name in SEARCHED)

POSTGRESQL = [
    # ?q=
    f"CREATE INDEX activity_search ON feeds_activity USING gin ({DOCUMENT})",
]
POSTGRESQL_BACK = ["DROP INDEX activity_search"]

SQLITE = [
    f"""CREATE VIRTUAL TABLE feeds_activity_search USING fts5(
        {COLUMNS}, content='feeds_activity', content_rowid='id',
        tokenize="unicode61 remove_diacritics 0")""",
    f"""CREATE TRIGGER activity_search_insert AFTER INSERT ON feeds_activity BEGIN
        INSERT INTO feeds_activity_search(rowid, {COLUMNS}) VALUES (new.id, {NEW});
    END""",
    f"""CREATE TRIGGER activity_search_delete AFTER DELETE ON feeds_activity BEGIN
        INSERT INTO feeds_activity_search(feeds_activity_search, rowid, {COLUMNS})
        VALUES ('delete', old.id, {OLD});
    END""",
    f"""CREATE TRIGGER activity_search_update AFTER UPDATE OF {COLUMNS} ON feeds_activity BEGIN
        INSERT INTO feeds_activity_search(feeds_activity_search, rowid, {COLUMNS})
        VALUES ('delete', old.id, {OLD});
        INSERT INTO feeds_activity_search(rowid, {COLUMNS}) VALUES (new.id, {NEW});
    END""",
]
SQLITE_BACK = [
    "DROP TRIGGER activity_search_insert",
    "DROP TRIGGER activity_search_delete",
    "DROP TRIGGER activity_search_update",
    "DROP TABLE feeds_activity_search",
]


def forwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Make the index."""
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE:
        editor.execute(statement, params=None)


def backwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the index."""
    back = POSTGRESQL_BACK if editor.connection.vendor == "postgresql" else SQLITE_BACK
    for statement in back:
        editor.execute(statement, params=None)


class Migration(migrations.Migration):
    """Add the search index."""

    dependencies = [("feeds", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
