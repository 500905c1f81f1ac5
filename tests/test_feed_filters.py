"""The feed page: its filters, its query box, and what it says where nothing is found."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils.html import escape

from feeds import actions
from feeds.models import Activity, EventSource
from tests.pages import Html, record, signed_in

HTMX = {"HX-Request": "true"}


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


def query(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


# ---- filters


@pytest.fixture
def variety(reader: Client) -> Client:
    """Six rows that differ in everything."""
    record(
        1,
        title="alpha",
        kind="build",
        state="succeeded",
        generator="Jenkins",
        actor_key="maria",
        target_key="shop/web",
        source_id="shop/web",
    )
    record(
        1,
        before=1,
        title="beta",
        kind="build",
        state="failed",
        generator="TeamHub",
        actor_key="jonas",
        target_key="shop/api",
        source_id="shop/api",
    )
    record(
        1,
        before=2,
        title="gamma",
        kind="push",
        generator="-dash",
        actor_key="-minus",
        target_key="\\slash",
        source_id="-odd",
    )
    for name, external in (("Web", "shop/web"), ("API", "shop/api")):
        actions.attach(
            actions.create_component(name), EventSource.objects.get(external_id=external)
        )
    return reader  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ([("type", "build")], "beta alpha"),
        ([("type", "-build")], "gamma"),
        ([("type", "build"), ("type", "push")], "gamma beta alpha"),
        ([("state", "failed")], "beta"),
        ([("state", "-failed")], "gamma alpha"),
        ([("generator", "Jenkins"), ("generator", "TeamHub")], "beta alpha"),
        ([("generator", "\\-dash")], "gamma"),
        ([("generator", "--dash")], "beta alpha"),
        ([("actor", "maria")], "alpha"),
        ([("actor", "-maria"), ("actor", "-jonas")], "gamma"),
        ([("actor", "\\-minus")], "gamma"),
        ([("target", "shop/api")], "beta"),
        ([("target", "\\\\slash")], "gamma"),
        ([("component", "web")], "alpha"),
        ([("component", "-web")], "gamma beta"),
        ([("source", "shop/api"), ("source", "\\-odd")], "gamma beta"),
        ([("since", "2026-11-21T12:00:01")], "gamma beta"),
        ([("until", "2026-11-21T12:00:01Z")], "alpha"),
        ([("since", "2026-11-22")], ""),
        ([("q", "alp*")], "alpha"),
        ([("type", "build"), ("state", "-failed"), ("component", "web")], "alpha"),
        ([("type", ""), ("q", ""), ("since", ""), ("actor", "")], "gamma beta alpha"),
    ],
)
def test_every_filter_narrows_the_page(
    variety: Client, filters: list[tuple[str, str]], titles: str
) -> None:
    response = variety.get(f"/?{urlencode(filters)}")
    page = Html(response)
    assert (response.status_code, page.titles) == (200, titles.split())
    assert len(page.all(".chip")) == len([value for _, value in filters if value])
    for chip in page.all("a.chip-x"):
        without = query(chip["href"])
        assert sum(map(len, without.values())) == len(page.all(".chip")) - 1
    for flip in page.all("a.flip"):
        flipped = Html(variety.get(flip["href"]))
        assert len(flipped.all(".chip")) == len(page.all(".chip"))
    if len(filters) == 1 and page.all("a.flip"):
        flipped = Html(variety.get(page.link("a.flip")))
        assert sorted(page.titles + flipped.titles) == ["alpha", "beta", "gamma"]
        assert query(flipped.link("a.flip")) == query(f"?{urlencode(filters)}")


def test_a_chip_says_the_filter_in_words_and_leads_on(variety: Client) -> None:
    page = Html(variety.get("/?type=build&type=-push&actor=maria&q=alpha"))
    assert [chip.text for chip in page.all(".chip")] == [
        "Type is Build", "Type is not Push", "Actor is maria", "Text contains alpha",
    ]  # fmt: skip
    assert [chip["href"] for chip in page.all("a.chip-x")] == [
        "/?type=-push&actor=maria&q=alpha",
        "/?type=build&actor=maria&q=alpha",
        "/?type=build&type=-push&q=alpha",
        "/?type=build&type=-push&actor=maria",
    ]
    assert [chip["href"] for chip in page.all("a.flip")] == [
        "/?type=-push&type=-build&actor=maria&q=alpha",
        "/?type=build&type=push&actor=maria&q=alpha",
        "/?type=build&type=-push&actor=-maria&q=alpha",
    ]
    assert page.link("a.clear") == "/"


def test_every_value_of_a_row_filters_by_itself(variety: Client) -> None:
    row = "article.row"
    for selector in ("a.rail", "a.actor", "a.badge", ".sub a", "a.pill"):
        for link in Html(variety.get("/")).all(f"{row} {selector}"):
            if link["href"].startswith("/?"):
                titles = Html(variety.get(link["href"])).titles
                assert any(name in titles for name in ("alpha", "beta", "gamma"))
    by_actor = {link["href"] for link in Html(variety.get("/")).all(f"{row} a.actor")}
    assert by_actor == {"/?actor=maria", "/?actor=jonas", "/?actor=%5C-minus"}
    assert Html(variety.get("/?actor=%5C-minus")).titles == ["gamma"]


def test_a_click_in_a_row_keeps_the_filters_in_force(variety: Client) -> None:
    page = Html(variety.get("/?type=build"))
    assert page.link("article.row a.actor") == "/?type=build&actor=jonas"
    assert page.link("article.row a.rail") == "/?type=build"


def test_the_form_keeps_what_it_cannot_show(variety: Client) -> None:
    page = Html(variety.get("/?type=-push&actor=maria&actor=-jonas&state=failed&since=2026-01-01"))
    form = "form#filters"
    kept = {(field["name"], field["value"]) for field in page.all(f"{form} input[type=hidden]")}
    assert kept == {("type", "-push"), ("actor", "-jonas")}
    assert page.one("#f-actor")["value"] == "maria"
    assert page.one("#f-since")["value"] == "2026-01-01"
    checked = [
        box["value"] for box in page.all(f"{form} input[type=checkbox]") if "checked" in box.attrs
    ]
    assert checked == ["failed"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "nonsense"),
        ("state", "-nonsense"),
        ("since", "whenever"),
        ("until", "2026-13-01"),
        ("actor", "\x00"),
        ("component", "\x00"),
        ("before", "x"),
        ("after", f"{10**30}_1"),
    ],
)
def test_a_filter_that_cannot_be_read_is_400_and_the_form_is_kept(
    variety: Client, name: str, value: str
) -> None:
    response = variety.get("/", {name: value, "q": "alpha", "generator": "Jenkins"})
    page = Html(response)
    assert response.status_code == 400
    assert page.one("#f-error").text.startswith(f"This filter cannot be read {name}: ")
    assert " alpha" in page.one("#f-query")["value"]
    assert page.one("#f-generator")["value"] == "Jenkins"
    assert page.rows == []
    if name not in {"before", "after"}:
        assert page.one(f"#f-{name}")["aria-describedby"] == "f-error"
        assert page.link("#f-error a") == f"#f-{name}"
    part = variety.get("/", {name: value}, headers=HTMX)
    assert part.status_code == 400
    assert Html(part).one("#f-error")


# ---- the query box


def test_a_query_leads_to_the_address_of_its_filters(variety: Client) -> None:
    answer = variety.get("/", {"query": 'type:build -actor:ci "a b" before:2026-12-01'})
    assert answer.status_code == 303
    address = "/?type=build&actor=-ci&until=2026-12-01&q=%22a+b%22"
    assert answer["Location"] == address
    page = Html(variety.get(address))
    assert page.one("#f-query")["value"] == 'type:build -actor:ci until:2026-12-01 "a b"'
    assert [chip.text for chip in page.all(".chip")] == [
        "Type is Build", "Actor is not ci", "Until before 2026-12-01", 'Text contains "a b"',
    ]  # fmt: skip
    assert variety.get("/", {"query": " "})["Location"] == "/"
    beside = variety.get("/?type=build&query=state:failed&before=1_2", headers=HTMX)
    assert (beside.status_code, beside["Location"]) == (303, "/?type=build&state=failed")


def test_a_fault_of_a_query_is_explained_and_the_rest_is_in_force(variety: Client) -> None:
    text = "type:build stat:failed -actor:nobody <b>:x"
    for headers in ({}, HTMX):
        answer = variety.get("/", {"query": text}, headers=headers)
        page = Html(answer)
        assert answer.status_code == 400
        assert page.one("#f-query")["value"] == text
        assert page.one("#f-query")["aria-describedby"] == page.one("[role=alert]")["id"]
        assert page.one("#f-error li").text == (
            "stat:failed there is no key stat. Did you mean state:failed?"
        )
        assert [chip.text for chip in page.all(".chip")] == [
            "Type is Build", "Actor is not nobody", "Text contains <b>:x",
        ]  # fmt: skip
        assert page.all(".chip-x")[0]["href"] == "/?actor=-nobody&q=%3Cb%3E%3Ax"
    mended = variety.get(page.link("#f-error a"))
    assert mended["Location"] == "/?type=build&state=failed&actor=-nobody&q=%3Cb%3E%3Ax"
    assert Html(variety.get("/", {"query": "stat:failed"})).titles == ["gamma", "beta", "alpha"]


def test_the_list_alone_brings_the_box_and_for_the_box_the_menus(variety: Client) -> None:
    def parts(**headers: str) -> list[str]:
        page = Html(variety.get("/?type=build&q=alpha", headers={**HTMX, **headers}))
        assert page.one("#f-query")["value"] == "type:build alpha"
        return [form["id"] for form in page.all("form[hx-swap-oob=true]")]

    assert parts() == ["ask"]
    assert parts(**{"HX-Source": "form#ask"}) == ["ask", "filters"]
    assert Html(variety.get("/")).all("form[hx-swap-oob=true]") == []


@pytest.mark.parametrize("path", ["/components/web/", "/sources/{source}/"])
def test_a_bad_cursor_is_400_on_every_page_with_a_feed(variety: Client, path: str) -> None:
    source = EventSource.objects.first()
    assert source
    response = variety.get(path.format(source=source.uuid), {"before": "x"})
    assert response.status_code == 400
    assert Html(response).one("#f-error").text.startswith("This filter cannot be read before: ")


def test_a_search_is_shown_as_text(variety: Client) -> None:
    text = '"><script>alert(1)</script>'
    response = variety.get("/", {"q": text, "actor": text})
    assert text.encode() not in response.content
    assert escape(text).encode() in response.content


# ---- when there is nothing


def test_an_empty_feed_tells_how_to_send_the_first_event(reader: Client) -> None:
    response = reader.get("/")
    assert b"Nothing has happened yet" in response.content
    assert actions.cloud_id().encode() in response.content


def test_a_filter_without_rows_offers_to_clear_it(variety: Client) -> None:
    page = Html(variety.get("/?actor=nobody"))
    assert page.one(".empty h2").text == "Nothing matches these filters"
    assert page.link(".empty a") == "/"


def test_beyond_the_last_page_the_way_back_is_offered(variety: Client) -> None:
    page = Html(variety.get("/?type=build&before=0_0"))
    assert page.link(".empty a") == "/?type=build"


def test_any_method_but_reading_changes_nothing(variety: Client) -> None:
    before = list(Activity.objects.values())
    variety.post("/")
    assert list(Activity.objects.values()) == before
