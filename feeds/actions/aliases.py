"""What components are called in other systems."""

from django.db import transaction

from feeds.actions.audit import note
from feeds.actions.errors import Conflict
from feeds.models import Alias, AuditEntry, Component


def create_alias(component: Component, *, source: str, external_id: str, url: str = "") -> Alias:
    """Give COMPONENT the alias EXTERNAL_ID in SOURCE; a second time changes nothing.

    Raises Conflict if it is an alias of another component.
    """
    with transaction.atomic():
        alias, created = Alias.objects.get_or_create(
            digest=Alias.digest_of(source, external_id),
            defaults={
                "component": component, "source": source, "external_id": external_id, "url": url,
            },
        )  # fmt: skip
        if created:
            _note(component, ("alias", "none", f"{source} {external_id}"))
    if alias.component_id != component.pk:
        raise Conflict("externalAlias: is an alias of another component")
    return alias


def delete_alias(component: Component, *, source: str, external_id: str) -> bool:
    """Take the alias EXTERNAL_ID in SOURCE from COMPONENT; return whether it had it."""
    with transaction.atomic():
        found = component.aliases.filter(digest=Alias.digest_of(source, external_id))
        gone = found.delete()[0]
        if gone:
            _note(component, ("alias", f"{source} {external_id}", "none"))
    return bool(gone)


def _note(component: Component, change: tuple[str, str, str]) -> None:
    kind, verb = AuditEntry.Kind.COMPONENT, AuditEntry.Verb.CHANGED
    note(kind, verb, component, key=component.slug, changes=[change])
