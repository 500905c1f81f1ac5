"""What can be asked: the site, components, event sources, and their events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from ariadne import ObjectType, QueryType
from django.conf import settings
from django.db.models import Q
from django.http.request import split_domain_port, validate_host
from graphql import GraphQLResolveInfo

from feeds import actions
from feeds.api.graphql.components import Object, Shelf, source_json, timeline_of
from feeds.api.graphql.context import Context
from feeds.api.graphql.errors import (
    COMPONENT_NOT_FOUND,
    EXPECTED,
    Fault,
    Refused,
    faults_of,
    stop,
)
from feeds.api.graphql.search import search
from feeds.dialects.mapping import key
from feeds.models import Alias, Component, EventSource

MOST_IDS = 30  # of a request; duplicates count

query = QueryType()
catalogue = ObjectType("CompassCatalogQueryApi")

NOT_FOUND = Fault(COMPONENT_NOT_FOUND, "COMPONENT_NOT_FOUND", 404)

Info = GraphQLResolveInfo[Context]
Resolver = Callable[..., Object]


def answers(name: str) -> Callable[[Resolver], Resolver]:
    """Make a function the resolver NAME; what it refuses is answered as a QueryError."""

    def register(work: Resolver) -> Resolver:
        @wraps(work)
        def resolve(_: Any, info: Info, **arguments: Any) -> Object:
            try:
                return work(**arguments)
            except EXPECTED as error:
                return faults_of(error)[0].in_query(arguments.get("id"))

        catalogue.set_field(name, resolve)
        return work

    return register


# ---- the site


@query.field("compass")
def compass(*_: Any) -> Object:
    """Open the catalogue."""
    return {}


@query.field("tenantContexts")
def tenant_contexts(_: Any, info: Info, **given: Sequence[str] | None) -> list[Object]:
    """Return the site for each of the names or ids that are its own."""
    asked = {name: values for name, values in given.items() if values is not None}
    if len(asked) != 1:
        raise stop(Fault("exactly one of hostNames, cloudIds, activationIds must be given"))
    ((kind, values),) = asked.items()
    own = urlsplit(settings.SITE_URL).netloc
    if kind == "hostNames":
        names = [name for name in values if is_ours(name)]
    else:
        names = [own for value in values if kind == "cloudIds" and value == actions.cloud_id()]
    site = {"cloudId": actions.cloud_id(), "cloudUrl": settings.SITE_URL, "orgId": None}
    return [{**site, "hostName": name} for name in dict.fromkeys(names)]


def is_ours(name: str) -> bool:
    """Tell whether NAME, with or without a port, is a name of this site."""
    host, _ = split_domain_port(name)
    named = [pattern for pattern in settings.ALLOWED_HOSTS if pattern != "*"]  # names nobody
    return bool(host) and (
        host == urlsplit(settings.SITE_URL).hostname or validate_host(host, named)
    )


def check_site(cloud_id: str) -> None:
    """Refuse a CLOUD_ID that is not this site's."""
    if cloud_id != actions.cloud_id():
        rule = f"cloudId: {cloud_id} is not this site"
        raise Refused(Fault(rule, "CLOUD_ID_INVALID", 404))


# ---- components


@answers("component")
def component(id: str) -> Object:
    """Return one component by its ARI; its uuid or its slug do as well."""
    return _answer(actions.find_component(id))


@answers("componentByReference")
def component_by_reference(reference: Object) -> Object:
    """Return one component by its ARI, or by its slug."""
    return _answer(find_by_reference(reference))


@answers("componentByExternalAlias")
def component_by_external_alias(cloudId: str, externalSource: str, externalID: str) -> Object:
    """Return the component that another system calls EXTERNALID."""
    check_site(cloudId)
    digest = Alias.digest_of(externalSource, externalID)
    alias = Alias.objects.filter(digest=digest).select_related("component").first()
    if alias is None:
        raise Refused(NOT_FOUND)
    return _answer(alias.component)


@answers("searchComponents")
def search_components(cloudId: str, query: Object | None = None) -> Object:
    """Return a page of the components that QUERY finds."""
    check_site(cloudId)
    return search(query or {})


@catalogue.field("components")
def components(_: Any, info: Info, ids: list[str]) -> list[Object]:
    """Return those of IDS that there are, once each."""
    return _many("ids", [{"ari": identity} for identity in ids])


@catalogue.field("componentsByReferences")
def components_by_references(_: Any, info: Info, references: list[Object]) -> list[Object]:
    """Return the components of those REFERENCES that name one, once each."""
    return _many("references", references)


def _many(name: str, references: list[Object]) -> list[Object]:
    if len(references) > MOST_IDS:
        rule = f"{name}: the number of items requested must be between [1] to [{MOST_IDS}]"
        raise stop(Fault(rule, "NUMBER_OF_ITEMS_REQUESTED_INVALID_EXCEPTION"))
    wanted = Q(pk__in=[])
    for reference in references:
        try:
            wanted |= _condition(reference)
        except EXPECTED:
            continue  # names nothing, and so is left out
    return Shelf(Component.objects.filter(wanted)).answer()


def _condition(reference: Object) -> Q:
    """Return what finds the component of REFERENCE, which holds an ARI or a slug."""
    ari, slug = reference.get("ari"), reference.get("slug")
    if (ari is None) == (slug is None):
        raise Refused(Fault("reference: exactly one of ari, slug must be given"))
    if slug is not None:
        check_site(slug["cloudId"])
        return Q(slug=slug["slug"])
    return actions.component_named(str(ari))


def find_by_reference(reference: Object) -> Component:
    """Return the component of REFERENCE; raises Refused."""
    found = Component.objects.filter(_condition(reference)).first()
    if found is None:
        raise Refused(NOT_FOUND)
    return found


def _answer(found: Component) -> Object:
    return Shelf([found]).answer()[0]


# ---- event sources


@answers("eventSource")
def event_source(cloudId: str, eventType: str, externalEventSourceId: str) -> Object:
    """Return the event source of a kind that senders call EXTERNALEVENTSOURCEID."""
    check_site(cloudId)
    return source_answer(find_by_triple(eventType, externalEventSourceId))


def find_by_triple(event_type: str, external_id: str) -> EventSource:
    """Return the source of EVENT_TYPE and EXTERNAL_ID; raises Refused."""
    source = EventSource.objects.filter(
        external_id=key(external_id), kind=event_type.lower()
    ).first()
    if source is None:
        rule = f"no event source {external_id!r} of type {event_type}"
        raise Refused(Fault(rule, "EVENT_SOURCE_NOT_FOUND", 404))
    return source


def source_answer(source: EventSource) -> Object:
    """Write SOURCE, which stands alone, as an EventSource."""
    return source_json(source, timeline_of([source]))
