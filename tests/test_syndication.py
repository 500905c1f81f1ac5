"""The feed as Atom, JSON Feed and Activity Streams 2.0, read by the libraries that readers use."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import atoma
import feedparser
import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as moderately
from hypothesis import strategies as st

from feeds import actions
from feeds.models import Activity, Role
from tests.conftest import Caller
from tests.pages import START, record
from tests.syndicated import (
    ACTIVITY,
    ADDRESSES,
    ALL,
    ATOM,
    FORMATS,
    HOSTILE,
    MOMENT,
    SITE,
    USER,
    check_entry,
    entries_of,
    ids_of,
    keep,
    next_of,
    text,
    titles_of,
)
from tests.test_streamfilters import sentences

# ---- Atom


def test_every_document_of_every_dialect_is_an_entry_that_readers_can_read(viewer: Caller) -> None:
    keep(*ALL)
    response = viewer.get("/activity", maxResults=1000)
    entries = entries_of(response)
    assert len(entries) == len(ALL)
    for entry in entries:
        check_entry(entry)
    assert len({text(entry, f"{ATOM}id") for entry in entries}) == len(entries)
    parsed = feedparser.parse(response.content)
    assert not parsed.bozo, parsed.bozo_exception
    assert len(parsed.entries) == len(ALL)
    assert all(entry.title and entry.published_parsed for entry in parsed.entries)
    read = atoma.parse_atom_bytes(response.content)
    assert len(read.entries) == len(ALL)
    moments = [entry.published for entry in read.entries if entry.published]
    assert moments == sorted(moments, reverse=True)


def test_the_complete_example_of_the_vendor_has_every_field(viewer: Caller) -> None:
    keep("streams/complete")
    (entry,) = entries_of(viewer.get("/activity"))
    activity = Activity.objects.get()
    assert text(entry, f"{ATOM}id") == activity.uuid.urn
    assert text(entry, f"{ATOM}published") == "2011-02-10T15:04:55.000Z"
    assert text(entry, f"{ATOM}author", f"{USER}username") == "jko"
    assert text(entry, f"{ATOM}author", f"{ATOM}uri") == f"{SITE}/?actor=jko"
    photo = entry.find(f"{ATOM}author/{ATOM}link")
    assert photo is not None
    assert photo.get("rel") == "photo"
    assert photo.get("href", "").startswith("http://www.gravatar.com/avatar/")
    assert text(entry, f"{ATOM}content").startswith("<blockquote>Compile with ")
    assert text(entry, f"{ATOM}generator") == "Bitbucket"
    assert entry.find(f"{ATOM}generator").get("uri") == "http://www.bitbucket.org"  # type: ignore[union-attr]
    assert text(entry, f"{ACTIVITY}verb") == "http://activitystrea.ms/schema/1.0/post"
    thing = f"{ACTIVITY}object"
    kind = text(entry, thing, f"{ACTIVITY}object-type")
    assert kind == "http://activitystrea.ms/schema/1.0/changeset"
    assert text(entry, thing, f"{ATOM}title").startswith("Merge commit '68041056")
    commit = f"{thing}/{ATOM}link"
    assert entry.find(commit).get("href", "").endswith("a74e68d7de52f98c1ea4f3c48fd5bbec70fa507c")  # type: ignore[union-attr]
    target = f"{ACTIVITY}target"
    assert text(entry, target, f"{ATOM}title") == "ONE-1"
    assert entry.find(f"{target}/{ATOM}link").get("href") == f"{SITE}/issues/ONE-1/"  # type: ignore[union-attr]
    icon = [link for link in entry.findall(f"{ATOM}link") if "icon" in link.get("rel", "")]
    assert [link.get("href") for link in icon] == ["https://bitbucket.org/favicon.ico"]


def test_the_titles_of_other_dialects_are_sentences_in_plain_text(viewer: Caller) -> None:
    actions.create_source("shop/web", kind="deployment")
    record(dialect="compass", title="<b>web</b> & co", kind="deployment", state="succeeded",
           actor_key="maria", actor_name="Maria", content="one\n\n<i>two</i>")  # fmt: skip
    (entry,) = entries_of(viewer.get("/activity"))
    assert text(entry, f"{ATOM}title") == "Maria deployed &lt;b&gt;web&lt;/b&gt; &amp; co"
    assert text(entry, f"{ATOM}content") == "<p>one</p>\n\n<p>&lt;i&gt;two&lt;/i&gt;</p>"
    assert text(entry, f"{ACTIVITY}object", f"{ATOM}title") == "<b>web</b> & co"
    item = viewer.get("/feed.json").json()["items"][0]
    assert item["title"] == "Maria deployed <b>web</b> & co"


def test_a_title_that_begins_with_its_actor_names_it_once(viewer: Caller) -> None:
    keep("teamhub/list-push")
    (title,) = titles_of(viewer.get("/activity"))
    actor = Activity.objects.get().actor_name
    assert title.startswith(f"{actor} pushed ")
    assert title.count(actor) == 1


@pytest.mark.parametrize("dialect", ["streams", "compass", "teamhub", "git"])
def test_nothing_hostile_and_nothing_illegal_comes_through(viewer: Caller, dialect: str) -> None:
    odd = dict.fromkeys(
        ("content", "actor_name", "generator", "target_key", "object_type", "verb"), HOSTILE
    )
    addresses = {"url": "javascript:alert(1)", "icon": "x\x02y", "actor_image": "data:text/html,x"}
    actions.create_source(HOSTILE, kind="build")
    record(dialect=dialect, title=HOSTILE, source_id=HOSTILE, actor_key=HOSTILE,
           object_key=HOSTILE, **odd, **addresses)  # fmt: skip
    response = viewer.get("/activity")
    (entry,) = entries_of(response)
    check_entry(entry)
    assert b"javascript:" not in response.content
    assert b"data:text" not in response.content
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf\xbe", response.content)
    assert "\ufffd" in text(entry, f"{ATOM}author", f"{ATOM}name")
    assert not feedparser.parse(response.content).bozo
    assert len(atoma.parse_atom_bytes(response.content).entries) == 1
    (item,) = viewer.get("/feed.json").json()["items"]
    assert "<script" not in item["content_html"]
    (activity,) = viewer.get("/feed.as2").json()["orderedItems"]
    assert "<script" not in activity["summary"] + activity["object"]["content"]


def test_an_activity_without_a_title_says_who_did_what(viewer: Caller) -> None:
    keep("streams/verb-and-title-empty")
    (title,) = titles_of(viewer.get("/activity"))
    assert title.startswith("user post")


def test_names_and_keys_are_linked_with_whole_addresses(viewer: Caller) -> None:
    record(dialect="streams", kind="activity", title="Maria Lopez closed ONE-1",
           target_key="ONE-1", project_key="ONE")  # fmt: skip
    actions.ensure_user("maria", role=Role.VIEWER, name="Maria Lopez")
    (title,) = titles_of(viewer.get("/activity"))
    assert f'<a href="{SITE}/people/maria/">Maria Lopez</a>' in title
    assert f'<a href="{SITE}/issues/ONE-1/">ONE-1</a>' in title


def test_the_feed_names_itself_its_view_and_its_page(viewer: Caller) -> None:
    record(2, kind="push")
    response = viewer.get("/activity", type="push", maxResults=5, os_authType="basic")
    feed = ElementTree.fromstring(response.content)
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links["self"] == f"{SITE}/activity?type=push&maxResults=5&os_authType=basic"
    assert links["alternate"] == f"{SITE}/?type=push"
    assert feed.findtext(f"{ATOM}id") == f"{SITE}/activity?type=push"
    assert feed.findtext(f"{ATOM}title") == "Pulseboard: type push"
    newest = Activity.objects.latest("occurred_at")
    assert feed.findtext(f"{ATOM}updated") == f"{newest.occurred_at:%Y-%m-%dT%H:%M:%S}.000Z"


def test_an_empty_feed_is_a_feed(viewer: Caller) -> None:
    response = viewer.get("/activity")
    assert entries_of(response) == []
    assert not feedparser.parse(response.content).bozo
    assert viewer.get("/feed.json").json()["items"] == []
    assert viewer.get("/feed.as2").json()["orderedItems"] == []


# ---- which and how many


@pytest.mark.parametrize("value", ["0", "-1", "ten", "1.5", "1e3", "٣", " 5", "000"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_wrong_number_of_results_is_a_clear_error(
    viewer: Caller, address: str, value: str
) -> None:
    response = viewer.get(address, maxResults=value)
    assert response.status_code == 400
    assert response.content.decode() == "maxResults: must be a whole number from 1 to 1000\n"


def test_ten_come_unasked_and_a_thousand_at_most(viewer: Caller) -> None:
    record(1005)
    assert len(entries_of(viewer.get("/activity"))) == 10
    assert len(entries_of(viewer.get("/activity", maxResults="007"))) == 7
    for most in ("1000", "1001", "9" * 5000):
        assert len(entries_of(viewer.get("/activity", maxResults=most))) == 1000
    assert len(entries_of(viewer.get("/feed.atom"))) == 50
    assert len(viewer.get("/feed.json").json()["items"]) == 50
    assert len(viewer.get("/feed.as2", maxResults=3).json()["orderedItems"]) == 3


@pytest.mark.parametrize("address", FORMATS)
def test_pages_lead_through_the_whole_view_and_no_further(viewer: Caller, address: str) -> None:
    record(23, kind="push", occurred_at=START)
    record(5, before=23, kind="build")
    seen: list[str] = []
    response = viewer.get(address, type="push", maxResults=10)
    for size in (10, 10, 3):
        assert len(ids_of(response)) == size
        seen += ids_of(response)
        following = next_of(response)
        assert following.startswith(f"{SITE}{address}?type=push&maxResults=10&before=") or size == 3
        response = viewer.get(following.removeprefix(SITE)) if following else response
    assert len(set(seen)) == 23
    assert next_of(response) == ""


def test_the_page_before_is_linked_too(viewer: Caller) -> None:
    record(20)
    first = viewer.get("/activity")
    second = viewer.get(next_of(first).removeprefix(SITE))
    links = {
        link.get("rel"): link.get("href", "")
        for link in ElementTree.fromstring(second.content).findall(f"{ATOM}link")
    }
    assert titles_of(viewer.get(links["previous"].removeprefix(SITE))) == titles_of(first)


def test_filters_of_the_page_and_of_the_vendor_must_all_hold(viewer: Caller) -> None:
    record(3, kind="push", actor_key="maria", project_key="ONE", title="a")
    record(3, before=3, kind="build", actor_key="maria", project_key="ONE", title="b")
    record(3, before=6, kind="push", actor_key="jonas", project_key="ONE", title="c")
    record(3, before=9, kind="push", actor_key="maria", project_key="TWO", title="d")
    for address in ADDRESSES:
        query = {"type": "push", "streams": ["user IS maria", "key IS ONE"], "maxResults": 50}
        assert len(ids_of(viewer.get(address, **query))) == 3, address
        assert len(ids_of(viewer.get(address, actor="-maria"))) == 3, address
        assert len(ids_of(viewer.get(address, q="b", streams="key NOT TWO"))) == 3, address
        since = (START + timedelta(seconds=9)).isoformat()
        assert len(ids_of(viewer.get(address, since=since))) == 3, address


def test_components_and_sources_narrow_a_feed(viewer: Caller) -> None:
    record(3)
    record(3, before=3, source_id="shop/search")
    component = actions.create_component("web")
    actions.attach(component, Activity.objects.filter(source__external_id="shop/web")[0].source)
    assert len(ids_of(viewer.get("/feed.json", component="web"))) == 3
    both = {"component": "web", "streams": "update-date AFTER 0"}
    assert len(ids_of(viewer.get("/feed.json", **both))) == 3
    assert viewer.get("/feed.json", component="web").json()["items"][0]["tags"][-1] == "web"


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"streams": "colour IS red"}, "streams: 'colour IS red': begins with none of key, "),
        ({"thirdparty": "x"}, "thirdparty: 'x': must be a key, an operator and values"),
        ({"type": "bild"}, "type: 'bild' is not one of "),
        ({"since": "whenever"}, "since: must be a date"),
        ({"before": "x"}, "before: is not a cursor that this feed gave"),
    ],
)
def test_a_filter_that_cannot_be_read_is_a_400_in_plain_words(
    viewer: Caller, address: str, query: dict[str, str], message: str
) -> None:
    response = viewer.get(address, **query)
    assert response.status_code == 400
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response.content.decode().startswith(message)


words = sentences | st.text(max_size=8)
queries = st.dictionaries(
    st.sampled_from(
        ["streams", "thirdparty", "maxResults", "type", "actor", "q", "since", "before", "after",
         "component", "os_authType"]
    ),
    st.lists(words.filter(lambda value: "\ud800" not in value), max_size=3),
    max_size=4,
)  # fmt: skip


@moderately(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(queries, st.sampled_from(ADDRESSES))
def test_no_query_breaks_the_feed(viewer: Caller, query: dict[str, Any], address: str) -> None:
    if not Activity.objects.exists():
        record(2, project_key="ONE", actor_key="a:b")
    assert viewer.get(address, **query).status_code in {200, 400}


# ---- JSON Feed 1.1


def test_the_json_feed_keeps_the_rules_of_version_1_1(viewer: Caller) -> None:
    keep(*ALL)
    response = viewer.get("/feed.json", maxResults=1000)
    assert response["Content-Type"].startswith("application/feed+json")
    feed = response.json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"]
    assert feed["feed_url"] == f"{SITE}/feed.json?maxResults=1000"
    assert feed["home_page_url"] == f"{SITE}/"
    items = feed["items"]
    assert len({item["id"] for item in items}) == len(items) == len(ALL)
    for item in items:
        assert isinstance(item["id"], str)
        assert item["content_html"]
        assert item["url"].startswith(SITE)
        assert all(MOMENT.fullmatch(item[f"date_{name}"]) for name in ("published", "modified"))
        assert all(author["name"] for author in item["authors"])
        assert all(isinstance(tag, str) and tag for tag in item["tags"])
        assert None not in item.values()
        for name in ("external_url", "url"):
            assert item.get(name, "https://").startswith(("http://", "https://"))


# ---- Activity Streams 2.0


def check_activity(activity: dict[str, Any]) -> None:
    assert activity["type"]
    assert urlsplit(activity["id"]).scheme == "http"
    assert activity["actor"]["type"] == "Person"
    assert activity["actor"]["name"]
    for name in ("object", "target", "generator"):
        if name in activity or name != "target":
            assert activity[name]["type"]
            assert activity[name]["name"]
    assert MOMENT.fullmatch(activity["published"])
    assert MOMENT.fullmatch(activity["updated"])


def test_activity_streams_2_have_what_the_vocabulary_requires(viewer: Caller) -> None:
    keep(*ALL)
    response = viewer.get("/feed.as2", maxResults=20)
    assert response["Content-Type"] == "application/activity+json"
    found = response.json()
    assert found["@context"] == "https://www.w3.org/ns/activitystreams"
    assert found["type"] == "OrderedCollectionPage"
    assert found["id"] == f"{SITE}/feed.as2?maxResults=20"
    assert found["partOf"]["type"] == "OrderedCollection"
    assert found["next"].startswith(f"{SITE}/feed.as2?maxResults=20&before=")
    assert "prev" not in found
    assert len(found["orderedItems"]) == 20
    for activity in viewer.get("/feed.as2", maxResults=1000).json()["orderedItems"]:
        check_activity(activity)


def test_the_type_of_an_activity_is_chosen_from_its_verb(viewer: Caller) -> None:
    for at, verb in enumerate(["post", "UPDATE", "deleted", "share", "deploy", ""]):
        record(before=at, verb=verb)
    kinds = [item["type"] for item in viewer.get("/feed.as2").json()["orderedItems"]]
    assert kinds == ["Activity", "Activity", "Announce", "Delete", "Update", "Create"]


def test_an_activity_has_an_address_of_its_own(viewer: Caller, client: Client) -> None:
    keep("streams/complete")
    (listed,) = viewer.get("/feed.as2").json()["orderedItems"]
    path = listed["id"].removeprefix(SITE)
    response = viewer.get(path)
    assert response["Content-Type"] == "application/activity+json"
    assert response.json() == {"@context": "https://www.w3.org/ns/activitystreams", **listed}
    assert client.get(path).status_code == 401
    Activity.objects.all().delete()
    assert viewer.get(path).status_code == 404
