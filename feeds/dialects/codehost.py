"""What GitHub and GitLab say alike in their webhooks: pushes, and in what order news happened."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from feeds.dialects.mapping import INTEGER, TITLE_LENGTH, Codec, Document, kept, key, microseconds

COMMITS_LISTED = 100  # lines in the content of a push
SHORT_SHA = 7  # characters, as Git shows them
#: Until it has ended, news of one second are in this order; what has ended comes after.
_PHASES = {"pending": 1, "created": 1, "running": 2, "in_review": 2}
_ENDED = 3
_NO_COMMIT = set("0")  # before the first commit of a branch, and after the last


def _read_objects(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError("must be a list of objects")
    return value


def _read_number(value: Any) -> str:
    return str(INTEGER.read(value))


OBJECTS = kept(_read_objects)
NUMBER_KEY = Codec(_read_number, int)  # the id of an event is a number to them, a text to us


def same(given: str, wanted: str) -> bool:
    """Compare two secrets in a time that tells nothing about them."""
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode(errors="replace"))


def ordered(moment: datetime, state: str, attempt: int = 0) -> int:
    """Return the sequence of the news that came at MOMENT: the wire has whole seconds of it.

    Within a second a later ATTEMPT beats an earlier one, and what has ended what still runs.
    """
    return microseconds(moment) + 10 * min(max(attempt, 0), 9999) + _PHASES.get(state, _ENDED)


def pushed(
    ref: str, *, before: str, after: str, commits: Sequence[Document], total: int
) -> Document:
    """Return the columns of a push of COMMITS, oldest first, which may be the last of TOTAL."""
    kind, name = ("tag", ref[10:]) if ref.startswith("refs/tags/") else ("branch", branch(ref))
    state, verb = "", "push"
    if set(before) == _NO_COMMIT:
        state, verb = "created", "create"
    if set(after) == _NO_COMMIT:
        state, verb = "deleted", "delete"
    subjects = [first_line(commit.get("message")) for commit in commits]
    title = f"{kind} {name}"
    if not state and subjects and subjects[-1]:
        more = max(total, len(subjects)) - 1
        title = subjects[-1] + (f" (and {more} more)" if more else "")
    lines = [
        f"{str(commit.get('id') or '')[:SHORT_SHA]} {subject}".strip()
        for commit, subject in zip(commits, subjects, strict=True)
    ]
    return {
        "external_id": key(json.dumps([ref, before, after], ensure_ascii=False)),
        "state": state,
        "verb": verb,
        "title": title[:TITLE_LENGTH],
        "content": "\n".join(lines[-COMMITS_LISTED:]),
    }


def branch(ref: str) -> str:
    """Return the branch that REF names."""
    return ref.removeprefix("refs/heads/")


def first_line(text: Any) -> str:
    """Return the first line of TEXT, "" if it is none."""
    return text.strip().partition("\n")[0].strip() if isinstance(text, str) else ""
