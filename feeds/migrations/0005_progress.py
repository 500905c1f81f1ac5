"""How often an activity told news, and whether we gave up waiting for its end.

Both may be null, so that SQLite adds a column instead of making the table anew, without the
triggers of the search.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the two columns."""

    dependencies = [("feeds", "0004_outbox")]
    operations = [
        migrations.AddField(
            model_name="activity", name="updates", field=models.PositiveIntegerField(null=True)
        ),
        migrations.AddField(
            model_name="activity", name="abandoned_at", field=models.DateTimeField(null=True)
        ),
    ]
