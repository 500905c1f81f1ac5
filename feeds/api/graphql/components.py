"""Components and event sources as objects of the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from django.conf import settings

from feeds import actions, ari
from feeds.api.graphql.errors import EXPECTED, faults_of
from feeds.api.graphql.events import event_type
from feeds.api.graphql.relationships import dependencies_of, page
from feeds.api.graphql.timeline import Query, Timeline, page_of
from feeds.models import Alias, Attachment, Component, Dependency, EventSource

ENUM_TYPES = {"APPLICATION", "LIBRARY", "SERVICE"}  # of CompassComponentType; the rest are OTHER

Object = dict[str, Any]


class Shelf:
    """Components that an answer lists side by side; what one needs is loaded for all at once."""

    def __init__(self, components: Iterable[Component]) -> None:
        self.components = list(components)
        self._ids = [component.pk for component in self.components]
        self._related: dict[str, dict[int, list[Dependency]]] = {}  # by direction
        self._beside: dict[str, Shelf] = {}

    def answer(self) -> list[Object]:
        """Return the components as CompassComponents, in their order."""
        return [component_json(component, self) for component in self.components]

    @cached_property
    def sources(self) -> dict[int, list[EventSource]]:
        """The sources of each component."""
        found: dict[int, list[EventSource]] = {pk: [] for pk in self._ids}
        rows = Attachment.objects.filter(component__in=self._ids).select_related("source")
        for attachment in rows.order_by("id"):
            found[attachment.component_id].append(attachment.source)
        return found

    @cached_property
    def aliases(self) -> dict[int, list[Alias]]:
        """The external aliases of each component."""
        found: dict[int, list[Alias]] = {pk: [] for pk in self._ids}
        for alias in Alias.objects.filter(component__in=self._ids):
            found[alias.component_id].append(alias)
        return found

    def relationships(self, pk: int, query: Query) -> Object:
        """Answer a page of what the component PK depends on, or of what depends on it."""
        direction = query.get("direction") or "OUTWARD"
        if direction not in self._related:
            self._related[direction] = dependencies_of(self._ids, direction)
            rows = [row for all in self._related[direction].values() for row in all]
            others = Shelf(
                {one.pk: one for row in rows for one in (row.component, row.needs)}.values()
            )
            self._beside[direction] = others
        beside = self._beside[direction]
        try:
            return page(
                self._related[direction][pk], query, lambda one: component_json(one, beside)
            )
        except EXPECTED as error:
            return faults_of(error)[0].in_query(None)

    @cached_property
    def timeline(self) -> Timeline:
        """The events of each component."""
        return Timeline(self.sources)

    @cached_property
    def timeline_of_sources(self) -> Timeline:
        """The events of each of the components' sources."""
        return timeline_of(source for all in self.sources.values() for source in all)


def timeline_of(sources: Iterable[EventSource]) -> Timeline:
    """Return the timeline in which each of SOURCES stands for itself."""
    return Timeline({source.pk: [source] for source in sources})


def component_json(component: Component, shelf: Shelf) -> Object:
    """Write COMPONENT, which stands on SHELF, as a CompassComponent."""
    pk = component.pk
    return {
        "__typename": "CompassComponent",
        "id": ari.component(actions.cloud_id(), actions.site().workspace_id, component.uuid),
        "name": component.name,
        "description": component.description,
        "slug": component.slug,
        "ownerId": component.owner_team or None,
        "state": component.state,
        "type": component.type if component.type in ENUM_TYPES else "OTHER",
        "typeId": component.type,
        "url": page_address(component),
        "labels": [{"name": label} for label in component.labels],
        "links": [link_json(link) for link in component.links],
        "externalAliases": lambda info: [alias_json(alias) for alias in shelf.aliases[pk]],
        "eventSources": lambda info: [
            source_json(source, shelf.timeline_of_sources) for source in shelf.sources[pk]
        ],
        "events": lambda info, query=None: shelf.timeline.page(pk, query),
        "changeMetadata": {
            "createdAt": component.created_at,
            "lastUserModificationAt": component.updated_at,
        },
        "relationships": lambda info, query=None: shelf.relationships(pk, query or {}),
        # what we keep nothing of
        "metricSources": _nothing_of("CompassComponentMetricSourcesConnection"),
        "dataManager": None,
        "fields": [],
        "customFields": [],
        "scorecardScores": [],
    }


def _nothing_of(connection: str) -> Callable[..., Object]:
    return lambda info, **arguments: page_of(connection, [], more=False, before=False)


def page_address(component: Component) -> str:
    """Return where people read about COMPONENT."""
    return f"{settings.SITE_URL}/components/{component.slug}/"


def source_json(source: EventSource, timeline: Timeline) -> Object:
    """Write SOURCE as an EventSource whose events stand in TIMELINE."""

    def events(info: Any, query: Query | None = None) -> Object:
        return timeline.page(source.pk, query)

    return {
        "__typename": "EventSource",
        "id": ari.event_source(actions.cloud_id(), actions.site().workspace_id, source.uuid),
        "eventType": event_type(source.kind),
        "externalEventSourceId": source.external_id,
        "forgeAppId": None,
        "events": events,
    }


def alias_json(alias: Alias) -> Object:
    """Write ALIAS as a CompassExternalAlias."""
    return {
        "externalAliasId": alias.external_id,
        "externalSource": alias.source,
        "url": alias.url or None,
    }


def link_json(link: Mapping[str, str]) -> Object:
    """Write LINK as a CompassLink; no source of ours belongs to a link."""
    return {
        "id": actions.link_id(link),
        "type": link.get("type") or Component.LinkType.OTHER_LINK.value,
        "url": link["url"],
        "name": link.get("name") or None,
        "objectId": link.get("objectId") or None,
        "eventSources": [],
    }
