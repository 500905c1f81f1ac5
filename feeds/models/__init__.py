"""The data: who may come in, what sends events, and the events themselves."""

from feeds.models.audit import AuditEntry
from feeds.models.catalogue import Alias, Attachment, Component, EventKind, EventSource, Site
from feeds.models.events import CHANGED, PLACES, Activity, Deletion, Refusal, sources_with_last_seen
from feeds.models.hooks import HookDelivery, Webhook
from feeds.models.lengths import (
    ALIAS_LENGTH,
    KEY_LENGTH,
    REFUSAL_BODY_LENGTH,
    REVISIONS_KEPT,
    ZONE_LENGTH,
)
from feeds.models.outbox import (
    Addressee,
    Attempt,
    Budget,
    Composition,
    Connection,
    Delivery,
    EventTemplate,
    Lane,
)
from feeds.models.people import (
    ApiToken,
    KeptAnswer,
    RateWindow,
    Role,
    SavedView,
    Star,
    User,
    UserManager,
)
from feeds.models.preferences import NO_ZONE, PREFERENCES, Density, Theme, Times, check_zone
from feeds.models.revisions import Revision
from feeds.models.signs import Sign
from feeds.models.story import REST_LENGTH, Correlation, Dependency

__all__ = [
    "ALIAS_LENGTH",
    "CHANGED",
    "KEY_LENGTH",
    "NO_ZONE",
    "PLACES",
    "PREFERENCES",
    "REFUSAL_BODY_LENGTH",
    "REST_LENGTH",
    "REVISIONS_KEPT",
    "ZONE_LENGTH",
    "Activity",
    "Addressee",
    "Alias",
    "ApiToken",
    "Attachment",
    "Attempt",
    "AuditEntry",
    "Budget",
    "Component",
    "Composition",
    "Connection",
    "Correlation",
    "Deletion",
    "Delivery",
    "Density",
    "Dependency",
    "EventKind",
    "EventSource",
    "EventTemplate",
    "HookDelivery",
    "KeptAnswer",
    "Lane",
    "RateWindow",
    "Refusal",
    "Revision",
    "Role",
    "SavedView",
    "Sign",
    "Site",
    "Star",
    "Theme",
    "Times",
    "User",
    "UserManager",
    "Webhook",
    "check_zone",
    "sources_with_last_seen",
]
