"""The outbox: letters to upstreams, each sent until it arrived or cannot.

lanes.py puts them in order, claims.py takes and settles them, post.py speaks HTTP, slots.py keeps
the rate limits, reading.py reads back what was accepted, and drain.py makes all of them go.
"""

from feeds.outbox.claims import BACKOFF, PROBE, claim, lease, probe_failing, settle
from feeds.outbox.drain import drain, heal, next_ready, stop
from feeds.outbox.lanes import NOT_SENT_YET, RETRIED, cancel, enqueue, lock, nudge, retry, wake
from feeds.outbox.post import account_of, probe
from feeds.outbox.slots import step

__all__ = [
    "BACKOFF",
    "NOT_SENT_YET",
    "PROBE",
    "RETRIED",
    "account_of",
    "cancel",
    "claim",
    "drain",
    "enqueue",
    "heal",
    "lease",
    "lock",
    "next_ready",
    "nudge",
    "probe",
    "probe_failing",
    "retry",
    "settle",
    "step",
    "stop",
    "wake",
]
