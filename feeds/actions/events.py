"""Events in: record them, and keep a log of those that changed nothing."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from feeds.actions.catalogue import attach, create_source, find_component
from feeds.actions.errors import ActionError, Forbidden, SiteUnknown, SourceUnknown
from feeds.actions.site import cloud_id, site
from feeds.dialects.mapping import Draft
from feeds.models import (
    REFUSAL_BODY_LENGTH,
    Activity,
    Attachment,
    Component,
    EventKind,
    EventSource,
    Refusal,
    Role,
    Site,
    User,
)
from feeds.upsert import Key, upsert

REFUSALS_KEPT = 100  # bodies a source, and as many a token, as the contract asks
SOURCE_GONE = "the event source was deleted at this moment: send the event again"
SOURCES_AT_ONCE = 1000  # pairs a statement


class Outcome(StrEnum):
    """What recording did with an event."""

    CREATED = "created"
    UPDATED = "updated"
    STALE = "stale"  # its sequence is not above what we have: nothing changed


@dataclass(frozen=True)
class Recorded:
    """The answer to one draft."""

    outcome: Outcome
    activity: uuid.UUID
    number: int  # the activity's id
    source_id: int


@dataclass(frozen=True)
class Sender:
    """Who sends: a user, and the token it came with, if any."""

    user: User
    token_id: int | None = None


def record(sender: Sender, draft: Draft) -> Recorded:
    """Write one event; raises ActionError where a rule forbids it.

    The caller's answer may promise that the event is on disk: this returns after the commit,
    unless a transaction of the caller's is open.
    """
    try:
        (answer,) = record_many(sender, [draft])
    except IntegrityError:
        raise SourceUnknown(SOURCE_GONE) from None
    if isinstance(answer, ActionError):
        raise answer
    return answer


def record_many(sender: Sender, drafts: Sequence[Draft]) -> list[Recorded | ActionError]:
    """Write DRAFTS in one transaction; the answers stand in their order.

    A draft that a rule forbids gets its ActionError; the others are written. Of several drafts of
    one event the one with the highest sequence is written, and the others are stale. A source that
    is deleted at the same moment may raise IntegrityError, when the transaction ends.
    """
    now = timezone.now()
    # One draft is one statement, which needs no transaction around it.
    with transaction.atomic(savepoint=False) if len(drafts) > 1 else nullcontext():
        places = _find_sources(drafts)
        newest: dict[Key, Draft] = {}
        for draft, place in zip(drafts, places, strict=True):
            if isinstance(place, int):
                at = place, draft.external_id
                if at not in newest or newest[at].sequence < draft.sequence:
                    newest[at] = draft
        # Everybody locks rows in the same order: two requests cannot wait for each other.
        newest = {at: newest[at] for at in sorted(newest)}
        for draft in newest.values():
            name_actor(draft, sender.user)
        rows = [(at[0], draft) for at, draft in newest.items()]
        written = upsert(rows, author_id=sender.user.pk, now=now)
        held = _held([at for at in newest if at not in written])
        for at, other in held.items():
            _log_ignored(sender, newest[at], source_id=at[0], above=other.sequence)
    answers: list[Recorded | ActionError] = []
    for draft, place in zip(drafts, places, strict=True):
        if isinstance(place, ActionError):
            answers.append(place)
            continue
        at = place, draft.external_id
        if at in written and newest[at] is draft:
            done = written[at]
            outcome = Outcome.CREATED if done.created else Outcome.UPDATED
            answers.append(Recorded(outcome, done.uuid, done.number, place))
        elif at in written or at in held:
            found = written.get(at) or held[at]
            answers.append(Recorded(Outcome.STALE, found.uuid, found.number, place))
        else:
            answers.append(SourceUnknown(SOURCE_GONE))
    return answers


def amend(sender: Sender, draft: Draft, *, source_id: int) -> bool:
    """Write DRAFT, an event we have in a newer state; return whether nobody was faster.

    Who read sequence N and sends N + 1 writes only over what it has read.
    """
    try:
        return bool(upsert([(source_id, draft)], author_id=sender.user.pk, now=timezone.now()))
    except IntegrityError:  # its source was deleted at this moment
        return False


def delete_activity(activity: Activity, *, by: User, role: Role) -> None:
    """Delete ACTIVITY; raises Forbidden unless BY sent it or comes as an admin."""
    if role != Role.ADMIN and activity.author_id != by.pk:
        raise Forbidden("only who sent an activity, or an admin, may delete it")
    activity.delete()


def name_actor(draft: Draft, author: User) -> None:
    """Make the sender the actor of DRAFT where the wire names none."""
    if not draft.actor_key and not draft.actor_name:
        draft.actor_key, draft.actor_name = author.username, str(author)


@dataclass(frozen=True)
class Held:
    """An activity that we have."""

    uuid: uuid.UUID
    number: int  # its id
    sequence: int


def _held(places: Sequence[Key]) -> dict[Key, Held]:
    """Return what we hold at each of PLACES."""
    if not places:
        return {}
    rows = Activity.objects.filter(
        source_id__in={source for source, _ in places},
        external_id__in={external_id for _, external_id in places},
    ).values_list("source_id", "external_id", "uuid", "id", "sequence")
    held = {
        (source, external_id): Held(found, number, sequence)
        for source, external_id, found, number, sequence in rows
    }
    return {at: held[at] for at in places if at in held}


def _log_ignored(sender: Sender, draft: Draft, *, source_id: int, above: int) -> None:
    log_refusal(
        sender,
        status=202,
        reason=f"ignored: sequence {draft.sequence} is not above {above}",
        body=draft.raw,
        source_id=source_id,
        outcome=Refusal.Outcome.IGNORED,
    )


def log_refusal(
    sender: Sender,
    *,
    status: int,
    reason: str,
    body: str,
    source: tuple[str, str] | None = None,
    source_id: int | None = None,
    outcome: Refusal.Outcome = Refusal.Outcome.REFUSED,
) -> None:
    """Keep a body that changed nothing, cut at 10,000 characters, for the people who debug it.

    SOURCE is the external id and kind of the source that the body names, if it can be read.
    """
    if source is not None:
        source_id = _source_ids([source]).get(source)
    refusal = Refusal.objects.create(
        outcome=outcome,
        status=status,
        reason=reason[:REFUSAL_BODY_LENGTH],
        body=body[:REFUSAL_BODY_LENGTH].replace("\x00", "\N{SYMBOL FOR NULL}"),
        source_id=source_id,
        token_id=sender.token_id,
        user=sender.user,
        received_at=timezone.now(),
    )
    _trim_refusals(refusal)


def _trim_refusals(newest: Refusal) -> None:
    """Keep the last REFUSALS_KEPT of the log that NEWEST stands in."""
    if newest.source_id:
        log = Refusal.objects.filter(source_id=newest.source_id)
    else:
        log = Refusal.objects.filter(source=None, token=newest.token, user=newest.user)
    oldest_kept = log.order_by("-id").values_list("id", flat=True)[
        REFUSALS_KEPT - 1 : REFUSALS_KEPT
    ]
    with transaction.atomic():
        # What somebody else deletes at this moment is passed over: two that met the same rows in
        # another order would wait for each other for ever.
        gone = log.filter(id__lt=oldest_kept).select_for_update(skip_locked=True)
        Refusal.objects.filter(id__in=list(gone.values_list("id", flat=True))).delete()


def _find_sources(drafts: Sequence[Draft]) -> list[int | ActionError]:
    """Return the id of each draft's source, made where the wire allows it."""
    wanted = {(draft.source_id, draft.kind) for draft in drafts}
    found = _source_ids(wanted)
    made: dict[tuple[str, str, str], int | ActionError] = {}
    answers: list[int | ActionError] = []
    for draft in drafts:
        if draft.site_id and draft.site_id != cloud_id():
            answers.append(SiteUnknown(f"cloudId: {draft.site_id} is not this site"))
            continue
        place = (draft.source_id, draft.kind, draft.component_id)
        if place not in made:
            made[place] = _place(draft, found)
        answers.append(made[place])
    return answers


def _source_ids(wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the id of each of WANTED, external id and kind, that exists."""
    found = {}
    table = EventSource._meta.db_table
    for start in range(0, len(wanted), SOURCES_AT_ONCE):
        chunk = list(wanted)[start : start + SOURCES_AT_ONCE]
        pairs = ", ".join(["(%s, %s)"] * len(chunk))
        with connection.cursor() as cursor:  # once an event, where the ORM takes 5 times as long
            cursor.execute(
                f"SELECT external_id, kind, id FROM {table} "  # the names are ours
                f"WHERE (external_id, kind) IN (VALUES {pairs})",
                [part for pair in chunk for part in pair],
            )
            found.update({(external_id, kind): pk for external_id, kind, pk in cursor.fetchall()})
    return found


def _place(draft: Draft, found: dict[tuple[str, str], int]) -> int | ActionError:
    """Return the source of DRAFT, made and attached if it names a component."""
    at = (draft.source_id, draft.kind)
    try:
        component = find_component(draft.component_id) if draft.component_id else None
        if at not in found and component is None and not _made_on_first_sight(draft):
            return SourceUnknown(
                f"no event source {draft.source_id!r} of kind {draft.kind}: create it first, "
                "or name a componentId"
            )
        if at not in found or (component is not None and not _is_attached(component, found[at])):
            found[at] = _make_source(draft, component)
    except ActionError as error:
        return error
    return found[at]


def _is_attached(component: Component, source_id: int) -> bool:
    return Attachment.objects.filter(component=component, source_id=source_id).exists()


def _make_source(draft: Draft, component: Component | None) -> int:
    """Make the source of DRAFT and attach it, or do neither.

    One at a time: a bulk request makes many sources in one transaction, and two that made the same
    ones in another order would wait for each other for ever.
    """
    with transaction.atomic():
        Site.objects.select_for_update().get(pk=site().pk)
        source = create_source(draft.source_id, kind=draft.kind, name=draft.source_name)
        if component is not None:
            attach(component, source)
    return source.pk


def _made_on_first_sight(draft: Draft) -> bool:
    """Compass wants its sources made by hand; but pull requests, and the other wires, do not."""
    return draft.dialect != "compass" or draft.kind == EventKind.PULL_REQUEST
