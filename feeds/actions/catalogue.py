"""Components, the sources that send events, and which shows on which."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.text import slugify

from feeds.actions.audit import differences, note, values_of
from feeds.actions.errors import (
    ComponentMalformed,
    ComponentUnknown,
    Conflict,
    LinkUnknown,
    SourceLimitReached,
    SourceUnknown,
    TooMany,
)
from feeds.actions.site import cloud_id
from feeds.ari import InvalidAri, parse_component, parse_event_source
from feeds.dialects.mapping import key
from feeds.models import (
    Activity,
    Attachment,
    AuditEntry,
    Component,
    Composition,
    Correlation,
    Delivery,
    EventKind,
    EventSource,
)

Kind, Verb = AuditEntry.Kind, AuditEntry.Verb
RESERVED = {"new"}  # slugs that are addresses of pages: /components/new/
LABELS_PER_COMPONENT = 20  # as in Compass
LINKS_OF_A_TYPE = 10  # of a component; Compass's own SDK allows as many


def create_source(external_id: str, *, kind: str, name: str = "") -> EventSource:
    """Make the source of EXTERNAL_ID and KIND, or return the one that exists."""
    with transaction.atomic():
        source, created = EventSource.objects.get_or_create(
            external_id=key(external_id),
            kind=kind,
            defaults={"name": name, "repository": repository_of(external_id)},
        )
        if created:
            note(Kind.SOURCE, Verb.CREATED, _named(source), key=source.uuid)
    if created and kind == EventKind.PULL_REQUEST and source.repository:
        for component in Component.objects.filter(sources__repository=source.repository).distinct():
            _attach_if_room(component, source)
    return source


def rename_source(source: EventSource, name: str) -> None:
    """Call SOURCE otherwise; external id and kind stay, for senders and events rely on them."""
    before = values_of(source, ["name"])
    source.name = name
    with transaction.atomic():
        source.save(update_fields=["name"])
        changes = differences(before, {"name": name})
        note(Kind.SOURCE, Verb.CHANGED, _named(source), key=source.uuid, changes=changes)


def _named(source: EventSource) -> str:
    return f"{source} ({source.kind.replace('_', ' ')})"


def repository_of(text: str) -> str:
    """Return the owner/name in TEXT: a clone URL, a web address, gh/owner/name or itself."""
    if text.startswith("git@"):
        text = text.partition(":")[2]
    try:
        path = urlsplit(text).path if "://" in text else text
    except ValueError:
        return ""
    path = path.strip("/").removesuffix(".git").removeprefix("gh/")
    return path.lower()[:255] if path.count("/") == 1 else ""


def delete_source(source: EventSource, *, attached_too: bool = True) -> None:
    """Delete SOURCE with its activities and its log; raises Conflict for one that is still
    attached, unless ATTACHED_TOO."""
    with transaction.atomic():
        if not attached_too:
            # Whoever attaches it at this moment waits for the lock, and then finds it gone.
            EventSource.objects.select_for_update().filter(pk=source.pk).first()
            if source.attachments.exists():
                raise Conflict("the event source is attached to components: detach it first")
        gone = Activity.objects.filter(source=source)
        Delivery.objects.filter(activity__in=gone).update(activity=None)
        Composition.objects.filter(activity__in=gone).update(activity=None)
        Correlation.objects.filter(activity__in=gone)._raw_delete("default")
        gone._raw_delete("default")
        note(Kind.SOURCE, Verb.DELETED, _named(source), key=source.uuid)
        source.delete()


def find_source(reference: str) -> EventSource:
    """Return the event source that an ARI or a uuid names."""
    try:
        identity = parse_event_source(reference, cloud_id())
    except InvalidAri as error:
        found = None if reference.startswith("ari:") else _uuid(reference)
        if found is None:
            raise SourceUnknown(str(error)) from None
        identity = found
    source = EventSource.objects.filter(uuid=identity).first()
    if source is None:
        raise SourceUnknown(f"eventSourceId: no event source {reference!r}")
    return source


def find_component(reference: str) -> Component:
    """Return the component that an ARI, a uuid or a slug names."""
    component = Component.objects.filter(component_named(reference)).first()
    if component is None:
        raise ComponentUnknown(f"component {reference!r} not found")
    return component


def component_named(reference: str) -> Q:
    """Return what finds the component that an ARI, a uuid or a slug names."""
    try:
        return Q(uuid=parse_component(reference, cloud_id()))
    except InvalidAri as error:
        if reference.startswith("ari:"):
            raise ComponentMalformed(str(error)) from None
    identity = _uuid(reference)
    return Q(uuid=identity) if identity else Q(slug=reference)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def create_component(name: str, *, slug: str = "", **fields: Any) -> Component:
    """Make a component; its slug comes from the name unless given."""
    wanted = slug or slugify(name)[:56] or "component"
    identity = fields.get("uuid")
    if identity and Component.objects.filter(uuid=identity).exists():
        raise Conflict(f"uuid: another component with the uuid {identity} exists")
    fields["links"] = _complete(fields.get("links", []))
    for attempt in range(100):
        candidate = wanted if attempt == 0 else f"{wanted}-{attempt + 1}"
        if candidate in RESERVED or Component.objects.filter(slug=candidate).exists():
            if slug:
                break
            continue
        try:
            with transaction.atomic():
                component = Component.objects.create(name=name, slug=candidate, **fields)
                note(Kind.COMPONENT, Verb.CREATED, component, key=component.slug)
                return component
        except IntegrityError:
            continue  # somebody took it in between: try the next
    raise Conflict(f"slug: another component with the slug {wanted!r} exists")


def change_component(component: Component, fields: Mapping[str, Any]) -> None:
    """Set FIELDS of COMPONENT."""
    if fields.get("slug") in RESERVED:
        raise Conflict(f"slug: {fields['slug']!r} is the address of a page of ours")
    try:
        with _locked(component, *fields) as current:
            if "links" in fields:
                fields = {**fields, "links": _complete(fields["links"], current.links)}
            for name, value in fields.items():
                setattr(current, name, value)
                setattr(component, name, value)
    except IntegrityError:
        raise Conflict(f"slug: another component with the slug {component.slug!r} exists") from None


def _complete(
    links: Sequence[Mapping[str, str]], known: Sequence[Mapping[str, str]] = ()
) -> list[dict[str, str]]:
    """Give each of LINKS its id and type: those of the KNOWN link to the same address, if any."""
    fresh = {"type": Component.LinkType.OTHER_LINK.value, "name": ""}
    before = {link["url"]: link for link in known}
    return [
        {"id": str(uuid.uuid4()), **fresh, **before.get(link["url"], {}), **link} for link in links
    ]


def add_labels(component: Component, names: Sequence[str]) -> None:
    """Put NAMES behind the labels of COMPONENT that are not there yet."""
    with _locked(component, "labels") as current:
        labels = list(dict.fromkeys([*current.labels, *names]))
        if len(labels) > LABELS_PER_COMPONENT:
            raise TooMany(f"a component has {LABELS_PER_COMPONENT} labels at most")
        current.labels = component.labels = labels


def remove_labels(component: Component, names: Sequence[str]) -> list[str]:
    """Take NAMES from the labels of COMPONENT, and return those that were there."""
    with _locked(component, "labels") as current:
        removed = [label for label in current.labels if label in names]
        kept = [label for label in current.labels if label not in names]
        current.labels = component.labels = kept
    return removed


def add_link(component: Component, link: Mapping[str, str]) -> dict[str, str]:
    """Give COMPONENT one more link, and return it with its new id."""
    fresh = {"id": str(uuid.uuid4()), **link}
    with _locked(component, "links") as current:
        _check_room_for_link(current, link["type"])
        current.links = component.links = [*current.links, fresh]
    return fresh


def change_link(component: Component, identity: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Set FIELDS of the link IDENTITY of COMPONENT, and return it."""
    with _locked(component, "links") as current:
        link = _find_link(current, identity)
        changed = {**link, "id": identity, **fields}
        if changed.get("type") != link.get("type"):
            _check_room_for_link(current, changed["type"])
        links = [changed if known is link else known for known in current.links]
        current.links = component.links = links
    return changed


def remove_link(component: Component, identity: str) -> None:
    """Take the link IDENTITY from COMPONENT."""
    with _locked(component, "links") as current:
        gone = _find_link(current, identity)
        current.links = component.links = [link for link in current.links if link is not gone]


def link_id(link: Mapping[str, str]) -> str:
    """Return what names LINK among those of its component: its address, where it has no id."""
    return link.get("id") or link["url"]


def _find_link(component: Component, identity: str) -> dict[str, str]:
    links: list[dict[str, str]] = component.links
    for link in links:
        if link_id(link) == identity:
            return link
    raise LinkUnknown(f"component {component.slug!r} has no link {identity!r}")


def _check_room_for_link(component: Component, kind: str) -> None:
    if sum(link.get("type") == kind for link in component.links) >= LINKS_OF_A_TYPE:
        raise TooMany(f"a component has {LINKS_OF_A_TYPE} links of a type at most")


@contextmanager
def _locked(component: Component, *names: str) -> Iterator[Component]:
    """Lend COMPONENT as it is now, and save what its columns NAMES then hold.

    Labels and links are lists in one column: two that change one at once would each write what it
    read.
    """
    with transaction.atomic():
        current = Component.objects.select_for_update().filter(pk=component.pk).first()
        if current is None:
            raise ComponentUnknown(f"component {component.slug!r} was deleted at this moment")
        before = values_of(current, names)
        yield current
        current.save(update_fields=[*names, "updated_at"])
        component.updated_at = current.updated_at
        changes = differences(before, values_of(current, names))
        note(Kind.COMPONENT, Verb.CHANGED, current, key=current.slug, changes=changes)


def delete_component(component: Component) -> None:
    """Delete COMPONENT; its sources and their events stay."""
    with transaction.atomic():
        note(Kind.COMPONENT, Verb.DELETED, component, key=component.slug)
        component.delete()


def attach(component: Component, source: EventSource) -> bool:
    """Show the events of SOURCE on COMPONENT; return whether that is new."""
    if Attachment.objects.filter(component=component, source_id=source.pk).exists():
        return False
    with transaction.atomic():
        # The component's lock makes the count exact under parallel requests; SQLite locks all.
        Component.objects.select_for_update(of=("self",)).get(pk=component.pk)
        _check_room(component)
        _, created = Attachment.objects.get_or_create(component=component, source_id=source.pk)
        if created:
            note(Kind.ATTACHMENT, Verb.CREATED, _placed(component, source), key=component.slug)
    if created and source.repository and source.kind != EventKind.PULL_REQUEST:
        # Pull requests name no component: they show wherever their repository does.
        for other in EventSource.objects.filter(
            kind=EventKind.PULL_REQUEST, repository=source.repository
        ):
            _attach_if_room(component, other)
    return created


def _attach_if_room(component: Component, source: EventSource) -> None:
    """Attach SOURCE, but not to a full component: its own sources come first."""
    with suppress(SourceLimitReached):
        attach(component, source)


def _check_room(component: Component) -> None:
    """Refuse one source more than a component may have."""
    limit = settings.SOURCES_PER_COMPONENT
    if component.attachments.count() >= limit:
        raise SourceLimitReached(f"{component.name} has {limit} event sources, its limit")


def detach(component: Component, source: EventSource) -> bool:
    """Hide the events of SOURCE from COMPONENT; return whether they were shown."""
    with transaction.atomic():
        gone = Attachment.objects.filter(component=component, source=source).delete()[0]
        if gone:
            note(Kind.ATTACHMENT, Verb.DELETED, _placed(component, source), key=component.slug)
    return bool(gone)


def _placed(component: Component, source: EventSource) -> str:
    return f"{_named(source)} on {component}"
