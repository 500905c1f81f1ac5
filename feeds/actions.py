"""Every write: record, create, attach, detach, delete, prune; and the rules they keep."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify

from feeds.ari import InvalidAri, parse_component
from feeds.dialects.mapping import Draft, key
from feeds.models import (
    REFUSAL_BODY_LENGTH,
    Activity,
    ApiToken,
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
SOURCES_AT_ONCE = 1000  # pairs a statement
PRUNE_BATCH = 5000  # rows a transaction, so that nobody waits long for the lock


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
    source_id: int


class ActionError(Exception):
    """A rule that forbids an action; str(error) is fit to show."""


class SiteUnknown(ActionError):
    """The cloudId is not this site's."""


class SourceUnknown(ActionError):
    """No such event source, and nothing that allows to make one."""


class ComponentUnknown(ActionError):
    """No such component."""


class ComponentMalformed(ActionError):
    """The component's ARI cannot be read."""


class SourceLimitReached(ActionError):
    """The component has as many sources as it may."""


class Conflict(ActionError):
    """Something unique exists already."""


@dataclass(frozen=True)
class Sender:
    """Who sends: a user, and the token it came with, if any."""

    user: User
    token_id: int | None = None


# ---- the site


@cache
def site() -> Site:
    """Return this installation's site, made on first use; it never changes."""
    found, _ = Site.objects.get_or_create(id=1, defaults={"company_key": secrets.token_hex(16)})
    return found


def cloud_id() -> str:
    """Return the cloudId that senders must name: CLOUD_ID if set, else one of our own."""
    return settings.CLOUD_ID or str(site().cloud_id)


# ---- people and tokens


def create_user(
    username: str,
    *,
    role: Role,
    email: str = "",
    name: str = "",
    password: str | None = None,
) -> User:
    """Make a user; without a password only tokens let it in."""
    user = User(username=username, email=email, name=name, role=role)
    user.set_password(password)
    user.save(force_insert=True)
    return user


def ensure_user(username: str, *, role: Role, name: str = "") -> User:
    """Return the user USERNAME, made with ROLE and no password if there is none."""
    return User.objects.by_login(username) or create_user(username, role=role, name=name)


def set_role(user: User, role: Role) -> None:
    """Give USER another role, and revoke the tokens that could do more than it."""
    stronger = [other for other in Role if list(Role).index(other) > list(Role).index(role)]
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(role=role)
        user.tokens.filter(role__in=stronger, revoked_at=None).update(revoked_at=timezone.now())
    user.role = role


def create_token(user: User, *, role: Role, name: str = "") -> str:
    """Make a token for USER and return its secret, which is never shown again."""
    secret = ApiToken.new_secret()
    user.tokens.create(
        name=name, role=role, prefix=secret[:8], digest=ApiToken.digest_of(secret)
    )
    return secret


def revoke_token(token: ApiToken) -> None:
    """End TOKEN; requests that carry it get 401 from now on."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


# ---- events in


def record(sender: Sender, draft: Draft) -> Recorded:
    """Write one event; raises ActionError where a rule forbids it.

    The caller's answer may promise that the event is on disk: this returns after the commit,
    unless a transaction of the caller's is open.
    """
    (answer,) = record_many(sender, [draft])
    if isinstance(answer, ActionError):
        raise answer
    return answer


def record_many(sender: Sender, drafts: Sequence[Draft]) -> list[Recorded | ActionError]:
    """Write DRAFTS in one transaction; the answers stand in their order.

    A draft that a rule forbids gets its ActionError; the others are written. Of several drafts of
    one event the one with the highest sequence is written, and the others are stale.
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
        rows = [(at[0], with_actor(draft, sender.user)) for at, draft in newest.items()]
        written = upsert(rows, author_id=sender.user.pk, now=now)
        held = _held([at for at in newest if at not in written])
        for at, (_, sequence) in held.items():
            _log_ignored(sender, newest[at], source_id=at[0], above=sequence)
    answers: list[Recorded | ActionError] = []
    for draft, place in zip(drafts, places, strict=True):
        if isinstance(place, ActionError):
            answers.append(place)
            continue
        at = place, draft.external_id
        found, created = written.get(at) or (held[at][0], False)
        if at in held or newest[at] is not draft:
            outcome = Outcome.STALE
        else:
            outcome = Outcome.CREATED if created else Outcome.UPDATED
        answers.append(Recorded(outcome, found, place))
    return answers


def with_actor(draft: Draft, author: User) -> Draft:
    """Name the sender as the actor where the wire names none."""
    if draft.actor_key or draft.actor_name:
        return draft
    return replace(draft, actor_key=author.username, actor_name=str(author))


def _held(places: Sequence[Key]) -> dict[Key, tuple[uuid.UUID, int]]:
    """Return the uuid and sequence that we hold at each of PLACES."""
    if not places:
        return {}
    rows = Activity.objects.filter(
        source_id__in={source for source, _ in places},
        external_id__in={external_id for _, external_id in places},
    ).values_list("source_id", "external_id", "uuid", "sequence")
    held = {(source, external_id): (found, sequence) for source, external_id, found, sequence in rows}
    return {at: held[at] for at in places}


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
        log = Refusal.objects.filter(
            source=None, token_id=newest.token_id, user_id=newest.user_id
        )
    oldest_kept = log.order_by("-id").values_list("id", flat=True)[
        REFUSALS_KEPT - 1 : REFUSALS_KEPT
    ]
    log.filter(id__lt=oldest_kept).delete()


# ---- sources and components


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
        if at not in found:
            if component is None and not _made_on_first_sight(draft):
                return SourceUnknown(
                    f"no event source {draft.source_id!r} of kind {draft.kind}: create it first, "
                    "or name a componentId"
                )
            if component is not None:
                _check_room(component)
            source = create_source(draft.source_id, kind=draft.kind, name=draft.source_name)
            found[at] = source.pk
        if component is not None:
            attach(component, EventSource(pk=found[at]))
    except ActionError as error:
        return error
    return found[at]


def _made_on_first_sight(draft: Draft) -> bool:
    """Compass wants its sources made by hand; but pull requests, and the other wires, do not."""
    return draft.dialect != "compass" or draft.kind == EventKind.PULL_REQUEST


def create_source(external_id: str, *, kind: str, name: str = "") -> EventSource:
    """Make the source of EXTERNAL_ID and KIND, or return the one that exists."""
    source, created = EventSource.objects.get_or_create(
        external_id=key(external_id),
        kind=kind,
        defaults={"name": name, "repository": repository_of(external_id)},
    )
    if created and kind == EventKind.PULL_REQUEST and source.repository:
        _attach_by_repository(source)
    return source


def rename_source(source: EventSource, name: str) -> None:
    """Call SOURCE otherwise; external id and kind stay, for senders and events rely on them."""
    source.name = name
    source.save(update_fields=["name"])


def repository_of(text: str) -> str:
    """Return the owner/name that TEXT names: a clone URL, a web address, gh/owner/name or itself."""
    if text.startswith("git@"):
        text = text.partition(":")[2]
    try:
        path = urlsplit(text).path if "://" in text else text
    except ValueError:
        return ""
    path = path.strip("/").removesuffix(".git").removeprefix("gh/")
    return path.lower()[:255] if path.count("/") == 1 else ""


def _attach_by_repository(source: EventSource) -> None:
    """Show a pull request source on the components whose sources name its repository."""
    components = Component.objects.filter(sources__repository=source.repository).distinct()
    for component in components:
        try:
            attach(component, source)
        except SourceLimitReached:
            continue  # a full component shows the rest; its own sources come first


def delete_source(source: EventSource) -> None:
    """Delete SOURCE with its activities and its log."""
    with transaction.atomic():
        Activity.objects.filter(source=source)._raw_delete("default")
        source.delete()


def find_component(reference: str) -> Component:
    """Return the component that an ARI, a uuid or a slug names."""
    try:
        condition = Q(uuid=parse_component(reference, cloud_id()))
    except InvalidAri as error:
        if reference.startswith("ari:"):
            raise ComponentMalformed(str(error)) from None
        condition = _by_uuid_or_slug(reference)
    component = Component.objects.filter(condition).first()
    if component is None:
        raise ComponentUnknown(f"component {reference!r} not found")
    return component


def _by_uuid_or_slug(reference: str) -> Q:
    try:
        return Q(uuid=uuid.UUID(reference))
    except ValueError:
        return Q(slug=reference)


def create_component(name: str, *, slug: str = "", **fields: Any) -> Component:
    """Make a component; its slug comes from the name unless given."""
    wanted = slug or slugify(name)[:56] or "component"
    for attempt in range(100):
        candidate = wanted if attempt == 0 else f"{wanted}-{attempt + 1}"
        if Component.objects.filter(slug=candidate).exists():
            if slug:
                break
            continue
        try:
            with transaction.atomic():
                return Component.objects.create(name=name, slug=candidate, **fields)
        except IntegrityError:
            continue  # somebody took it in between: try the next
    raise Conflict(f"slug: another component with the slug {wanted!r} exists")


def change_component(component: Component, fields: Mapping[str, Any]) -> None:
    """Set FIELDS of COMPONENT."""
    for name, value in fields.items():
        setattr(component, name, value)
    try:
        with transaction.atomic():
            component.save(update_fields=list(fields))
    except IntegrityError:
        raise Conflict(
            f"slug: another component with the slug {component.slug!r} exists"
        ) from None


def delete_component(component: Component) -> None:
    """Delete COMPONENT; its sources and their events stay."""
    component.delete()


def attach(component: Component, source: EventSource) -> bool:
    """Show the events of SOURCE on COMPONENT; return whether that is new."""
    if Attachment.objects.filter(component=component, source_id=source.pk).exists():
        return False
    with transaction.atomic():
        # The component's lock makes the count exact under parallel requests; SQLite locks all.
        Component.objects.select_for_update(of=("self",)).get(pk=component.pk)
        _check_room(component)
        _, created = Attachment.objects.get_or_create(component=component, source_id=source.pk)
    return created


def _check_room(component: Component) -> None:
    limit = settings.SOURCES_PER_COMPONENT
    if component.attachments.count() >= limit:
        raise SourceLimitReached(f"{component.name} has {limit} event sources, the most it may have")


def detach(component: Component, source: EventSource) -> bool:
    """Hide the events of SOURCE from COMPONENT; return whether they were shown."""
    return bool(Attachment.objects.filter(component=component, source=source).delete()[0])


# ---- retention


def prune() -> int:
    """Delete activities and refusals older than RETENTION; return how many."""
    before = timezone.now() - settings.RETENTION
    return sum(
        _delete_in_batches(rows)
        for rows in (
            Activity.objects.filter(occurred_at__lt=before, received_at__lt=before),
            Refusal.objects.filter(received_at__lt=before),
        )
    )


def _delete_in_batches(rows: Any) -> int:
    deleted = 0
    while ids := list(rows.order_by().values_list("id", flat=True)[:PRUNE_BATCH]):
        deleted += rows.model.objects.filter(id__in=ids).delete()[0]
    return deleted


#: How long a token may go without its "last used" being written again.
LAST_USED_STEP = timedelta(minutes=1)


def touch_token(token_id: int, last_used_at: datetime | str | None) -> None:
    """Note that a token was used, at most once a minute; the time as the database gives it."""
    now = timezone.now()
    if isinstance(last_used_at, str):  # SQLite keeps text
        last_used_at = datetime.fromisoformat(last_used_at).replace(tzinfo=UTC)
    if last_used_at is None or now - last_used_at > LAST_USED_STEP:
        ApiToken.objects.filter(pk=token_id).update(last_used_at=now)
