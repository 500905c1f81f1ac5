"""Event sources, where they are attached, and what was refused of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions, ari
from feeds.api.native import paging, shapes
from feeds.api.native.fields import Strict, Text, read
from feeds.api.once import once
from feeds.api.resource import Resource
from feeds.dialects.mapping import key
from feeds.models import (
    KEY_LENGTH,
    Component,
    EventKind,
    EventSource,
    Refusal,
    sources_with_last_seen,
)


class Kind(serializers.ChoiceField):
    """A kind of event, also as Compass spells it: DEPLOYMENT is deployment."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(data.lower() if isinstance(data, str) else data)


class SourceFields(Strict):
    """A new source."""

    external_id = Text(max_length=KEY_LENGTH, help_text="Never changes.")
    kind = Kind(EventKind.choices, help_text="Never changes. Capitals will do.")
    name = Text(required=False, allow_blank=True, max_length=KEY_LENGTH, help_text="For people.")


class SourceName(Strict):
    """All that may change of a source."""

    name = Text(allow_blank=True, max_length=KEY_LENGTH)


class SourceShape(serializers.Serializer[Any]):
    """Something that sends events of one kind."""

    id = serializers.CharField(help_text="Its ARI, for the wires of Compass.")
    uuid = serializers.UUIDField()
    external_id = serializers.CharField()
    kind = serializers.ChoiceField(EventKind.choices)
    name = serializers.CharField()
    components = serializers.ListField(
        child=serializers.CharField(), help_text="Slugs of those that it is attached to."
    )
    last_seen = serializers.DateTimeField(
        allow_null=True, help_text="When its newest event occurred."
    )


class RefusalShape(serializers.Serializer[Any]):
    """A body that changed nothing, and why."""

    outcome = serializers.ChoiceField(Refusal.Outcome.choices)
    status = serializers.IntegerField(help_text="What it was answered with.")
    reason = serializers.CharField()
    body = serializers.CharField(help_text="Cut at 10,000 characters.")
    received_at = serializers.DateTimeField()


class AttachmentFields(Strict):
    """The component to attach to."""

    component = Text(help_text="A slug, a uuid or an ARI.")


def source_json(source: EventSource) -> dict[str, Any]:
    """Write a source, one of rows(), for programs."""
    workspace = actions.site().workspace_id
    return {
        "id": ari.event_source(actions.cloud_id(), workspace, source.uuid),
        "uuid": source.uuid,
        "external_id": source.external_id,
        "kind": source.kind,
        "name": source.name,
        "components": [component.slug for component in source.places],
        "last_seen": getattr(source, "last_seen", None),
    }


def place_json(component: Component) -> dict[str, Any]:
    """Write a component in short."""
    return {"uuid": component.uuid, "slug": component.slug, "name": component.name}


def refusal_json(refusal: Refusal) -> dict[str, Any]:
    """Write a refused or ignored body for programs."""
    names = ("outcome", "status", "reason", "body", "received_at")
    return {name: getattr(refusal, name) for name in names}


def rows() -> QuerySet[EventSource]:
    """Return the sources with what source_json() writes."""
    return sources_with_last_seen().prefetch_related("components")


def find(identity: UUID) -> EventSource:
    """Return the source IDENTITY; raises Http404."""
    return get_object_or_404(rows(), uuid=identity)


class Sources(Resource):
    """All event sources."""

    parameters = ("q", *paging.PARAMETERS)

    @extend_schema(
        summary="List sources",
        description="By external id. `q` finds a part of external id or name.",
        parameters=[shapes.SEARCH, *shapes.PAGING],
        responses=shapes.page_of(SourceShape),
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the sources."""
        found = rows()
        if text := paging.words(request):
            found = found.filter(Q(external_id__icontains=text) | Q(name__icontains=text))
        return paging.listing(request, found, source_json, by="external_id")

    @extend_schema(
        summary="Create a source",
        description="201, or 200 with the one that has this external id and kind already.",
        request=SourceFields,
        responses={201: SourceShape, 200: SourceShape},
    )
    @once
    def post(self, request: Request) -> Response:
        """Make a source."""
        fields = read(SourceFields, request.data)
        wanted = {"external_id": key(fields["external_id"]), "kind": fields["kind"]}
        known = EventSource.objects.filter(**wanted).exists()
        source = actions.create_source(**fields)
        return Response(source_json(find(source.uuid)), status=200 if known else 201)


class OneSource(Resource):
    """One event source."""

    @extend_schema(summary="Read a source", responses=SourceShape)
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer one source."""
        return Response(source_json(find(identity)))

    @extend_schema(summary="Rename a source", request=SourceName, responses=SourceShape)
    def patch(self, request: Request, identity: UUID) -> Response:
        """Change the name of a source."""
        source = find(identity)
        fields = read(SourceName, request.data, partial=True)
        actions.rename_source(source, fields.get("name", source.name))
        return Response(source_json(source))

    @extend_schema(
        summary="Delete a source",
        description="Its activities and its log go with it.",
        responses={204: None},
    )
    def delete(self, request: Request, identity: UUID) -> Response:
        """Delete a source and all that it sent."""
        actions.delete_source(get_object_or_404(EventSource, uuid=identity))
        return Response(status=204)


class SourceComponents(Resource):
    """The components on which the events of a source show."""

    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List the components of a source",
        parameters=shapes.PAGING,
        responses=shapes.page_of(shapes.Place),
    )
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer the components of a source."""

        found = find(identity).components.order_by()
        return paging.listing(request, found, place_json, by="name")

    @extend_schema(
        summary="Attach to a component",
        description="201, or 200 if it was attached already.",
        request=AttachmentFields,
        responses={201: SourceShape, 200: SourceShape},
    )
    @once
    def post(self, request: Request, identity: UUID) -> Response:
        """Show the events of a source on a component."""
        source = get_object_or_404(EventSource, uuid=identity)
        component = actions.find_component(read(AttachmentFields, request.data)["component"])
        created = actions.attach(component, source)
        return Response(source_json(find(identity)), status=201 if created else 200)


class SourceComponent(Resource):
    """A component on which the events of a source show."""

    @extend_schema(summary="Detach from a component", responses={204: None})
    def delete(self, request: Request, identity: UUID, reference: str) -> Response:
        """Hide the events of a source from a component."""
        source = get_object_or_404(EventSource, uuid=identity)
        if not actions.detach(actions.find_component(reference), source):
            raise Http404("this source is not attached to this component")
        return Response(status=204)


class SourceRefusals(Resource):
    """Bodies of a source that changed nothing; they may hold what nobody meant to publish."""

    members_only = True
    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List what was refused of a source",
        description="The last 100 bodies that were refused, or older than what we had.",
        parameters=shapes.PAGING,
        responses=shapes.page_of(RefusalShape),
    )
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer the log of a source."""
        return paging.listing(request, find(identity).refusals.all(), refusal_json)
