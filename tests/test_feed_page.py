"""The feed page: its order, its pages, its filters, and the list alone for htmx."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from feeds import actions, mentions
from feeds.models import Activity, EventSource
from tests.pages import START, Html, record, signed_in

HTMX = {"HX-Request": "true"}


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


def walk(reader: Client, address: str, rel: str) -> list[list[str]]:
    """Follow the links of one direction, and return the rows of each page."""
    pages = []
    while address:
        page = Html(reader.get(address))
        pages.append(page.rows)
        address = page.link(f".pager a[rel={rel}]")
        assert len(pages) < 20
    return pages


def last_page(reader: Client, address: str = "/") -> str:
    while following := Html(reader.get(address)).link(".pager a[rel=next]"):
        address = following
    return address


def flat(pages: list[list[str]]) -> list[str]:
    return [row for page in pages for row in page]


def query(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


# ---- order and pages


def test_the_newest_is_first_and_a_tie_goes_to_the_row_that_came_last(reader: Client) -> None:
    record(3)
    record(3, before=3, occurred_at=START)
    assert Html(reader.get("/")).titles == [
        "build 2", "build 1", "build 5", "build 4", "build 3", "build 0",
    ]  # fmt: skip


@pytest.mark.parametrize("same_second", [True, False])
@pytest.mark.parametrize(
    "filters", ["/", "/?type=build&actor=recorder", "/?type=build&actor=recorder&q=build"]
)
def test_links_walk_the_whole_set_both_ways(
    reader: Client, same_second: bool, filters: str
) -> None:
    rows = record(130, **({"occurred_at": START} if same_second else {}))
    expected = [str(row.uuid) for row in reversed(rows)]
    older = walk(reader, filters, "next")
    assert [len(page) for page in older] == [50, 50, 30]
    assert flat(older) == expected
    newer = walk(reader, last_page(reader, filters), "prev")
    assert flat(newer[::-1]) == expected


def test_rows_that_arrive_between_two_pages_neither_shift_nor_double_any(reader: Client) -> None:
    expected = [str(row.uuid) for row in reversed(record(120, occurred_at=START))]
    seen: list[str] = []
    address, number = "/", 120
    while address:
        page = Html(reader.get(address))
        seen += page.rows
        address = page.link(".pager a[rel=next]")
        record(7, before=number, occurred_at=START)  # in the very same second
        number += 7
    assert seen == expected
    whole = flat(walk(reader, last_page(reader), "prev")[::-1])
    assert whole == [str(row.uuid) for row in Activity.objects.order_by("-occurred_at", "-id")]


def test_a_page_of_exactly_fifty_has_no_link_to_older_ones(reader: Client) -> None:
    record(50)
    page = Html(reader.get("/"))
    assert len(page.rows) == 50
    assert page.all(".pager") == []


def test_filters_stay_in_the_links_between_pages(reader: Client) -> None:
    record(60)
    older = Html(reader.get("/?type=build&type=push&q=build")).link(".pager a[rel=next]")
    assert query(older)["type"] == ["build", "push"]
    assert query(older)["q"] == ["build"]
    page = Html(reader.get(older))
    assert page.link(".pager a[rel=first]") == "/?type=build&type=push&q=build"
    assert "before" not in query(page.link(".chip-x")), "a filter changed starts at the newest"


# ---- how many queries


def queries(reader: Client, address: str) -> int:
    mentions.known()  # asked for once in a while, whatever the page
    with CaptureQueriesContext(connection) as captured:
        assert reader.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("address", ["/", "/?component=web-0&type=build&q=build", "/?source=a"])
def test_the_number_of_queries_does_not_grow_with_rows_or_components(
    reader: Client, address: str
) -> None:
    record(1)
    few = queries(reader, address)
    source = EventSource.objects.get()
    record(200, before=1)
    for number in range(20):
        actions.attach(actions.create_component(f"web {number}"), source)
        record(1, before=201 + number, source_id=f"shop/{number}")
    many = queries(reader, address)
    assert many <= few + 6, "queries that had nothing to ask for, once each"
    for number in range(20, 40):
        actions.attach(actions.create_component(f"web {number}"), source)
    assert queries(reader, address) == many <= 15
    assert queries(reader, address.replace("source=a", "source=shop/web")) <= 15


@pytest.mark.parametrize("path", ["/components/web/", "/components/", "/sources/"])
def test_lists_and_the_pages_of_components_need_few_queries(reader: Client, path: str) -> None:
    web = actions.create_component("web")
    record(1)
    actions.attach(web, EventSource.objects.get())
    few = queries(reader, path)
    for number in range(12):
        record(3, before=1 + 3 * number, source_id=f"shop/{number}")
        source = EventSource.objects.get(external_id=f"shop/{number}")
        actions.attach(web, source)
        actions.attach(actions.create_component(f"other {number}"), source)
    assert queries(reader, path) == few <= 15


# ---- the list alone


def without_keys(response: Any) -> str:
    """Return the page without the tokens of its forms, which are written anew each time."""
    return re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", response.content.decode())


def test_htmx_gets_the_list_of_the_page_alone(reader: Client) -> None:
    record(60)
    whole, part = reader.get("/?type=build"), reader.get("/?type=build", headers=HTMX)
    _, _, listed = without_keys(part).partition("</form>")  # of the box, which goes with it
    assert listed.strip() in without_keys(whole)
    assert len(Html(part).rows) == 50
    assert b"<html" not in part.content
    assert b"pager" in part.content
    assert b"chip-x" in part.content
    assert part["Cache-Control"] == "no-store"
    for response in (whole, part):
        assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("extra", [{"HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}])
def test_boosted_links_and_the_back_button_get_the_page(
    reader: Client, extra: dict[str, str]
) -> None:
    response = reader.get("/", headers={**HTMX, **extra})
    assert b"<html" in response.content


@pytest.mark.parametrize("path", ["/components/web/", "/sources/{source}/"])
def test_the_feeds_of_components_and_sources_answer_htmx_too(reader: Client, path: str) -> None:
    record(60)
    source = EventSource.objects.get()
    actions.attach(actions.create_component("web"), source)
    older = Html(reader.get(path.format(source=source.uuid))).link(".pager a[rel=next]")
    part = reader.get(older, headers=HTMX)
    assert b"<html" not in part.content
    assert len(Html(part).rows) == 10


def test_a_session_that_ended_reloads_the_page_instead_of_showing_a_form_in_it(db: None) -> None:
    response = Client().get("/", headers=HTMX)
    assert response["HX-Refresh"] == "true"


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
