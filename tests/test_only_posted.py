"""Addresses that take what a form sends: who opens one by itself is told, and led back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from feeds import actions
from feeds.models import Delivery, EventSource, User
from tests.composed import connect, new_form
from tests.heartbeats.beats import make
from tests.pages import Html, record, signed_in
from tests.test_browser_pages import key_of, routes

pytestmark = pytest.mark.django_db
POSTED: list[URLPattern] = [
    route for route in routes() if getattr(route.callback, "only_posts", False)
]


def furnished(client: Client) -> dict[str, Any]:
    """Make one of everything, and return what stands in addresses for it, by a route's name."""
    admin = User.objects.get()
    record(1)
    actions.create_component("Shop")
    there = connect("compass")
    beat = make()
    form = new_form(client)
    client.post(form.action, form.changed(**{f"to-{there.uuid}": "on"}))
    token, _ = actions.issue_token(admin, role=admin.role, name="Reader")  # type: ignore[arg-type]
    webhook, _ = actions.create_webhook("Forge", dialect="github", user=admin)
    source, letter = EventSource.objects.first(), Delivery.objects.get()
    assert source
    assert letter.activity
    return {
        "component": ["shop"], "component-need-not": ["shop", "web"],
        "component-detach": ["shop", source.uuid], "source": [source.uuid],
        "source-detach": [source.uuid, "shop"], "connection": [there.uuid],
        "delivery": [letter.uuid], "token": [token.pk], "webhook": [webhook.uuid],
        "user": [admin.pk], "view": [actions.save_view(admin, name="Mine").uuid],
        "compose": ["custom"], "compose-template-delete": [letter.uuid],
        "composition": [letter.activity.composition.uuid], "heartbeat": [beat.uuid],
        "team": [beat.team_id], "channel": [letter.uuid], "notification": [letter.uuid],
        "window": [letter.uuid],
    }  # fmt: skip


def test_each_says_that_nothing_was_done_and_leads_to_a_page_that_is_there() -> None:
    client = signed_in("admin")
    known = furnished(client)
    assert len(POSTED) > 30
    for route in POSTED:
        name = str(route.name)
        key = key_of(name, known)
        path = reverse(name, args=known[key] if key and route.pattern.regex.groups else [])
        answer = client.get(path)
        assert (answer.status_code, answer["Allow"]) == (405, "POST"), name
        page = Html(answer)
        assert page.one("h1").text == "Nothing was done"
        link = page.all(".empty a.primary")[0]["href"]
        if key != "channel":  # of which none was made
            assert client.get(link, follow=True).status_code == 200, f"{name}: {link}"
        assert link != "/" or name == "logout", name


def test_the_page_is_that_which_has_the_button() -> None:
    client = signed_in("admin")
    known = furnished(client)
    for path, above in (
        (f"/views/{known['view'][0]}/star/", "/views/"),
        (f"/outbox/{known['delivery'][0]}/retry/", f"/outbox/{known['delivery'][0]}/"),
        (f"/components/shop/sources/{known['source'][0]}/detach/", "/components/shop/"),
        (f"/compose/templates/{known['view'][0]}/delete/", "/compose/"),
        ("/settings/feed-addresses/", "/settings/"),
        ("/sign-out/", "/"),
    ):
        assert Html(client.get(path)).all(".empty a.primary")[0]["href"] == above


def test_a_program_that_sends_otherwise_is_refused_as_before() -> None:
    answer = signed_in("admin").put("/settings/feed-addresses/")
    assert (answer.status_code, answer["Allow"], answer.content) == (405, "POST", b"")


def test_a_stranger_signs_in_first() -> None:
    assert Client().get("/settings/feed-addresses/")["Location"].startswith("/sign-in/")
