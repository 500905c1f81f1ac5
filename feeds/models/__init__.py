"""The data: who may come in, what sends events, and the events themselves."""

from feeds.models.catalogue import Alias, Attachment, Component, EventKind, EventSource, Site
from feeds.models.events import Activity, Refusal, sources_with_last_seen
from feeds.models.hooks import HookDelivery, Webhook
from feeds.models.lengths import ALIAS_LENGTH, KEY_LENGTH, REFUSAL_BODY_LENGTH
from feeds.models.people import (
    ApiToken,
    KeptAnswer,
    RateWindow,
    Role,
    SavedView,
    User,
    UserManager,
)

__all__ = [
    "ALIAS_LENGTH",
    "KEY_LENGTH",
    "REFUSAL_BODY_LENGTH",
    "Activity",
    "Alias",
    "ApiToken",
    "Attachment",
    "Component",
    "EventKind",
    "EventSource",
    "HookDelivery",
    "KeptAnswer",
    "RateWindow",
    "Refusal",
    "Role",
    "SavedView",
    "Site",
    "User",
    "UserManager",
    "Webhook",
    "sources_with_last_seen",
]
