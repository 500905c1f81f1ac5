"""What the query box suggests: keys and known values, by few queries, to readers only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feeds import actions
from feeds.models import EventSource
from feeds.suggestions import NEWEST, suggest
from tests.pages import START, Html, record, signed_in

pytestmark = pytest.mark.django_db


def offered(text: str) -> list[str]:
    """Return the texts that may be chosen for TEXT, the caret at its end."""
    return [one.text for one in suggest(text, len(text))]


@pytest.fixture
def variety(db: None) -> None:
    record(2, actor_key="maria", actor_name="Maria Lopez", target_key="SHOP-7")
    record(1, before=2, actor_key="martin b", kind="deployment", target_key="prod eu")
    for number in range(3):
        actions.create_component(f"Checkout {number}")
    actions.attach(actions.create_component("Web"), EventSource.objects.all()[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("compo", ["component:"]),
        ("type:build -acto", ["type:build -actor:"]),
        ("incid", ["type:incident "]),
        ("type:pu", ["type:push ", "type:pull_request "]),
        ("-state:time", ["-state:timed_out "]),
        ("is:fail", ["is:failed "]),
        ("component:out", [f"component:checkout-{n} " for n in range(3)]),
        ("actor:", ["actor:maria ", 'actor:"martin b" ']),
        ("by:mar", ["by:maria ", 'by:"martin b" ']),
        ("lopez", ["actor:maria "]),
        ("env:", ['env:"prod eu" ']),
        ("source:shop", ["source:shop/web "]),
        ("since:y", ["since:yesterday "]),
        ('actor:"mar', ["actor:maria ", 'actor:"martin b" ']),
        ("stat:x", []),
        ('"mar', []),
        ("zzz", []),
    ],
)
def test_it_suggests_what_fits(variety: None, text: str, expected: list[str]) -> None:
    assert sorted(offered(text)) == sorted(expected)


def test_between_two_terms_every_key_may_come(variety: None) -> None:
    assert offered("web ")[:3] == ["web type:", "web state:", "web is:"]


def test_the_term_at_the_caret_is_replaced_and_the_rest_stays(variety: None) -> None:
    (one,) = suggest("type:bui checkout", 6)[:1]
    assert (one.text, one.at) == ("type:build checkout", len("type:build "))
    assert suggest('actor:"mar checkout', 10)[0].text == "actor:maria checkout"


def test_a_value_not_seen_for_long_is_found_by_its_beginning(db: None) -> None:
    record(1, actor_key="oldtimer", occurred_at=START - timedelta(days=300))
    record(NEWEST, before=1, actor_key="ci")
    assert offered("actor:oldt") == ["actor:oldtimer "]
    assert offered("actor:dtim") == []


def test_readers_get_options_by_few_queries_and_strangers_none(variety: None) -> None:
    reader = signed_in("viewer")
    asked = {"text": 'mar <b>"', "at": "3"}
    with CaptureQueriesContext(connection) as captured:
        page = Html(reader.get("/feed/suggestions", asked))
    assert len(captured) <= 5  # session, user, and three of its own
    assert [option["data-text"] for option in page.all("[role=option]")] == [
        'actor:maria <b>"', 'actor:"martin b" <b>"',
    ]  # fmt: skip
    assert page.elements[0]["id"] == "f-option-0"
    for at in ("x", "-1", "9" * 30, ""):
        assert reader.get("/feed/suggestions", {"text": "\x00ty", "at": at}).status_code == 200
    assert Client().get("/feed/suggestions", asked).status_code == 401
