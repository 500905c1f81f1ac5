"""An event that is not composed yet: as the feed will draw it, and as a script would send it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from feeds import snippets
from feeds.dialects.letters import Account, Letter
from feeds.dialects.mapping import Document, Draft
from feeds.dialects.outward import UPSTREAMS
from feeds.models import Activity, Component, Connection, EventSource, User
from feeds.upsert import FROM_DRAFT, badges_of

SCHEMES: dict[str, snippets.Scheme] = {"teamhub": "teamhub"}


@dataclass(frozen=True)
class Snippet:
    """One request, in three languages."""

    name: str  # of the system that it goes to
    curl: str
    step: str
    python: str


def activity_of(
    draft: Draft, *, author: User, component: Component | None, now: datetime
) -> Activity:
    """Return DRAFT as an activity to be drawn; it is in no database."""
    source = EventSource(pk=0, external_id=draft.source_id, kind=draft.kind, name=draft.source_name)
    source.places = [component] if component else []  # which no database knows
    columns = {name: getattr(draft, name) for name in FROM_DRAFT} | badges_of(draft)
    return Activity(
        **columns,
        source=source,
        external_id=draft.external_id,
        occurred_at=draft.occurred_at,
        received_at=now,
        touched_at=now,
        author=author,
        details=draft.details,
    )


def snippets_of(
    wire: str,
    document: Document,
    *,
    chosen: Iterable[tuple[Connection, str]],
    component: Component | None,
    author: User,
    cloud_id: str,
    identity: UUID,
) -> list[Snippet]:
    """Write the request for each of CHOSEN, or for this Pulseboard itself where there is none.

    DOCUMENT is whole, as it would be recorded now.
    """
    # of an activity, which a script names as the author does
    link = document.get("id") or f"{settings.SITE_URL}/compose/{identity}/"
    made = [_of_connection(connection, there, wire, document, link) for connection, there in chosen]
    if made:
        return made
    account = Account(user=author.email or author.username, cloud_id=cloud_id)
    letter = UPSTREAMS["pulseboard"].letter(
        "create", document, wire=wire, link=link, account=account,
        component=component.slug if component else "",
    )  # fmt: skip
    assert letter is not None, "every event can be created"
    return [_snippet("this Pulseboard", settings.SITE_URL, letter, account, "basic")]


def _of_connection(
    connection: Connection, there: str, wire: str, document: Document, link: str
) -> Snippet:
    account = Account(
        user=connection.account,
        cloud_id=connection.cloud_id,
        company_key=connection.company_key,
    )
    letter = UPSTREAMS[connection.dialect].letter(
        "create", document, wire=wire, link=link, account=account, component=there
    )
    assert letter is not None, "every event can be created"
    by_token = connection.dialect == "pulseboard" and not connection.account
    scheme = SCHEMES.get(connection.dialect, "bearer" if by_token else "basic")
    return _snippet(connection.name, connection.base_url, letter, account, scheme)


def _snippet(
    name: str, base_url: str, letter: Letter, account: Account, scheme: snippets.Scheme
) -> Snippet:
    example = snippets.Example(
        method=letter.method,
        url=base_url + letter.path,
        headers=letter.headers,
        body=letter.body,
        user=account.user,
        scheme=scheme,
        company_key=account.company_key,
    )
    return Snippet(
        name,
        curl=snippets.as_curl(example),
        step=snippets.as_github_step(example),
        python=snippets.as_python(example),
    )
