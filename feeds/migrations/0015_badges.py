"""Keep the branch or pipeline of an event, and how grave it is, in columns of their own."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Add the columns, and the indexes of the filters by them."""

    dependencies = [("feeds", "0014_correlate")]
    operations = [
        migrations.AddField("activity", "ref", models.CharField(max_length=255, null=True)),
        migrations.AddField("activity", "level", models.CharField(max_length=255, null=True)),
        migrations.AddIndex(
            "activity",
            models.Index(
                fields=["ref", "-occurred_at", "-id"],
                name="activity_on_ref",
                condition=Q(ref__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "activity",
            models.Index(
                fields=["level", "-occurred_at", "-id"],
                name="activity_of_level",
                condition=Q(level__isnull=False),
            ),
        ),
    ]
