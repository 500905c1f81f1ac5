"""The page of a repository: all that its sources send, whatever the wire."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from feeds.digests.repository import digest_of
from feeds.filters import MOST_VALUES
from feeds.models import EventSource
from feeds.views.access import readers
from feeds.views.feed import answer, feed_of, is_fragment


@readers
def show(request: HttpRequest, name: str) -> HttpResponse:
    """Show what happened in a repository, its open pull requests and its branches."""
    rows = EventSource.objects.filter(repository=name.lower()).exclude(repository="")
    sources = list(rows.prefetch_related("components")[:MOST_VALUES]) if "\x00" not in name else []
    if not sources:
        raise Http404
    uuids, known = [str(one.uuid) for one in sources], [one.pk for one in sources]
    context: dict[str, Any] = {
        "name": sources[0].repository,
        "sources": sources,
        **feed_of(request, "source", *uuids, known=known),
    }
    if not is_fragment(request):
        components = {one.pk: one for source in sources for one in source.places}
        context |= {"digest": digest_of(sources), "components": list(components.values())}
    status = 400 if "error" in context else 200
    return answer(request, "repositories/show.html", context, status=status)
