"""What components need to work."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from feeds.actions.audit import note
from feeds.actions.errors import ComponentUnknown, Conflict, TooMany
from feeds.models import AuditEntry, Component, Dependency

Kind, Verb = AuditEntry.Kind, AuditEntry.Verb
DEPENDENCIES_PER_COMPONENT = 50


def add_dependency(component: Component, needs: Component) -> bool:
    """Say that COMPONENT depends on NEEDS; return whether that is new.

    Cycles are allowed, for there are services that need each other; nothing needs itself.
    """
    if component.pk == needs.pk:
        raise Conflict("needs: a component cannot depend on itself")
    try:
        with transaction.atomic():
            # The lock makes the count exact under parallel requests; SQLite locks all.
            Component.objects.select_for_update(of=("self",)).filter(pk=component.pk).first()
            known = Dependency.objects.filter(component=component)
            if known.filter(needs=needs).exists():
                return False
            if known.count() >= DEPENDENCIES_PER_COMPONENT:
                raise TooMany(
                    f"needs: a component depends on {DEPENDENCIES_PER_COMPONENT} others at most"
                )
            Dependency.objects.create(component=component, needs=needs)
            changes = [("depends on", "none", str(needs))]
            note(Kind.COMPONENT, Verb.CHANGED, component, key=component.slug, changes=changes)
    except IntegrityError:
        raise ComponentUnknown("needs: one of the two was deleted at this moment") from None
    return True


def remove_dependency(component: Component, needs: Component) -> bool:
    """Say that COMPONENT no longer depends on NEEDS; return whether it did."""
    with transaction.atomic():
        gone = Dependency.objects.filter(component=component, needs=needs).delete()[0]
        if gone:
            changes = [("depends on", str(needs), "none")]
            note(Kind.COMPONENT, Verb.CHANGED, component, key=component.slug, changes=changes)
    return bool(gone)
