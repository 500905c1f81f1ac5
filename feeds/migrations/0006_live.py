"""What the live streams ask: which activities changed, and which are no more."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from feeds.models import EventKind

COPIED = "INSERT INTO feeds_deletion (activity, source_id, kind, deleted_at)"
POSTGRESQL = [
    f"""CREATE FUNCTION note_deleted_activities() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {COPIED} SELECT uuid, source_id, kind, clock_timestamp() FROM gone
        WHERE received_at > now() - interval '30 days';
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER activity_deleted AFTER DELETE ON feeds_activity
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION note_deleted_activities()""",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER activity_deleted ON feeds_activity",
    "DROP FUNCTION note_deleted_activities",
]
SQLITE = [
    f"""CREATE TRIGGER activity_deleted AFTER DELETE ON feeds_activity
    WHEN old.received_at > datetime('now', '-30 days') BEGIN
        {COPIED} VALUES
        (old.uuid, old.source_id, old.kind, strftime('%Y-%m-%d %H:%M:%f000', 'now'));
    END""",
]
SQLITE_BACK = ["DROP TRIGGER activity_deleted"]


def forwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Make the trigger."""
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE:
        editor.execute(statement, params=None)


def backwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the trigger."""
    back = POSTGRESQL_BACK if editor.connection.vendor == "postgresql" else SQLITE_BACK
    for statement in back:
        editor.execute(statement, params=None)


class Migration(migrations.Migration):
    """Add the index of changes, and the deletions with the trigger that writes them."""

    dependencies = [("feeds", "0005_progress")]
    operations = [
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                fields=["touched_at", "id"],
                condition=~models.Q(touched_at=models.F("received_at")),
                name="activity_changed",
            ),
        ),
        migrations.CreateModel(
            name="Deletion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("activity", models.UUIDField()),
                ("source_id", models.BigIntegerField()),
                ("kind", models.CharField(choices=EventKind.choices, max_length=16)),
                ("deleted_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["deleted_at", "id"], name="deletions_by_time"),
                ],
            },
        ),
        migrations.RunPython(forwards, backwards),
    ]
