"""`POST /api/v1/events`: many Compass events in one request, beyond what Compass has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from feeds import actions
from feeds.api.auth import caller_of
from feeds.api.compass import answer_to, refusal_reason
from feeds.api.once import once
from feeds.api.problems import problem_response
from feeds.api.resource import WRITERS, Resource, StrictJSON
from feeds.dialects import compass, strictjson
from feeds.dialects.mapping import DialectError, Draft

JSON = StrictJSON.media_type
BODIES = {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": 1000}
TEXT = {"type": "string", "description": "One event a line."}


class Lines(StrictJSON):
    """NDJSON; like an array it is read here, for each event is kept as it was sent."""

    media_type = "application/x-ndjson"


class BulkAnswer(serializers.Serializer[Any]):
    """What became of the events of a request."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    stale = serializers.IntegerField(help_text="Not newer than what we had.")
    refused = serializers.IntegerField()
    rolled_back = serializers.IntegerField()
    results = inline_serializer(
        "BulkResult",
        {
            "line": serializers.IntegerField(help_text="From 1."),
            "outcome": serializers.ChoiceField(
                [*(str(word) for word in actions.Outcome), "refused", "rolled_back"]
            ),
            "status": serializers.IntegerField(help_text="As if it had come alone."),
            "activity": serializers.UUIDField(required=False),
            "errors": inline_serializer(
                "BulkFault",
                {"type": serializers.CharField(), "message": serializers.CharField()},
                many=True,
                required=False,
            ),
        },
        many=True,
    )


@dataclass
class Line:
    """One event of a request: its text, and what became of it."""

    text: str
    document: Any = None
    draft: Draft | None = None
    error: DialectError | actions.ActionError | None = None
    recorded: actions.Recorded | None = None

    @property
    def outcome(self) -> str:
        if self.error:
            return "refused"
        return self.recorded.outcome if self.recorded else "rolled_back"

    def answer(self, number: int) -> dict[str, Any]:
        """Write the result line."""
        result: dict[str, Any] = {"line": number, "outcome": self.outcome}
        if self.error:
            status, errors = answer_to(self.error)
            faults = [{"type": kind, "message": message} for kind, message in errors]
            return {**result, "status": status, "errors": faults}
        if self.recorded:
            return {**result, "status": 202, "activity": str(self.recorded.activity)}
        return {**result, "status": 424}


class Events(Resource):
    """Compass events, up to 1,000 in a request."""

    write_roles = WRITERS
    write_parameters = ("atomic",)
    body_limit = settings.BULK_BODY_LIMIT
    parser_classes = [StrictJSON, Lines]

    @extend_schema(
        summary="Take Compass events",
        description="A JSON array or NDJSON of Compass event bodies, up to 1,000. Each is taken or "
        "refused by itself; with `atomic=1`, all or none. Answers 200 when all were taken, 207 "
        "when some were, 422 when none was. `results` has a line for each, in order, and the "
        "counts stand beside it.",
        parameters=[OpenApiParameter("atomic", {"type": "string", "enum": ["1", "0"]})],
        request={JSON: BODIES, Lines.media_type: TEXT},
        responses={200: BulkAnswer, 207: BulkAnswer, (422, JSON): BulkAnswer},
    )
    @once
    def post(self, request: Request) -> Response:
        """Take the events of the body."""
        body = request._request.read(settings.BULK_BODY_LIMIT + 1)
        lines = _split(strictjson.read_text(body, self.body_limit))
        most = settings.BULK_EVENT_LIMIT
        if not 1 <= len(lines) <= most:
            return problem_response(
                400, f"body: must hold 1 to {most} events; it holds {len(lines)}"
            )
        atomic = request.query_params.get("atomic", "").lower() in {"1", "true"}
        _take(caller_of(request).sender, lines, atomic=atomic)
        return _answer(lines)


def _split(text: str) -> list[Line]:
    """Return each event of TEXT, an array or NDJSON, exactly as it was sent."""
    if text.lstrip().startswith("["):
        return [Line(event, document) for event, document in strictjson.elements(text)]
    return [Line(line.strip()) for line in text.split("\n") if line.strip()]


def _take(sender: actions.Sender, lines: list[Line], *, atomic: bool) -> None:
    """Read and record LINES, and keep the refused ones in the log."""
    for line in lines:
        try:
            size = len(line.text.encode())
            strictjson.check_size(size, settings.EVENT_BODY_LIMIT)
            if line.document is None:
                line.document = strictjson.decode_text(line.text)
            else:
                strictjson.check(line.document, line.text)
            line.draft = compass.parse(line.document)
            line.draft.raw = line.text
        except DialectError as error:
            line.error = error
    good = [line for line in lines if line.draft]
    if not atomic or len(good) == len(lines):
        drafts = [line.draft for line in good if line.draft]
        try:
            with transaction.atomic():
                answers = actions.record_many(sender, drafts)
                failed = any(isinstance(answer, actions.ActionError) for answer in answers)
                transaction.set_rollback(atomic and failed)
        except IntegrityError:
            answers, failed = [actions.SourceUnknown(actions.SOURCE_GONE) for _ in drafts], True
        for line, answer in zip(good, answers, strict=True):
            if isinstance(answer, actions.ActionError):
                line.error = answer
            elif not (atomic and failed):
                line.recorded = answer
    refused = [line for line in lines if line.error]
    for line in refused[-actions.REFUSALS_KEPT :]:
        if line.error:
            status, errors = answer_to(line.error)
            actions.log_refusal(
                sender,
                status=status,
                reason=refusal_reason(errors),
                body=line.text,
                source=compass.source_of(line.document),
            )


def _answer(lines: list[Line]) -> Response:
    counts = dict.fromkeys((*(str(word) for word in actions.Outcome), "refused", "rolled_back"), 0)
    for line in lines:
        counts[line.outcome] += 1
    lost = counts["refused"] + counts["rolled_back"]
    status = 200 if not lost else 422 if lost == len(lines) else 207
    results = [line.answer(number) for number, line in enumerate(lines, start=1)]
    return Response({**counts, "results": results}, status=status)
