"""`manage.py import_git PATH`: the history of a local clone as push activities."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from feeds import actions
from feeds.dialects import git
from feeds.models import Activity, Role

BATCH = 1000  # commits a transaction: what an interrupted import keeps
LAST_SECOND = 253_402_300_799  # of the year 9999; a commit may claim any time, a date may not
#: Fields of a commit in `git log`, in the order of FORMAT; %S is the ref that led to it.
FORMAT = "%H%x1f%ct%x1f%S%x1f%an%x1f%ae%x1f%s%x1f%b"
#: Where the big hosts show a commit.
COMMIT_PAGES = {"github": "commit", "gitlab": "-/commit", "bitbucket": "commits"}


class Command(BaseCommand):
    """Read every commit of a clone; running it again adds only what is new."""

    help = "Read the history of the local Git clone at PATH into the feed. No network is used."

    def add_arguments(self, parser: Any) -> None:
        """Read the path, and what to call the repository."""
        parser.add_argument("path", metavar="PATH", type=Path)
        parser.add_argument("--name", default="", help="default: owner/name of the remote origin")

    def handle(self, *args: Any, path: Path, name: str, verbosity: int, **options: Any) -> None:
        """Import oldest first, in batches, with a progress bar."""
        total = int(_git(path, "rev-list", "--all", "--count").strip() or 0)
        origin = _origin(path)
        name = name or actions.repository_of(origin) or path.resolve().name
        sender = actions.Sender(actions.ensure_user("git-import", role=Role.BOT, name="Git import"))
        added = 0
        commits = _commits(path, repository=name, page=_commit_page(origin))
        with tqdm(total=total, unit=" commits", disable=verbosity == 0) as bar:
            while batch := list(islice(commits, BATCH)):
                added += _record(sender, batch)
                bar.update(len(batch))
        if verbosity:
            self.stdout.write(f"{name}: {added} commits added, {total - added} known already.")


def _record(sender: actions.Sender, commits: list[dict[str, Any]]) -> int:
    """Record those of COMMITS, all of one repository, that are not known yet."""
    known = set(
        Activity.objects.filter(
            source__external_id=commits[0]["repository"],
            source__kind="push",
            external_id__in=[commit["sha"] for commit in commits],
        ).values_list("external_id", flat=True)
    )
    drafts = []
    for commit in commits:
        if commit["sha"] not in known:
            drafts.append(git.parse(commit))
            drafts[-1].raw = json.dumps(commit, ensure_ascii=False)
    actions.record_many(sender, drafts)
    return len(drafts)


def _commits(path: Path, *, repository: str, page: str) -> Iterator[dict[str, Any]]:
    command = _command(path, "log", "--all", "--reverse", "-z", f"--format=tformat:{FORMAT}")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as log:
        output = log.stdout
        assert output is not None  # PIPE
        for record in _split(iter(lambda: output.read(1 << 16), b"")):
            sha, moment, ref, author, email, subject, body = record.split("\x1f", 6)
            yield {
                "sha": sha,
                "repository": repository,
                "url": f"{page}/{sha}" if page else "",
                "ref": ref.removeprefix("refs/heads/"),
                "committed_at": _time(moment),
                "author": {"name": author, "email": email},
                "subject": subject,
                "body": body.strip(),
            }


def _split(blocks: Iterator[bytes]) -> Iterator[str]:
    """Yield the NUL-terminated records in BLOCKS."""
    rest = b""
    for block in blocks:
        *records, rest = (rest + block).split(b"\0")
        for record in records:
            yield record.decode(errors="replace")


def _time(seconds: str) -> str:
    return (
        datetime.fromtimestamp(min(int(seconds or 0), LAST_SECOND), UTC)
        .isoformat()
        .replace("+00:00", "Z")
    )


def _command(path: Path, *arguments: str) -> list[str]:
    # safe.directory: a clone of another user's is fine to read; nothing of it is run.
    return ["git", "-c", "safe.directory=*", "-C", str(path), *arguments]


def _git(path: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            _command(path, *arguments), capture_output=True, check=True, text=True
        )
    except FileNotFoundError:
        raise CommandError("git is not installed.") from None
    except subprocess.CalledProcessError as error:
        raise CommandError(f"PATH: {error.stderr.strip()}") from None
    return done.stdout


def _origin(path: Path) -> str:
    try:
        return _git(path, "remote", "get-url", "origin").strip()
    except CommandError:
        return ""


def _commit_page(origin: str) -> str:
    """Return the address below which the host of ORIGIN shows commits, where we know it."""
    if origin.startswith("git@"):
        origin = f"https://{origin.removeprefix('git@').replace(':', '/', 1)}"
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    for host, page in COMMIT_PAGES.items():
        if host in parts.hostname:
            return f"https://{parts.hostname}{parts.path.removesuffix('.git')}/{page}"
    return ""
