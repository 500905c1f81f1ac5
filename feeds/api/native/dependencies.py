"""What a component depends on."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.native import paging, shapes
from feeds.api.native.components import ComponentShape, component_json
from feeds.api.native.fields import Strict, Text, read
from feeds.api.once import once
from feeds.api.resource import Resource
from feeds.models import Component


class Needing(Strict):
    """The component that is needed."""

    component: Any = Text(max_length=255, help_text="A slug, a uuid or an ARI.")


class Dependencies(Resource):
    """The components that a component depends on."""

    parameters = paging.PARAMETERS

    @extend_schema(
        summary="List the dependencies of a component",
        description="The components that it depends on itself, by name.",
        parameters=shapes.PAGING,
        responses=shapes.page_of(ComponentShape),
    )
    def get(self, request: Request, reference: str) -> Response:
        """Answer what a component depends on."""
        component = actions.find_component(reference)
        rows = Component.objects.filter(dependents__component=component)
        return paging.listing(request, rows.prefetch_related("aliases"), component_json, by="name")

    @extend_schema(
        summary="Add a dependency",
        description="201, or 200 if it was there already. Cycles are allowed; nothing depends on "
        "itself.",
        request=Needing,
        responses={201: ComponentShape, 200: ComponentShape},
    )
    @once
    def post(self, request: Request, reference: str) -> Response:
        """Say that a component depends on another."""
        component = actions.find_component(reference)
        needs = actions.find_component(read(Needing, request.data)["component"])
        created = actions.add_dependency(component, needs)
        return Response(component_json(needs), status=201 if created else 200)


class OneDependency(Resource):
    """A component that a component depends on."""

    @extend_schema(summary="Remove a dependency", responses={204: None})
    def delete(self, request: Request, reference: str, other: str) -> Response:
        """Say that a component no longer depends on another."""
        component, needs = actions.find_component(reference), actions.find_component(other)
        if not actions.remove_dependency(component, needs):
            raise Http404("this component does not depend on that one")
        return Response(status=204)
