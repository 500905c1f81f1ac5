"""What the tests of reading need: a TeamHub that is read, on a clock of theirs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from feeds import actions, pulling
from feeds.dialects.mapping import write_time
from feeds.models import Activity, Connection
from tests.outbox.office import SECRET, author
from tests.upstream import Upstream

COMPANY = "0123456789abcdef0123456789abcdef"
WAIT = timedelta(seconds=30)  # longer than the step between two looks at the newest page


def read_from(base_url: str, name: str = "hub", **fields: Any) -> Connection:
    """Connect to the TeamHub at BASE_URL and read it from now on."""
    given = {"company_key": COMPANY, "secret": SECRET, "user": author(), "per_minute": 0, **fields}
    return actions.create_connection(
        name, dialect="teamhub", base_url=base_url, account=name, pulls=True, **given
    )


@dataclass
class Clock:
    """The time that the tests have."""

    now: datetime = field(default_factory=lambda: timezone.now() + timedelta(seconds=1))

    def pull(self, after: timedelta = WAIT) -> int:
        """Read what is due AFTER a while; reading takes its time as well."""
        self.now += after
        begin = time.monotonic()
        try:
            return pulling.pull(now=self.now)
        finally:
            self.now += timedelta(seconds=time.monotonic() - begin)

    def soon(self) -> int:
        """Read what is due at beat's next step."""
        return self.pull(timedelta(seconds=5))


def pushed(number: int = 1, *, ago: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Return a push, as the upstream lists it, that happened AGO seconds."""
    moment = write_time((timezone.now() - timedelta(seconds=ago)).replace(microsecond=0))
    objects = {
        "project": {"id": "web"}, "repository": {"id": "shop"}, "ref": "master",
        "commit_count": number,
    }  # fmt: skip
    stamps = dict.fromkeys(("created_at", "updated_at", "timestamp"), moment)
    return {**stamps, "target": "push", "objects": objects, **fields}


def running(progress: int = 10, **fields: Any) -> dict[str, Any]:
    """Return a build that runs."""
    return pushed(target="build", progress=progress, **fields)


def fill(up: Upstream, count: int, *, first: int = 1) -> list[str]:
    """Push COUNT events into UP."""
    return [up.push(pushed(number)) for number in range(first, first + count)]


def got(ids: Iterable[str]) -> set[str]:
    """Return those of IDS that are in the feed."""
    return set(Activity.objects.values_list("external_id", flat=True)) & set(ids)


def asked(up: Upstream) -> list[str]:
    """Return what UP was asked for, and forget it."""
    paths = [request.path.removeprefix("/api/events") for request in up.requests]
    up.requests.clear()
    return paths
