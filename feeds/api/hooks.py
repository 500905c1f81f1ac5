"""Webhooks in: `POST /hooks/{token}/`, which code hosts call with what happened there.

`POST /gateway/api/compass/v1/webhooks/{token}` is the same, where Compass has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from feeds import actions, ari, fastlane, vault
from feeds.api.problems import STATUS_OF
from feeds.dialects import strictjson
from feeds.dialects.mapping import DialectError, Draft, Fault
from feeds.dialects.registry import WEBHOOKS, WebhookDialect
from feeds.models import HookDelivery, Role, Webhook

Outcome = HookDelivery.Outcome
FORM = "application/x-www-form-urlencoded"  # the JSON stands in its field `payload`
OVERTAKEN = "we have had it, or later news of the same"
LOGGED = 40_000  # bytes, which are 10,000 characters at least


@dataclass(frozen=True)
class Verdict:
    """What becomes of a call, for its sender and for the log."""

    outcome: Outcome
    status: int
    reason: str = ""
    faults: list[Fault] = field(default_factory=list)
    activity: UUID | None = None


@csrf_exempt
@require_POST
def receive(request: HttpRequest, token: str) -> HttpResponse:
    """Take in one call: 202 once its event is on disk, and for events that nobody shows too.

    404 is no webhook, 401 no valid signature, 400 a body that cannot be read, 413 one too large.
    """
    live = Webhook.objects.filter(token=token, revoked_at=None, dialect__in=WEBHOOKS)
    webhook = live.select_related("user", "component").first()
    if webhook is None:
        return JsonResponse({"reason": "no such webhook, or it is revoked"}, status=404)
    dialect = WEBHOOKS[webhook.dialect]
    body = request.read(settings.HOOK_BODY_LIMIT + 1)
    verdict = _judge(request, webhook, dialect, body)
    actions.log_delivery(
        webhook,
        outcome=verdict.outcome,
        status=verdict.status,
        reason=verdict.reason,
        activity=verdict.activity,
        event=dialect.event_name(request.headers),
        delivery_id=dialect.delivery_id(request.headers),
        body=body[:LOGGED].decode(errors="replace"),
    )
    return _answer(verdict)


def _judge(request: HttpRequest, webhook: Webhook, dialect: WebhookDialect, body: bytes) -> Verdict:
    """Decide on a call, and record its event."""
    try:
        strictjson.check_size(len(body), settings.HOOK_BODY_LIMIT)
        if not dialect.verify(vault.unseal(webhook.sealed_secret), request.headers, body):
            rule = "is missing, or was not made with the secret of this webhook"
            return _refused(401, [Fault(dialect.SIGNATURE, rule)])
        if not Role(webhook.user.role).writes:
            return _refused(403, [Fault("webhook", "who made it may not send events any more")])
        event = dialect.event_name(request.headers)
        if event and event == dialect.PING:
            return Verdict(Outcome.IGNORED, 200, f"ignored: {event}")
        if event not in dialect.EVENTS:
            reason = f"ignored: event {event[:100]} is not one that Pulseboard shows"
            return Verdict(Outcome.IGNORED, 202, reason)
        text, document = _decode(body, request.content_type or "")
        draft = dialect.parse(document, now=timezone.now(), event=event)
    except DialectError as error:
        return _refused(413 if error.faults[0].rule == "too_large" else 400, error.faults)
    except vault.SealBroken as error:
        return _refused(503, [Fault("secret", str(error))])
    draft.raw = text
    return _record(webhook, draft)


def _decode(body: bytes, content_type: str) -> tuple[str, Any]:
    """Return BODY as text, exactly as sent, and the document in it; raises DialectError."""
    text = strictjson.read_text(body, settings.HOOK_BODY_LIMIT)
    if content_type != FORM:
        return text, strictjson.decode_text(text)
    strictjson.check(text, text)
    try:
        payload = parse_qs(text, errors="strict", max_num_fields=10).get("payload", [""])[0]
    except ValueError:
        raise DialectError([Fault("body", "must be a form with one field, payload")]) from None
    if not payload:
        raise DialectError([Fault("payload", "is required", "missing")])
    return text, strictjson.decode_text(payload)


def _record(webhook: Webhook, draft: Draft) -> Verdict:
    """Record DRAFT in the name of who made WEBHOOK; their calls are not counted."""
    sender = actions.Sender(webhook.user)
    if component := webhook.component:
        workspace = actions.site().workspace_id
        draft.component_id = ari.component(actions.cloud_id(), workspace, component.uuid)
    passage = fastlane.take(sender, draft, limited=False)
    if passage.allowance is None:
        return _refused(401, [Fault("webhook", "who made it may no longer come in")])
    reason = ""
    recorded = passage.recorded
    try:
        if recorded is None:
            recorded, reason = _decide(sender, draft)
    except actions.ActionError as error:
        return _refused(STATUS_OF[type(error)], [Fault("event", str(error))])
    if recorded.outcome is actions.Outcome.STALE:
        reason = OVERTAKEN
    return Verdict(Outcome(recorded.outcome), 202, reason, activity=recorded.activity)


def _decide(sender: actions.Sender, draft: Draft) -> tuple[actions.Recorded, str]:
    """Record DRAFT, rather on no component than not at all: code hosts do not send again."""
    try:
        return actions.record(sender, draft), ""
    except (actions.SourceLimitReached, actions.ComponentUnknown) as error:
        draft.component_id = ""
        return actions.record(sender, draft), f"shown on no component: {error}"


def _refused(status: int, faults: list[Fault]) -> Verdict:
    return Verdict(Outcome.REFUSED, status, "; ".join(map(str, faults)), faults)


def _answer(verdict: Verdict) -> HttpResponse:
    """Write VERDICT where code hosts show it to their people."""
    body: dict[str, Any] = {"outcome": verdict.outcome.value, "reason": verdict.reason}
    if verdict.faults:
        body["errors"] = [
            {"field": fault.path, "message": fault.message} for fault in verdict.faults
        ]
    response = JsonResponse(body, status=verdict.status)
    response["X-Pulseboard-Outcome"] = verdict.outcome.value
    if verdict.activity:
        response["X-Pulseboard-Activity"] = str(verdict.activity)
    return response
