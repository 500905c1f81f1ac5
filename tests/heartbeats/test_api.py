"""The vendor's API for heartbeats: its documents, addresses, limits and errors."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from feeds.models import Role
from heartbeats import actions
from heartbeats.models import Heartbeat, Ping, Team
from tests.conftest import Caller
from tests.dialects.documents import DOCUMENTS
from tests.heartbeats.beats import make

CLOUD = "0a44684d-52c3-4c0c-99f8-9d89ec294759"
TEAM = "4b26961a-a837-49d2-a1fe-0973013e3c3b"
PATHS = [
    f"/compass/cloud/{CLOUD}/ops/v1/teams/{TEAM}/heartbeats",
    f"/jsm/ops/api/{CLOUD}/v1/teams/{TEAM}/heartbeats",
    f"/compass/ops/api/{CLOUD}/v1/teams/{TEAM}/heartbeats",
    f"/v1/teams/{TEAM}/heartbeats",
]
PATH = PATHS[0]
SMALLEST = {"name": "backup", "interval": 5, "intervalUnit": "minutes"}
KEYS = {
    "name", "description", "interval", "intervalUnit", "enabled", "status", "ownerTeamId",
    "alertMessage", "alertTags", "alertPriority",
}  # fmt: skip


def document(name: str) -> str:
    return (DOCUMENTS / f"heartbeats/{name}.json").read_text()


def code(answer: Any) -> tuple[int, str]:
    errors = answer.json()["errors"]
    assert all(set(error) == {"title", "code"} for error in errors)
    assert all(error["title"].endswith(".") for error in errors)
    return answer.status_code, errors[0]["code"]


def ping(caller: Caller, name: str, path: str = PATH) -> Any:
    return caller.post(f"{path}/ping?name={quote(name)}", b"")


# ---- the vendor's page, word for word


@pytest.mark.parametrize("path", PATHS)
def test_the_documented_requests_work_at_every_address(bot: Caller, path: str) -> None:
    made = bot.post(path, document("create"))
    assert made.status_code == 201
    sent = json.loads(document("create"))
    assert made.json() == {**sent, "status": "Pending", "ownerTeamId": TEAM}
    name = "?name=DNS Server Checker"
    assert bot.get(path + name).json()["values"] == [made.json()]
    changed = bot.patch(path + name, document("update"))
    assert changed.status_code == 201
    assert changed.json() == {
        **made.json(), "description": "It checks whether server is online or not.",
        "alertPriority": "P1",
    }  # fmt: skip
    assert ping(bot, "DNS Server Checker", path).json() == {"message": "PONG - Heartbeat received"}
    assert bot.get(path + name).json()["values"][0]["status"] == "Responsive"
    gone = bot.delete(path + name)
    assert (gone.status_code, gone.content) == (204, b"")
    assert bot.get(path).json() == {"values": [], "links": {}}


def test_the_documented_answer_is_one_of_ours(bot: Caller) -> None:
    shown = json.loads(document("answer"))
    sent = {name: shown[name] for name in shown if name not in {"status", "ownerTeamId"}}
    bot.post(PATH, sent)
    ping(bot, "Service Heartbeat")
    assert bot.get(PATH, name="Service Heartbeat").json()["values"] == [shown]


# ---- making


def test_the_smallest_heartbeat_is_off_and_has_all_ten_keys(bot: Caller) -> None:
    made = bot.post(PATH, SMALLEST)
    assert made.status_code == 201
    assert made.json() == {
        **SMALLEST, "description": "", "enabled": False, "status": "Off", "ownerTeamId": TEAM,
        "alertMessage": "backup is expired", "alertTags": [], "alertPriority": "P3",
    }  # fmt: skip
    assert set(made.json()) == KEYS


@pytest.mark.parametrize("unit", ["minutes", "Minutes", "HOURS", "hours", "Days", "dAYS"])
def test_the_unit_is_answered_as_it_was_spelled(bot: Caller, unit: str) -> None:
    assert bot.post(PATH, {**SMALLEST, "intervalUnit": unit}).json()["intervalUnit"] == unit


def test_unknown_fields_and_nulls_are_ignored(bot: Caller) -> None:
    odd = {**SMALLEST, "ownerTeam": {"id": 1}, "description": None, "enabled": None, "x": [1]}
    assert bot.post(PATH, odd).status_code == 201


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", "n" * 200, "n" * 201),
        ("name", "n", ""),
        ("name", "n", "  "),
        ("name", "n", 5),
        ("description", "d" * 10_000, "d" * 10_001),
        ("description", "", ["d"]),
        ("interval", 1, 0),
        ("interval", 1, -1),
        ("interval", "5", "5.0"),
        ("interval", 36_500 * 24 * 60, 36_500 * 24 * 60 + 1),
        ("interval", 5, True),
        ("interval", 5, 5.5),
        ("interval", 5, "five"),
        ("interval", 5, 10**30),
        ("intervalUnit", "days", "weeks"),
        ("intervalUnit", "days", "day"),
        ("intervalUnit", "days", ""),
        ("enabled", True, "true"),
        ("enabled", False, 0),
        ("alertMessage", "m" * 130, "m" * 131),
        ("alertTags", ["t"] * 20, ["t"] * 21),
        ("alertTags", ["t" * 50], ["t" * 51]),
        ("alertTags", [], "t"),
        ("alertTags", [], [1]),
        ("alertPriority", "P5", "P6"),
        ("alertPriority", "P1", "p1"),
    ],
)
def test_limits_hold_at_the_edge_and_one_past_it(
    bot: Caller, field: str, good: Any, bad: Any
) -> None:
    refused = bot.post(PATH, {**SMALLEST, field: bad})
    assert code(refused) == (422, "VALIDATION_ERROR")
    assert refused.json()["errors"][0]["title"].startswith(f"{field} ")
    assert bot.post(PATH, {**SMALLEST, field: good}).status_code == 201


def test_everything_that_is_wrong_is_said_at_once(bot: Caller) -> None:
    refused = bot.post(PATH, {"name": "x", "interval": 0, "alertPriority": "P9"})
    assert [error["title"] for error in refused.json()["errors"]] == [
        "interval must be 1 or more.",
        "alertPriority must be one of P1, P2, P3, P4, P5.",
        "intervalUnit is required.",
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"name": NaN}', b'{"name": "\\u0000"}'])
def test_a_body_that_is_no_json_is_400(bot: Caller, body: bytes) -> None:
    assert code(bot.post(PATH, body)) == (400, "MALFORMED_JSON")


def test_a_body_that_is_no_object_is_422(bot: Caller) -> None:
    assert code(bot.post(PATH, b"[]")) == (422, "VALIDATION_ERROR")


def test_a_body_without_a_name_is_400(bot: Caller) -> None:
    assert code(bot.post(PATH, {"interval": 5, "intervalUnit": "days"})) == (400, "NAME_REQUIRED")


def test_a_body_over_the_limit_is_413(bot: Caller, settings: Any) -> None:
    large = {**SMALLEST, "x": "y" * settings.EVENT_BODY_LIMIT}
    assert code(bot.post(PATH, large)) == (413, "BODY_TOO_LARGE")


def test_a_create_that_is_sent_twice_meets_422(bot: Caller) -> None:
    assert bot.post(PATH, SMALLEST).status_code == 201
    assert code(bot.post(PATH, SMALLEST)) == (422, "HEARTBEAT_ALREADY_EXISTS")
    elsewhere = PATH.replace(TEAM, "another")
    assert bot.post(elsewhere, SMALLEST).status_code == 201


def test_a_team_is_any_plain_identifier(bot: Caller) -> None:
    longest = PATH.replace(TEAM, "t" * 255)
    assert bot.post(longest, SMALLEST).json()["ownerTeamId"] == "t" * 255
    assert code(bot.post(f"/v1/teams/{'t' * 256}/heartbeats", SMALLEST)) == (
        422,
        "VALIDATION_ERROR",
    )
    assert code(bot.post("/v1/teams/a%00b/heartbeats", SMALLEST)) == (422, "VALIDATION_ERROR")
    assert bot.get("/v1/teams/a%00b/heartbeats").json() == {"values": [], "links": {}}


# ---- reading


def test_pages_follow_the_links_in_the_order_of_creation(bot: Caller) -> None:
    for number in range(5):
        make(f"beat-{9 - number}", team=TEAM)
    seen, path = [], f"{PATHS[3]}?size=2"
    while path:
        page = bot.get(path).json()
        seen.append([beat["name"] for beat in page["values"]])
        path = page["links"].get("next", "")
        assert not path or path.startswith(f"/v1/teams/{TEAM}/heartbeats?offset=")
    assert seen == [["beat-9", "beat-8"], ["beat-7", "beat-6"], ["beat-5"]]


def test_a_page_has_twenty_unless_asked(bot: Caller) -> None:
    for number in range(21):
        make(f"beat-{number}", team=TEAM)
    page = bot.get(PATH).json()
    assert len(page["values"]) == 20
    assert page["links"] == {"next": f"/v1/teams/{TEAM}/heartbeats?offset=20&size=20"}
    assert len(bot.get(PATH, size=100).json()["values"]) == 21


@pytest.mark.parametrize("query", ["size=0", "size=101", "size=x", "offset=-1", "offset=1.5"])
def test_odd_pages_are_refused(bot: Caller, query: str) -> None:
    assert code(bot.get(f"{PATH}?{query}")) == (422, "VALIDATION_ERROR")


def test_either_name_finds_one_and_no_match_is_an_empty_list(bot: Caller) -> None:
    make("a", team=TEAM)
    make("b", team=TEAM)
    for parameter in ("name", "heartbeatName"):
        found = bot.get(PATH, **{parameter: "b"}).json()
        assert [beat["name"] for beat in found["values"]] == ["b"]
        assert found["links"] == {}
    assert bot.get(PATH, name="c").json() == {"values": [], "links": {}}
    assert bot.get(f"{PATH}?name=%00").json() == {"values": [], "links": {}}


# ---- changing


def test_absent_stays_and_empty_clears(bot: Caller) -> None:
    bot.post(PATH, document("create"))
    name = "?name=DNS Server Checker"
    before = bot.get(PATH + name).json()["values"][0]
    assert bot.patch(PATH + name, {}).json() == before
    assert bot.patch(PATH + name, {"description": None, "alertTags": None}).json() == before
    cleared = bot.patch(
        PATH + name, {"description": "", "alertMessage": "", "alertTags": [], "alertPriority": ""}
    )
    assert cleared.json() == {**before, "description": "", "alertMessage": "", "alertTags": []}


def test_a_name_in_the_body_renames_nothing(bot: Caller) -> None:
    make("backup", team=TEAM)
    assert bot.patch(f"{PATH}?name=backup", {"name": "other"}).json()["name"] == "backup"


def test_enabled_switches_between_pending_and_off(bot: Caller) -> None:
    make("backup", team=TEAM)
    path = f"{PATH}?name=backup"
    assert bot.patch(path, {"enabled": False}).json()["status"] == "Off"
    ping(bot, "backup")
    assert bot.get(path).json()["values"][0]["status"] == "Off"
    assert Ping.objects.get().kind == Ping.Kind.IGNORED
    assert bot.patch(path, {"enabled": True}).json()["status"] == "Pending"


def test_another_interval_ends_a_cron_schedule_and_the_same_does_not(bot: Caller) -> None:
    beat = make("backup", team=TEAM, cron="0 3 * * *")
    bot.patch(f"{PATH}?name=backup", {"interval": 5, "intervalUnit": "Minutes"})
    assert Heartbeat.objects.get(pk=beat.pk).cron == "0 3 * * *"
    bot.patch(f"{PATH}?name=backup", {"interval": 6})
    assert Heartbeat.objects.get(pk=beat.pk).cron == ""


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_who_changes_must_name_one_that_exists(bot: Caller, method: str) -> None:
    def send(path: str) -> Any:
        return bot.patch(path, {}) if method == "patch" else bot.delete(path)

    assert code(send(PATH)) == (400, "NAME_REQUIRED")
    assert code(send(f"{PATH}?name=")) == (400, "NAME_REQUIRED")
    assert code(send(f"{PATH}?name=nobody")) == (404, "HEARTBEAT_NOT_FOUND")
    assert code(send(f"{PATH}?name=%00")) == (404, "HEARTBEAT_NOT_FOUND")


def test_a_change_is_checked_like_a_new_one(bot: Caller) -> None:
    make("backup", team=TEAM)
    assert code(bot.patch(f"{PATH}?name=backup", {"interval": 0})) == (422, "VALIDATION_ERROR")
    days = {"interval": 36_501, "intervalUnit": "days"}
    assert code(bot.patch(f"{PATH}?name=backup", days)) == (422, "VALIDATION_ERROR")


# ---- pings


@pytest.mark.parametrize("method", ["post", "get", "put", "patch", "head"])
def test_every_method_pings(bot: Caller, method: str) -> None:
    beat = make("backup", team=TEAM)
    send = getattr(bot.client, method)
    answer = send(f"{PATH}/ping?name=backup", headers={"authorization": bot.basic})
    assert answer.status_code == 202
    assert Heartbeat.objects.get(pk=beat.pk).state == "Responsive"


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b'{"alerts": [{"status": "firing"}]}', b"x" * 1024 * 1024]
)
def test_the_body_of_a_ping_is_ignored_whatever_it_is(bot: Caller, body: bytes) -> None:
    make("backup", team=TEAM)
    answer = bot.post(f"{PATH}/ping?name=backup", body)
    assert (answer.status_code, answer.json()) == (202, {"message": "PONG - Heartbeat received"})
    assert Ping.objects.get().body == ""


@pytest.mark.parametrize("query", ["?name=nobody", "", "?name=", "?name=%00", "?name=%ff"])
def test_a_ping_of_nobody_is_202_and_makes_nothing(bot: Caller, query: str) -> None:
    assert bot.post(f"{PATH}/ping{query}", b"").status_code == 202
    assert not Heartbeat.objects.exists()
    assert not Team.objects.exists()


def test_pings_are_not_counted_by_the_rate_limit(bot: Caller, settings: Any) -> None:
    settings.RATE_LIMIT = 2
    make("backup", team=TEAM)
    for _ in range(5):
        assert ping(bot, "backup").status_code == 202
    assert Ping.objects.count() == 5


# ---- who may


def test_no_or_wrong_credentials_are_401(bot: Caller) -> None:
    for header in ("", "Basic " + base64.b64encode(b"bot@example.com:no").decode(), "Bearer no"):
        headers = {"authorization": header} if header else {}
        for path in (PATH, f"{PATH}/ping?name=x"):
            answer = bot.client.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["code"] == 401
            assert set(answer.json()) == {"code", "message"}


def test_bearer_works_too(bot: Caller) -> None:
    answer = bot.client.get(PATH, headers={"authorization": f"Bearer {bot.secret}"})
    assert answer.status_code == 200


def test_a_token_revoked_a_moment_ago_pings_no_more(bot: Caller) -> None:
    make("backup", team=TEAM)
    assert ping(bot, "backup").status_code == 202
    token = bot.user.tokens.get()
    token.revoked_at = token.created_at
    token.save(update_fields=["revoked_at"])
    assert ping(bot, "backup").status_code == 401
    assert ping(bot, "nobody").status_code == 401
    assert Ping.objects.count() == 1


def test_viewers_read_only(viewer: Caller) -> None:
    make("backup", team=TEAM)
    assert viewer.get(PATH).status_code == 200
    assert code(viewer.post(PATH, SMALLEST)) == (403, "PERMISSION_DENIED")
    assert code(viewer.patch(f"{PATH}?name=backup", {})) == (403, "PERMISSION_DENIED")
    assert code(viewer.delete(f"{PATH}?name=backup")) == (403, "PERMISSION_DENIED")
    assert code(ping(viewer, "backup")) == (403, "PERMISSION_DENIED")
    assert not Ping.objects.exists()


def test_a_team_with_members_is_closed_to_strangers(caller: Callable[..., Caller]) -> None:
    bot, admin = caller(Role.BOT), caller(Role.ADMIN)
    friend = caller(Role.COMPOSER, "friend")
    beat = make("backup", team=TEAM)
    actions.change_team(beat.team, name="Operations", members=[friend.user])
    assert code(bot.get(PATH)) == (403, "TEAM_FORBIDDEN")
    assert code(bot.post(PATH, SMALLEST)) == (403, "TEAM_FORBIDDEN")
    assert code(bot.delete(f"{PATH}?name=backup")) == (403, "TEAM_FORBIDDEN")
    assert code(ping(bot, "backup")) == (403, "TEAM_FORBIDDEN")
    assert not Ping.objects.exists()
    for member in (friend, admin):
        assert member.get(PATH).status_code == 200
        assert ping(member, "backup").status_code == 202
    assert ping(friend, "backup").status_code == 202  # the second takes the short way
    assert Ping.objects.count() == 3


def test_over_the_limit_is_429_with_retry_after(bot: Caller, settings: Any) -> None:
    settings.RATE_LIMIT = 2
    assert [bot.get(PATH).status_code for _ in range(2)] == [200, 200]
    answer = bot.get(PATH)
    assert code(answer) == (429, "TOO_MANY_REQUESTS")
    assert 1 <= int(answer["Retry-After"]) <= 61
    assert answer["X-RateLimit-Remaining"] == "0"


def test_other_methods_are_405(bot: Caller) -> None:
    put = bot._send("put", PATH, {}, "application/json", {})
    assert code(put) == (405, "METHOD_NOT_ALLOWED")
    assert put["Allow"] == "GET, HEAD, POST, PATCH, DELETE"
    assert code(bot.delete(f"{PATH}/ping?name=x")) == (405, "METHOD_NOT_ALLOWED")


def test_who_makes_a_heartbeat_learns_its_ping_address(bot: Caller) -> None:
    made = bot.post(PATH, {**SMALLEST, "enabled": True})
    path = made["X-Pulseboard-Ping"].removeprefix("http://127.0.0.1:8000")
    assert bot.client.get(path).status_code == 200
    assert Heartbeat.objects.get().state == "Responsive"
