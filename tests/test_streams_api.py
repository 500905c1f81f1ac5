"""Activity Streams over REST: what is taken, what comes back, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds import actions
from feeds.models import Activity, EventSource, Refusal, Role, User
from tests.conftest import Caller
from tests.dialects.documents import anything, load, mutated, names, put, without
from tests.pages import PASSWORD, signed_in

ROOT = "/rest/activities/1.0/"
MEDIA_TYPE = "application/vnd.atl.streams.thirdparty+json"
SITE = "http://127.0.0.1:8000"


def post(caller: Caller, document: Any, content_type: str = MEDIA_TYPE, path: str = ROOT) -> Any:
    return caller.post(path, document, content_type)


def posted(caller: Caller, **fields: Any) -> Any:
    """Post the vendor's smallest example changed by FIELDS, and return the answer's document."""
    response = post(caller, {**load("streams/minimal"), **fields})
    assert response.status_code == 201, response.content
    return response.json()


def delete(caller: Caller, path: str) -> Any:
    return caller.client.delete(path, headers={"authorization": caller.basic})


def path_of(document: Any) -> str:
    return str(document["links"]["self"].removeprefix(SITE))


# ---- what is taken


@pytest.mark.parametrize("name", names("streams"))
def test_every_document_comes_back_with_all_that_was_sent(admin: Caller, name: str) -> None:
    document = load(name)
    response = post(admin, document)
    assert response.status_code == 201
    assert response["Content-Type"] == MEDIA_TYPE
    answer = response.json()
    assert answer["links"] == {
        "self": f"{SITE}{ROOT}{Activity.objects.get().pk}",
        "activities": f"{SITE}{ROOT}",
    }
    assert response["Location"] == answer["links"]["self"]
    ours = {"title", "content", "published", "updated", "verb", "actor", "links"}
    for field in document.keys() - ours:
        assert answer[field] == document[field]
    if sent := document.get("actor"):
        assert {**answer["actor"], **sent} == answer["actor"]
    for reread in (admin.get(path_of(answer)), admin.get(path_of(answer) + "/")):
        assert reread.status_code == 200
        assert reread.json() == answer


def test_dates_are_in_utc_with_milliseconds_and_what_was_left_out_is_filled_in(bot: Caller) -> None:
    answer = posted(bot, published="2011-02-10T16:04:55.1234+01:00", updated="2011-02-11T00:00:00Z")
    assert answer["published"] == "2011-02-10T15:04:55.123Z"
    assert answer["updated"] == "2011-02-11T00:00:00.000Z"
    assert answer["verb"] == "post"
    assert posted(bot, published=None, verb=None)["published"][-1] == "Z"


@pytest.mark.parametrize(
    "content_type",
    [
        MEDIA_TYPE,
        "application/json",
        "application/json; charset=UTF-8",
        f"{MEDIA_TYPE};charset=utf-8",
        "Application/JSON",
    ],
)
def test_json_is_read_under_both_its_names(bot: Caller, content_type: str) -> None:
    assert post(bot, load("streams/minimal"), content_type).status_code == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_refused_and_logged(bot: Caller, content_type: str) -> None:
    response = post(bot, load("streams/minimal"), content_type)
    assert response.status_code == 415
    assert response.json()["subCode"] == f"Content-Type: must be {MEDIA_TYPE}"
    assert Refusal.objects.get().status == 415


def test_the_slash_may_be_missing(bot: Caller) -> None:
    assert post(bot, load("streams/minimal"), path=ROOT.rstrip("/")).status_code == 201
    assert bot.get(ROOT.rstrip("/")).json()["links"]["self"].startswith(f"{SITE}{ROOT}?")


def test_the_same_body_twice_is_two_activities_of_one_source(bot: Caller) -> None:
    body = json.dumps(load("streams/complete"))
    first, second = post(bot, body).json(), post(bot, body).json()
    assert first["id"] == second["id"]
    assert first["links"]["self"] != second["links"]["self"]
    assert EventSource.objects.get().external_id == "http://www.bitbucket.org@Bitbucket"
    assert {activity.raw for activity in Activity.objects.all()} == {body}


def test_nobody_is_limited_here(bot: Caller, settings: Any) -> None:
    settings.RATE_LIMIT = 1
    for _ in range(3):
        posted(bot)


def test_a_password_is_as_good_as_a_token(db: None, client: Any) -> None:
    actions.create_user("ann", role=Role.COMPOSER, password=PASSWORD)
    caller = Caller(User(email="ann"), PASSWORD)
    assert posted(caller)["actor"]["id"] == "ann"


# ---- what is refused


def test_all_faults_are_answered_and_logged_at_once(bot: Caller) -> None:
    document = without(put(load("streams/minimal"), "title", "t" * 256), "generator.displayName")
    response = post(bot, document)
    assert response.status_code == 400
    answer = response.json()
    assert answer["errorMessage"] == "invalid activity entry"
    assert set(answer["subCode"].split("; ")) == {
        "generator.displayName: is required",
        "title: is longer than 255 characters",
    }
    assert Refusal.objects.get().reason == answer["subCode"]
    assert not Activity.objects.exists()


def test_a_refused_body_stands_in_the_log_of_its_source(bot: Caller) -> None:
    posted(bot)
    post(bot, put(load("streams/minimal"), "title", 5))
    assert Refusal.objects.get().source == EventSource.objects.get()


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (" ", "body: must be JSON"),
        ("[]", "body: must be an object"),
        ("{", "body: must be JSON"),
        (b"\xff{}", "body: must be UTF-8"),
        ('{"title": "\\u0000"}', "body: must not contain the NUL character"),
        ('{"title": "\\ud800"}', "body: must not contain half a surrogate pair"),
        ('{"x": NaN}', "body: must be JSON, which has no NaN"),
        ('{"x": ' + "[" * 100 + "]" * 100 + "}", "body: must not nest deeper"),
        ('{"title": 5, "generator": []}', "generator: must be an object"),
    ],
)
def test_a_body_that_is_no_activity_says_why(bot: Caller, body: Any, fault: str) -> None:
    response = post(bot, body)
    assert response.status_code == 400
    assert fault in response.json()["subCode"]


def test_a_body_over_the_limit_is_refused(bot: Caller, settings: Any) -> None:
    settings.EVENT_BODY_LIMIT = 500
    assert post(bot, {**load("streams/minimal"), "x": "x" * 500}).status_code == 413


def test_limits_count_code_units_of_utf_16(bot: Caller) -> None:
    posted(bot, title="😀" * 127 + "x", content="é" * 5000)
    assert post(bot, {**load("streams/minimal"), "title": "😀" * 128}).status_code == 400


def test_nobody_gets_in_without_credentials(client: Any, bot: Caller) -> None:
    answer = posted(bot)
    for response in (
        client.post(ROOT, "{}", content_type=MEDIA_TYPE),
        client.get(ROOT),
        client.get(path_of(answer)),
        client.delete(path_of(answer)),
        client.get(ROOT, headers={"authorization": "Basic eDp5"}),
    ):
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Basic ")


def test_with_anonymous_reading_everybody_reads_and_nobody_writes(
    client: Any, bot: Caller, settings: Any
) -> None:
    settings.ANONYMOUS_READ = True
    path = path_of(posted(bot))
    assert client.get(ROOT).status_code == client.get(path).status_code == 200
    assert client.delete(path).status_code == 401
    assert client.post(ROOT, "{}", content_type=MEDIA_TYPE).status_code == 401


def test_viewers_may_not_post(viewer: Caller) -> None:
    assert post(viewer, load("streams/minimal")).status_code == 403


def test_a_revoked_token_gets_no_further(bot: Caller) -> None:
    posted(bot)
    actions.revoke_token(bot.user.tokens.get())
    assert post(bot, load("streams/minimal")).status_code == 401
    assert Activity.objects.count() == 1


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(document=mutated("streams") | anything | st.just({}))
def test_no_body_makes_us_fail(caller: Any, document: Any) -> None:
    ask = caller("composer")
    response = post(ask, json.dumps(document))
    assert response.status_code in {201, 400}
    answer = response.json()
    if response.status_code == 400:
        assert answer["subCode"]
    else:
        # PostgreSQL writes 1e308 with all its digits: the same number to whoever reads doubles.
        reread = ask.get(path_of(answer)).content
        assert json.loads(reread, parse_int=float) == json.loads(response.content, parse_int=float)


# ---- whose activity it is


def test_without_an_actor_the_poster_is_the_actor(bot: Caller) -> None:
    answer = posted(bot, actor=None)
    assert answer["actor"] == {"id": "bot", "displayName": "bot"}
    assert Activity.objects.get().actor_key == "bot"


def test_an_actor_who_is_a_user_here_is_bound_to_that_user(bot: Caller) -> None:
    actions.create_user("Maria.Lopez", role=Role.VIEWER, name="Maria Lopez")
    posted(bot, actor={"id": "maria.lopez", "displayName": "M"})
    activity = Activity.objects.get()
    assert (activity.actor_key, activity.actor_name) == ("Maria.Lopez", "Maria Lopez")
    assert activity.author == bot.user
    reader = signed_in()
    assert "Merge commit" in reader.get("/people/Maria.Lopez/").content.decode()
    page = reader.get(activity.get_absolute_url()).content.decode()
    assert re.search('<a href="/people/Maria.Lopez/"[^>]*>Maria Lopez</a>', page)


def test_an_unknown_actor_keeps_name_and_image(bot: Caller) -> None:
    actor = {"id": "jko", "displayName": "Jens", "image": {"url": "https://x.example/j.png"}}
    assert posted(bot, actor=actor)["actor"] == actor
    activity = Activity.objects.get()
    assert (activity.actor_key, activity.actor_name) == ("jko", "Jens")
    assert activity.actor_image == "https://x.example/j.png"


@pytest.mark.parametrize("role", ["bot", "admin"])
def test_bots_and_admins_may_name_others(caller: Any, role: str) -> None:
    actions.create_user("maria", role=Role.VIEWER)
    assert posted(caller(role), actor={"id": "maria"})["actor"]["id"] == "maria"


@pytest.mark.parametrize(
    "spoof",
    [
        {"actor": {"id": "maria", "displayName": "Maria", "image": {"url": "https://x.example"}}},
        {"actor": {"displayName": "Maria"}},
        {"actor": None, "user": {"id": "maria"}},
        {"actor": {"id": "nobody"}, "user": {"id": "maria"}},
        {"actor": {"id": "composer"}, "user": {"id": "composer"}},
    ],
)
def test_others_are_the_actors_of_what_they_post(caller: Any, spoof: Any) -> None:
    actions.create_user("maria", role=Role.VIEWER, name="Maria")
    answer = posted(caller("composer"), **spoof)
    activity = Activity.objects.get()
    assert (activity.actor_key, activity.actor_name) == ("composer", "composer")
    assert activity.author.username == "composer"
    assert "maria" not in json.dumps(answer).lower()
    assert json.loads(activity.raw) == {**load("streams/minimal"), **spoof}, "kept as sent"


def test_a_token_names_others_by_its_own_role(bot: Caller) -> None:
    weak = Caller(bot.user, actions.create_token(bot.user, role=Role.COMPOSER))
    assert posted(weak, actor={"id": "maria"})["actor"] == {"id": "bot"}


# ---- delete


def test_the_poster_and_admins_delete(caller: Any) -> None:
    ann, bob, boss = caller("composer", "ann"), caller("bot", "bob"), caller("admin", "boss")
    for deleter in (ann, boss):
        answer = posted(ann)
        path = path_of(answer)
        refused = delete(bob, path)
        assert refused.status_code == 403
        assert refused.json()["subCode"].startswith("only who sent")
        deleted = delete(deleter, path)
        assert deleted.status_code == 200
        assert deleted.json() == answer
        for gone in (deleter.get(path), delete(deleter, path)):
            assert (gone.status_code, gone.content) == (404, b"")


def test_a_token_that_only_reads_deletes_nothing(bot: Caller) -> None:
    reader = Caller(bot.user, actions.create_token(bot.user, role=Role.VIEWER))
    assert delete(reader, path_of(posted(bot))).status_code == 403


@pytest.mark.parametrize("number", ["0", "x", "-1", "9" * 19, "9" * 5000, "1.5", "²", "%00"])
def test_a_number_that_is_not_there_is_not_found(bot: Caller, number: str) -> None:
    response = bot.get(ROOT + number)
    assert (response.status_code, response.content) == (404, b"")


def test_events_of_other_wires_are_not_here(admin: Caller) -> None:
    admin.send({"x": 1})
    actions.create_source("shop/web", kind="custom")
    assert admin.event("custom").status_code == 202
    path = f"{ROOT}{Activity.objects.get().pk}"
    assert admin.get(path).status_code == delete(admin, path).status_code == 404
    assert admin.get(ROOT).json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path"), [("put", ROOT), ("delete", ROOT), ("post", ROOT + "1")]
)
def test_other_methods_are_not_allowed(bot: Caller, method: str, path: str) -> None:
    response = getattr(bot.client, method)(path, headers={"authorization": bot.basic})
    assert response.status_code == 405


# ---- the list


def published(caller: Caller, *hours: int) -> None:
    for hour in hours:
        posted(caller, title=str(hour), published=f"2026-11-21T{hour:02}:00:00Z")


def pages(caller: Caller, path: str) -> Any:
    """Follow `next` from PATH, and yield the titles of each page."""
    while path:
        answer = caller.get(path).json()
        yield [item["title"] for item in answer["items"]]
        path = answer["links"].get("next", "").removeprefix(SITE)


def test_the_list_is_newest_published_first_ten_at_a_time(bot: Caller) -> None:
    published(bot, 3, 1, 2, *range(4, 12))
    answer = bot.get(ROOT).json()
    assert [item["title"] for item in answer["items"]] == [str(n) for n in range(11, 1, -1)]
    assert answer["items"][0] == bot.get(path_of(answer["items"][0])).json()
    assert answer["links"].keys() == {"self", "next"}
    last = bot.get(answer["links"]["next"].removeprefix(SITE)).json()
    assert [item["title"] for item in last["items"]] == ["1"]
    assert last["links"].keys() == {"self", "prev"}
    assert bot.get(last["links"]["prev"].removeprefix(SITE)).json()["items"] == answer["items"]


def test_a_next_page_is_promised_exactly_when_there_is_one(bot: Caller) -> None:
    published(bot, 1, 2, 3, 4)
    assert list(pages(bot, f"{ROOT}?max-results=2")) == [["4", "3"], ["2", "1"]]
    assert list(pages(bot, f"{ROOT}?max-results=3&start-index=1")) == [["3", "2", "1"]]
    assert list(pages(bot, f"{ROOT}?max-results=5000")) == [["4", "3", "2", "1"]]
    assert list(pages(bot, f"{ROOT}?start-index=9")) == [[]]


def test_who_pages_while_others_post_misses_nothing(bot: Caller) -> None:
    published(bot, 1, 2, 3, 4, 5)
    seen = []
    for number, page in enumerate(pages(bot, f"{ROOT}?max-results=2")):
        seen += page
        if number < 3:
            published(bot, 10 + number)
    assert {"1", "2", "3", "4", "5"} <= set(seen)


@pytest.mark.parametrize(
    "query",
    [
        {"max-results": "x"}, {"max-results": "-1"}, {"max-results": "0"}, {"max-results": "1.5"},
        {"start-index": "-1"}, {"start-index": "9" * 30}, {"start-index": "²"},
        {"start-index": "\x00"},
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_read_is_named(bot: Caller, query: Any) -> None:
    response = bot.get(ROOT, **query)
    assert response.status_code == 400
    assert response.json()["subCode"].startswith(f"{next(iter(query))}: must be a whole number")
