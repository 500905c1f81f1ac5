"""HTML of strangers: what is left of it, and what becomes a link."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds import actions, mentions, richtext
from feeds.mentions import Known, _arranged
from feeds.models import Activity, Role
from tests.conftest import Caller
from tests.dialects.documents import load, moderately
from tests.pages import Html, signed_in

ROOT = "/rest/activities/1.0/"
REL = 'rel="nofollow noopener noreferrer"'
XSS = [
    "<script>alert(1)</script>safe",
    "<img src=x onerror=alert(1)>",
    '<img src="javascript:alert(1)">',
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" &#14; java\tscript:alert(1)">x</a>',
    '<a href="JaVaScRiPt&colon;alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="//evil.example">x</a>',
    '<a href="https://x.example" onclick="alert(1)" style="position:fixed">x</a>',
    "<style>@import 'https://evil.example'</style>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='javascript:alert(1)'>x</object><embed src=x>",
    "<form action=https://evil.example><input name=p><button>x</button></form>",
    "<base href=https://evil.example><link rel=stylesheet href=https://evil.example>",
    "<meta http-equiv=refresh content=0;url=https://evil.example>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=alert(1)>'>",
    "</h2></article></main><script>alert(1)</script>",
    "<!--<img src='--><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<a title='\"><script>alert(1)</script>' href=https://x.example>ONE-1</a>",
    '<b title="ONE-1&quot; onmouseover=&quot;alert(1)">ONE-1</b>',
    "&lt;script&gt;alert(1)&lt;/script&gt; ONE-1 &amp;lt;script&amp;gt;",
    "<img alt='<script>alert(1)</script>' src=https://x.example/i.png>",
    "{{ 7|add:7 }}{% debug %}",
]
OWN = re.compile(r"/(issues|projects|people)/")


@pytest.fixture
def known(monkeypatch: Any) -> Known:
    """Maria Lopez, Maria Lopez Ruiz, Ève O'Neil-Doe and the project ONE are known."""
    names = ("Maria Lopez", "maria"), ("Maria Lopez Ruiz", "ruiz@x"), ("Ève O'Neil-Doe", "ève")
    facts = _arranged((*names, ("", "nameless")), frozenset({"ONE", "UTF"}))
    monkeypatch.setattr(richtext, "known", lambda: facts)
    return facts


def link(path: str, words: str) -> str:
    return f'<a href="{path}">{words}</a>'


ONE_1 = link("/issues/ONE-1/", "ONE-1")
MARIA = link("/people/maria/", "Maria Lopez")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("fixed ONE-1.", f"fixed {ONE_1}."),
        ("(ONE-1,TWO-22)", f"({ONE_1},{link('/issues/TWO-22/', 'TWO-22')})"),
        ("feature/ONE-1-menu", f"feature/{ONE_1}-menu"),
        ("ONE is known, TWO is not", f"{link('/projects/ONE/', 'ONE')} is known, TWO is not"),
        ("SHA-256, CVE-2021-4428", "SHA-256, CVE-2021-4428"),
        ("UTF-8", link("/issues/UTF-8/", "UTF-8")),
        ("one-1 ONE-0 XONE-1x ONE-1_ ONE-1-2", "one-1 ONE-0 XONE-1x ONE-1_ ONE-1-2"),
        ("https://t.example/browse/ONE-1 x", "https://t.example/browse/ONE-1 x"),
        ("Maria Lopez merged", f"{MARIA} merged"),
        ("Maria Lopez Ruiz", link("/people/ruiz@x/", "Maria Lopez Ruiz")),
        ("Ève O'Neil-Doe", link("/people/%C3%A8ve/", "Ève O'Neil-Doe")),
        ("Maria Lopezz, maria lopez, maria", "Maria Lopezz, maria lopez, maria"),
        ("<b>Maria Lopez</b> &lt; ONE-1", f"<b>{MARIA}</b> &lt; {ONE_1}"),
        ("<code>ONE-1</code><pre>ONE-1</pre>", "<code>ONE-1</code><pre>ONE-1</pre>"),
        (
            '<a href="https://x.example"><b>ONE-1</b></a> ONE-1',
            f'<a href="https://x.example" {REL}><b>ONE-1</b></a> {ONE_1}',
        ),
        ('<b title="ONE-1">x</b>', '<b title="ONE-1">x</b>'),
    ],
)
def test_keys_and_names_become_links(known: Known, sent: str, shown: str) -> None:
    assert richtext.linked(sent) == shown


def test_keys_lead_to_the_tracker_where_there_is_one(known: Known, settings: Any) -> None:
    settings.TRACKER_URL = "https://jira.example.com/browse/{key}"
    shown = richtext.linked("see ONE-1 with Maria Lopez", base="https://p.example")
    assert shown == (
        f"see {link('https://jira.example.com/browse/ONE-1', 'ONE-1')} with "
        f"{link('https://p.example/people/maria/', 'Maria Lopez')}"
    )


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("<h1>a</h1><table><tr><td>b</table>", None),
        ("<dl><dt>a<dd>b</dl><tt>c</tt><strike>d</strike><u>e</u><hr>", None),
        ('<a href="mailto:a@x.example">x</a>', f'<a href="mailto:a@x.example" {REL}>x</a>'),
        ('<a href="/relative">x</a>', f"<a {REL}>x</a>"),
        ("a<script>b</script><style>c</style><form>d</form><iframe>e</iframe>f", "af"),
        ("a<object>b</object><embed>f", "af"),
        ("<p class=x id=y style=z>a<video>b</video>", "<p>ab</p>"),
        (
            '<img src="https://x.example/i.png" alt="a chart">',
            f'<a href="https://x.example/i.png" {REL}>a chart</a>',
        ),
        ('<img src="https://x.example/i">', f'<a href="https://x.example/i" {REL}>image</a>'),
        ('<img src="x" alt="a &lt; b"><img src="x">', "a &lt; b"),
        (
            '<a href="https://x.example"><img src="https://x.example/i" alt=i></a>',
            f'<a href="https://x.example" {REL}>i</a>',
        ),
    ],
)
def test_what_cannot_harm_stays(sent: str, shown: str | None) -> None:
    cleaned = richtext.clean(sent)
    assert cleaned == shown if shown else all(tag in cleaned for tag in re.findall("<[a-z]+", sent))


def test_a_title_is_one_line(known: Known) -> None:
    assert richtext.line("<h1>a</h1><p>ONE-1<br>b").split() == ["a", *ONE_1.split(), "b"]


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("<b>a</b>b &lt;c&gt;", "ab <c>"),
        ("<p>a<p>b<br>c", "a b c"),
        ("<script>x</script>", ""),
        ('<img alt="a chart" src="https://x.example/i">', "a chart"),
    ],
)
def test_plain_is_text_alone(sent: str, text: str) -> None:
    assert richtext.plain(sent) == text


def harmless(html: str) -> None:
    """Assert that a sanitiser that knows our own links too finds nothing to change in HTML."""
    again = nh3.clean(
        html,
        tags=(richtext.INLINE | richtext.BLOCKS) - {"img"},
        clean_content_tags=richtext.DROPPED,
        attributes={"*": {"title"}, "a": {"href", "rel"}},
        attribute_filter=lambda tag, name, value: (
            value if name != "href" or allowed(value) else None
        ),
        link_rel=None,
        url_schemes=richtext.SCHEMES,
    )
    assert again.replace("&nbsp;", "\xa0") == html.replace("&nbsp;", "\xa0")


def allowed(address: str) -> bool:
    return urlsplit(address).scheme in richtext.SCHEMES or bool(OWN.match(address))


pieces = st.sampled_from([*XSS, "<pre>", "</pre>", "<a>", "<code>", "&", "&lt;", "ONE-1", "<", ">"])


@moderately
@given(html=st.lists(pieces | st.text(max_size=5), max_size=6).map("".join))
def test_whatever_comes_out_is_clean_html(html: str) -> None:
    names = (("Maria Lopez", "maria"),)
    facts = _arranged(names, frozenset({"ONE"}))
    html = html.encode(errors="ignore").decode()
    harmless(richtext.clean(html))
    for inline in (False, True):
        harmless(richtext._linked(html, "", inline, facts))
    richtext.plain(html)


@pytest.mark.parametrize("html", XSS)
def test_nothing_harmful_gets_through_to_answer_or_pages(bot: Caller, html: str) -> None:
    body = {**load("streams/minimal"), "title": html[:255], "content": html}
    response = bot.post(ROOT, body)
    assert response.status_code == 201
    harmless(response.json()["title"])
    harmless(response.json()["content"])
    reader = signed_in()
    for path in ("/", Activity.objects.get().get_absolute_url()):
        page = Html(reader.get(path))
        for element in (*page.all(".object *"), *page.all("main .prose *"), *page.all("main h1 *")):
            assert element.tag in richtext.INLINE | richtext.BLOCKS
        assert not [e for e in page.elements if any(name.startswith("on") for name in e.attrs)]
        assert not page.all("main script") + page.all("main iframe") + page.all("main img")
        for place in page.all("main a"):
            address = place.attrs.get("href", "#")
            assert address.startswith(("/", "?", "#", "http", "mailto:"))
            assert not address.startswith("//")
    raw = page.one("pre#raw").text
    assert json.loads(raw)["title"].split() == html[:255].split()


def test_users_and_projects_are_known_from_the_database(bot: Caller) -> None:
    actions.create_user("maria", role=Role.VIEWER, name="Maria Lopez")
    target = {**load("streams/minimal"), "target": {"url": "ZED-7"}, "title": "Maria Lopez on ZED"}
    bot.post(ROOT, target)
    mentions._known_at.cache_clear()  # a second goes by
    answer = bot.post(ROOT, target).json()
    site = "http://127.0.0.1:8000"
    assert answer["title"] == (
        f"{link(f'{site}/people/maria/', 'Maria Lopez')} on {link(f'{site}/projects/ZED/', 'ZED')}"
    )
