"""What activities look like on the wire, for the OpenAPI document: the code that reads and writes
them is a dialect and a function, and needs no serializers."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, inline_serializer
from rest_framework import serializers

from feeds import models
from feeds.dialects import native
from feeds.models import EventKind


class Problem(serializers.Serializer[Any]):
    """Problem details, RFC 9457."""

    type = serializers.CharField(help_text="`about:blank`: the title says it all.")
    title = serializers.CharField(help_text="The words of the status.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong, in a sentence for people.")
    errors: Any = inline_serializer(
        "Fault",
        {
            "field": serializers.CharField(help_text="`links[0].url`, a parameter, or `body`."),
            "message": serializers.CharField(help_text="The rule that it breaks."),
        },
        many=True,
        required=False,
    )


@cache  # one shape has one page, by whatever views it is answered
def page_of(shape: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the shape of a page of a list."""
    return inline_serializer(
        f"{shape.__name__}Page",
        {
            "results": shape(many=True),
            "next": serializers.URLField(allow_null=True, help_text="The page after this one."),
            "previous": serializers.URLField(allow_null=True),
        },
    )


# ---- activities


class Place(serializers.Serializer[Any]):
    """A component in short."""

    uuid = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class ActivityActor(serializers.Serializer[Any]):
    """Who did it."""

    key = serializers.CharField()
    name = serializers.CharField()
    image = serializers.CharField()


class Activity(serializers.Serializer[Any]):
    """One event of any dialect."""

    uuid = serializers.UUIDField()
    dialect = serializers.CharField(help_text="The wire that it came in by; ours is `native`.")
    source: Any = inline_serializer(
        "ActivitySource",
        {
            "uuid": serializers.UUIDField(),
            "external_id": serializers.CharField(),
            "kind": serializers.ChoiceField(EventKind.choices),
            "name": serializers.CharField(),
        },
    )
    external_id = serializers.CharField(help_text="Unique in its source.")
    sequence = serializers.IntegerField(help_text="An update needs a higher one.")
    kind = serializers.ChoiceField(EventKind.choices)
    verb = serializers.CharField()
    state = serializers.ChoiceField(models.Activity.State.choices, allow_blank=True)
    progress = serializers.IntegerField(allow_null=True, min_value=0, max_value=100)
    title = serializers.CharField()
    content = serializers.CharField(help_text="Plain text, but HTML in dialect `streams`.")
    url = serializers.CharField()
    icon = serializers.CharField()
    generator = serializers.CharField()
    actor = ActivityActor()
    object = inline_serializer(
        "ActivityObject", {"type": serializers.CharField(), "key": serializers.CharField()}
    )
    target = inline_serializer(
        "ActivityTarget", {"key": serializers.CharField(), "url": serializers.CharField()}
    )
    project = serializers.CharField(allow_null=True)
    ref = serializers.CharField(allow_null=True, help_text="A branch, or a pipeline.")
    level = serializers.CharField(allow_null=True, help_text="How grave it is: `Sev 1`, `P2`.")
    components = Place(many=True)
    author = serializers.CharField(allow_null=True, help_text="The user who sent it.")
    occurred_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    touched_at = serializers.DateTimeField()
    details = serializers.DictField(help_text="What is left of the vendor's fields.")
    raw = serializers.CharField(help_text="The body exactly as received.")


class Revision(serializers.Serializer[Any]):
    """An update, and what it changed."""

    at = serializers.DateTimeField(help_text="When the update came.")
    by = serializers.CharField(
        allow_null=True, help_text="Who sent it; null: Pulseboard itself, or somebody who is gone."
    )
    sequence = serializers.IntegerField()
    former_sequence = serializers.IntegerField()
    changes: Any = inline_serializer(
        "RevisionChange",
        {
            "field": serializers.CharField(help_text="`state`, or a path: `details.event.x`."),
            "before": serializers.JSONField(allow_null=True),
            "after": serializers.JSONField(allow_null=True),
        },
        many=True,
    )


def _text(most: int | None = None, **options: Any) -> Any:
    return serializers.CharField(required=False, allow_null=True, max_length=most, **options)


def _address() -> Any:
    return _text(help_text="An absolute http or https address.", allow_blank=True)


class _Change(serializers.Serializer[Any]):
    title = serializers.CharField(help_text="Cut at 255 characters in the feed.")
    state = serializers.ChoiceField(models.Activity.State.choices, required=False, allow_null=True)
    progress = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=100)
    content = _text(allow_blank=True, help_text="Plain text.")
    url = _address()


class ActivityChange(_Change):
    """What may change of an activity. An empty object is a sign of life."""


class NewActivity(_Change):
    """An activity to be made. It names its source, or its component, or both."""

    kind = serializers.ChoiceField(EventKind.choices)
    component = _text(help_text="A slug, a uuid or an ARI. The source is attached to it.")
    source: Any = inline_serializer(
        "NewActivitySource",
        {
            "external_id": serializers.CharField(),
            "kind": serializers.ChoiceField(EventKind.choices, required=False, allow_null=True),
            "name": _text(allow_blank=True),
        },
        required=False,
        allow_null=True,
        help_text="Made at first sight. Without it the component has one for this API.",
    )
    external_id = _text(help_text="Made if not given. Unique in the source.")
    sequence = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="A microsecond count of now, unless given.",
        min_value=-(2**63),
        max_value=2**63 - 1,
    )
    occurred_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Now, unless given; with its offset."
    )
    verb = _text(help_text=f"`{native.VERB}` unless given.")
    generator = _text(help_text=f"The program. `{native.GENERATOR}` unless given.")
    project = _text(help_text="The key of a project of an issue tracker.")
    ref = _text(help_text="A branch, or a pipeline.")
    level = _text(help_text="How grave it is, in your words.")
    actor = inline_serializer(
        "NewActivityActor",
        {"key": _text(allow_blank=True), "name": _text(allow_blank=True), "image": _address()},
        required=False,
        allow_null=True,
        help_text="The sender, unless given.",
    )
    object = inline_serializer(
        "NewActivityObject",
        {"type": _text(allow_blank=True), "key": _text(allow_blank=True)},
        required=False,
        allow_null=True,
    )
    target = inline_serializer(
        "NewActivityTarget",
        {"key": _text(allow_blank=True), "url": _address()},
        required=False,
        allow_null=True,
    )


NEW_ACTIVITIES = [
    OpenApiExample(
        "A deployment that begins",
        request_only=True,
        value={
            "kind": "deployment",
            "title": "checkout 2.41.0",
            "state": "running",
            "progress": 0,
            "component": "checkout",
            "external_id": "2.41.0-prod",
            "target": {"key": "prod"},
        },
    ),
    OpenApiExample(
        "The least",
        request_only=True,
        value={"kind": "custom", "title": "Freeze begins", "component": "checkout"},
    ),
]
CHANGES = [
    OpenApiExample("On its way", request_only=True, value={"progress": 62}),
    OpenApiExample("Done", request_only=True, value={"progress": 100, "state": "succeeded"}),
]


# ---- parameters


def _several(name: str, description: str, pattern: str = "") -> OpenApiParameter:
    items = {"type": "string", **({"pattern": pattern} if pattern else {})}
    return OpenApiParameter(
        name,
        {"type": "array", "items": items, "maxItems": 50},
        description=description,
        explode=True,
        style="form",
    )


def _words(words: tuple[str, ...]) -> str:
    return f"^-?({'|'.join(words)})$"


FEED = [
    _several("type", "Kinds of event.", _words(native.KINDS)),
    _several("state", "States.", _words(native.STATES)),
    _several("component", "Slugs or uuids of components."),
    _several("source", "External ids or uuids of sources."),
    _several("generator", "Programs: hosts of the addresses that events point to."),
    _several("actor", "User names or e-mails."),
    _several("target", "Environments, repositories, issues."),
    _several("environment", "Environments that deployments went to."),
    _several("project", "Keys of projects."),
    _several("ref", "Branches or pipelines."),
    _several("level", "How grave: severities and priorities, as the feed shows them."),
    _several("issue", "Keys of issues: what names one, in words too, or is about it."),
    OpenApiParameter(
        "since", {"type": "string"}, description="From: `2026-11-21T14:03`, UTC, or `2h` ago."
    ),
    OpenApiParameter("until", {"type": "string"}, description="Before; not included."),
    OpenApiParameter(
        "q",
        str,
        description='Words in what it says; `deploy*`; `"exact words"` side by side; '
        "`-word` leaves out.",
    ),
]
LIMIT = OpenApiParameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}, description="Rows."
)
CURSOR = OpenApiParameter(
    "cursor", str, description="A place that `next` or `previous` named; do not make one up."
)
FILTERED = [
    *FEED,
    OpenApiParameter(
        "query",
        str,
        description="More filters in one text, as the box of the feed page takes them: "
        "`type:build -actor:ci since:2h`.",
    ),
]
FILTERS = [
    *FILTERED,
    OpenApiParameter("before", str, description="A cursor: what is older. `next` has it."),
    OpenApiParameter("after", str, description="A cursor: what is newer. `previous` has it."),
    LIMIT,
]
PAGING = [CURSOR, LIMIT]
SEARCH = OpenApiParameter("q", str, description="A part of the name.")
