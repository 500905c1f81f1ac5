"""The commands of manage.py, called as people and pipelines call them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from feeds import actions
from feeds.models import Activity, ApiToken, Component, EventKind, EventSource, Refusal, Role, User
from tests.conftest import Caller
from tests.events import compass_event
from tests.house import ROOT, House, house

pytestmark = pytest.mark.django_db


def printed(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


# ---- create_token


def test_create_token_prints_the_token_alone_and_it_works_at_once() -> None:
    lines = printed("create_token", "ci@example.com", "--role", "bot").splitlines()
    (token,) = lines
    user = User.objects.get(email="ci@example.com")
    assert (user.username, user.role) == ("ci", "bot")
    actions.create_source("shop/web", kind="custom")
    assert Caller(user, token).event().status_code == 202
    assert token not in str(list(ApiToken.objects.values()))


@pytest.mark.parametrize("role", Role.values)
def test_a_token_has_the_role_that_was_asked_for(role: str) -> None:
    token = printed("create_token", f"{role}@example.com", "--role", role).strip()
    actions.create_source("shop/web", kind="custom")
    user = User.objects.get()
    assert user.role == ApiToken.objects.get().role == role
    assert Caller(user, token).event().status_code == (403 if role == "viewer" else 202)


def test_a_second_token_keeps_the_user_its_role_and_the_first_token() -> None:
    first = printed("create_token", "ana@example.com", "--role", "admin").strip()
    second = printed("create_token", "ANA@example.com", "--role", "viewer").strip()
    user = User.objects.get()
    assert user.role == Role.ADMIN
    assert [t.role for t in ApiToken.objects.order_by("id")] == ["admin", "viewer"]
    actions.create_source("shop/web", kind="custom")
    assert Caller(user, first).event().status_code == 202
    assert Caller(user, second).event(id="2").status_code == 403


def test_users_whose_e_mails_begin_alike_are_two_users() -> None:
    printed("create_token", "ci@example.com", "--role", "bot")
    printed("create_token", "ci@example.org", "--role", "bot")
    names = set(User.objects.values_list("username", flat=True))
    assert names == {"ci", "ci@example.org"}


@pytest.mark.parametrize("email", ["", "nobody", "a@", "@b.example", "a b@example.com", "a@b\n"])
def test_what_is_no_e_mail_is_an_error_and_makes_nobody(email: str) -> None:
    with pytest.raises(CommandError, match="is not an e-mail address"):
        printed("create_token", email, "--role", "bot")
    assert not User.objects.exists()


def test_an_unknown_role_is_an_error() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        printed("create_token", "a@example.com", "--role", "king")


# ---- site


def test_site_prints_what_senders_need_and_stays_the_same(settings: Any) -> None:
    settings.SITE_URL = "https://pulse.example.com"
    first, second = printed("site"), printed("site")
    assert first == second
    site = json.loads(first)
    assert set(site) == {"cloud_id", "company_key", "site_url"}
    assert site["site_url"] == "https://pulse.example.com"
    assert re.fullmatch(r"[0-9a-f-]{36}", site["cloud_id"])
    assert re.fullmatch(r"[0-9a-f]{32}", site["company_key"])


def test_site_adopts_the_cloud_id_of_the_environment() -> None:
    with house(CLOUD_ID="0a44684d-52c3-4c0c-99f8-9d89ec294759") as place:
        place.manage("migrate", "--verbosity", "0")
        first = json.loads(place.manage("site"))
        assert first["cloud_id"] == "0a44684d-52c3-4c0c-99f8-9d89ec294759"
        assert json.loads(place.manage("site")) == first


# ---- demo


def test_the_demo_is_an_hour_of_life_on_six_components() -> None:
    assert "6 components" in printed("demo")
    assert Component.objects.count() == 6
    kinds = set(Activity.objects.values_list("kind", flat=True))
    assert len(kinds) >= 8
    ages = [timezone.now() - at for at in Activity.objects.values_list("occurred_at", flat=True)]
    assert max(ages) < timedelta(hours=1, minutes=1)
    assert min(ages) < timedelta(minutes=5)
    assert Activity.objects.filter(kind=EventKind.BUILD, state="running").count() >= 2
    assert all(component.attachments.exists() for component in Component.objects.all())
    assert not Refusal.objects.exists()


def test_the_demo_tells_one_story_from_a_push_to_an_incident() -> None:
    printed("demo")
    chain = Activity.objects.filter(source__components__slug="payments-api")
    story = [
        chain.filter(kind=kind, title__contains=words).order_by("occurred_at").get()
        for kind, words in (
            ("push", "Retry the card network"), ("alert", "Card errors"), ("incident", "by card"),
        )
    ]  # fmt: skip
    assert story == sorted(story, key=lambda activity: activity.occurred_at)
    shipped = chain.filter(kind="deployment", occurred_at__gt=story[0].occurred_at)
    assert shipped.filter(state="succeeded").exists()
    assert shipped.filter(state="rolled_back").exists()


def test_the_demo_again_adds_again_on_the_same_components() -> None:
    printed("demo")
    first = Activity.objects.count()
    printed("demo")
    assert Component.objects.count() == 6
    assert Activity.objects.count() >= first


# ---- import_git


COMMIT = """commit {ref}
mark :{mark}
author {author} {when} +0200
committer {author} {when} +0000
data {size}
{message}
{parents}M 100644 inline file-{mark}
data 1
x

"""


class Clone:
    """A repository made on the spot."""

    def __init__(self, path: Path) -> None:
        self.path = path
        subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
        self.stream = b""
        self.marks = 0

    def commit(
        self,
        message: str | bytes,
        *,
        ref: str = "refs/heads/main",
        author: str = "Maria Lopez <maria@example.com>",
        when: int = 1_760_000_000,
        parents: tuple[int, ...] = (),
    ) -> int:
        """Add a commit, and return its mark."""
        self.marks += 1
        data = message.encode() if isinstance(message, str) else message
        lines = [f"from :{parents[0]}\n"] if parents else []
        lines += [f"merge :{parent}\n" for parent in parents[1:]]
        head, _, tail = COMMIT.partition("{message}")
        fields = {
            "ref": ref, "mark": self.marks, "author": author, "when": when, "size": len(data),
            "parents": "".join(lines),
        }  # fmt: skip
        self.stream += head.format(**fields).encode() + data + tail.format(**fields).encode()
        return self.marks

    def write(self) -> Clone:
        """Write what was added since the last time."""
        marks = self.path / ".git" / "marks"
        subprocess.run(
            [
                "git", "-C", str(self.path), "fast-import", "--quiet", "--force",
                f"--import-marks-if-exists={marks}", f"--export-marks={marks}",
            ],
            input=self.stream, check=True, capture_output=True,
        )  # fmt: skip
        self.stream = b""
        return self

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Callable[[], Clone]:
    return lambda: Clone(tmp_path / "shop")


def imported(clone: Clone, *arguments: str) -> str:
    return printed("import_git", str(clone.path), *arguments)


def test_a_commit_becomes_a_push(clone: Callable[[], Clone]) -> None:
    made = clone()
    made.commit("Round totals once\n\nAt the end.\n", when=1_760_000_000)
    made.write()
    assert imported(made) == "shop: 1 commits added, 0 known already.\n"
    push = Activity.objects.select_related("source").get()
    sha = made.git("rev-parse", "main")
    assert (push.kind, push.dialect, push.external_id) == ("push", "git", sha)
    assert (push.actor_key, push.actor_name) == ("maria@example.com", "Maria Lopez")
    assert (push.title, push.content) == ("Round totals once", "At the end.")
    assert push.target_key == push.source.external_id == "shop"
    assert push.occurred_at.timestamp() == 1_760_000_000
    assert push.details["ref"] == "main"
    assert json.loads(push.raw)["sha"] == sha


def test_branches_and_merges_are_all_there_once(clone: Callable[[], Clone]) -> None:
    made = clone()
    first = made.commit("first", when=1_760_000_000)
    second = made.commit("second", when=1_760_000_010, parents=(first,))
    side = made.commit("side", ref="refs/heads/fix/basket", when=1_760_000_005, parents=(first,))
    made.commit("Merge fix/basket", when=1_760_000_020, parents=(second, side))
    made.commit("alone", ref="refs/heads/release/9.4", when=1_760_000_030, parents=(side,))
    made.write()
    imported(made)
    titles = Activity.objects.order_by("occurred_at").values_list("title", flat=True)
    assert list(titles) == ["first", "side", "second", "Merge fix/basket", "alone"]
    refs = {a.title: a.details["ref"] for a in Activity.objects.all()}
    assert refs["alone"] == "release/9.4"
    assert refs["Merge fix/basket"] == "main"


ODD_COMMITS: list[dict[str, Any]] = [
    {"message": ""},
    {"message": "\n\n\n"},
    {"message": "Größe ✓ 日本語 \U0001f680"},
    {"message": b"latin-1: caf\xe9"},
    {"message": "quote \" ' \\ <b>&amp;</b> {x} %s"},
    {"message": "unit \x1f and record \x1e separators\n\nand \x1f below"},
    {"message": "tab\tbell\x07escape\x1b[31m"},
    {"message": "s" * 5000},
    {"message": "long body\n\n" + "line\n" * 20_000},
    {"message": "no name", "author": " <maria@example.com>"},
    {"message": "no mail", "author": "Maria <>"},
    {"message": "nobody", "author": " <>"},
    {"message": "long name", "author": f"{'n' * 400} <{'m' * 400}@example.com>"},
    {"message": "odd name", "author": "O'Brien, \u5c71\u7530 \x1f (x) <a b@c>"},
    {"message": "the first second", "when": 0},
    {"message": "a far day", "when": 4_102_444_800},
    {"message": "the year 10000", "when": 253_402_300_800},
    {"message": "beyond all years", "when": 99_999_999_999_999},
]


@pytest.mark.parametrize(
    "odd", ODD_COMMITS, ids=[ascii(odd["message"])[:20] for odd in ODD_COMMITS]
)
def test_an_odd_commit_is_imported_between_its_neighbours(
    clone: Callable[[], Clone], odd: dict[str, Any]
) -> None:
    made = clone()
    first = made.commit("before")
    second = made.commit(**odd, parents=(first,))
    made.commit("after", parents=(second,))
    made.write()
    assert imported(made) == "shop: 3 commits added, 0 known already.\n"
    assert Activity.objects.count() == 3
    push = Activity.objects.exclude(title__in=["before", "after"]).get()
    assert push.external_id == made.git("rev-parse", "main~1")
    assert imported(made) == "shop: 0 commits added, 3 known already.\n"


def test_importing_again_adds_only_what_is_new(clone: Callable[[], Clone]) -> None:
    made = clone()
    first = made.commit("first")
    made.write()
    imported(made)
    assert imported(made) == "shop: 0 commits added, 1 known already.\n"
    made.commit("second", parents=(first,))
    made.write()
    assert imported(made) == "shop: 1 commits added, 1 known already.\n"
    assert Activity.objects.count() == 2
    assert not Refusal.objects.exists()


def test_the_repository_is_named_by_its_origin_or_as_asked(clone: Callable[[], Clone]) -> None:
    made = clone()
    made.commit("first")
    made.write()
    made.git("remote", "add", "origin", "https://github.com/Acme/Shop.git")
    imported(made)
    push = Activity.objects.select_related("source").get()
    assert push.source.external_id == "acme/shop"
    assert push.url == f"https://github.com/Acme/Shop/commit/{push.external_id}"
    imported(made, "--name", "other/name")
    assert set(EventSource.objects.values_list("external_id", flat=True)) == {
        "acme/shop", "other/name",
    }  # fmt: skip


def test_an_empty_repository_adds_nothing(clone: Callable[[], Clone]) -> None:
    assert imported(clone()) == "shop: 0 commits added, 0 known already.\n"


def test_what_is_no_repository_is_a_clear_error(tmp_path: Path) -> None:
    # a folder inside a repository belongs to it, hence a ceiling
    with pytest.raises(CommandError, match="not a git repository"):
        printed("import_git", str(tmp_path))
    with pytest.raises(CommandError, match="cannot change to"):
        printed("import_git", str(tmp_path / "nowhere"))


def test_an_import_that_was_killed_goes_on_where_it_was(clone: Callable[[], Clone]) -> None:
    made, total = clone(), 4000
    mark = 0
    for number in range(total):
        parents = (mark,) if mark else ()
        mark = made.commit(f"commit {number}", when=1_600_000_000 + number, parents=parents)
    made.write()
    with house(os.environ.get("DATABASE_URL", "")) as place:
        place.migrate()
        kill_in_the_middle(place, made)
        said = place.manage("import_git", str(made.path), "--verbosity", "1")
        counts = re.fullmatch(r"shop: (\d+) commits added, (\d+) known already\.", said)
        assert counts
        added, known = int(counts[1]), int(counts[2])
        assert added + known == total
        assert 1000 <= known < total
        count = "from feeds.models import Activity; print(Activity.objects.count())"
        assert place.manage("shell", "--verbosity", "0", "-c", count) == str(total)


def kill_in_the_middle(place: House, made: Clone) -> None:
    """Import, and kill the import once its progress bar tells that something is in."""
    with subprocess.Popen(
        [sys.executable, "manage.py", "import_git", str(made.path)],
        cwd=ROOT, env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        bar, end = b"", time.monotonic() + 60
        while not re.search(rb"\b[12]000/4000", bar):
            assert time.monotonic() < end
            piece = os.read(process.stderr.fileno(), 4096)
            assert piece, bar
            bar += piece
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


# ---- prune


def test_prune_deletes_what_is_older_than_the_retention_and_nothing_else(
    bot: Caller, settings: Any
) -> None:
    settings.RETENTION = timedelta(days=30)
    actions.create_source("shop/web", kind="custom")
    for name in ("old", "late", "new"):
        assert bot.event(id=name, lastUpdated="2020-01-01T00:00:00Z").status_code == 202
    long_ago = timezone.now() - timedelta(days=31)
    Activity.objects.filter(external_id="old").update(received_at=long_ago)
    Activity.objects.filter(external_id="new").update(
        received_at=long_ago, occurred_at=timezone.now() - timedelta(days=29)
    )
    for _ in range(2):
        bot.send(compass_event(displayName=7))
    Refusal.objects.filter(pk=Refusal.objects.latest("pk").pk).update(received_at=long_ago)
    assert actions.prune() == 2
    assert set(Activity.objects.values_list("external_id", flat=True)) == {"late", "new"}
    assert Refusal.objects.count() == 1
    assert actions.prune() == 0


def test_prune_takes_many_rows_in_several_transactions(bot: Caller, settings: Any) -> None:
    settings.RETENTION = timedelta(days=1)
    source = actions.create_source("shop/web", kind="custom")
    long_ago = timezone.now() - timedelta(days=9)
    Activity.objects.bulk_create(
        Activity(
            source=source, external_id=str(n), sequence=1, dialect="compass", kind="custom",
            verb="note", title="t", generator="g", raw="{}",
            occurred_at=long_ago, received_at=long_ago, touched_at=long_ago,
        )
        for n in range(5003)
    )  # fmt: skip
    assert actions.prune() == 5003
    assert Counter(Activity.objects.values_list("kind", flat=True)) == {}
