"""What joins an event to others: the commits, pull requests and incidents that it names.

A wire names them in places of its own (PLACES) and, all wires alike, in words: addresses of
commits and pull requests, whole SHAs, and what code hosts write into the message of a merge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from feeds.dialects.mapping import KEY_LENGTH

MOST_KEYS = 20  # of an event; a push names its tip first, then its newest commits
SHORT = 7  # characters, the shortest that Git and the code hosts show
CERTAIN = 12  # characters that name one commit, whatever its repository
COMMIT, PULL, INCIDENT = "commit", "pull", "incident"
TEXT_READ = 2000  # characters of the content that are searched
TO_A_COMMIT = ("push", "build", "deployment")  # kinds that are about one

_SHA = re.compile(r"[0-9a-f]{7,40}|[0-9a-f]{64}")
#: Not the one before "..": there a comparison begins, and what it leads to is the event's.
_WHOLE = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{40}(?![0-9A-Za-z]|\.\.)")
_COMMIT = re.compile(r"\b[Cc]ommits?(?:/|:? )([0-9a-f]{7,40})(?![0-9A-Za-z])")
_ADDRESS = re.compile(
    r"https?://[^/\s]+/([^\s?#]+?)/(?:-/)?"
    r"(?:pull|pulls|pull-requests|merge_requests)/([0-9]{1,18})\b"
)
_OTHERS = re.compile(r"See merge request ([\w./-]+)!([0-9]{1,18})\b")
_OWN = re.compile(r"\b(?:[Pp]ull|[Mm]erge) request #([0-9]{1,18})\b|\(#([0-9]{1,18})\)$", re.M)
_ISSUE = re.compile(r"\b(?!(?:UTF|SHA|ISO|RFC|CVE)-)[A-Z][A-Z0-9_]*-[0-9]{1,18}\b")
_PROJECTS = re.compile(r"^(?:api/v[0-9]/)?(?:repos|projects)/")  # in addresses of APIs

#: Where each wire names commits, beside the key of its object, and pull requests.
PLACES: dict[str, dict[str, tuple[str, ...]]] = {
    "github": {
        COMMIT: (
            "pull_request.merge_commit_sha",
            "pull_request.head.sha",
            "commits.id",
        ),
        PULL: ("workflow_run.pull_requests.number",),
    },
    "gitlab": {
        COMMIT: (
            "object_attributes.merge_commit_sha",
            "object_attributes.squash_commit_sha",
            "object_attributes.last_commit.id",
            "commit_url",
            "commits.id",
        ),
        PULL: ("merge_request.iid",),
    },
    "teamhub": {
        COMMIT: ("objects.last_commit", "objects.commits", "objects.commits.id", "newValue"),
        PULL: ("objects.code_review.id", "objects.code_reviews.id"),
    },
}
_STEPS = {
    dialect: {sort: tuple(tuple(path.split(".")) for path in paths) for sort, paths in own.items()}
    for dialect, own in PLACES.items()
}


class Key(NamedTuple):
    """What two events share that belong together: KEY is looked up, and REST must not differ.

    Of a commit KEY has the first SHORT characters and REST the others that are known.
    """

    key: str
    rest: str = ""

    @property
    def sort(self) -> str:
        """commit, pull or incident."""
        return self.key.partition(":")[0]

    @property
    def name(self) -> str:
        """The id as people know it."""
        return self.key.partition(":")[2] + self.rest


def keys(columns: Mapping[str, Any]) -> list[Key]:
    """Return what COLUMNS, of a draft or of an activity, may be joined to others by."""
    home = repository(columns["target_key"] if _is_repository(columns) else columns["source_id"])
    words = f"{columns['title']}\n{columns['url']}\n{columns['content'][:TEXT_READ]}"
    found = [
        *(_commit(sha) for sha in _longest(_commits(columns, words))),
        *(_pull(place or home, number) for place, number in _pulls(columns, words)),
        *(Key(issue(name)) for name in _incidents(columns, words)),
    ]
    return list(dict.fromkeys(found))[:MOST_KEYS]


def issue(name: str) -> str:
    """Return the key of all that names the issue NAME of a tracker, or is about it."""
    return f"{INCIDENT}:{name}"[:KEY_LENGTH]


def repository(text: str) -> str:
    """Return the path of the repository that TEXT, a name or an address of it, names."""
    if text.startswith("git@"):
        text = text.partition(":")[2]
    try:
        path = urlsplit(text).path if "://" in text else text
    except ValueError:
        path = text
    path = path.strip("/").removesuffix(".git").removeprefix("gh/")
    return _PROJECTS.sub("", path).replace("/repos/", "/").lower()


def same(ours: Key, theirs: Key, *, at_home: bool) -> bool:
    """Tell whether two keys name the same; AT_HOME, in one repository, a short SHA is enough."""
    if ours.key != theirs.key:
        return False
    shared = min(len(ours.rest), len(theirs.rest))
    if ours.rest[:shared] != theirs.rest[:shared]:
        return False
    return at_home or ours.sort != COMMIT or shared >= CERTAIN - SHORT


def _is_repository(columns: Mapping[str, Any]) -> bool:
    """Tell whether the target is what the wire calls the repository."""
    return columns["kind"] in ("push", "pull_request") and bool(columns["target_key"])


def _commit(sha: str) -> Key:
    return Key(f"{COMMIT}:{sha[:SHORT]}", sha[SHORT:])


def _pull(place: str, number: str) -> Key:
    return Key(f"{PULL}:{place}#{number}"[:KEY_LENGTH])


def _longest(found: Iterable[str]) -> list[str]:
    """Leave out those that are the beginning of another, and the absence of a commit."""
    shas = [sha for sha in dict.fromkeys(found) if set(sha) != {"0"}]
    return [sha for sha in shas if not any(o != sha and o.startswith(sha) for o in shas)]


def _commits(columns: Mapping[str, Any], words: str) -> Iterator[str]:
    named: list[str] = []
    if columns["kind"] in TO_A_COMMIT or columns["object_type"] == "commit":
        named.append(columns["object_key"])
    if columns["dialect"] == "compass" and columns["kind"] == "push":
        named.append(columns["external_id"])
    for text in [*named, *_named(columns, COMMIT)]:
        if _SHA.fullmatch(text):
            yield text
        elif "/" in text:
            yield from _COMMIT.findall(text)
    yield from _WHOLE.findall(words)
    if "ommit" in words:
        yield from _COMMIT.findall(words)


def _pulls(columns: Mapping[str, Any], words: str) -> Iterator[tuple[str, str]]:
    """Yield repository and number; "" is the repository of the event."""
    kind = columns["kind"]
    if kind == "pull_request":
        yield "", columns["external_id"] if columns["dialect"] != "native" else _native_id(columns)
    elif columns["object_type"] in ("pull_request", "merge_request"):
        yield "", columns["object_key"]
    yield from (("", number) for number in _named(columns, PULL))
    if "request" in words or "/pull" in words:
        found = [*_ADDRESS.findall(words), *_OTHERS.findall(words)]
        yield from ((repository(place), number) for place, number in found)
    if "#" in words and kind in TO_A_COMMIT:
        yield from (("", one or other) for one, other in _OWN.findall(words))


def _native_id(columns: Mapping[str, Any]) -> str:
    return str(columns["object_key"] or columns["external_id"])


def _incidents(columns: Mapping[str, Any], words: str) -> Iterator[str]:
    if columns["kind"] == INCIDENT:
        yield columns["external_id"]
    if columns["object_type"] == INCIDENT and columns["object_key"]:
        yield columns["object_key"]
    if "-" in words:
        yield from _ISSUE.findall(words)
    if columns["project_key"] and columns["target_key"] != columns["project_key"]:
        yield columns["target_key"]  # the issue that it is about


def _named(columns: Mapping[str, Any], sort: str) -> Iterator[str]:
    """Yield the texts and numbers that the wire of COLUMNS keeps for SORT."""
    details = columns["details"]
    wrapped = columns["dialect"] == "teamhub" and isinstance(details, dict)
    if wrapped and isinstance(details.get("event"), dict):
        details = details["event"]
    for steps in _STEPS.get(columns["dialect"], {}).get(sort, ()):
        yield from _texts(details, steps)


def _texts(value: Any, steps: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, list):
        for one in value[: -MOST_KEYS - 1 : -1]:  # the newest come last
            yield from _texts(one, steps)
    elif steps and isinstance(value, dict):
        yield from _texts(value.get(steps[0]), steps[1:])
    elif not steps and isinstance(value, str):
        yield value
    elif not steps and isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
