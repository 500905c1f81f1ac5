"""Whom and what a text may mention, and where that leads: users, issues and projects."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from feeds.models import Activity, User

FRESH = 5  # seconds that a process goes without asking who and what is known
#: What stands before the number in UTF-8, SHA-256, ISO-8601, ...: no projects, unless they are.
NO_PROJECTS = {"UTF", "SHA", "ISO", "RFC", "CVE", "CWE", "GHSA", "AES", "RSA", "ISBN", "RS", "ES"}
_TOKEN = re.compile(
    r"https?://\S+"  # an address holds no mentions
    r"|(?<![\w-])(?P<key>(?P<project>[A-Z][A-Z0-9_]+)(?:-[1-9][0-9]*)?)(?!\w|-\d)"
    r"|\w+"
)
_WORD = re.compile(r"\w+")

Person = tuple[str, str]  # full name ("" for none), user name


@dataclass(frozen=True)
class Mention:
    """Where a text mentions something, and the path or URL of that."""

    start: int
    end: int
    url: str


@dataclass(frozen=True, eq=False)  # equal by identity: the memory of texts needs a quick hash
class Known:
    """The users who have names, and the projects that have activities."""

    people: Mapping[str, list[Person]]  # by the first word of the full name; long names first
    projects: frozenset[str]

    def mentions(self, text: str) -> Iterator[Mention]:
        """Yield what TEXT mentions: full names of users, keys of issues and known projects."""
        at = 0
        while token := _TOKEN.search(text, at):
            at = token.end()
            if mention := self._person_at(token.start(), text) or self._key_in(token):
                at = mention.end
                yield mention

    def _person_at(self, start: int, text: str) -> Mention | None:
        word = _WORD.match(text, start)
        for name, username in self.people.get(word[0], ()) if word else ():
            end = start + len(name)
            if text.startswith(name, start) and not _WORD.match(text, end):
                return Mention(start, end, profile_path(username))
        return None

    def _key_in(self, token: re.Match[str]) -> Mention | None:
        key, project = token["key"], token["project"]
        likely = key and "-" in key and project not in NO_PROJECTS
        if not likely and project not in self.projects:
            return None
        return Mention(token.start(), token.end(), tracker_url(key) or key_path(key))


def known() -> Known:
    """Return what is known, as of at most FRESH seconds ago."""
    return _known_at(int(time.monotonic() / FRESH))


@lru_cache(1)
def _known_at(moment: int) -> Known:
    """Ask the database, once in a MOMENT."""
    people = User.objects.order_by("username").values_list("name", "username")
    return _arranged(tuple(people), frozenset(_projects()))


@lru_cache(2)
def _arranged(everybody: tuple[Person, ...], projects: frozenset[str]) -> Known:
    """Return the same object for the same facts: texts are remembered with it."""
    people: dict[str, list[Person]] = {}
    for name, username in sorted(everybody, key=lambda person: -len(person[0])):
        if word := _WORD.match(name):
            people.setdefault(word[0], []).append((name, username))
    return Known(people, projects)


def _projects() -> Iterable[str]:
    """Return the projects of all activities: a step along the index for each, not for each row."""
    after = f"SELECT min(project_key) FROM {Activity._meta.db_table} WHERE project_key >"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE project(name) AS ({after} '' UNION ALL SELECT ({after} project.name) "
            "FROM project WHERE project.name IS NOT NULL) "
            "SELECT name FROM project WHERE name IS NOT NULL"
        )
        return [name for (name,) in cursor.fetchall()]


def profile_path(username: str) -> str:
    """Return the path of the page of USERNAME, or of an actor who is no user."""
    return f"/people/{quote(username, safe='@+')}/"


def key_path(key: str) -> str:
    """Return the path of our own page of the issue or project KEY."""
    return f"/{'issues' if '-' in key else 'projects'}/{quote(key)}/"


def target_of(activity: Activity) -> str:
    """Return the path of our page of the issue or project that ACTIVITY is about, "" if of none."""
    key = activity.target_key
    return key_path(key) if key and key.partition("-")[0] == activity.project_key else ""


def tracker_url(key: str) -> str:
    """Return where the tracker shows the issue or project KEY, "" if there is no tracker."""
    return settings.TRACKER_URL.replace("{key}", quote(key))
