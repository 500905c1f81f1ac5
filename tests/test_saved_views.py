"""Saved views: starred, opened by default, changed and not saved, copied."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from feeds import actions, feedtoken
from feeds.models import SavedView, Star, User
from tests.conftest import Caller
from tests.pages import Html, person, record, signed_in

V1 = "/api/v1"


@pytest.fixture
def reader(db: None) -> Client:
    record(2, kind="push")
    record(2, before=2)
    return signed_in()


def me() -> User:
    return User.objects.get(username="viewer")


def tabs(client: Client, address: str) -> list[str]:
    return [tab.text for tab in Html(client.get(address)).all("nav.tabs a")]


def press(client: Client, address: str, button: str, page: str = "/views/") -> Html:
    """Press the BUTTON of PAGE with this spoken name whose form or itself goes to ADDRESS."""
    found = [
        each
        for each in Html(client.get(page)).all("button")
        if each.attrs.get("aria-label", each.text) == button
    ]
    assert [each["formaction"] for each in found] == [address]
    fields = {found[0]["name"]: found[0]["value"]} if "name" in found[0].attrs else {}
    return Html(client.post(address, fields, follow=True))


# ---- the bar over the feed


def test_starred_views_stand_first_for_those_who_starred_them(reader: Client) -> None:
    other = person("admin", "boss")
    for name in ("Alpha", "Beta", "Gamma"):
        actions.save_view(me(), name=name)
    shared = actions.save_view(other, name="Shared", query="type=build", shared=True)
    actions.save_view(other, name="Hidden")
    beta = SavedView.objects.get(name="Beta")
    page = press(reader, f"/views/{beta.uuid}/star/", "Star Beta")
    assert [row.text for row in page.all("tbody th")] == ["Beta", "Alpha", "Gamma", "Shared"]
    press(reader, f"/views/{shared.uuid}/star/", "Star Shared")
    assert tabs(reader, "/") == ["Everything", "Beta", "Shared"]
    menu = Html(reader.get("/")).all(".viewbar .menu a.check")
    assert [link.text for link in menu][:4] == ["Beta", "Shared boss", "Alpha", "Gamma"]
    press(reader, f"/views/{beta.uuid}/star/", "Starred: Beta, take the star away")
    assert tabs(reader, "/") == ["Everything", "Shared"]
    theirs = Client()
    theirs.force_login(other)
    assert tabs(theirs, "/") == ["Everything"]


def test_views_that_one_does_not_see_can_be_neither_starred_nor_opened_nor_copied(
    reader: Client,
) -> None:
    hidden = actions.save_view(person("admin"), name="Hidden", query="type=build")
    for act in ("star", "default", "duplicate", "update", "delete"):
        assert reader.post(f"/views/{hidden.uuid}/{act}/", {"on": "1"}).status_code == 404
        closed = 404 if act == "delete" else 405
        assert reader.get(f"/views/{hidden.uuid}/{act}/").status_code == closed
        assert Client().post(f"/views/{hidden.uuid}/{act}/").status_code == 302
    assert not Star.objects.exists()
    page = Html(reader.get(f"/?view={hidden.uuid}&type=push"))
    assert "Hidden" not in page.one("body").text
    assert len(page.rows) == 2


# ---- the default


def test_the_bare_address_opens_the_default_view_and_everything_is_one_click_away(
    reader: Client,
) -> None:
    view = actions.save_view(me(), name="Pushes", query="type=push")
    page = press(reader, f"/views/{view.uuid}/default/", "Make default: Pushes")
    assert page.one("tbody th").text == "Pushes Default"
    opened = reader.get("/")
    assert opened.status_code == 302
    assert opened["Location"] == f"/?view={view.uuid}&type=push"
    page = Html(reader.get(opened["Location"]))
    assert len(page.rows) == 2
    (current,) = [tab for tab in page.all("nav.tabs a") if "aria-current" in tab.attrs]
    assert current.text == "Pushes (default)"
    whole = page.link("nav.tabs a")
    assert len(Html(reader.get(whole)).rows) == 4
    assert page.link("a.clear") == whole == "/?view=all"
    (kept,) = [field for field in page.all("#filters input") if field.attrs.get("name") == "view"]
    assert kept["value"] == str(view.uuid)
    (kept,) = Html(reader.get(whole)).all("#filters input[name=view]")
    assert kept["value"] == "all"  # the form with nothing in it means everything


def test_an_empty_default_view_leads_nowhere_in_a_circle(reader: Client) -> None:
    view = actions.save_view(me(), name="All of it")
    actions.open_with(view, by=me())
    answer = reader.get("/", follow=True)
    assert [address for address, _ in answer.redirect_chain] == [f"/?view={view.uuid}"]
    assert len(Html(answer).rows) == 4


def test_the_address_of_a_view_alone_opens_it_as_it_is_now(reader: Client) -> None:
    view = actions.save_view(me(), name="Mine", query="type=push")
    reader.post(f"/views/{view.uuid}/update/", {"query": "type=build", "was": "type=push"})
    answer = reader.get(f"/?view={view.uuid}", follow=True)
    assert [address for address, _ in answer.redirect_chain] == [f"/?view={view.uuid}&type=build"]
    assert len(Html(answer).rows) == 2


def test_a_default_view_that_cannot_be_read_any_more_offers_everything(reader: Client) -> None:
    view = actions.save_view(me(), name="Old", query="type=castle")
    actions.open_with(view, by=me())
    answer = reader.get("/", follow=True)
    assert answer.status_code == 400
    (way_out,) = [link for link in Html(answer).all("a") if link.text == "Show everything"]
    assert len(Html(reader.get(way_out["href"])).rows) == 4


def test_a_default_that_is_unshared_or_deleted_is_none(reader: Client) -> None:
    owner = person("admin")
    view = actions.save_view(owner, name="Ours", query="type=push", shared=True)
    actions.open_with(view, by=me())
    assert reader.get("/").status_code == 302
    actions.change_view(view, {"shared": False}, by=owner)
    assert len(Html(reader.get("/")).rows) == 4
    actions.delete_view(view, by=owner)
    assert len(Html(reader.get("/")).rows) == 4
    assert me().default_view_id is None


def test_only_one_view_is_the_default_and_programs_do_not_notice(
    reader: Client, viewer: Caller
) -> None:
    one, two = (actions.save_view(me(), name=name, query="type=push") for name in "ab")
    press(reader, f"/views/{one.uuid}/default/", "Make default: a")
    press(reader, f"/views/{two.uuid}/default/", "Make default: b")
    assert reader.get("/")["Location"] == f"/?view={two.uuid}&type=push"
    reader.post(f"/views/{one.uuid}/default/", {"on": "0"})  # it is not the default: nothing to do
    assert reader.get("/").status_code == 302
    everything = viewer.get("/feed.json").json()["items"], viewer.get(f"{V1}/activities").json()
    assert len(everything[0]) == len(everything[1]["results"]) == 4
    fragment = reader.get("/", headers={"hx-request": "true"})
    assert len(Html(fragment).rows) == 4
    press(reader, f"/views/{two.uuid}/default/", "Not default any more: b")
    assert reader.get("/").status_code == 200


# ---- changed and not saved


def marker(page: Html) -> list[str]:
    return [part.text for part in page.all("form.changed p") + page.all("form.changed .btn")]


def test_filters_that_differ_from_the_view_are_marked_and_saved_in_place(reader: Client) -> None:
    view = actions.save_view(me(), name="Pushes", query="type=push&actor=x&actor=y")
    same = f"/?view={view.uuid}&actor=y&actor=x&type=push&q=&before=9_9"
    assert marker(Html(reader.get(same))) == []
    page = Html(reader.get(f"/?view={view.uuid}&type=push"))
    assert marker(page) == ["Pushes (changed):", "Save", "Save as new", "Reset"]
    fragment = reader.get(f"/?view={view.uuid}&type=push", headers={"hx-request": "true"})
    assert marker(Html(fragment)) == marker(page)
    links = {link.text: link["href"] for link in page.all("form.changed a")}
    assert dict(parse_qsl(urlsplit(links["Save as new"]).query)) == {"type": "push"}
    assert links["Reset"] == f"/?view={view.uuid}&type=push&actor=x&actor=y"
    chip = Html(reader.get(same)).all(".chip-x")[0]
    assert f"view={view.uuid}" in chip["href"]  # a filter removed keeps the view in mind
    fields = {field["name"]: field["value"] for field in page.all("form.changed input")}
    saved = reader.post(page.one("form.changed")["action"], fields)
    assert saved["Location"] == f"/?view={view.uuid}&type=push"
    assert marker(Html(reader.get(saved["Location"]))) == []


def test_a_view_that_was_changed_meanwhile_is_not_written_over(reader: Client) -> None:
    view = actions.save_view(me(), name="Mine", query="type=push")
    page = Html(reader.get(f"/?view={view.uuid}&type=build"))
    fields = {field["name"]: field["value"] for field in page.all("form.changed input")}
    actions.change_view(view, {"query": "state=failed"}, by=me())
    answer = reader.post(f"/views/{view.uuid}/update/", fields)
    assert answer.status_code == 409
    assert "was changed meanwhile" in (text := Html(answer).one(".empty").text)
    assert "state=failed" in text
    assert Html(answer).link(".empty a") == "/views/new/?type=build"
    wrong = reader.post(f"/views/{view.uuid}/update/", {"query": "type=castle", "was": "x"})
    assert wrong.status_code == 422
    assert "castle" in Html(wrong).one(".empty").text
    view.refresh_from_db()
    assert view.query == "state=failed"


def test_somebody_elses_shared_view_is_copied_and_not_changed(reader: Client) -> None:
    view = actions.save_view(person("admin"), name="Ours", query="type=push", shared=True)
    assert marker(Html(reader.get(f"/?view={view.uuid}&type=build"))) == [
        "Ours (changed):", "Save as new", "Reset",
    ]  # fmt: skip
    posted = reader.post(f"/views/{view.uuid}/update/", {"query": "", "was": "type=push"})
    assert posted.status_code == 404
    form = press(reader, f"/views/{view.uuid}/duplicate/", "Duplicate Ours")
    assert form.one("[name=name]")["value"] == "Ours"
    reader.post(f"/views/{view.uuid}/duplicate/")
    mine = list(me().views.order_by("id").values_list("name", "query", "shared"))
    assert mine == [("Ours", "type=push", False), ("Ours (copy)", "type=push", False)]
    long = actions.save_view(me(), name="x" * 100)
    assert actions.duplicate_view(long, by=me()).name == "x" * 93 + " (copy)"


# ---- taken away


def test_the_menus_lead_to_what_the_page_shows(reader: Client) -> None:
    view = actions.save_view(me(), name="Pushes", query="type=push")
    token = feedtoken.token_of(me())
    page = Html(reader.get(f"/?view={view.uuid}&type=push"))
    assert page.one("#take-atom").text.endswith(f"/views/{view.uuid}/feed.atom?token={token}")
    changed = Html(reader.get(f"/?view={view.uuid}&type=build&before="))
    assert changed.one("#take-json").text.endswith(f"/feed.json?type=build&token={token}")
    assert Html(reader.get("/")).one("#take-atom").text.endswith(f"/feed.atom?token={token}")
    for shown in (page, changed):
        link = shown.link("a.subscribe").removeprefix("http://127.0.0.1:8000")
        assert Client().get(link).content.count(b"<entry>") == 2
        csv = next(link["href"] for link in shown.all(".take a") if "download" in link.attrs)
        assert csv.startswith("/feed.csv?type=")
        assert csv.endswith(f"&view={view.uuid}")
        assert b"".join(reader.get(csv).streaming_content).count(b"\r\n") == 3


def test_nobody_in_particular_gets_addresses_without_a_secret(db: None, settings: object) -> None:
    settings.ANONYMOUS_READ = True  # type: ignore[attr-defined]
    record(1)
    page = Html(Client().get("/"))
    assert page.one("#take-atom").text == "http://127.0.0.1:8000/feed.atom"
    assert page.all("nav.tabs") == []


def test_the_addresses_are_replaced_on_the_page_of_settings(reader: Client) -> None:
    old = Html(reader.get("/")).one("#take-json").text.removeprefix("http://127.0.0.1:8000")
    assert Client().get(old).status_code == 200
    assert reader.get("/settings/feed-addresses/").status_code == 405
    page = Html(reader.get("/settings/"))
    (form,) = [form for form in page.all("form") if form.text == "Replace the addresses"]
    assert reader.post(form["action"]).status_code == 302
    assert Client().get(old).status_code == 401
    new = Html(reader.get("/")).one("#take-json").text.removeprefix("http://127.0.0.1:8000")
    assert Client().get(new).status_code == 200


# ---- our own API


def test_programs_star_views_and_choose_a_default_of_their_own(
    viewer: Caller, admin: Caller
) -> None:
    made = admin.post(f"{V1}/views", {"name": "Ours", "shared": True, "starred": True})
    assert made.status_code == 201
    assert (made.json()["starred"], made.json()["default"]) == (True, False)
    path = f"{V1}/views/{made.json()['uuid']}"
    assert viewer.get(path).json()["starred"] is False
    changed = viewer.patch(path, {"starred": True, "default": True})
    assert changed.status_code == 200
    assert (changed.json()["starred"], changed.json()["default"]) == (True, True)
    assert admin.get(path).json()["default"] is False
    (listed,) = viewer.get(f"{V1}/views").json()["results"]
    assert (listed["starred"], listed["default"]) == (True, True)
    assert viewer.patch(path, {"name": "Mine", "starred": False}).status_code == 403
    assert viewer.get(path).json()["starred"] is True  # nothing of it was done
    viewer.patch(path, {"default": False, "starred": False})
    assert viewer.get(path).json()["default"] is False
    assert viewer.patch(path, {"default": None}).status_code == 400


def test_who_deletes_a_view_is_asked_first(reader: Client) -> None:
    view = actions.save_view(me(), name="Mine", query="type=build", shared=True)
    link = Html(reader.get("/views/")).link("table a.danger")
    asks = Html(reader.get(link))
    assert asks.one("h1").text == "Delete the view Mine?"
    assert "It is shared: it goes for everybody" in asks.one("form.card").text
    assert asks.link("form.card a.btn") == "/views/"
    assert reader.post(link)["Location"] == "/views/"
    assert reader.get(link).status_code == 404
    assert not type(view).objects.filter(pk=view.pk).exists()


def test_a_view_gets_its_star_and_becomes_the_default_where_it_is_made(reader: Client) -> None:
    form = Html(reader.get("/views/new/?type=build"))
    assert [box["name"] for box in form.all("main input[type=checkbox]")] == [
        "shared", "starred", "is_default",
    ]  # fmt: skip
    said = {"name": "Builds", "query": "type=build", "starred": "on", "is_default": "on"}
    assert reader.post("/views/new/", said).status_code == 302
    assert tabs(reader, "/?view=all") == ["Everything", "Builds (default)"]
    assert len(Html(reader.get("/", follow=True)).rows) == 2, "the site opens with it"
    view = SavedView.objects.get()
    edit = Html(reader.get(f"/views/{view.uuid}/edit/"))
    ticked = [
        box["name"] for box in edit.all("main input[type=checkbox]") if "checked" in box.attrs
    ]
    assert ticked == ["starred", "is_default"]
    reader.post(f"/views/{view.uuid}/edit/", {"name": "Builds", "query": "type=build"})
    assert not Star.objects.exists()
    assert me().default_view is None


def test_a_view_that_is_not_made_the_default_leaves_the_default_as_it_is(reader: Client) -> None:
    first = actions.save_view(me(), name="First", query="type=build")
    actions.open_with(first, by=me())
    reader.post("/views/new/", {"name": "Second", "query": "type=push"})
    assert me().default_view == first


@pytest.mark.parametrize("mark", ["starred", "is_default"])
def test_a_view_that_cannot_be_saved_marks_nothing(reader: Client, mark: str) -> None:
    actions.save_view(me(), name="Builds")
    answer = reader.post("/views/new/", {"name": "Builds", mark: "on"})
    assert answer.status_code == 422
    assert "checked" in Html(answer).one(f"#id_{mark}").attrs
    assert not Star.objects.exists()
    assert me().default_view is None
