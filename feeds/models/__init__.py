"""The data: who may come in, what sends events, and the events themselves."""

from feeds.models.catalogue import Attachment, Component, EventKind, EventSource, Site
from feeds.models.events import Activity, Refusal
from feeds.models.lengths import KEY_LENGTH, REFUSAL_BODY_LENGTH
from feeds.models.people import ApiToken, RateWindow, Role, User, UserManager

__all__ = [
    "KEY_LENGTH",
    "REFUSAL_BODY_LENGTH",
    "Activity",
    "ApiToken",
    "Attachment",
    "Component",
    "EventKind",
    "EventSource",
    "RateWindow",
    "Refusal",
    "Role",
    "Site",
    "User",
    "UserManager",
]
