"""When worker and beat last showed that they work."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the table of signs of life."""

    dependencies = [("feeds", "0016_read_badges")]

    operations = [
        migrations.CreateModel(
            name="Sign",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "process",
                    models.CharField(
                        choices=[("worker", "Worker"), ("beat", "Beat")],
                        max_length=16,
                        unique=True,
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
