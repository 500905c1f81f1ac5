"""A repository: its open pull requests, and the branches that were pushed last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from feeds.digests.walks import newest_of_each
from feeds.models import Activity, EventKind, EventSource

State = Activity.State
LOOKED_AT = 200  # newest events of each source
SHOWN = 15  # pull requests, branches
OPEN = {State.CREATED, State.IN_REVIEW}


@dataclass(frozen=True)
class Digest:
    """What goes on in a repository, the newest first."""

    pulls: Sequence[Activity]
    branches: Sequence[tuple[str, Activity]]  # each with its last push


def digest_of(sources: Sequence[EventSource]) -> Digest:
    """Look at the newest events of SOURCES, those of one repository: two statements."""
    wanted = {
        source.pk: source.kind
        for source in sources
        if source.kind in (EventKind.PULL_REQUEST, EventKind.PUSH)
    }
    walked = newest_of_each(list(wanted), "source_id, id, state", LOOKED_AT)
    ids = [pk for source, pk, state in walked if wanted[source] == EventKind.PUSH or state in OPEN]
    rows = (
        Activity.objects.filter(pk__in=ids)
        .defer("content", "raw", "details")
        .annotate(
            branch=Coalesce(
                KT("details__event__push__pushEventProperties__branchName"),
                KT("details__ref"),
                KT("details__objects__ref"),
            )
        )
        .order_by("-occurred_at", "-id")
    )
    pulls: list[Activity] = []
    branches: dict[str, Activity] = {}
    for row in rows:
        if row.kind == EventKind.PULL_REQUEST:
            pulls.append(row)
        elif row.branch and not row.branch.startswith("refs/tags/"):
            branches.setdefault(row.branch.removeprefix("refs/heads/"), row)
    return Digest(pulls[:SHOWN], list(branches.items())[:SHOWN])
