"""The bar over the feed: which view it shows, whether that has changed, and how to take it away."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from feeds.addresses import feed_address
from feeds.feedtoken import PARAMETER, token_of
from feeds.filters import as_uuid, chosen
from feeds.models import SavedView, User

SHOWN = 50  # views in the menu
TABS = 8  # starred views beside it
WHOLE = "/?view=all"  # the feed without filters, for those whose "/" opens a view


@dataclass(frozen=True)
class Elsewhere:
    """The addresses of a feed for readers and programs."""

    atom: str
    json: str
    csv: str
    ndjson: str
    secret: bool  # whether the first two hold the reader's own token
    follows: bool  # whether they show what a view shows by then


@dataclass(frozen=True)
class Bar:
    """What a member sees over the feed."""

    views: list[SavedView]  # starred ones first
    current: SavedView | None  # the one that the feed was opened from
    changed: bool  # whether the filters are others than those of the current one
    query: str  # the filters in force
    kept: str  # what the filter form says of the view, lest it open the default one

    @property
    def tabs(self) -> list[SavedView]:
        """The starred views, the default one and the current one."""
        first = [view for view in self.views if view.starred or view.is_default][:TABS]
        missing = self.current is not None and self.current.pk not in {view.pk for view in first}
        return [*first, self.current] if self.current and missing else first


def opened(request: HttpRequest) -> SavedView | None:
    """Return the view whose filters the address of REQUEST does not say: that which it names alone,
    or for the bare address of the feed the reader's default one."""
    user = request.user
    if not isinstance(user, User):
        return None
    seen = SavedView.objects.seen_by(user)
    if list(request.GET) == ["view"] and (named := as_uuid(request.GET["view"])):
        return seen.filter(uuid=named).exclude(query="").first()
    if request.GET or user.default_view_id is None:
        return None
    return seen.filter(pk=user.default_view_id).first()


def bar_of(request: HttpRequest) -> Bar | None:
    """Return the bar for who is signed in; one query, two where there are very many views."""
    if not isinstance(request.user, User):
        return None
    seen = SavedView.objects.seen_by(request.user)
    views = list(seen.starred_first()[:SHOWN])
    current = None
    if wanted := as_uuid(request.GET.get("view", "")):
        current = next((view for view in views if view.uuid == wanted), None)
        if current is None and len(views) == SHOWN:
            current = seen.filter(uuid=wanted).first()
    query = chosen(request.GET)
    changed = current is not None and not _same(query, chosen(QueryDict(current.query)))
    kept = str(current.uuid) if current else "all" if request.user.default_view_id else ""
    return Bar(views, current, changed, query.urlencode(), kept)


def everything_for(request: HttpRequest) -> str:
    """Return the address of the feed without filters, whatever "/" opens."""
    return WHOLE if getattr(request.user, "default_view_id", None) else reverse("feed")


def _same(one: QueryDict, other: QueryDict) -> bool:
    return _sets(one) == _sets(other)


def _sets(query: QueryDict) -> dict[str, set[str]]:
    return {name: set(values) for name, values in query.lists()}


def elsewhere(request: HttpRequest, query: QueryDict, bar: Bar | None = None) -> Elsewhere:
    """Return where the feed that QUERY shows is read elsewhere."""
    filters = chosen(query)
    exported = filters.copy()
    view: UUID | None = None
    if bar and bar.current:
        exported["view"] = str(bar.current.uuid)
        view = None if bar.changed else bar.current.uuid
    token = token_of(request.user) if isinstance(request.user, User) else ""
    return Elsewhere(
        atom=_subscription("atom", filters, view, token),
        json=_subscription("json", filters, view, token),
        csv=feed_address(exported, "feed-csv"),
        ndjson=feed_address(exported, "feed-ndjson"),
        secret=bool(token),
        follows=view is not None,
    )


def _subscription(form: str, filters: QueryDict, view: UUID | None, token: str) -> str:
    """Return the whole address of a feed: a reader elsewhere has no other to complete it with."""
    path = reverse(f"view-{form}", args=[view]) if view else feed_address(filters, f"feed-{form}")
    if token:
        path += f"{'&' if '?' in path else '?'}{PARAMETER}={token}"
    return settings.SITE_URL + path
