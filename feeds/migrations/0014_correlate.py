"""Write down what the events that are already here name."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from feeds.dialects.correlation import keys

BATCH = 2000  # events a statement: their details are in memory
READ = (
    "id", "dialect", "kind", "external_id", "title", "content", "url", "object_type", "object_key",
    "target_key", "project_key", "details", "source__external_id",
)  # fmt: skip


def forwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Go through the events by their ids; what is written already stays."""
    activities = apps.get_model("feeds", "Activity").objects.order_by("id")
    correlations = apps.get_model("feeds", "Correlation")
    last = 0
    while batch := list(activities.filter(id__gt=last).values(*READ)[:BATCH]):
        last = batch[-1]["id"]
        correlations.objects.bulk_create(
            [
                correlations(activity_id=columns["id"], key=key, rest=rest)
                for columns in batch
                for key, rest in _keys(columns)
            ],
            ignore_conflicts=True,
            batch_size=BATCH,
        )


def _keys(columns: dict[str, Any]) -> list[Any]:
    return keys({**columns, "source_id": columns["source__external_id"]})


class Migration(migrations.Migration):
    """Fill the correlations; in batches of their own, so that it can be stopped and begun again."""

    atomic = False
    dependencies = [("feeds", "0013_story")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
