"""Our own API under /api/v1/."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feeds import actions, ari
from feeds.api.problems import problem_response
from feeds.filters import FeedFilter, FilterError, page
from feeds.models import Activity, Component, EventKind, EventSource, Role

PAGE_LIMIT = 500  # rows


def activity_json(activity: Activity) -> dict[str, Any]:
    """Write an activity for programs; `raw` is the body exactly as received, as text."""
    source = activity.source
    return {
        "uuid": activity.uuid,
        "dialect": activity.dialect,
        "source": {
            "uuid": source.uuid,
            "external_id": source.external_id,
            "kind": source.kind,
            "name": str(source),
        },
        "external_id": activity.external_id,
        "sequence": activity.sequence,
        "kind": activity.kind,
        "verb": activity.verb,
        "state": activity.state,
        "progress": activity.progress,
        "title": activity.title,
        "content": activity.content,
        "url": activity.url,
        "icon": activity.icon,
        "generator": activity.generator,
        "actor": {
            "key": activity.actor_key,
            "name": activity.actor_name,
            "image": activity.actor_image,
        },
        "object": {"type": activity.object_type, "key": activity.object_key},
        "target": {"key": activity.target_key, "url": activity.target_url},
        "components": [
            {"uuid": component.uuid, "slug": component.slug, "name": component.name}
            for component in source.components.all()
        ],
        "author": activity.author and activity.author.username,
        "occurred_at": activity.occurred_at,
        "received_at": activity.received_at,
        "touched_at": activity.touched_at,
        "details": activity.details,
        "raw": activity.raw,
    }


class Activities(APIView):
    """`GET /api/v1/activities`: the feed, with the filters of the page."""

    def get(self, request: Request) -> Response:
        query = request._request.GET
        try:
            limit = _limit(query.get("limit", ""))
            found = page(FeedFilter.read(query), query, size=limit, whole=True)
        except FilterError as error:
            fault = {"field": error.field, "message": str(error)}
            return problem_response(400, str(error), [fault])
        following = None
        if found.older:
            parameters = query.copy()
            parameters.pop("after", None)
            parameters["before"] = str(found.older)
            following = f"{settings.SITE_URL}{request.path}?{parameters.urlencode()}"
        return Response({"results": [activity_json(row) for row in found.rows], "next": following})


def _limit(text: str) -> int:
    if not text:
        return 50
    if not text.isdecimal() or not 1 <= int(text[:10]) <= PAGE_LIMIT:
        raise FilterError("limit", f"must be a whole number from 1 to {PAGE_LIMIT}")
    return int(text)


class OneActivity(APIView):
    """`GET /api/v1/activities/{uuid}`."""

    def get(self, request: Request, identity: str) -> Response:
        rows = Activity.objects.select_related("source", "author")
        return Response(activity_json(get_object_or_404(rows, uuid=identity)))


# ---- components and sources


class ComponentSerializer(serializers.ModelSerializer[Component]):
    """A component; `id` is its ARI, and a `uuid` may be brought along from Compass."""

    uuid = serializers.UUIDField(required=False)
    slug = serializers.SlugField(required=False, max_length=64)
    id = serializers.SerializerMethodField()

    class Meta:
        model = Component
        fields = ("id", "uuid", "name", "slug", "type", "description", "owner_team", "links")

    def get_id(self, component: Component) -> str:
        return ari.component(actions.cloud_id(), actions.site().workspace_id, component.uuid)

    def validate_links(self, links: Any) -> Any:
        """Want a list of {"name", "url"} with web addresses."""
        if not isinstance(links, list) or not all(_is_link(link) for link in links):
            raise serializers.ValidationError(
                'must be a list of {"name": "...", "url": "https://..."}'
            )
        return links


def _is_link(link: Any) -> bool:
    return (
        isinstance(link, dict)
        and set(link) <= {"name", "url"}
        and all(isinstance(value, str) for value in link.values())
        and link.get("url", "").startswith(("https://", "http://"))
    )


class Components(APIView):
    """`GET` lists components by name, `POST` creates one."""

    write_roles = (Role.ADMIN,)

    def get(self, request: Request) -> Response:
        return Response({"results": ComponentSerializer(Component.objects.all(), many=True).data})

    def post(self, request: Request) -> Response:
        asked = ComponentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        component = actions.create_component(**asked.validated_data)
        return Response(ComponentSerializer(component).data, status=201)


class SourceSerializer(serializers.ModelSerializer[EventSource]):
    """An event source, by external id and kind; the kind in our spelling or that of Compass."""

    kind = serializers.CharField()
    id = serializers.SerializerMethodField()
    components: Any = serializers.SlugRelatedField(slug_field="slug", many=True, read_only=True)

    class Meta:
        model = EventSource
        fields = ("id", "uuid", "external_id", "kind", "name", "components")
        read_only_fields = ("uuid",)
        validators = ()  # asking for one that exists answers it

    def get_id(self, source: EventSource) -> str:
        return ari.event_source(actions.cloud_id(), actions.site().workspace_id, source.uuid)

    def validate_kind(self, kind: str) -> str:
        """Read DEPLOYMENT as deployment."""
        if kind.lower() not in EventKind.values:
            raise serializers.ValidationError(f"must be one of {', '.join(EventKind.values)}")
        return kind.lower()


class Sources(APIView):
    """`GET` lists sources, `POST` creates one: 201, or 200 with the one that exists."""

    write_roles = (Role.ADMIN,)

    def get(self, request: Request) -> Response:
        rows = EventSource.objects.prefetch_related("components")
        return Response({"results": SourceSerializer(rows, many=True).data})

    def post(self, request: Request) -> Response:
        asked = SourceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        fields = asked.validated_data
        known = EventSource.objects.filter(
            external_id=fields["external_id"], kind=fields["kind"]
        ).exists()
        source = actions.create_source(**fields)
        return Response(SourceSerializer(source).data, status=200 if known else 201)


class AttachmentSerializer(serializers.Serializer[Any]):
    """The component to attach to, by uuid, slug or ARI."""

    component = serializers.CharField()


class SourceComponents(APIView):
    """`POST /api/v1/sources/{uuid}/components` attaches; attaching twice succeeds."""

    write_roles = (Role.ADMIN,)

    def post(self, request: Request, identity: str) -> Response:
        source = get_object_or_404(EventSource, uuid=identity)
        asked = AttachmentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        component = actions.find_component(asked.validated_data["component"])
        created = actions.attach(component, source)
        return Response(SourceSerializer(source).data, status=201 if created else 200)
