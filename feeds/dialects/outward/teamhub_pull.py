"""Reading the events of a TeamHub: the requests, the pages, and how far they have been read.

`GET /api/events` gives the newest first, by offset. While pages are read, new events shift all
others down: what comes twice is known by its id. What is deleted shifts them up: so each page
begins a little before the end of the last one. A Mark holds the newest ids that were seen, and the
gaps below them that are yet to be read; it is kept as JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from feeds.dialects.letters import Answer, Fate, Letter, Verdict
from feeds.dialects.mapping import Document, read_time, write_time
from feeds.dialects.outward.answers import at, objects_at, receipt, unread
from feeds.dialects.outward.teamhub import ACCEPT, EVENTS, interpret

PAGE = 100  # events: the longest page there is
SMALLEST_PAGE = 5  # events; a page that is too large to be read is asked for in parts
OVERLAP = 10  # events of the last page that are asked for again
READ_BACK = 500  # events that are read of a TeamHub that is new to us
MOST_GAPS = 8
NOTED = 500  # ids of events that were passed over
SWEEP = timedelta(hours=1)  # how often READ_BACK events are read again
EVERY = timedelta(seconds=29)  # how often the newest page is read: at each sixth step of beat
STEPPED_BACK = timedelta(minutes=1)  # how far ahead a moment stands if the clock has run ahead


@dataclass(frozen=True)
class Page:
    """What an answer lists, the newest first; `more` tells whether older ones follow."""

    events: list[Document]
    more: bool


def listing(offset: int, limit: int = PAGE) -> Letter:
    """Write the request for LIMIT events after the OFFSET newest."""
    query = urlencode({"offset": offset, "limit": limit})
    return Letter("GET", f"{EVENTS}?{query}", None, ACCEPT)


def single(identity: str) -> Letter:
    """Write the request for one event."""
    return Letter("GET", f"{EVENTS}/{identity}", None, ACCEPT)


def judged(answer: Answer) -> Verdict:
    """Say what the status of ANSWER means."""
    return interpret("create", "", answer)


def read_page(answer: Answer) -> Page | Verdict:
    """Read a page; a Verdict says why ANSWER is none."""
    verdict = judged(answer)
    if verdict.fate is not Fate.ACCEPTED:
        return verdict
    body = answer.json()
    if not isinstance(at(body, "results"), list):
        said = unread(answer, "results") or f"{answer.status}: its results are not a list"
        return Verdict(Fate.RETRY, said)
    events = [_whole(event) for event in objects_at(body, "results")]
    metadata = at(body, "metadata")
    ended = isinstance(metadata, dict) and (
        metadata.get("more_results") is False
        or ("next_offset" in metadata and metadata["next_offset"] is None)
    )
    return Page(events, more=bool(body["results"]) and not ended)


def read_single(answer: Answer, identity: str) -> Document | None:
    """Return the event IDENTITY that ANSWER holds; None if it holds none."""
    body = answer.json()
    if judged(answer).fate is not Fate.ACCEPTED or not isinstance(body, dict):
        return None
    event = _whole(body)
    return event if identity_of(event) == identity else None


def is_gone(answer: Answer) -> bool:
    """Tell whether the event that was asked for is not there any more."""
    return answer.status in (404, 410)


def identity_of(event: Document) -> str:
    """Return the id of EVENT, "" if it has none."""
    return receipt(event.get("id"))


def host_of(base_url: str) -> str:
    """Return the host of BASE_URL, with its port if it is not the usual one."""
    parts = urlsplit(base_url)
    name = parts.hostname or ""
    return f"{name}:{parts.port}" if parts.port else name


def place_of(base_url: str, company_key: str) -> str:
    """Return what begins the sources of a company's events, and of nobody else's.

    Two connections to one company read the same events, and those stay one; two companies, on one
    host or on two, may have the same names of projects. The key itself is nobody's business.
    """
    digest = hashlib.sha256(company_key.encode()).hexdigest()[:8]
    return f"{host_of(base_url)}/{digest}"


def _whole(event: Document) -> Document:
    """Return EVENT without its wrapper and what is said of one answer, in the form of a whole one.

    An event that links nothing is one all the same, not the request that would make it.
    """
    inner = event["event"] if isinstance(event.get("event"), dict) else event
    kept = {name: inner[name] for name in inner if name not in ("api_status", "api_timestamp")}
    return kept if kept.get("objects") is not None else {**kept, "objects": {}}


# ---- how far it has been read


@dataclass
class Gap:
    """Events that are yet to be read: from OFFSET down to the first one whose id is in UNTIL."""

    offset: int
    until: list[str] = field(default_factory=list)
    left: int | None = None  # events to read at most; None: as many as there are

    def passes(self, ids: Sequence[str]) -> None:
        """Go on below the page of IDS."""
        self.offset += _step(ids)
        if self.left is not None:
            self.left -= len(ids)

    def ends_in(self, ids: Collection[str]) -> bool:
        """Tell whether the page of IDS is the last one of it."""
        whole = self.left is not None and self.left <= len(ids)
        return whole or not set(ids).isdisjoint(self.until)


@dataclass
class Mark:
    """How far a TeamHub has been read."""

    place: str
    head: list[str] = field(default_factory=list)  # the newest ids that were seen
    gaps: list[Gap] = field(default_factory=list)  # the newest first
    list_at: str = ""  # when the newest page is due
    sweep_at: str = ""
    refused: list[str] = field(default_factory=list)  # ids that could not be read, and were logged
    passed: list[str] = field(default_factory=list)  # ids that are gone, or not for the feed

    @classmethod
    def read(cls, kept: Any, place: str) -> Self:
        """Read what write() wrote; begin anew where it is of another PLACE or another form."""
        if not isinstance(kept, dict) or kept.get("place") != place:
            return cls(place)
        try:
            return cls(**{**kept, "gaps": [Gap(**gap) for gap in kept["gaps"]]})
        except (TypeError, KeyError):
            return cls(place)

    def write(self) -> Document:
        """Return it as JSON has it."""
        return asdict(self)

    def is_due(self, now: datetime) -> bool:
        """Tell whether the newest page is to be read."""
        return _has_come(self.list_at, now, EVERY)

    def due_at(self, now: datetime) -> datetime:
        """Return when the newest page is due."""
        return now if self.is_due(now) else read_time(self.list_at)

    def top(self, ids: Sequence[str], *, more: bool, now: datetime) -> None:
        """Take in the newest page; what is between it and what was seen before is a gap."""
        met = not set(ids).isdisjoint(self.head)
        sweeping = _has_come(self.sweep_at, now, SWEEP)
        if not more:
            self.gaps = []
        elif not met:
            self._open(Gap(0, self.head, None if self.head else READ_BACK), ids)
        elif sweeping and not self.gaps:
            self._open(Gap(0, [], READ_BACK), ids)
        if sweeping:
            self.sweep_at = write_time(now + SWEEP)
        self.head = [identity for identity in ids if identity] or self.head
        self.list_at = write_time(now + EVERY)

    def advance(self, ids: Sequence[str], *, more: bool) -> None:
        """Take in a page of the first gap."""
        gap = self.gaps[0]
        if not more or not ids or gap.ends_in(ids):
            del self.gaps[0]
        else:
            gap.passes(ids)

    def refuse(self, identity: str) -> bool:
        """Note that IDENTITY cannot be read; return whether that is new."""
        return _note(self.refused, identity)

    def pass_over(self, identity: str) -> bool:
        """Note that IDENTITY is not to be looked at again; return whether that is new."""
        return _note(self.passed, identity)

    def _open(self, gap: Gap, ids: Sequence[str]) -> None:
        """Put GAP, which begins below the page of IDS, before the others."""
        gap.passes(ids)
        if gap.left is not None and gap.left <= 0:
            return
        self.gaps.insert(0, gap)
        if len(self.gaps) > MOST_GAPS:  # the two oldest become one, with what is between them
            last = self.gaps.pop()
            self.gaps[-1].until, self.gaps[-1].left = last.until, last.left


def _step(ids: Sequence[str]) -> int:
    return max(1, len(ids) - min(OVERLAP, len(ids) // 2))


def _note(noted: list[str], identity: str) -> bool:
    if identity in noted:
        return False
    noted.append(identity)
    del noted[:-NOTED]
    return True


def _has_come(moment: str, now: datetime, step: timedelta) -> bool:
    """Tell whether MOMENT has come, or stands so far ahead that the clock must have run ahead."""
    if not moment:
        return True
    at_moment = read_time(moment)
    return at_moment <= now or at_moment > now + step + STEPPED_BACK
