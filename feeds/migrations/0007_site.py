"""Make the site with the database: what is made in a transaction may go back with it."""

import secrets

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def make_site(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Make the one row, unless it is there."""
    site = apps.get_model("feeds", "Site")
    site.objects.get_or_create(id=1, defaults={"company_key": secrets.token_hex(16)})


class Migration(migrations.Migration):
    """After this, actions.site() only reads."""

    dependencies = [("feeds", "0006_live")]
    operations = [migrations.RunPython(make_site, migrations.RunPython.noop)]
