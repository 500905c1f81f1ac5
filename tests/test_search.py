"""Text search: what is found, what never breaks it, and that its index follows every write."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from feeds import actions
from feeds.dialects.mapping import Draft
from feeds.models import Activity, User
from feeds.search import matching
from tests.conftest import Caller

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 14, 3, tzinfo=UTC)


@pytest.fixture
def write(db: None) -> Callable[..., None]:
    """Write activities by the door that all events take: write("title", "title", field=...)."""
    sender = actions.Sender(actions.create_user("writer", role="bot"))  # type: ignore[arg-type]

    def write(*titles: str, **fields: Any) -> None:
        drafts = [
            Draft(**{**PLAIN, "title": title, "external_id": title, **fields}) for title in titles
        ]
        answers = actions.record_many(sender, drafts)
        assert all(isinstance(answer, actions.Recorded) for answer in answers)

    return write


PLAIN: dict[str, Any] = {
    "dialect": "git",
    "source_id": "shop/web",
    "source_name": "shop/web",
    "kind": "push",
    "verb": "push",
    "sequence": 1,
    "generator": "Git",
    "actor_key": "x",
    "occurred_at": NOW,
    "details": {},
    "raw": "{}",
}


def found(text: str) -> set[str]:
    return set(matching(Activity.objects.all(), text).values_list("title", flat=True))


@pytest.mark.parametrize(
    "text", ["deploy", "DEPLOY", "Deploy Web", "web deploy", "42", "deploy-web", "deploy, web!"]
)
def test_every_word_must_be_there_in_any_order_and_case(
    write: Callable[..., None], text: str
) -> None:
    write("Deploy web 42", "Nothing")
    assert found(text) == {"Deploy web 42"}


def test_a_word_that_is_not_there_finds_nothing(write: Callable[..., None]) -> None:
    write("Deploy web")
    assert found("deploy api") == set()
    assert found("eploy") == set()


def test_a_word_matches_whole_and_with_a_star_what_begins_with_it(
    write: Callable[..., None],
) -> None:
    write("Deployment of web", "Deploy api")
    assert found("deploy") == {"Deploy api"}
    assert found("deploy*") == {"Deployment of web", "Deploy api"}
    assert found("dep* web") == {"Deployment of web"}


@pytest.mark.parametrize(
    "text",
    ['"web shop"', '"WEB-shop"', '"Web shop is"', 'slow "web shop"', '"web sho*"', '"slow."'],
)
def test_words_in_quotes_stand_side_by_side(write: Callable[..., None], text: str) -> None:
    write("The web shop is slow", "The shop in the web, slow", "A slow web and a shop")
    assert "The web shop is slow" in found(text)
    assert found(text) == {"The web shop is slow"} or text == '"slow."'


@pytest.mark.parametrize("text", ['"shop web"', '"the shop is"', '"web slow"', '"eb shop"', '""'])
def test_a_phrase_that_is_not_there_finds_nothing(write: Callable[..., None], text: str) -> None:
    write("The web shop is slow", "Slow is the web")
    assert found(text) == set()


def test_a_quote_without_an_end_is_a_sign_like_any_other(write: Callable[..., None]) -> None:
    write("A shop in the web", "Nothing")
    assert found('"web shop') == {"A shop in the web"}
    assert found('"shop in" web"') == {"A shop in the web"}


@pytest.mark.parametrize("text", ["ci", "example", "com", "ci.example.com", "fix", "rate", "limit"])
def test_hyphens_dots_slashes_and_underscores_part_words(
    write: Callable[..., None], text: str
) -> None:
    write("See https://ci.example.com/7 fix/rate-limit", "Nothing")
    write("Another_word")
    assert found(text) == {"See https://ci.example.com/7 fix/rate-limit"}
    assert found("word") == {"Another_word"}


@pytest.mark.parametrize("field", ["content", "actor_name", "object_key", "target_key"])
def test_every_searched_column_counts(write: Callable[..., None], field: str) -> None:
    write("A title", **{field: "zebra crossing"})
    write("Another title")
    assert found("zebra title") == {"A title"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop -slow", {"The web shop", "A shop in the web"}),
        ('shop -"web shop"', {"A shop in the web", "Slow shop"}),
        ("-shop", {"Größe der Bäume"}),
        ("-SHOP -größe", set()),
        ('-"web shop" -slow', {"A shop in the web", "Größe der Bäume"}),
        ("-sho*", {"Größe der Bäume"}),
        ("s* -sl*", {"The web shop", "A shop in the web"}),
        ("-web-shop", {"A shop in the web", "Slow shop", "Größe der Bäume"}),
        ("-nothing", {"The web shop", "A shop in the web", "Slow shop", "Größe der Bäume"}),
        ("shop -", {"The web shop", "A shop in the web", "Slow shop"}),
        ("--slow", {"Slow shop"}),
        ("the-web", {"The web shop", "A shop in the web"}),
        ('"shop -web"', set()),
        ("-!?", set()),
    ],
)  # fmt: skip
def test_a_minus_before_a_word_or_a_phrase_leaves_out_what_holds_it(
    write: Callable[..., None], text: str, expected: set[str]
) -> None:
    write("The web shop", "A shop in the web", "Slow shop", "Größe der Bäume")
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("🚀", {"🚀 Released 1.2", "Crew 👩\u200d🚀", "Go🚀go"}),
        ("🚀 released", {"🚀 Released 1.2"}),
        ("🚀released", {"🚀 Released 1.2"}),
        ("rel* 🚀", {"🚀 Released 1.2"}),
        ('"released 1.2" 🚀', {"🚀 Released 1.2"}),
        ('"crew 🚀"', {"Crew 👩\u200d🚀"}),
        ("👩\u200d🚀", {"Crew 👩\u200d🚀"}),
        ("❤\ufe0f", {"We ❤ it", "They ❤\ufe0f it"}),
        ("❤ -we", {"They ❤\ufe0f it"}),
        ("it -❤", {"Released it"}),
        ("-🚀 released", {"Released it"}),
        ('-"🚀" -❤', {"Released it", "Price 5 €"}),
        ('-"we ❤"', {"🚀 Released 1.2", "Crew 👩\u200d🚀", "Go🚀go", "Released it", "Price 5 €"}),
        ("€", {"Price 5 €"}),
        ("🎈", set()),
    ],
)  # fmt: skip
def test_emoji_and_other_signs_are_found_and_left_out(
    write: Callable[..., None], text: str, expected: set[str]
) -> None:
    write("🚀 Released 1.2", "Crew 👩\u200d🚀", "Go🚀go", "We ❤ it", "They ❤\ufe0f it")
    write("Released it", "Price 5 €")
    assert found(text) == expected


def test_letters_beyond_ascii_are_letters(write: Callable[..., None]) -> None:
    write("Größe geändert", "Überprüfung", "日本 語", "Ещё раз")
    assert found("größe") == {"Größe geändert"}
    assert found("GRÖSSE") == set()
    assert found("über*") == {"Überprüfung"}
    assert found("語") == {"日本 語"}
    assert found("ещё") == {"Ещё раз"}


def test_nothing_to_look_for_is_everything_and_only_signs_is_nothing(
    write: Callable[..., None],
) -> None:
    write("One", "Two")
    assert found("") == {"One", "Two"}
    assert found("  ") == {"One", "Two"}
    assert found("!?") == set()


ODD = [
    "\U0001f680" * 5000, "-\U0001f680 \U0001f680", "\u200d", "\ufe0f\U0001f3fb", "\u2192:\u2192",
    "-", "--", "-*", '-"', '-""', '-"a', '-"a* b*"', "a -b*", "-a -a -a", "-NOT", "NOT -a", "-(a)",
    "-a:b", "- a", "-\U0001f680", "-" * 5000, " ".join(f"-w{n}" for n in range(10_000)),
    '"', "'", "''", '"a', "a'b", ":*", "a:*", "a:", "&", "|", "!", "!a", "()", "(a", "a)", "*",
    "**", "a**", "* a", "a*b", "-a", "^a", "{a}", "a + b", "NEAR(a b)", "a AND", "OR", "title:a",
    "a<->b", "\\", "\\'", "%", "%s", "%(x)s", "_", ";--", "\U0001f680", "a\U0001f680b", "e\u0301",
    "\u0130stanbul", "\u00b2", "\u00bd", "\u2160", "a\u00adb", "\u200d", "\ufeff", "\ud7ff",
    "\u0e01\u0e33", "1e999", "0x1F", "-1.5e-3", "1.2.3.4", "<b>a</b>", "&amp;", "/etc/passwd",
    "a@example.com", "x" * 600, "x" * 5000, "\u65e5" * 3000, "x" * 499 + "*",
    " ".join(f"w{n}" for n in range(10_000)), " ".join("a" for _ in range(10_000)),
    '""', '"a" "b c"', '"a* b*"', '"' + "a " * 900 + '"', '"a<->b" & "!c"', "\"'\"",
    "* " * 5000, '"' * 5000, "(" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", ODD, ids=[ascii(text)[:24] for text in ODD])
def test_odd_texts_never_break_the_search(write: Callable[..., None], text: str) -> None:
    write("an ordinary title")
    assert found(text) <= {"an ordinary title"}


@pytest.mark.parametrize("text", [*(odd for odd in ODD if len(odd) < 5000), "\x00", "a\x00b"])
def test_odd_texts_never_break_the_feed(viewer: Caller, text: str) -> None:
    assert viewer.get("/api/v1/activities", q=text).status_code == 200
    viewer.client.force_login(viewer.user, "django.contrib.auth.backends.ModelBackend")
    assert viewer.client.get("/", {"q": text}).status_code == 200


@pytest.mark.parametrize("text", ["x" * 3000, "x" * 600, "\u65e5" * 3000, "a\u00adb e\u0301"])
def test_odd_titles_can_be_written(write: Callable[..., None], text: str) -> None:
    write("an odd one", content=f"rare {text} words")
    assert found("rare words") == {"an odd one"}


def test_the_index_follows_updates_and_deletes(write: Callable[..., None]) -> None:
    write("first", external_id="1")
    write("second", external_id="1", sequence=2)
    assert (found("first"), found("second")) == (set(), {"second"})
    write("stale", external_id="1", sequence=1)
    assert (found("stale"), found("second")) == (set(), {"second"})
    Activity.objects.update(title="third")
    assert (found("second"), found("third")) == (set(), {"third"})
    Activity.objects.all().delete()
    assert found("third") == set()
    write("fourth")
    assert (found("third"), found("fourth")) == (set(), {"fourth"})
    check_the_index()


def test_the_index_forgets_a_deleted_source_and_what_is_pruned(
    write: Callable[..., None], settings: Any
) -> None:
    write("kept")
    write("goes with its source", source_id="shop/api")
    source = Activity.objects.get(title__startswith="goes").source
    actions.delete_source(source)
    assert (found("goes"), found("kept")) == (set(), {"kept"})
    settings.RETENTION = timedelta(days=1)
    Activity.objects.update(occurred_at=NOW, received_at=NOW - timedelta(days=900))
    Activity.objects.update(occurred_at=NOW - timedelta(days=900))
    assert actions.prune() == 1
    assert found("kept") == set()
    check_the_index()


def check_the_index() -> None:
    """Let SQLite compare its index with the table; raises where they differ."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO feeds_activity_search(feeds_activity_search, rank) "
            "VALUES ('integrity-check', 1)"
        )


def test_a_rare_word_is_found_by_the_index(write: Callable[..., None]) -> None:
    lots = random.Random(3)
    words = [f"word{n}" for n in range(300)]
    write(*(f"{n} {' '.join(lots.sample(words, 5))}" for n in range(3000)))
    write("a needle in it")
    assert User.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    plan = matching(Activity.objects.order_by("-occurred_at", "-id"), "needle")[:50].explain()
    expected = "activity_search" if connection.vendor == "postgresql" else "VIRTUAL TABLE INDEX"
    assert expected in plan
    assert found("needle") == {"a needle in it"}
