"""The way out of letters about heartbeats: taken under a lease, sent, settled.

What is taken and never settled, because its worker died, is taken again when the lease is over: a
letter arrives at least once, and its webhook-id tells a receiver which ones it has seen. Letters
about one heartbeat to one channel go in order, one at a time; a channel that fails rests, and
others go first.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import timezone

from feeds import http, vault
from feeds.moments import to_database
from heartbeats.models import Channel, Notification

BUDGET = 10.0  # seconds of a request, and of each step of a mail
LEASE = timedelta(seconds=90)  # longer than any sending takes
#: Between one try and the next; after the last the letter has failed for good.
DELAYS = [
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
]
JITTER = 0.2  # so that those who failed together do not come back together
LONGEST_REST = timedelta(minutes=5)  # of a channel that failed
LONGEST_WAIT = timedelta(hours=24)  # that a Retry-After may ask for
ANSWER_KEPT = 500  # characters
INTERRUPTED = "the sender was interrupted: whether it arrived is not known"
State = Notification.State
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """What came of one try."""

    delivered: bool
    answer: str
    status: int | None = None  # None: no HTTP was spoken, or nobody answered
    seconds: float = 0.0
    final: bool = False  # trying again is of no use
    wait: timedelta | None = None  # what Retry-After asks for


def send_due(*, clock: Callable[[], datetime] = timezone.now, seconds: float = 4.0) -> int:
    """Send what is due for about SECONDS, one after the other; return how many were tried."""
    end = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < end:
        letter = claim(now=clock())
        if letter is None:
            break
        settle(letter, send(letter, now=clock()), now=clock())
        tried += 1
    return tried


# ---- take


def claim(*, now: datetime) -> Notification | None:
    """Take the letter that has waited longest at NOW, for LEASE; None if nothing is due.

    One statement: two workers never hold the same letter.
    """
    skip = "FOR UPDATE OF letter SKIP LOCKED" if connection.vendor == "postgresql" else ""
    moment = to_database(now)
    with transaction.atomic():
        taken = Notification.objects.raw(
            CLAIM.format(skip=skip), {"now": moment, "lease": to_database(now + LEASE)}
        )
        return next(iter(taken), None)


_TABLE = Notification._meta.db_table
#: Not taken is what goes to a channel that rests, or that somebody is sending to right now, and
#: what has an earlier letter ahead of it. Both are asked in a form that no planner turns into a
#: join of all letters with all: a thousand that were just queued are in no statistics yet.
CLAIM = f"""
    UPDATE {_TABLE} SET state = 'sending', claims = claims + 1, next_at = %(lease)s
    WHERE state IN ('queued', 'sending') AND next_at <= %(now)s AND id = (
        SELECT letter.id FROM {_TABLE} letter
        WHERE letter.state IN ('queued', 'sending') AND letter.next_at <= %(now)s
            AND (letter.channel_id IS NULL OR letter.channel_id NOT IN (
                SELECT channel.id FROM {Channel._meta.db_table} channel
                WHERE channel.rests_until > %(now)s
                UNION ALL
                SELECT busy.channel_id FROM {_TABLE} busy
                WHERE busy.channel_id IS NOT NULL
                    AND busy.state IN ('queued', 'sending') AND busy.state = 'sending'
                    AND busy.next_at > %(now)s))
            AND (letter.channel_id IS NULL OR letter.heartbeat_id IS NULL OR letter.id = (
                SELECT MIN(ahead.id) FROM {_TABLE} ahead
                WHERE ahead.channel_id = letter.channel_id
                    AND ahead.heartbeat_id = letter.heartbeat_id
                    AND ahead.state IN ('queued', 'sending')))
        ORDER BY letter.next_at LIMIT 1 {{skip}}
    ) RETURNING *
"""


# ---- send


def send(letter: Notification, *, now: datetime) -> Reply:
    """Send LETTER, with no transaction open, and return what came of it."""
    channel = letter.channel
    if channel is None:
        return Reply(False, "the channel was deleted", final=True)
    if not channel.enabled:
        return Reply(False, "the channel is switched off", final=True)
    began = time.monotonic()
    by_mail = channel.kind == Channel.Kind.EMAIL
    reply = _mail(letter, channel) if by_mail else _call(letter, channel, now)
    return Reply(**{**vars(reply), "seconds": round(time.monotonic() - began, 3)})


def _call(letter: Notification, channel: Channel, now: datetime) -> Reply:
    body = letter.body.encode()
    try:
        headers = signed(vault.unseal(channel.sealed_secret), letter, body, now)
    except vault.SealBroken as error:
        return Reply(False, str(error), final=True)
    try:
        answer = http.send("POST", channel.address, headers=headers, body=body, budget=BUDGET)
    except http.TransportError as error:
        return Reply(False, str(error))
    return Reply(
        200 <= answer.status < 300,
        answer.text[:ANSWER_KEPT],
        status=answer.status,
        final=answer.status == 410,  # Standard Webhooks: the receiver wants no more
        wait=_wait(answer.headers.get("retry-after", "")),
    )


def _wait(retry_after: str) -> timedelta | None:
    """Read the seconds of a Retry-After; a date counts as none, for clocks differ."""
    if not retry_after.isdecimal() or len(retry_after) > 9:
        return None
    return min(timedelta(seconds=int(retry_after)), LONGEST_WAIT)


def signed(secret: str, letter: Notification, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a webhook, signed with SECRET as Standard Webhooks has it."""
    identity, moment = f"msg_{letter.uuid.hex}", str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{identity}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def _mail(letter: Notification, channel: Channel) -> Reply:
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    mail = EmailMessage(
        *written(letter),
        to=[channel.address],
        headers={"Message-ID": f"<{letter.uuid}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    try:
        mail.send()
    except (SMTPException, OSError, ValueError) as error:  # ValueError: a bad address or header
        return Reply(False, f"{type(error).__name__}: {error}"[:ANSWER_KEPT])
    return Reply(True, "the mail server took it")


def written(letter: Notification) -> tuple[str, str]:
    """Return the subject and the text of LETTER as an e-mail."""
    document = json.loads(letter.body)
    data = document["data"]
    word = {
        Notification.Event.DOWN: "Down",
        Notification.Event.REMINDER: "Still down",
        Notification.Event.UP: "Up",
        Notification.Event.OFF: "Off",
    }.get(Notification.Event(letter.event), "Test")
    begun = letter.event in {Notification.Event.DOWN, Notification.Event.REMINDER}
    what = f"{data['name']}: {data['message']}" if begun else data["name"]
    subject = " ".join(f"[{data['priority']}] {word}: {what}".split())
    lines = [
        f"Heartbeat {data['name']} of {data['team']} is {data['state']} since {data['since']}:",
        f"{data['reason']}.",
        f"Last ping: {data['last_ping_at'] or 'never'}",
        f"Tags: {', '.join(data['tags']) or 'none'}",
        data["url"],
    ]
    return subject, "\n".join(lines) + "\n"


# ---- settle


def settle(letter: Notification, reply: Reply, *, now: datetime) -> bool:
    """Write down what came of LETTER; return whether it was still ours to settle."""
    tries = [*letter.attempts]
    while len(tries) < letter.claims - 1:  # of those who took it before and never came back
        tries.append({"at": None, "seconds": None, "status": None, "answer": INTERRUPTED})
    entry = {"at": now.isoformat(), "seconds": reply.seconds, "status": reply.status}
    tries.append({**entry, "answer": reply.answer.replace("\x00", "\N{SYMBOL FOR NULL}")})
    changes: dict[str, Any] = {"attempts": tries}
    delay = None if reply.delivered or reply.final else _delay(len(tries), reply)
    if delay is not None:
        changes |= {"state": State.QUEUED, "next_at": now + delay}
    else:
        state = State.SENT if reply.delivered else State.FAILED
        changes |= {"state": state, "settled_at": now}
    mine = Notification.objects.filter(pk=letter.pk, state=State.SENDING, claims=letter.claims)
    if mine.update(**changes) != 1:
        return False
    if letter.channel_id is not None:
        _rest(letter.channel_id, reply, delay, now)
    log.info(
        "notification=%d channel=%s claim=%d state=%s status=%s next=%s",
        letter.pk, letter.channel_id, letter.claims, changes["state"], reply.status,
        changes.get("next_at"),
    )  # fmt: skip
    return True


def _delay(tries: int, reply: Reply) -> timedelta | None:
    """Return how long to wait after TRIES, None if it is given up."""
    if tries > len(DELAYS):
        return None
    jittered = DELAYS[tries - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    return max(jittered, reply.wait) if reply.wait is not None else jittered


def _rest(channel: int, reply: Reply, delay: timedelta | None, now: datetime) -> None:
    """Let a channel rest that does not answer, so that the others need not wait for it."""
    broken = reply.status is None or reply.status >= 500 or reply.status == 429
    rows = Channel.objects.filter(pk=channel)
    if reply.delivered:
        rows.filter(rests_until__isnull=False).update(rests_until=None)
    elif delay is not None and broken:
        rows.update(rests_until=now + min(delay, LONGEST_REST))
