"""Components, their sources and their aliases."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions, ari
from feeds.api.native import paging, shapes
from feeds.api.native.fields import Strict, Text, read, web_address
from feeds.api.native.sources import SourceShape, source_json
from feeds.api.once import once
from feeds.api.resource import Resource
from feeds.models import ALIAS_LENGTH, Alias, Component, EventSource, sources_with_last_seen

LABEL = re.compile(r"[^\s,A-Z]{1,39}")
MOST_LINKS = 70  # 10 of each type, as in Compass


class Link(Strict):
    """A link of a component."""

    id = Text(required=False, max_length=100)
    type = serializers.ChoiceField(Component.LinkType.choices, required=False)
    name = Text(required=False, allow_blank=True, max_length=255)
    url = Text(max_length=2000, validators=[web_address])


class ComponentFields(Strict):
    """What a component is."""

    uuid = serializers.UUIDField(
        required=False, help_text="Of a component in Compass, so that its ARI stays good."
    )
    name = Text(max_length=100)
    slug = serializers.SlugField(
        required=False, max_length=64, help_text="Comes from the name unless given."
    )
    type = serializers.ChoiceField(Component.Type.choices, required=False)
    description = Text(required=False, allow_blank=True, max_length=1000)
    owner_team = Text(required=False, allow_blank=True, max_length=100)
    state = Text(required=False, max_length=32, help_text="ACTIVE, PENDING, or one of your own.")
    labels = serializers.ListField(
        child=Text(max_length=39, help_text="Lower case, without spaces and commas."),
        required=False,
        max_length=20,
    )
    links: Any = serializers.ListSerializer(child=Link(), required=False, max_length=MOST_LINKS)

    def validate_labels(self, labels: list[str]) -> list[str]:
        """Want lower case words, each once."""
        wrong = {
            n: ["must be lower case, without spaces and commas"]
            for n, label in enumerate(labels)
            if not LABEL.fullmatch(label)
        }
        if wrong:
            raise serializers.ValidationError(wrong)  # type: ignore[arg-type]
        return list(dict.fromkeys(labels))


class ComponentChange(ComponentFields):
    """What may change of a component."""

    uuid = None  # type: ignore[assignment]


class AliasFields(Strict):
    """A component's name in another system."""

    source: Any = Text(max_length=ALIAS_LENGTH, help_text="The other system.")
    external_id = Text(max_length=ALIAS_LENGTH)
    url = Text(required=False, allow_blank=True, max_length=2000, validators=[web_address])


class AliasShape(serializers.Serializer[Any]):
    """A component's name in another system."""

    id = serializers.CharField(help_text="Made of source and external id.")
    source: Any = serializers.CharField()
    external_id = serializers.CharField()
    url = serializers.CharField()


class ComponentShape(serializers.Serializer[Any]):
    """A component."""

    id = serializers.CharField(help_text="Its ARI, for the wires of Compass.")
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    type = serializers.ChoiceField(Component.Type.choices)
    description = serializers.CharField()
    owner_team = serializers.CharField()
    state = serializers.CharField()
    labels = serializers.ListField(child=serializers.CharField())
    links = inline_serializer(
        "ComponentLink",
        {
            "id": serializers.CharField(),
            "type": serializers.ChoiceField(Component.LinkType.choices),
            "name": serializers.CharField(),
            "url": serializers.CharField(),
        },
        many=True,
    )
    aliases = AliasShape(many=True)
    activities = serializers.URLField(help_text="The feed of this component.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class Attaching(Strict):
    """The source to attach."""

    source: Any = serializers.UUIDField()


def component_json(component: Component) -> dict[str, Any]:
    """Write a component for programs."""
    workspace = actions.site().workspace_id
    own = ("uuid", "name", "slug", "type", "description", "owner_team", "state", "labels", "links")
    return {
        "id": ari.component(actions.cloud_id(), workspace, component.uuid),
        **{name: getattr(component, name) for name in own},
        "aliases": [alias_json(alias) for alias in component.aliases.all()],
        "activities": f"{settings.SITE_URL}/api/v1/activities?component={component.slug}",
        "created_at": component.created_at,
        "updated_at": component.updated_at,
    }


def alias_json(alias: Alias) -> dict[str, Any]:
    """Write an alias for programs."""
    return {
        "id": alias.digest,
        "source": alias.source,
        "external_id": alias.external_id,
        "url": alias.url,
    }


class Components(Resource):
    """All components."""

    parameters = ("q", *paging.PARAMETERS)

    @extend_schema(
        summary="List components",
        description="By name. `q` finds a part of name or slug.",
        parameters=[shapes.SEARCH, *shapes.PAGING],
        responses=shapes.page_of(ComponentShape),
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the components."""
        rows = Component.objects.prefetch_related("aliases")
        if text := paging.words(request):
            rows = rows.filter(Q(name__icontains=text) | Q(slug__icontains=text))
        return paging.listing(request, rows, component_json, by="name")

    @extend_schema(
        summary="Create a component", request=ComponentFields, responses={201: ComponentShape}
    )
    @once
    def post(self, request: Request) -> Response:
        """Make a component."""
        component = actions.create_component(**read(ComponentFields, request.data))
        return Response(component_json(component), status=201)


class OneComponent(Resource):
    """One component, by slug, uuid or ARI."""

    @extend_schema(summary="Read a component", responses=ComponentShape)
    def get(self, request: Request, reference: str) -> Response:
        """Answer one component."""
        return Response(component_json(actions.find_component(reference)))

    @extend_schema(
        summary="Change a component",
        description="Changes what is given. Labels and links are replaced as a whole.",
        request=ComponentChange,
        responses=ComponentShape,
    )
    def patch(self, request: Request, reference: str) -> Response:
        """Change a component."""
        component = actions.find_component(reference)
        fields = read(ComponentChange, request.data, partial=True)
        actions.change_component(component, fields)
        return Response(component_json(component))

    @extend_schema(
        summary="Delete a component",
        description="Its sources and their events stay.",
        responses={204: None},
    )
    def delete(self, request: Request, reference: str) -> Response:
        """Delete a component."""
        actions.delete_component(actions.find_component(reference))
        return Response(status=204)


class ComponentSources(Resource):
    """The sources whose events show on a component."""

    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List the sources of a component",
        parameters=shapes.PAGING,
        responses=shapes.page_of(SourceShape),
    )
    def get(self, request: Request, reference: str) -> Response:
        """Answer the sources of a component."""
        return paging.listing(
            request, _sources_of(actions.find_component(reference)), source_json, by="external_id"
        )

    @extend_schema(
        summary="Attach a source",
        description="201, or 200 if it was attached already.",
        request=Attaching,
        responses={201: SourceShape, 200: SourceShape},
    )
    @once
    def post(self, request: Request, reference: str) -> Response:
        """Show the events of a source on a component."""
        component = actions.find_component(reference)
        source = actions.find_source(str(read(Attaching, request.data)["source"]))
        created = actions.attach(component, source)
        found = _sources_of(component).get(pk=source.pk)
        return Response(source_json(found), status=201 if created else 200)


def _sources_of(component: Component) -> QuerySet[EventSource]:
    rows = sources_with_last_seen().prefetch_related("components")
    return rows.filter(attachments__component=component)


class ComponentSource(Resource):
    """A source on a component."""

    @extend_schema(summary="Detach a source", responses={204: None})
    def delete(self, request: Request, reference: str, identity: UUID) -> Response:
        """Hide the events of a source from a component."""
        if not actions.detach(
            actions.find_component(reference), get_object_or_404(EventSource, uuid=identity)
        ):
            raise Http404("this source is not attached to this component")
        return Response(status=204)


class Aliases(Resource):
    """What a component is called in other systems."""

    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List the aliases of a component",
        parameters=shapes.PAGING,
        responses=shapes.page_of(AliasShape),
    )
    def get(self, request: Request, reference: str) -> Response:
        """Answer the aliases of a component."""
        return paging.listing(request, actions.find_component(reference).aliases.all(), alias_json)

    @extend_schema(
        summary="Add an alias",
        description="Adding what the component has already changes nothing.",
        request=AliasFields,
        responses={201: AliasShape},
    )
    @once
    def post(self, request: Request, reference: str) -> Response:
        """Give a component an alias."""
        component = actions.find_component(reference)
        alias = actions.create_alias(component, **read(AliasFields, request.data))
        return Response(alias_json(alias), status=201)


class OneAlias(Resource):
    """A component's name in another system."""

    @extend_schema(summary="Remove an alias", responses={204: None})
    def delete(self, request: Request, reference: str, identity: str) -> Response:
        """Take an alias from a component."""
        component = actions.find_component(reference)
        alias = get_object_or_404(component.aliases, digest=identity)
        actions.delete_alias(component, source=alias.source, external_id=alias.external_id)
        return Response(status=204)
