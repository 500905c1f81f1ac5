"""Activity Streams activities: how they are read, and what they are refused for."""

from typing import Any

import pytest

from feeds.dialects import streams
from feeds.dialects.mapping import Draft

from .documents import NOW, faults, load, put, without

ADDRESS = "must be an absolute http or https URL"
IDENTITY = "must be a simple name or an absolute http or https URL"
TIME = "must be a date and time with its offset, such as 2026-11-21T14:03:07Z"
LONG = "is longer than 255 characters"


def parse(document: Any) -> Draft:
    """Read DOCUMENT at NOW."""
    return streams.parse(document, now=NOW)


def test_the_complete_example_fills_our_columns() -> None:
    draft = parse(load("streams/complete"))
    assert (draft.kind, draft.verb) == ("activity", "post")
    assert draft.source_id == "http://www.bitbucket.org@Bitbucket"
    assert (draft.source_name, draft.generator) == ("Bitbucket", "Bitbucket")
    assert draft.external_id == "http://bitbucket.org/jko/"
    assert (draft.actor_key, draft.actor_name) == ("jko", "jko")
    assert draft.actor_image.startswith("http://www.gravatar.com/avatar/")
    assert draft.icon == "https://bitbucket.org/favicon.ico"
    assert (draft.object_type, draft.object_key) == ("changeset", "csid19021043803344554")
    assert (draft.target_key, draft.target_url) == ("ONE-1", "")
    assert draft.occurred_at.isoformat() == "2011-02-10T15:04:55+00:00"
    assert draft.content.startswith("<blockquote>"), "sanitised when shown, kept as sent"


@pytest.mark.parametrize("name", ["aliases", "aliases-beside-nulls"])
def test_aliases_are_read(name: str) -> None:
    draft = parse(load(f"streams/{name}"))
    assert draft.actor_key == "jko"
    assert draft.generator == "Bitbucket"
    assert draft.url == draft.external_id
    assert draft.url.startswith("https://example.com/a/")


def test_a_name_wins_over_its_alias() -> None:
    draft = parse(load("streams/names-beside-aliases"))
    assert draft.actor_key == "user"
    assert draft.generator == "Bitbucket"
    assert draft.url == "https://example.com/url"


def test_a_null_is_nothing() -> None:
    with_nulls, without_them = parse(load("streams/nulls")), parse(load("streams/minimal"))
    assert {**vars(with_nulls), "details": {}} == {**vars(without_them), "details": {}}


@pytest.mark.parametrize(
    ("target", "key", "url"),
    [
        ({"url": "ONE-1"}, "ONE-1", ""),
        ({"url": "ONE"}, "ONE", ""),
        ({"url": "https://j.example.com/browse/ONE-1"}, "ONE-1", None),
        ({"url": "https://j.example.com/jira/browse/ONE/"}, "ONE", None),
        ({"url": "https://j.example.com/browse/ONE-1?focus=2", "id": "x"}, "ONE-1", None),
        ({"url": "https://j.example.com/browse/one", "id": "x"}, "x", None),
        ({"url": "https://j.example.com/wiki/ONE-1"}, "https://j.example.com/wiki/ONE-1", None),
        ({"url": "basket", "id": "x"}, "x", ""),
        ({"url": "basket"}, "basket", ""),
        ({"url": "", "id": "x"}, "x", ""),
        ({}, "", ""),
    ],
)
def test_a_target_is_an_issue_a_project_or_itself(target: Any, key: str, url: str | None) -> None:
    draft = parse(put(load("streams/minimal"), "target", target))
    assert draft.target_key == key
    assert draft.target_url == (target["url"] if url is None else url), "only what can be linked"


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("generator", "generator: is required"),
        ("generator.id", "generator.id: is required"),
        ("generator.displayName", "generator.displayName: is required"),
        ("id", "id: is required where there is no url"),
    ],
)
def test_what_is_mandatory_is_named_when_missing(path: str, rule: str) -> None:
    assert faults("streams", without(load("streams/minimal"), path)) == [rule]
    assert faults("streams", put(load("streams/minimal"), path, None)) == [rule]


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("generator", "Bitbucket", "must be an object"),
        ("generator.id", "bitbucket", ADDRESS),
        ("generator.displayName", 1, "must be a string"),
        ("actor", "jko", "must be an object"),
        ("actor.id", "j" * 256, LONG),
        ("actor.image.url", ["x"], "must be a string"),
        ("actor.image.width", "wide", "must be a whole number"),
        ("icon.height", 1.5, "must be a whole number"),
        ("icon.url", "/favicon.ico", ADDRESS),
        ("id", "urn:uuid:1", ADDRESS),
        ("id", "http://", ADDRESS),
        ("id", "http://[", ADDRESS),
        ("id", "http://a b/", ADDRESS),
        ("id", " http://example.com", ADDRESS),
        ("url", "javascript:alert(1)", ADDRESS),
        ("url", "http://example.com/" + "x" * 240, LONG),
        ("published", "2011-02-10", TIME),
        ("updated", 5, TIME),
        ("verb", "v" * 256, LONG),
        ("title", "😀" * 128, LONG),
        ("content", "é" * 5001, "is longer than 5000 characters"),
        ("object.id", "two words", IDENTITY),
        ("object.url", "javascript:alert(1)", IDENTITY),
        ("object.summary", "s" * 256, LONG),
        ("object.objectType", 1, "must be a string"),
        ("target.id", "", IDENTITY),
        ("target.url", "ftp://example.com", IDENTITY),
        ("target", [], "must be an object"),
        ("provider", "x", "must be an object"),
    ],
)
def test_a_wrong_value_is_named_with_its_rule(path: str, value: Any, rule: str) -> None:
    document = load("streams/complete")
    assert faults("streams", put(document, path, value)) == [f"{path}: {rule}"]


@pytest.mark.parametrize(
    ("path", "value"),
    [("title", "😀" * 127 + "x"), ("content", "é" * 5000), ("icon.width", 16), ("object.url", "")],
)
def test_what_is_just_within_the_limits_is_read(path: str, value: Any) -> None:
    assert faults("streams", put(load("streams/complete"), path, value)) == []


def test_all_faults_are_named_at_once_in_the_senders_spelling() -> None:
    document = {"user": 1, "application": {"id": "x"}, "uri": "y", "title": "t" * 256}
    assert set(faults("streams", document)) == {
        "user: must be an object",
        f"application.id: {ADDRESS}",
        "application.displayName: is required",
        f"uri: {ADDRESS}",
        f"title: {LONG}",
    }
