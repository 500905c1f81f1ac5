"""Every write of heartbeats, and the rules it keeps."""

from heartbeats.actions.catalogue import (
    CHANGEABLE,
    HeartbeatUnknown,
    change_heartbeat,
    change_team,
    create_heartbeat,
    delete_heartbeat,
    duplicate_heartbeat,
    ensure_team,
    pause,
    resume,
    rotate_ping_key,
    snooze,
)
from heartbeats.actions.channels import (
    change_channel,
    create_channel,
    create_window,
    delete_channel,
    delete_window,
    new_secret,
    retry_notification,
    rotate_channel_secret,
    test_channel,
)
from heartbeats.actions.letters import document, silent_until
from heartbeats.actions.pings import Signal, ping, ping_named, storable
from heartbeats.actions.watch import PINGS_KEPT, prune, remind, watch

__all__ = [
    "CHANGEABLE",
    "PINGS_KEPT",
    "HeartbeatUnknown",
    "Signal",
    "change_channel",
    "change_heartbeat",
    "change_team",
    "create_channel",
    "create_heartbeat",
    "create_window",
    "delete_channel",
    "delete_heartbeat",
    "delete_window",
    "document",
    "duplicate_heartbeat",
    "ensure_team",
    "new_secret",
    "pause",
    "ping",
    "ping_named",
    "prune",
    "remind",
    "resume",
    "retry_notification",
    "rotate_channel_secret",
    "rotate_ping_key",
    "silent_until",
    "snooze",
    "storable",
    "test_channel",
    "watch",
]
