"""The outbox in a real browser: it tells by itself what becomes of a letter."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect

from tests.house import House
from tests.visitor import Open

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("browser")

SOON = 12_000  # milliseconds: longer than the page waits to ask again
#: Composes an event to a connection where nothing listens; prints the letter's uuid.
COMPOSE = """
from tests.outbox import office
from feeds.models import Delivery
event = office.custom(source="{name}", displayName="{name}")
office.compose(event, office.connect("http://127.0.0.1:9"))
print(Delivery.objects.latest("id").uuid)
"""
CANCEL = """
from django.utils import timezone
from feeds import outbox
from feeds.models import Delivery
outbox.cancel(Delivery.objects.get(uuid="{letter}"), now=timezone.now())
"""


@pytest.mark.parametrize("place", ["list", "letter"])
def test_what_becomes_of_a_letter_shows_by_itself(desk: Open, served: House, place: str) -> None:
    name = f"letter-{uuid.uuid4().hex[:8]}"
    letter = run(served, COMPOSE.format(name=name))
    page = desk("/outbox/" if place == "list" else f"/outbox/{letter}/")
    row = page.locator("article.letter", has_text=name)
    part = row if place == "list" else page.locator("#live")
    expect(part.get_by_text("Queued")).to_be_visible()
    run(served, CANCEL.format(letter=letter))
    expect(part.get_by_text("Cancelled").first).to_be_visible(timeout=SOON)


def run(served: House, code: str) -> str:
    """Run CODE with Django set up, and return the last line that it prints."""
    printed = served.run("-c", f"import django; django.setup()\n{code}")
    return printed.splitlines()[-1] if printed else ""
