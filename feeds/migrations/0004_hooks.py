"""Webhooks name their dialect as the registry does, so that a new dialect needs no migration."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Free the dialect of a webhook."""

    dependencies = [("feeds", "0003_wires")]

    operations = [
        migrations.RemoveConstraint(model_name="webhook", name="webhook_has_a_known_dialect"),
        migrations.AlterField(
            model_name="webhook", name="dialect", field=models.CharField(max_length=16)
        ),
    ]
