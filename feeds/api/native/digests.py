"""What the pages say before their feeds, for programs: rhythms, days, deployments; test events."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import caller_of
from feeds.api.native import shapes
from feeds.api.native.activities import activity_json, whole_activities
from feeds.api.once import once
from feeds.api.resource import WRITERS, Resource
from feeds.composing import sample_of
from feeds.digests.component import deployments_of
from feeds.digests.rhythm import rhythms
from feeds.digests.volume import DAYS, MOST, volume_of
from feeds.models import Activity, EventSource


class RhythmShape(serializers.Serializer[Any]):
    """How often a source sends, by its newest events."""

    last_seen = serializers.DateTimeField(allow_null=True)
    silent = serializers.BooleanField(help_text="For longer than it usually is at this hour.")
    silent_seconds = serializers.IntegerField(allow_null=True, help_text="Since its last event.")
    usual_seconds = serializers.IntegerField(
        allow_null=True, help_text="Between two events; null: too few to know."
    )
    counted = serializers.IntegerField(help_text="Newest events that this rests on, at most 30.")


class DayShape(serializers.Serializer[Any]):
    """One day, in UTC."""

    day = serializers.DateField()
    count = serializers.IntegerField(allow_null=True, help_text="Null: not counted.")


class DaysShape(serializers.Serializer[Any]):
    """How many events a source sent each day, the oldest first."""

    days = DayShape(many=True)
    total = serializers.IntegerField()
    cut = serializers.BooleanField(
        help_text=f"There are more than {MOST:,}: older are not counted."
    )


class SourceRhythm(Resource):
    """How often a source sends."""

    @extend_schema(
        summary="Read how often a source sends",
        description="And whether it has been silent for too long, measured by itself.",
        responses=RhythmShape,
    )
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer how often a source sends."""
        source = get_object_or_404(EventSource, uuid=identity)
        found = rhythms([source.pk], now=timezone.now()).get(source.pk)
        return Response(
            {
                "last_seen": found and found.last,
                "silent": bool(found and found.silent),
                "silent_seconds": int(found.silence.total_seconds()) if found else None,
                "usual_seconds": int(found.usual.total_seconds())
                if found and found.usual
                else None,
                "counted": found.counted if found else 0,
            }
        )


class SourceDays(Resource):
    """How much a source sends."""

    @extend_schema(
        summary=f"Count the events of a source on each of the last {DAYS} days",
        description=f"Of the newest {MOST:,}.",
        responses=DaysShape,
    )
    def get(self, request: Request, identity: UUID) -> Response:
        """Answer how many events came each day."""
        source = get_object_or_404(EventSource, uuid=identity)
        found = volume_of("source_id", source.pk, now=timezone.now())
        days = [{"day": day.day, "count": day.count} for day in found.days]
        return Response({"days": days, "total": found.total, "cut": found.cut})


class DeployedShape(serializers.Serializer[Any]):
    """What was last deployed to an environment, in short."""

    uuid = serializers.UUIDField()
    title = serializers.CharField()
    state = serializers.ChoiceField(Activity.State.choices, allow_blank=True)
    url = serializers.CharField()
    actor = serializers.CharField(help_text="A name, or else a key.")
    occurred_at = serializers.DateTimeField()


class EnvironmentShape(serializers.Serializer[Any]):
    """What stands in one environment."""

    environment = serializers.CharField(help_text="Its key, for the filter `environment`.")
    name = serializers.CharField()
    production = serializers.BooleanField()
    newest = DeployedShape()
    stands = DeployedShape(
        allow_null=True, help_text="The newest that succeeded, of the last 20; null: none did."
    )


class EnvironmentsShape(serializers.Serializer[Any]):
    """What stands where, production first."""

    results = EnvironmentShape(many=True)
    more = serializers.BooleanField(help_text="There are over 100 environments.")


def deployed_json(activity: Activity) -> dict[str, Any]:
    """Write a deployment in short."""
    names = ("uuid", "title", "state", "url", "occurred_at")
    said = {name: getattr(activity, name) for name in names}
    return {**said, "actor": activity.actor_name or activity.actor_key}


class ComponentDeployments(Resource):
    """What stands where."""

    @extend_schema(
        summary="Read what stands in each environment of a component",
        description="The last deployment to each, and the last that succeeded.",
        responses=EnvironmentsShape,
    )
    def get(self, request: Request, reference: str) -> Response:
        """Answer the last deployments."""
        component = actions.find_component(reference)
        found, more = deployments_of(list(component.sources.all()))
        rows = [
            {
                "environment": one.environment,
                "name": one.name,
                "production": one.production,
                "newest": deployed_json(one.newest),
                "stands": deployed_json(one.stands) if one.stands else _standing(one.newest),
            }
            for one in found
        ]
        return Response({"results": rows, "more": more})


def _standing(newest: Activity) -> dict[str, Any] | None:
    return deployed_json(newest) if newest.state == Activity.State.SUCCEEDED else None


class SourceTest(Resource):
    """A test event of a source."""

    write_roles = WRITERS

    @extend_schema(
        summary="Record a test event",
        description="As the wire of the source's kind would send it. It goes nowhere else.",
        request=None,
        responses={201: shapes.Activity},
    )
    @once
    def post(self, request: Request, identity: UUID) -> Response:
        """Record a test event."""
        caller, source = caller_of(request), get_object_or_404(EventSource, uuid=identity)
        sample = sample_of(source, now=timezone.now())
        recorded = actions.record_sample(
            source, sample.wire, sample.document, by=caller.user, role=caller.role
        )
        found = whole_activities().get(uuid=recorded.activity)
        return Response(activity_json(found), status=201)
