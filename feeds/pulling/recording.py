"""What an upstream answered, on its way into the feed; the caller's transaction is open."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from feeds import actions
from feeds.dialects import strictjson, teamhub
from feeds.dialects.mapping import DialectError, Document, Draft, Fault, key
from feeds.dialects.outward import teamhub_pull
from feeds.dialects.outward.teamhub_pull import Mark
from feeds.models import Activity, Connection, Delivery, Role

RUNNING_READ = 20  # events that are read again one by one, of each sort
READER = "upstreams"  # who reads where the person that made the connection is gone
SOURCE_GONE = "an event source was deleted at this moment"
UNREADABLE = 422  # what we would have answered, had it been sent to us
#: The address of an activity's page, here or at another Pulseboard.
_PAGE = re.compile(r"/activities/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/$")


@dataclass(frozen=True)
class Held:
    """An event that we have."""

    source: str  # external id
    sequence: int
    progress: int
    state: str

    def is_behind(self, draft: Draft) -> bool:
        """Tell whether DRAFT says more: it is newer, or further on by a clock that stepped back."""
        return draft.sequence > self.sequence or _is_further(draft, self.progress, self.state)


def take_in(
    connection: Connection, events: Sequence[Document], *, mark: Mark, now: datetime
) -> list[str]:
    """Record what is new in EVENTS, and return the id of each ("" if it has none).

    What was sent from here is in the feed already: it only tells how far it has come. An event that
    cannot be read is logged once, and passed over.
    """
    found = {identity: event for event in events if (identity := teamhub_pull.identity_of(event))}
    sender = sender_of(connection)
    held = _held(found, mark.place)
    new = {name: event for name, event in found.items() if name not in held}
    ours = _sent_from_here(connection, new, mark)
    drafts: list[Draft] = []
    refused: list[tuple[Document, Exception]] = []
    for event in reversed(events):  # in order of time
        identity = teamhub_pull.identity_of(event)
        if identity in mark.passed:
            continue
        try:
            draft = _draft(event, connection, mark.place, now)
        except DialectError as error:
            refused.append((event, error))
            continue
        if identity in ours:
            _tell_progress(sender, ours[identity], draft, now)
        elif identity not in held:
            drafts.append(draft)
        elif (known := held[identity]).is_behind(draft):
            draft.source_id = known.source  # also where its project is called otherwise by now
            draft.sequence = max(draft.sequence, known.sequence + 1)
            drafts.append(draft)
    for draft, answer in zip(drafts, actions.record_many(sender, drafts), strict=True):
        if isinstance(answer, actions.ActionError):
            refused.append((json.loads(draft.raw), answer))
    for event, fault in refused:  # now that their sources exist
        _refuse(sender, connection, event, fault, mark)
    return [teamhub_pull.identity_of(event) for event in events]


def running(
    connection: Connection, mark: Mark, *, now: datetime, quiet_too: bool = False
) -> list[str]:
    """Return the ids of what runs there, the newest first; QUIET_TOO also what tells no news."""
    since = now - settings.LIVE_WITHIN
    rows = Activity.objects.filter(
        state=Activity.State.RUNNING, dialect=teamhub.DIALECT,
        progress__lt=teamhub.COMPLETE, occurred_at__gte=since,
    )  # fmt: skip
    if not quiet_too:
        rows = rows.filter(touched_at__gte=now - settings.LIVE_QUIET)
    pulled = rows.filter(source__external_id__startswith=f"{mark.place}/").order_by("-occurred_at")
    sent = _created(connection).filter(activity__in=rows).exclude(receipt="").order_by("-id")
    ids = [
        *pulled.values_list("external_id", flat=True)[:RUNNING_READ],
        *sent.values_list("receipt", flat=True)[:RUNNING_READ],
    ]
    return [identity for identity in ids if identity not in mark.passed]


def sender_of(connection: Connection) -> actions.Sender:
    """Return who reads CONNECTION: who made it."""
    user = connection.user or actions.ensure_user(READER, role=Role.BOT)
    return actions.Sender(user)


def _draft(event: Document, connection: Connection, place: str, now: datetime) -> Draft:
    """Read EVENT, as an event of this connection; raises DialectError."""
    if not teamhub_pull.identity_of(event):
        raise DialectError([Fault("id", "must be what an event can be asked for by")])
    _, document = strictjson.decode(_text(event).encode(), settings.EVENT_BODY_LIMIT)
    draft = teamhub.parse(document, now=now)
    host = teamhub_pull.host_of(connection.base_url)
    draft.source_name = key(f"{draft.source_id} at {host}")
    draft.source_id = key(f"{place}/{draft.source_id}")
    draft.generator = key(f"{teamhub.GENERATOR} at {host}")
    draft.actor_name = draft.actor_name or draft.generator  # never who made the connection
    draft.raw = json.dumps(document, ensure_ascii=False)
    return draft


def _is_further(draft: Draft, progress: int, state: str) -> bool:
    """Tell whether DRAFT has come further; progress never goes back, whatever a clock says."""
    ended = state == Activity.State.RUNNING and draft.state != Activity.State.RUNNING
    return (draft.progress or 0) > progress or ended


def _held(ids: Collection[str], place: str) -> dict[str, Held]:
    """Return what we have of IDS from PLACE: ids may be the same in two companies."""
    rows = Activity.objects.filter(dialect=teamhub.DIALECT, external_id__in=list(ids))
    columns = ("external_id", "source__external_id", "sequence", "progress", "state")
    return {
        identity: Held(source, sequence, progress or 0, state)
        for identity, source, sequence, progress, state in rows.values_list(*columns)
        if source.startswith(f"{place}/")
    }


# ---- what was sent from here


def _created(connection: Connection) -> QuerySet[Delivery]:
    """Return the letters by which events were made at CONNECTION."""
    return Delivery.objects.filter(connection=connection, verb=Delivery.Verb.CREATE)


def _sent_from_here(
    connection: Connection, events: dict[str, Document], mark: Mark
) -> dict[str, Activity | None]:
    """Return those of EVENTS that our letters made, each with the activity that it tells of.

    A letter links the address of the activity's page, which is what finds it; by its receipt it is
    found where the upstream drops the links. None: the event came twice, or was deleted here.
    """
    builds = {name: event for name, event in events.items() if event.get("target") == "build"}
    linking = {name: _pages(event) for name, event in builds.items()}
    links = {link for pages in linking.values() for link in pages}
    uuids = [match[1] for link in links if (match := _PAGE.search(link))]
    created = _created(connection)
    letters = list(created.filter(activity__uuid__in=uuids)) if uuids else []
    unknown = links - {letter.link for letter in letters}  # deleted here, or another Pulseboard's
    letters += created.filter(link__in=unknown) if unknown else ()
    rest = {name for name, pages in linking.items() if not pages} - {*mark.passed}
    letters += created.filter(receipt__in=rest) if rest else ()
    found: dict[str, Activity | None] = {}
    for letter in letters:
        for name, pages in linking.items():
            if name == letter.receipt or letter.link in pages:
                is_it = letter.receipt in ("", name)
                found[name] = _activity_of(letter) if is_it else None
    for name, activity in found.items():
        if activity is None:
            mark.pass_over(name)
    return found


def _pages(event: Document) -> list[str]:
    """Return the addresses of activities' pages that EVENT links."""
    objects = event.get("objects")
    linked = objects.get("resources") if isinstance(objects, dict) else None
    links = linked if isinstance(linked, list) else []
    return [link for link in links if isinstance(link, str) and _PAGE.search(link)]


def _activity_of(letter: Delivery) -> Activity | None:
    if letter.activity_id is None:
        return None
    return Activity.objects.select_related("source").filter(pk=letter.activity_id).first()


def _tell_progress(
    sender: actions.Sender, activity: Activity | None, draft: Draft, now: datetime
) -> None:
    """Let the composed ACTIVITY come as far as the upstream says that it is."""
    if activity is None or not _is_further(draft, activity.progress or 0, activity.state):
        return
    change = {"progress": draft.progress, "operation": draft.verb}
    try:
        further = teamhub.parse(teamhub.amend(activity.columns(), change, now=now), now=now)
    except DialectError:  # it is complete here: nothing there can change it
        return
    further.sequence, further.raw = activity.sequence + 1, activity.raw
    actions.amend(sender, further, source_id=activity.source_id)


# ---- what cannot be read


def _refuse(
    sender: actions.Sender, connection: Connection, event: Document, error: Exception, mark: Mark
) -> None:
    """Log EVENT, unless it is logged."""
    body = _text(event)
    identity = teamhub_pull.identity_of(event) or hashlib.sha256(body.encode()).hexdigest()[:24]
    if mark.refuse(identity):
        reason = f"read from {connection.name}: {error}"
        source = _source_of(event, mark.place)
        actions.log_refusal(sender, status=UNREADABLE, reason=reason, body=body, source=source)


def _source_of(event: Document, place: str) -> tuple[str, str] | None:
    """Return the source, external id and kind, that EVENT names, if that much can be read."""
    named, target = teamhub.source_of(event.get("objects")), event.get("target")
    if named is None or not isinstance(target, str):
        return None
    return key(f"{place}/{named[0]}"), teamhub.KINDS.get(target, "activity")


def _text(event: Document) -> str:
    """Write EVENT as JSON; what nests too deep for that is none."""
    try:
        return json.dumps(event)
    except RecursionError:
        return "["
