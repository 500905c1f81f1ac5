"""What components are called in other systems."""

from feeds.actions.errors import Conflict
from feeds.models import Alias, Component


def create_alias(component: Component, *, source: str, external_id: str, url: str = "") -> Alias:
    """Give COMPONENT the alias EXTERNAL_ID in SOURCE; a second time changes nothing.

    Raises Conflict if it is an alias of another component.
    """
    alias, _ = Alias.objects.get_or_create(
        digest=Alias.digest_of(source, external_id),
        defaults={
            "component": component, "source": source, "external_id": external_id, "url": url,
        },
    )  # fmt: skip
    if alias.component_id != component.pk:
        raise Conflict("externalAlias: is an alias of another component")
    return alias


def delete_alias(component: Component, *, source: str, external_id: str) -> bool:
    """Take the alias EXTERNAL_ID in SOURCE from COMPONENT; return whether it had it."""
    found = component.aliases.filter(digest=Alias.digest_of(source, external_id))
    return bool(found.delete()[0])
