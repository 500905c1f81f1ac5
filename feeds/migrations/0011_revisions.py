"""What an event was before its updates: the table, and the triggers that write and empty it."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from feeds.models import Activity, EventKind

KEPT = 50  # REVISIONS_KEPT
#: What is shown of an event; an update of what runs that leaves it all as it was is not kept.
SHOWN = (
    "dialect", "kind", "verb", "state", "title", "content", "url", "icon", "generator",
    "actor_key", "actor_name", "actor_image", "object_type", "object_key", "target_key",
    "target_url",
)  # fmt: skip
MOVED = ("sequence", "progress", "occurred_at")  # kept as they were, and as they became


def _row(which: str, names: tuple[str, ...] = SHOWN) -> str:
    return f"({', '.join(f'{which}.{name}' for name in names)})"


def _changed(differs: str) -> str:
    """Tell, with the operator that says that two values DIFFER, whether an update is kept."""
    return (
        f"{_row('old')} {differs} {_row('new')}"
        f" OR (new.state <> 'running' AND (old.occurred_at <> new.occurred_at"
        f" OR old.details {differs} new.details))"
    )


COPY = f"""
    INSERT INTO feeds_revision (
        activity_id, replaced_at, replaced_by, {", ".join(MOVED)},
        {", ".join(f"next_{name}" for name in MOVED)}, {", ".join(SHOWN)}, details
    ) VALUES (
        old.id, new.touched_at, CASE WHEN new.sequence > old.sequence THEN new.changed_by END,
        {", ".join(f"old.{name}" for name in MOVED)},
        {", ".join(f"new.{name}" for name in MOVED)},
        {", ".join(f"old.{name}" for name in SHOWN)}, old.details
    );
    DELETE FROM feeds_revision WHERE activity_id = old.id AND id <= (
        SELECT id FROM feeds_revision WHERE activity_id = old.id
        ORDER BY id DESC LIMIT 1 OFFSET {KEPT}
    );
"""
POSTGRESQL = [
    f"""CREATE FUNCTION keep_former_activity() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {COPY} RETURN NULL; END $$""",
    f"""CREATE TRIGGER activity_updated AFTER UPDATE ON feeds_activity
    FOR EACH ROW WHEN ({_changed("IS DISTINCT FROM")})
    EXECUTE FUNCTION keep_former_activity()""",
    """CREATE FUNCTION forget_deleted_activities() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM feeds_revision USING gone WHERE feeds_revision.activity_id = gone.id;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER activity_forgotten AFTER DELETE ON feeds_activity
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION forget_deleted_activities()""",
]
POSTGRESQL_BACK = [
    "DROP TRIGGER activity_updated ON feeds_activity",
    "DROP TRIGGER activity_forgotten ON feeds_activity",
    "DROP FUNCTION keep_former_activity",
    "DROP FUNCTION forget_deleted_activities",
]
SQLITE = [
    f"""CREATE TRIGGER activity_updated AFTER UPDATE ON feeds_activity
    WHEN {_changed("IS NOT")} BEGIN {COPY} END""",
    """CREATE TRIGGER activity_forgotten AFTER DELETE ON feeds_activity BEGIN
        DELETE FROM feeds_revision WHERE activity_id = old.id;
    END""",
]
SQLITE_BACK = ["DROP TRIGGER activity_updated", "DROP TRIGGER activity_forgotten"]


def forwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Make the triggers."""
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE:
        editor.execute(statement, params=None)


def backwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the triggers."""
    back = POSTGRESQL_BACK if editor.connection.vendor == "postgresql" else SQLITE_BACK
    for statement in back:
        editor.execute(statement, params=None)


class Migration(migrations.Migration):
    """Add the revisions, who sent the last update, and the triggers."""

    dependencies = [("feeds", "0010_views_and_feed_addresses")]
    operations = [
        migrations.AddField("activity", "changed_by", models.BigIntegerField(null=True)),
        migrations.CreateModel(
            name="Revision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("replaced_at", models.DateTimeField()),
                ("replaced_by", models.BigIntegerField(null=True)),
                ("sequence", models.BigIntegerField()),
                ("next_sequence", models.BigIntegerField()),
                ("progress", models.PositiveSmallIntegerField(null=True)),
                ("next_progress", models.PositiveSmallIntegerField(null=True)),
                ("occurred_at", models.DateTimeField()),
                ("next_occurred_at", models.DateTimeField()),
                ("dialect", models.CharField(max_length=16)),
                ("kind", models.CharField(choices=EventKind.choices, max_length=16)),
                ("verb", models.CharField(max_length=255)),
                (
                    "state",
                    models.CharField(blank=True, choices=Activity.State.choices, max_length=24),
                ),
                ("title", models.TextField()),
                ("content", models.TextField(blank=True)),
                ("url", models.TextField(blank=True)),
                ("icon", models.TextField(blank=True)),
                ("generator", models.CharField(max_length=255)),
                ("actor_key", models.CharField(blank=True, max_length=255)),
                ("actor_name", models.CharField(blank=True, max_length=255)),
                ("actor_image", models.TextField(blank=True)),
                ("object_type", models.CharField(blank=True, max_length=255)),
                ("object_key", models.CharField(blank=True, max_length=255)),
                ("target_key", models.CharField(blank=True, max_length=255)),
                ("target_url", models.TextField(blank=True)),
                ("details", models.JSONField(default=dict)),
                (
                    "activity",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="revisions",
                        to="feeds.activity",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["activity", "-id"], name="revisions_of_activity")],
            },
        ),
        migrations.RunPython(forwards, backwards),
    ]
