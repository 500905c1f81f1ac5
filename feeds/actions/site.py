"""The one site of this installation."""

import secrets
from functools import cache

from django.conf import settings

from feeds.models import Site


@cache
def site() -> Site:
    """Return this installation's site, made on first use; it never changes."""
    found, _ = Site.objects.get_or_create(id=1, defaults={"company_key": secrets.token_hex(16)})
    return found


def cloud_id() -> str:
    """Return the cloudId that senders must name: CLOUD_ID if set, else one of our own."""
    return settings.CLOUD_ID or str(site().cloud_id)
