"""Read the badges of the events that are already here."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from feeds.dialects import badges

BATCH = 2000  # events a statement: their details are in memory
WRITE = "UPDATE feeds_activity SET ref = %s, level = %s WHERE id = %s"


def forwards(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Go through the events by their ids."""
    activities = apps.get_model("feeds", "Activity").objects.order_by("id")
    rows = activities.filter(kind__in=badges.PROPERTIES).values_list("id", "kind", "details")
    last = 0
    while batch := list(rows.filter(id__gt=last)[:BATCH]):
        last = batch[-1][0]
        found = [
            (badges.ref(kind, details) or None, badges.level(kind, details) or None, pk)
            for pk, kind, details in batch
        ]
        told = [values for values in found if any(values[:2])]
        with editor.connection.cursor() as cursor:
            cursor.executemany(WRITE, told)


class Migration(migrations.Migration):
    """Fill the columns; in batches of their own, so that it can be stopped and begun again."""

    atomic = False
    dependencies = [("feeds", "0015_badges")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
