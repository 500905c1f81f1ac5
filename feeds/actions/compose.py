"""Events that people write here: recorded in the feed, and sealed as letters to upstreams.

What is recorded and what is enqueued stands in one transaction: an event that shows in the feed
has its letters in the outbox, and the other way round.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from feeds import outbox
from feeds.actions.catalogue import create_source
from feeds.actions.drafts import completed, draft_of
from feeds.actions.errors import ActionError, Conflict, Forbidden, SourceUnknown
from feeds.actions.events import SOURCE_GONE, Outcome, Sender, amend, record
from feeds.dialects import compass, streams, teamhub
from feeds.dialects.letters import Account, Verb
from feeds.dialects.mapping import DialectError, Document, Draft
from feeds.dialects.outward import UPSTREAMS
from feeds.models import (
    Activity,
    Addressee,
    Component,
    Composition,
    Connection,
    Delivery,
    EventSource,
    Role,
    User,
)

RELEASED_AT_ONCE = 100  # compositions a look
COMPASS = Connection.Dialect.COMPASS
CHANGES = ("progress", "operation")  # what TeamHub lets change


@dataclass(frozen=True)
class Address:
    """An upstream to send to, and what the component is called there ("" where it needs none)."""

    connection: Connection
    component: str = ""


def compose(
    author: User,
    *,
    role: Role,
    identity: uuid.UUID,
    wire: str,
    document: Document,
    component: Component | None = None,
    addresses: Sequence[Address] = (),
    send_at: datetime | None = None,
) -> Composition:
    """Record an event and send it to ADDRESSES, at SEND_AT or at once.

    The same IDENTITY again, as by a double click, is the same event: nothing new is made. Raises
    DialectError with what is wrong with DOCUMENT, and ActionError where a rule forbids it.
    """
    now = timezone.now()
    draft = draft_of(wire, document, author=author, component=component, identity=identity)
    _check_sender(author, role, draft)
    with _whole():
        composition, made = Composition.objects.get_or_create(
            uuid=identity,
            defaults={
                "author": author,
                "wire": wire,
                "kind": draft.kind,
                "title": draft.title,
                "document": document,
                "component": component,
                "state": Composition.State.SCHEDULED,
                "send_at": send_at,
            },
        )
        if composition.author_id != author.pk:
            raise Conflict("this form was sent by somebody else: open a new one")
        if made:
            _address(composition, addresses)
        if made and send_at is None:
            _release(composition, now)
    return composition


def change_composition(
    composition: Composition,
    *,
    by: User,
    role: Role,
    document: Document,
    component: Component | None,
    addresses: Sequence[Address],
    send_at: datetime | None,
) -> Composition:
    """Change what waits for its time; raises Conflict once it was sent, DialectError, Forbidden."""
    _may(composition.author_id, by, role)
    now = timezone.now()
    draft = draft_of(
        composition.wire, document, author=by, component=component, identity=composition.uuid
    )
    _check_sender(by, role, draft)
    with _whole():
        found = _locked(composition)
        found.document, found.title, found.component = document, draft.title, component
        found.send_at = send_at
        found.save(update_fields=["document", "title", "component", "send_at"])
        found.addressees.all().delete()
        _address(found, addresses)
        if send_at is None:
            _release(found, now)
    return found


def cancel_composition(composition: Composition, *, by: User, role: Role) -> None:
    """Let what waits for its time never be sent; raises Conflict once it was, and Forbidden."""
    _may(composition.author_id, by, role)
    with transaction.atomic():
        found = _locked(composition)
        found.state = Composition.State.CANCELLED
        found.save(update_fields=["state"])


def release_due(*, now: datetime) -> int:
    """Send what has come to its time; return how much that was."""
    due = Composition.objects.filter(state=Composition.State.SCHEDULED, send_at__lte=now)
    released = 0
    for composition in due.order_by("send_at")[:RELEASED_AT_ONCE]:
        try:
            with transaction.atomic():
                released += _release(composition, now)
        except (ActionError, DialectError) as error:
            due.filter(pk=composition.pk).update(state=Composition.State.FAILED, fault=str(error))
    return released


def revise(
    activity: Activity, *, by: User, role: Role, document: Document, above: int
) -> list[Delivery]:
    """Change an event that was composed here, and send the update wherever the wire has one.

    ABOVE is the sequence that the form was made of: whoever was faster wins, and the other gets
    Conflict. Raises DialectError and ActionError as compose() does.
    """
    composition = _composition_of(activity)
    _may(composition.author_id, by, role)
    now = timezone.now()
    with _whole():
        held = _held(activity)
        if held.sequence != above:
            raise Conflict("somebody changed this event meanwhile: look at it, and change it again")
        document, draft = _revised(composition, held, document, by, now)
        if not amend(Sender(by), draft, source_id=held.source_id):
            raise Conflict("a newer update of this event came in meanwhile")
        composition.document, composition.title = document, draft.title
        composition.save(update_fields=["document", "title"])
        return _post(composition, held, verb="update", document=document, by=by, now=now)


def retract(activity: Activity, *, by: User, role: Role) -> dict[str, str]:
    """Delete an event that was composed here, also where it was sent to, as far as they allow.

    Returns for each connection where it stays why it does.
    """
    composition = _composition_of(activity)
    _may(composition.author_id, by, role)
    now = timezone.now()
    for delivery in Delivery.objects.filter(activity=activity).waiting():
        outbox.cancel(delivery, now=now)
    with _whole():
        activity = _held(activity)
        sent = Delivery.objects.filter(activity=activity, verb=Delivery.Verb.CREATE)
        sent = sent.exclude(state=Delivery.State.CANCELLED, uncertain=False)
        there = {delivery.connection_id for delivery in sent}
        _post(composition, activity, verb="delete", document=composition.document, by=by, now=now,
              only=there)  # fmt: skip
        stays = {
            connection.name: reason
            for connection in composition.connections.filter(pk__in=there)
            if (reason := UPSTREAMS[connection.dialect].no_delete(composition.wire))
        }
        activity.delete()
    return stays


# ---- who may


def _check_sender(author: User, role: Role, draft: Draft) -> None:
    if not role.writes:
        raise Forbidden(f"a {role.value} may not send events")
    own = {"", author.username, author.email, str(author)}
    if not role.names_others and draft.dialect == streams.DIALECT and draft.actor_key not in own:
        raise Forbidden("actor: only a bot or an admin may name another than themselves")


def _may(owner: int, by: User, role: Role) -> None:
    if role != Role.ADMIN and owner != by.pk:
        raise Forbidden("only who composed it, or an admin, may change it")


# ---- from a draft to the feed and the outbox


def _locked(composition: Composition) -> Composition:
    """Return COMPOSITION with its row locked; raises Conflict unless it still waits."""
    found = Composition.objects.select_for_update().get(pk=composition.pk)
    if found.state != Composition.State.SCHEDULED:
        raise Conflict(f"it is {found.get_state_display().lower()} already")
    return found


def _address(composition: Composition, addresses: Sequence[Address]) -> None:
    for address in addresses:
        upstream = UPSTREAMS[address.connection.dialect]
        if composition.wire not in upstream.WIRES:
            raise Conflict(f"{address.connection}: {upstream.NAME} does not take such events")
        if address.connection.dialect == COMPASS and not address.connection.cloud_id:
            raise Conflict(f"{address.connection}: its cloudId is not known: test it first")
    Addressee.objects.bulk_create(
        Addressee(composition=composition, connection=each.connection, component=each.component)
        for each in addresses
    )


def _release(composition: Composition, now: datetime) -> bool:
    """Record COMPOSITION and enqueue its letters; return whether nobody else did."""
    mine = Composition.objects.filter(pk=composition.pk)
    if not mine.filter(state=Composition.State.SCHEDULED).update(state=Composition.State.SENT):
        return False
    author = composition.author
    document, draft = _placed(composition, now)
    draft.raw = json.dumps(document, ensure_ascii=False)
    recorded = record(Sender(author), draft)
    if recorded.outcome is Outcome.STALE:
        raise Conflict(
            "updateSequenceNumber: an event with this identity and a number that is not lower "
            "exists: give this one a higher number, or another id"
        )
    activity = Activity.objects.select_related("source").get(uuid=recorded.activity)
    # who sends an event once more under its identity takes it over
    Composition.objects.filter(activity=activity).update(activity=None)
    composition.activity, composition.document = activity, document
    composition.state = Composition.State.SENT
    composition.save(update_fields=["activity", "document"])
    _post(composition, activity, verb="create", document=document, by=author, now=now)
    return True


def _placed(composition: Composition, now: datetime) -> tuple[Document, Draft]:
    """Return the whole document and its draft, the source made and locked.

    Who holds the lock gives the next sequence number: two who send one event at this moment get
    two numbers.
    """
    document, author = composition.document, composition.author

    def read(document: Document) -> Draft:
        return draft_of(
            composition.wire, document, author=author, component=composition.component,
            identity=composition.uuid, now=now,
        )  # fmt: skip

    draft = read(document)
    source = create_source(draft.source_id, kind=draft.kind, name=draft.source_name)
    _lock(source.pk)
    if composition.wire == compass.DIALECT:
        held = Activity.objects.filter(source=source, external_id=draft.external_id)
        above = held.values_list("sequence", flat=True).first()
        document = completed(composition.wire, document, now=now, above=above)
        draft = read(document)
    return document, draft


def _post(
    composition: Composition,
    activity: Activity,
    *,
    verb: Verb,
    document: Document,
    by: User,
    now: datetime,
    only: Collection[int] | None = None,
) -> list[Delivery]:
    """Seal a letter to each upstream that has a request for VERB."""
    link = settings.SITE_URL + activity.get_absolute_url()
    addressees = composition.addressees.select_related("connection")
    if only is not None:
        addressees = addressees.filter(connection__in=only)
    letters = []
    for addressee in addressees:
        connection = addressee.connection
        letter = UPSTREAMS[connection.dialect].letter(
            verb, document, wire=composition.wire, link=link, component=addressee.component,
            account=_without_secret(connection),
        )  # fmt: skip
        if letter is not None:
            letters.append((connection, letter))
    if not letters:
        return []
    return outbox.enqueue(
        letters, lane=f"source:{activity.source_id}", verb=verb, wire=composition.wire,
        title=composition.title, link=link, now=now, activity=activity, author=by,
    )  # fmt: skip


def _without_secret(connection: Connection) -> Account:
    return Account(
        user=connection.account,
        cloud_id=connection.cloud_id,
        company_key=connection.company_key,
    )


# ---- later


@contextmanager
def _whole() -> Iterator[None]:
    """Write all or nothing; raises Conflict where what is written about goes at this moment."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise Conflict(
            "what it is about, or where it goes, is deleted just now: look again"
        ) from None


def _lock(source_id: int) -> None:
    """Let nobody else write events of the source until this transaction ends."""
    if EventSource.objects.select_for_update().filter(pk=source_id).first() is None:
        raise SourceUnknown(SOURCE_GONE)


def _held(activity: Activity) -> Activity:
    """Return ACTIVITY as it is, its source locked; raises Conflict once it is deleted."""
    _lock(activity.source_id)
    held = Activity.objects.select_related("source").filter(pk=activity.pk).first()
    if held is None:
        raise Conflict("the event is deleted already")
    return held


def _composition_of(activity: Activity) -> Composition:
    composition = Composition.objects.filter(activity=activity).first()
    if composition is None:
        raise Conflict("this event was not composed here: whoever sent it must change it")
    return composition


def _revised(
    composition: Composition, held: Activity, document: Document, by: User, now: datetime
) -> tuple[Document, Draft]:
    """Return the document of the update and the event after it."""
    if composition.wire == streams.DIALECT:
        raise Conflict("Activity Streams has no updates: delete the activity and send another")
    if composition.wire == teamhub.DIALECT:
        whole = teamhub.amend(held.columns(), document, now=now)
        draft = teamhub.parse(whole, now=now)
        draft.sequence, draft.raw = held.sequence + 1, held.raw
        change = {name: document[name] for name in CHANGES if name in document}
        return {**composition.document, **change}, draft
    document = completed(composition.wire, document, now=now, above=held.sequence)
    draft = draft_of(
        composition.wire, document, author=by, component=composition.component, now=now
    )
    if (draft.source_id, draft.kind, draft.external_id) != (
        held.source.external_id, held.kind, held.external_id,
    ):  # fmt: skip
        raise Conflict(
            "what identifies the event (its source, kind and id; of a deployment its pipeline, "
            "environment and number) cannot be changed: send a new event"
        )
    if draft.sequence <= held.sequence:
        raise Conflict(f"updateSequenceNumber: must be above {held.sequence}")
    draft.raw = json.dumps(document, ensure_ascii=False)
    return document, draft
