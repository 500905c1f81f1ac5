"""The pages of components and sources: who sees what, and who may change it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from feeds import actions
from feeds.models import Activity, Component, EventSource
from tests.conftest import Caller
from tests.pages import Html, record, signed_in

NEW = {"name": "Search", "slug": "", "type": "SERVICE", "owner_team": "", "description": ""}


@pytest.fixture
def boss(db: None) -> Client:
    return signed_in("admin", "boss")


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


@pytest.fixture
def web(db: None) -> Component:
    return actions.create_component("Web", owner_team="Storefront")


@pytest.fixture
def source(db: None) -> EventSource:
    return actions.create_source("shop/web", kind="build", name="CI of the shop")


def of(name: str, *args: Any) -> str:
    return reverse(name, args=args)


def follow(client: Client, address: str, data: dict[str, Any]) -> Html:
    response = client.post(address, data, follow=True)
    assert response.redirect_chain, response.content.decode()
    return Html(response)


# ---- lists and pages


def test_the_lists_show_everything_once(reader: Client, web: Component) -> None:
    record(2)
    actions.attach(web, EventSource.objects.get())
    actions.create_source("idle", kind="push")
    actions.create_component("Empty")
    components = Html(reader.get("/components/"))
    assert [cell.text for cell in components.all("tbody th")] == ["Empty", "Web"]
    assert [cell.text for cell in components.all("tbody td.num")] == ["0", "1"]
    cells = [cell.text for cell in components.all("tbody td")]
    assert "none yet" in cells
    assert any(text.startswith("2026-11-21 12:00:01 UTC") for text in cells)
    sources = Html(reader.get("/sources/"))
    assert [cell.text for cell in sources.all("tbody th")] == ["idle", "shop/web"]
    assert {"never", "none", "Web"} <= {cell.text for cell in sources.all("tbody td")}


def test_long_lists_have_pages(reader: Client) -> None:
    for number in range(101):
        actions.create_source(f"source {number:03}", kind="push")
        actions.create_component(f"component {number:03}")
    for path in ("/sources/", "/components/"):
        first = Html(reader.get(path))
        assert len(first.all("tbody tr")) == 100
        last = Html(reader.get(path + first.link(".pager a[rel=next]")))
        assert [row.text[-3:] for row in last.all("tbody th")] == ["100"]
        assert reader.get(path, {"page": "x"}).status_code == 200
        assert reader.get(path, {"page": "99"}).status_code == 200


@pytest.mark.parametrize("path", ["/sources/", "/components/"])
def test_an_empty_list_offers_to_make_one_to_those_who_may(
    boss: Client, reader: Client, path: str
) -> None:
    assert Html(boss.get(path)).link(".empty a") == f"{path}new/"
    assert Html(reader.get(path)).all(".empty a") == []


def test_a_component_shows_only_the_events_of_its_sources(
    reader: Client, web: Component, source: EventSource
) -> None:
    shown = record(2)
    record(2, before=2, source_id="shop/other")
    record(2, before=4, kind="push")  # of the same external id, but another source
    actions.attach(web, source)
    assert sorted(Html(reader.get("/components/web/")).rows) == sorted(
        str(row.uuid) for row in shown
    )
    page = Html(reader.get(of("source", source.uuid)))
    assert sorted(page.rows) == sorted(str(row.uuid) for row in shown)
    whole = next(a["href"] for a in page.all("a") if a.text == "Open in the feed")
    assert Html(reader.get(whole)).rows == page.rows


def test_detaching_hides_events_and_attaching_brings_them_back(
    boss: Client, web: Component, source: EventSource
) -> None:
    record(3)
    page = follow(boss, of("component-attach", "web"), {"source": str(source.uuid)})
    assert len(page.rows) == 3
    assert page.one("#messages .message").text.startswith("CI of the shop is attached")
    page = follow(boss, of("component-detach", "web", source.uuid), {})
    assert page.rows == []
    assert len(Html(boss.get("/")).rows) == 3
    page = follow(boss, of("component-attach", "web"), {"source": str(source.uuid)})
    assert len(page.rows) == 3


def test_a_source_that_is_gone_or_attached_cannot_be_attached(
    boss: Client, web: Component, source: EventSource
) -> None:
    actions.attach(web, source)
    for value in (str(source.uuid), str(uuid.uuid4()), "nonsense", ""):
        response = boss.post(of("component-attach", "web"), {"source": value})
        assert response.status_code == 422
        assert Html(response).one("form#attach .summary")
    assert web.sources.count() == 1


def test_the_21st_source_is_refused_in_words(boss: Client, web: Component) -> None:
    for number in range(20):
        actions.attach(web, actions.create_source(str(number), kind="push"))
    extra = actions.create_source("extra", kind="push")
    response = boss.post(of("component-attach", "web"), {"source": str(extra.uuid)})
    assert response.status_code == 422
    assert "20" in Html(response).one("form#attach .summary").text


@pytest.mark.parametrize(
    "path", ["/components/none/", f"/sources/{uuid.UUID(int=7)}/", "/components/none/edit/"]
)
def test_what_does_not_exist_is_404(boss: Client, path: str) -> None:
    assert boss.get(path).status_code == 404


# ---- writing


def test_an_admin_makes_changes_and_deletes_a_component(boss: Client) -> None:
    links = "Runbook https://wiki.example.com/x\nhttps://git.example.com"
    page = follow(boss, of("component-new"), {**NEW, "links": links})
    assert page.one("h1").text == "Search"
    component = Component.objects.get()
    assert [(link["name"], link["url"]) for link in component.links] == [
        ("Runbook", "https://wiki.example.com/x"),
        ("git.example.com", "https://git.example.com"),
    ]
    form = Html(boss.get(of("component-edit", "search")))
    assert form.one("#id_name")["value"] == "Search"
    assert "Runbook https://wiki.example.com/x" in form.one("#id_links").text
    changed = {**NEW, "name": "Finder", "slug": "finder", "type": "LIBRARY"}
    page = follow(boss, of("component-edit", "search"), changed)
    assert page.one("h1").text == "Finder"
    assert boss.get("/components/finder/").status_code == 200
    assert boss.get("/components/search/").status_code == 404
    assert boss.get(of("component-delete", "finder")).status_code == 200
    assert Component.objects.exists(), "asking deletes nothing"
    follow(boss, of("component-delete", "finder"), {})
    assert not Component.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "x" * 101), ("slug", "no spaces"), ("slug", "web"), ("type", "HOUSE"),
     ("links", "javascript:alert(1)"), ("links", "Runbook"), ("name", "a\x00b")],
)  # fmt: skip
def test_a_component_that_cannot_be_is_422_with_the_field_named(
    boss: Client, web: Component, field: str, value: str
) -> None:
    response = boss.post(of("component-new"), {**NEW, "owner_team": "Mine", field: value})
    page = Html(response)
    assert response.status_code == 422
    assert page.link(".summary a") == f"#id_{field}"
    assert page.one(f"#id_{field}")["aria-invalid"] == "true"
    if field != "owner_team":
        assert page.one("#id_owner_team")["value"] == "Mine"
    assert Component.objects.count() == 1


def test_a_slug_that_is_taken_is_422_when_editing_too(boss: Client, web: Component) -> None:
    actions.create_component("Search")
    response = boss.post(of("component-edit", "search"), {**NEW, "slug": "web"})
    assert response.status_code == 422
    assert Html(response).link(".summary a") == "#id_slug"


def test_an_admin_makes_renames_and_deletes_a_source(boss: Client, web: Component) -> None:
    new = {"external_id": "shop/search", "kind": "build", "name": ""}
    page = follow(boss, of("source-new") + "?component=web", new)
    assert page.one("h1").text == "Web"
    source = web.sources.get()
    page = follow(boss, of("source-edit", source.uuid), {"name": "CI", "external_id": "other"})
    assert page.one("h1").text == "CI"
    source.refresh_from_db()
    assert source.external_id == "shop/search"
    record(3, source_id="shop/search")
    assert "3 events" in Html(boss.get(of("source-delete", source.uuid))).one("form.card").text
    follow(boss, of("source-delete", source.uuid), {})
    assert not EventSource.objects.exists()
    assert not Activity.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("external_id", ""), ("external_id", "x" * 256), ("external_id", "shop/web"),
     ("kind", "nonsense"), ("name", "x" * 256)],
)  # fmt: skip
def test_a_source_that_cannot_be_is_422_with_the_field_named(
    boss: Client, source: EventSource, field: str, value: str
) -> None:
    new = {"external_id": "new", "kind": "build", "name": "", field: value}
    response = boss.post(of("source-new"), new)
    assert response.status_code == 422
    assert Html(response).link(".summary a") == f"#id_{field}"
    assert EventSource.objects.count() == 1


# ---- who may


def writes(source: EventSource) -> list[tuple[str, dict[str, Any]]]:
    return [
        (of("component-new"), NEW),
        (of("component-edit", "web"), NEW),
        (of("component-delete", "web"), {}),
        (of("component-attach", "web"), {"source": str(source.uuid)}),
        (of("component-detach", "web", source.uuid), {}),
        (of("source-new"), {"external_id": "new", "kind": "build", "name": ""}),
        (of("source-edit", source.uuid), {"name": "x"}),
        (of("source-delete", source.uuid), {}),
    ]


def state() -> list[Any]:
    rows: list[Any] = [list(model.objects.values()) for model in (Component, EventSource)]
    return [*rows, list(Component.sources.through.objects.values())]


@pytest.mark.parametrize("role", ["viewer", "composer", "bot"])
def test_only_admins_write_and_others_are_offered_nothing(
    web: Component, source: EventSource, role: str
) -> None:
    client = signed_in(role)
    actions.attach(web, source)
    before = state()
    addresses = writes(source)
    for address, data in addresses:
        response = client.post(address, data)
        assert response.status_code == 403
        assert Html(response).one("h1").text == "You may not do this"
        assert client.get(address).status_code == 403
    assert state() == before
    forbidden = {address for address, _ in addresses}
    for path in ("/", "/components/", "/components/web/", "/sources/", of("source", source.uuid)):
        page = Html(client.get(path))
        offered = {element.attrs.get("href", "") for element in page.all("a")}
        offered |= {element.attrs.get("action", "") for element in page.all("form")}
        assert not {address.partition("?")[0] for address in offered} & forbidden


def test_the_buttons_of_an_admin_lead_somewhere(
    boss: Client, web: Component, source: EventSource
) -> None:
    actions.attach(web, source)
    paths = ("/components/", "/components/web/", "/sources/", of("source", source.uuid))
    offered = {
        element["href"]
        for path in paths
        for element in Html(boss.get(path)).all("main a")
        if element["href"].startswith("/")
    }
    assert {of("component-new"), of("component-edit", "web"), of("source-new")} <= offered
    for address in offered:
        assert boss.get(address).status_code == 200


PAGES = ("/", "/components/", "/components/web/", "/sources/")


def test_strangers_are_sent_to_sign_in_and_come_back(web: Component, source: EventSource) -> None:
    (activity,) = record(1)
    reading = [*PAGES, of("source", source.uuid), activity.get_absolute_url(), "/?type=build&q=x"]
    for address in [*reading, of("settings"), of("tokens"), *(a for a, _ in writes(source))]:
        response = Client().get(address)
        assert response.status_code == 302
        assert response["Location"].startswith("/sign-in/?next=")
    assert Client().get("/?type=build")["Location"] == "/sign-in/?next=/%3Ftype%3Dbuild"


def test_strangers_write_nothing(web: Component, source: EventSource, settings: Any) -> None:
    before = state()
    for settings.ANONYMOUS_READ in (False, True):
        for address, data in writes(source):
            assert Client().post(address, data).status_code == 302
    assert state() == before


def test_anonymous_read_opens_the_reading_pages_and_no_others(
    web: Component, source: EventSource, settings: Any
) -> None:
    settings.ANONYMOUS_READ = True
    (activity,) = record(1)
    for address in (*PAGES, of("source", source.uuid), activity.get_absolute_url()):
        response = Client().get(address)
        assert response.status_code == 200
        page = Html(response)
        assert page.link(".who a") == "/sign-in/"
        names = ["Feed", "Components", "Sources", "People"]
        assert [link.text for link in page.all(".nav a")] == names
    for address in (of("settings"), of("tokens")):
        assert Client().get(address).status_code == 302


# ---- the log


def test_the_log_of_a_source_shows_what_was_refused_and_what_was_ignored(
    bot: Caller, reader: Client, settings: Any
) -> None:
    source = actions.create_source("shop/web", kind="build")
    bot.event("build", updateSequenceNumber=5)
    bot.event("build", updateSequenceNumber=4, displayName="an old one")
    bot.event("build", displayName=["not", "text"])
    response = reader.get(of("source", source.uuid))
    entries = [entry.text for entry in Html(response).all(".log li")]
    assert [entry.split()[0] for entry in entries] == ["Refused", "Ignored"]
    assert "event.build.displayName: must be a string" in entries[0]
    assert '"displayName": ["not", "text"]' in entries[0]
    assert "an old one" in entries[1]
    settings.ANONYMOUS_READ = True
    stranger = Client().get(of("source", source.uuid))
    assert stranger.status_code == 200
    assert b"an old one" not in stranger.content
    assert Html(stranger).all(".log") == []
