"""`manage.py site`."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from feeds import actions


class Command(BaseCommand):
    """Print what senders must name: the cloudId, the company key and the address, as JSON."""

    help = "Print the site's cloud_id, company_key and site_url as JSON."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one JSON object."""
        site = {
            "cloud_id": actions.cloud_id(),
            "company_key": actions.site().company_key,
            "site_url": settings.SITE_URL,
        }
        self.stdout.write(json.dumps(site, indent=2))
