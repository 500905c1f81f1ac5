"""What the status of an answer means on every wire, and the words for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from feeds.dialects.letters import Answer, Fate, Verdict

LONGEST_WAIT = 86_400.0  # seconds; no upstream may park a lane for longer than a day
LONGEST_WORDS = 500  # characters of what an upstream said that are worth showing
LONGEST_RECEIPT = 100  # characters; the vendors' have at most 36
#: What stands apart from its hundred: 4xx refuse, 5xx may heal.
FATES = {
    401: Fate.UNAUTHORIZED,
    403: Fate.UNAUTHORIZED,
    408: Fate.RETRY,
    425: Fate.RETRY,
    429: Fate.THROTTLED,
}
HUNDREDS = {2: Fate.ACCEPTED, 3: Fate.REFUSED, 4: Fate.REFUSED, 5: Fate.RETRY}
WORDS = {
    400: "the request is not right",
    401: "the credentials are wrong",
    403: "the credentials do not allow this",
    404: "nothing is there",
    405: "nothing there takes this request",
    408: "the request took too long",
    409: "it conflicts with what is there",
    410: "it is gone",
    413: "it is too large",
    415: "its media type is not known there",
    422: "the request is not right",
    425: "it is too early",
    429: "too many requests",
    500: "it failed there",
    502: "what stands before it got no answer",
    503: "it is not available",
    504: "what stands before it waited in vain",
}
NOT_AN_API = "a page for people came back: is this the address of its API?"

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_RECEIPT = re.compile(r"[A-Za-z0-9._~-]+")


def judge(answer: Answer, said: str = "") -> Verdict:
    """Say what the status of ANSWER means; SAID is what the upstream says of it itself."""
    fate = fate_of(answer)
    if fate is Fate.ACCEPTED:
        return Verdict(fate)
    return Verdict(fate, reason_for(answer, said), retry_after=retry_after(answer))


def fate_of(answer: Answer) -> Fate:
    """Return what the status of ANSWER means, if it comes from an API at all."""
    fate = FATES.get(answer.status) or HUNDREDS.get(answer.status // 100, Fate.RETRY)
    # A maintenance page or somebody's log-in comes with 200, and goes again.
    return Fate.RETRY if fate is Fate.ACCEPTED and is_page(answer) else fate


def reason_for(answer: Answer, said: str = "") -> str:
    """Say why ANSWER is no success."""
    if answer.status // 100 == 3:
        return f"{answer.status}: {_redirected(answer)}"
    if is_page(answer):
        known = WORDS.get(answer.status)
        return (
            f"{answer.status}: {known}; {NOT_AN_API}" if known else f"{answer.status}: {NOT_AN_API}"
        )
    parts = [str(answer.status), WORDS.get(answer.status, ""), shown(said or _plain(answer))]
    return ": ".join(filter(None, parts))


def retry_after(answer: Answer) -> float | None:
    """Return the seconds that ANSWER asks to wait; a date counts from the answer's own Date.

    None where it does not say, or says it by a date and has none to count from.
    """
    text = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT)
    until, now = _date(text), _date(answer.headers.get("date", ""))
    if until is None or now is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT)


def is_page(answer: Answer) -> bool:
    """Tell whether ANSWER is a page for people; an empty one is none, whatever it calls itself."""
    return bool(answer.text.strip()) and "html" in answer.headers.get("content-type", "").lower()


def shown(text: str) -> str:
    """Return TEXT in one line, as far as it is worth showing."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= LONGEST_WORDS else line[: LONGEST_WORDS - 1] + "…"


def at(document: Any, path: str) -> Any:
    """Return what stands at the dotted PATH of DOCUMENT; None if nothing does."""
    for step in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(step)
    return document


def text_at(document: Any, path: str) -> str:
    """Return the text at the dotted PATH of DOCUMENT; "" if there is none."""
    value = at(document, path)
    return value if isinstance(value, str) else ""


def objects_at(document: Any, path: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of the list at the dotted PATH of DOCUMENT."""
    listed = at(document, path)
    yield from (
        (each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ()
    )


def receipt(value: Any) -> str:
    """Return VALUE if an upstream may call an event so: what is safe in a path; else ""."""
    text = str(value) if isinstance(value, int | str) else ""
    fits = len(text) <= LONGEST_RECEIPT and _RECEIPT.fullmatch(text) and text.strip(".")
    return text if fits else ""


def last_step(address: str) -> str:
    """Return the receipt at the end of ADDRESS, or ""."""
    try:
        return receipt(urlsplit(address).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""


def unread(answer: Answer, holding: str) -> str:
    """Say why ANSWER is not the one of a good connection, which is JSON HOLDING something.

    "" if it is. What a test of a connection asks first of each answer.
    """
    if fate_of(answer) is not Fate.ACCEPTED:
        return reason_for(answer)
    if at(answer.json(), holding) is None:
        return f"{answer.status}: what came back has no {holding}: is this the right address?"
    return ""


def _redirected(answer: Answer) -> str:
    location = shown(answer.headers.get("location", ""))
    try:
        parts = urlsplit(location)
        place = f"{parts.scheme}://{parts.netloc}" if parts.hostname else parts.path
    except ValueError:
        place = location
    where = f"to {place}" if place else "and does not say where to"
    return f"the address redirects {where}: set the connection's address to where it leads"


def _plain(answer: Answer) -> str:
    return answer.text[:LONGEST_WORDS] if answer.json() is None else ""


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
