"""Races, run for real: several client processes against a server of two processes."""

from __future__ import annotations

import copy
import json
import os
import random
import signal
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.events import EVENTS
from tests.house import House, house
from tests.senders import BULK, Answer, Letter, send_at_once, started

pytestmark = pytest.mark.xdist_group("served")
PATIENCE = 20  # seconds


@dataclass
class Site:
    """A served Pulseboard, and the admin who sets things up in it."""

    house: House
    cloud_id: str
    admin: str  # user:token

    @classmethod
    def of(cls, house: House) -> Site:
        token = house.manage("create_token", "race-admin@example.com", "--role", "admin")
        cloud_id = json.loads(house.manage("site"))["cloud_id"]
        return cls(house, cloud_id, f"race-admin@example.com:{token}")

    def bot(self) -> str:
        """Make a new user, and return its user:token."""
        email = f"bot-{uuid.uuid4().hex[:8]}@example.com"
        return f"{email}:{self.house.manage('create_token', email, '--role', 'bot')}"

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        """Call our own API as the admin."""
        user, _, token = self.admin.partition(":")
        response = requests.request(
            method,
            f"{self.house.url}/api/v1/{path}",
            auth=(user, token),
            timeout=PATIENCE,
            **fields,
        )
        assert response.status_code < 300, response.text
        return response.json()

    def source(self, kind: str = "custom") -> str:
        """Make a source, and return its external id."""
        name = f"race/{uuid.uuid4().hex[:8]}"
        self.ask("POST", "sources", json={"external_id": name, "kind": kind})
        return name

    def component(self) -> dict[str, Any]:
        """Make a component, and return it."""
        found: dict[str, Any] = self.ask("POST", "components", json={"name": "Race"})
        return found

    def activities(self, source: str) -> list[dict[str, Any]]:
        """Return all activities of SOURCE."""
        found: list[dict[str, Any]] = []
        query = {"source": source, "limit": "500"}
        while True:
            answer = self.ask("GET", "activities", params=query)
            found += answer["results"]
            if not answer["next"]:
                return found
            query["before"] = answer["next"].partition("before=")[2].partition("&")[0]

    def event(
        self, source: str, kind: str = "custom", *, component: str = "", **fields: Any
    ) -> Any:
        """Write an event as the wire wants it; `state` and `id` find their place."""
        event = copy.deepcopy(EVENTS[kind])
        properties = next(value for name, value in event.items() if name.endswith("Properties"))
        properties |= {name: fields.pop(name) for name in ("id", "state") if name in fields}
        event |= {"externalEventSourceId": source, **fields}
        body = {"cloudId": self.cloud_id, "event": {kind: event}}
        return {**body, "componentId": component} if component else body


@pytest.fixture(scope="module")
def site(served: House) -> Site:
    return Site.of(served)


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def shuffled(letters: list[Letter]) -> list[Letter]:
    """Return LETTERS in an order that a failure prints, for it names its seed."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    return random.Random(seed).sample(letters, len(letters))


@pytest.mark.parametrize("attempt", range(2))
def test_shuffled_updates_from_several_processes_end_at_the_highest(
    site: Site, attempt: int
) -> None:
    bot, source = site.bot(), site.source("build")
    states = ("IN_PROGRESS", "FAILED", "SUCCESSFUL", "CANCELLED")
    letters = [
        Letter(
            bot,
            site.event(
                source, "build", updateSequenceNumber=number, state=states[number % 4],
                displayName=f"build at {number}",
            ),
        )
        for number in range(90)
    ]  # fmt: skip
    answers = send_at_once(site.house.url, shuffled(letters))
    assert statuses(answers) == {202: 90}
    assert Counter(answer.outcome for answer in answers)["created"] == 1
    assert len({answer.activity for answer in answers}) == 1
    (activity,) = site.activities(source)
    assert (activity["sequence"], activity["title"]) == (89, "build at 89")
    assert activity["state"] == "failed"
    assert json.loads(activity["raw"])["event"]["build"]["updateSequenceNumber"] == 89


def test_the_first_events_of_one_activity_make_one_activity(site: Site) -> None:
    bot, source = site.bot(), site.source()
    letters = [Letter(bot, site.event(source, id=str(n // 4))) for n in range(80)]
    answers = send_at_once(site.house.url, letters)
    assert statuses(answers) == {202: 80}
    assert Counter(answer.outcome for answer in answers) == {"created": 20, "stale": 60}
    assert len(site.activities(source)) == 20


def test_of_300_requests_at_once_exactly_100_are_taken_and_another_user_is_free(
    site: Site,
) -> None:
    greedy, modest, source = site.bot(), site.bot(), site.source()
    letters = [Letter(greedy, site.event(source, id=f"greedy-{n}")) for n in range(300)]
    letters += [Letter(modest, site.event(source, id=f"modest-{n}")) for n in range(30)]
    letters = shuffled(letters)
    begin = time.monotonic()
    answers = send_at_once(site.house.url, letters)
    assert time.monotonic() - begin < 60, "slower than one window: this run proves nothing"
    of_greedy = [a for a, letter in zip(answers, letters, strict=True) if letter.login == greedy]
    of_modest = [a for a, letter in zip(answers, letters, strict=True) if letter.login == modest]
    assert statuses(of_greedy) == {202: 100, 429: 200}
    assert statuses(of_modest) == {202: 30}
    assert all(answer.text == "" for answer in of_greedy)
    kept = Counter(found["external_id"].partition("-")[0] for found in site.activities(source))
    assert kept == {"greedy": 100, "modest": 30}


def test_bulk_and_single_requests_spend_the_same_budget_exactly(site: Site) -> None:
    bot, source = site.bot(), site.source()
    letters = [
        Letter(bot, [site.event(source, id=str(n))], BULK)
        if n % 2
        else Letter(bot, site.event(source, id=str(n)))
        for n in range(160)
    ]
    counts = statuses(send_at_once(site.house.url, letters))
    assert counts[200] + counts[202] == 100
    assert counts[429] == 60


def test_40_new_sources_at_once_leave_a_component_with_exactly_20(site: Site) -> None:
    bot, component, mark = site.bot(), site.component(), uuid.uuid4().hex[:8]
    letters = [
        Letter(bot, site.event(f"cap/{mark}-{n}", component=component["id"])) for n in range(40)
    ]
    answers = send_at_once(site.house.url, letters)
    assert statuses(answers) == {202: 20, 409: 20}
    refused = [json.loads(answer.text)["errors"] for answer in answers if answer.status == 409]
    assert {error["type"] for (error,) in refused} == {"ATTACHED_EVENT_SOURCE_LIMIT_REACHED"}
    sources = [
        found
        for found in site.ask("GET", "sources?limit=500")["results"]
        if found["external_id"].startswith(f"cap/{mark}")
    ]
    assert [found["components"] for found in sources] == [[component["slug"]]] * 20
    taken = site.ask("GET", "activities", params={"component": component["slug"]})["results"]
    assert len(taken) == 20


def test_known_sources_attached_at_once_keep_the_cap_too(site: Site) -> None:
    bot, component = site.bot(), site.component()
    sources = [site.source() for _ in range(30)]
    letters = [Letter(bot, site.event(name, component=component["id"])) for name in sources]
    assert statuses(send_at_once(site.house.url, letters)) == {202: 20, 409: 10}


@pytest.mark.parametrize("attempt", range(2))
def test_the_first_events_of_one_new_source_make_one_source(site: Site, attempt: int) -> None:
    bot, component = site.bot(), site.component()
    names = [f"new/{uuid.uuid4().hex[:8]}" for _ in range(10)]
    letters = [
        Letter(bot, site.event(name, id=str(n), component=component["id"]))
        for name in names
        for n in range(6)
    ]
    answers = send_at_once(site.house.url, letters, processes=6, connections=2)
    assert statuses(answers) == {202: 60}
    sources = [
        found["external_id"]
        for found in site.ask("GET", "sources?limit=500")["results"]
        if found["components"] == [component["slug"]]
    ]
    assert sorted(sources) == sorted(names)
    assert all(len(site.activities(name)) == 6 for name in names)


def test_pull_requests_make_their_source_on_first_sight_only_once(site: Site) -> None:
    bot, repository = site.bot(), f"race/{uuid.uuid4().hex[:8]}"
    properties = EVENTS["pullRequest"]["pullRequestProperties"]
    body = {
        "cloudId": site.cloud_id,
        "event": {
            "pullRequest": {
                **EVENTS["pullRequest"],
                "pullRequestProperties": {
                    **properties,
                    "repoUrl": f"https://git.example.com/{repository}",
                },
            }
        },
    }
    answers = send_at_once(site.house.url, [Letter(bot, body)] * 24)
    assert statuses(answers) == {202: 24}
    assert len({answer.activity for answer in answers}) == 1


@pytest.mark.parametrize("attempt", range(2))
def test_bulk_and_single_posts_of_the_same_events_end_at_the_highest(
    site: Site, attempt: int
) -> None:
    bot, source = site.bot(), site.source()
    lots = random.Random(attempt)

    def event(name: int, sequence: int) -> Any:
        return site.event(
            source, id=str(name), updateSequenceNumber=sequence, displayName=f"{name} at {sequence}"
        )

    pairs = [(name, sequence) for name in range(200) for sequence in range(20)]
    lots.shuffle(pairs)
    letters = [
        Letter(bot, [event(*pair) for pair in pairs[start : start + 200]], BULK)
        for start in range(0, len(pairs), 200)
    ]
    letters += [Letter(bot, event(name, lots.randrange(20))) for name in range(60)]
    lots.shuffle(letters)
    counts = statuses(send_at_once(site.house.url, letters))
    assert counts == {200: 20, 202: 60}
    found = {one["external_id"]: (one["sequence"], one["title"]) for one in site.activities(source)}
    assert found == {str(name): (19, f"{name} at 19") for name in range(200)}


def test_bulk_posts_that_make_the_same_sources_in_other_orders_are_all_taken(site: Site) -> None:
    bot, lots = site.bot(), random.Random(11)
    components = [site.component() for _ in range(4)]
    mark = uuid.uuid4().hex[:8]
    events = [
        site.event(f"order/{mark}-{place}-{n}", component=component["id"])
        for place, component in enumerate(components)
        for n in range(15)
    ]
    letters = [Letter(bot, lots.sample(events, len(events)), BULK) for _ in range(16)]
    answers = send_at_once(site.house.url, letters)
    assert statuses(answers) == {200: 16}
    made = [found["external_id"] for found in site.ask("GET", "sources?limit=500")["results"]]
    assert len([name for name in made if name.startswith(f"order/{mark}")]) == 60


def test_killing_a_web_worker_loses_no_event_that_was_taken() -> None:
    with house(os.environ.get("DATABASE_URL", ""), RATE_LIMIT="0") as place:
        place.migrate()
        with place.served(workers=2):
            site = Site.of(place)
            bot, source = site.bot(), site.source()
            letters = [Letter(bot, site.event(source, id=str(n))) for n in range(1200)]
            with started(place.url, letters) as finish:
                wait_until_some_are_taken(site, source)
                os.kill(random.choice(web_workers(place)), signal.SIGKILL)
                answers = finish()
        taken = {str(n) for n, answer in enumerate(answers) if answer.status == 202}
        broken = statuses(answers)[0]
        assert taken
        assert broken, "the worker died too late for this run to prove anything"
        assert statuses(answers).keys() == {0, 202}
        with place.served(workers=2):
            kept = {found["external_id"] for found in site.activities(source)}
            assert taken <= kept
            # What broke may or may not be kept; sent again, everything is there, and once.
            again = [
                letter for letter, answer in zip(letters, answers, strict=True) if not answer.status
            ]
            assert statuses(send_at_once(place.url, again)) == {202: broken}
            assert len(site.activities(source)) == 1200


def wait_until_some_are_taken(site: Site, source: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if site.ask("GET", "activities", params={"source": source, "limit": "1"})["results"]:
            return
        time.sleep(0.02)
    raise AssertionError(f"nothing was taken in {PATIENCE} s")


def web_workers(place: House) -> list[int]:
    """Return the processes that serve PLACE: the children of granian's own."""
    processes = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            environ = (stat.parent / "environ").read_bytes()
            command = (stat.parent / "cmdline").read_bytes()
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended while we looked
        if f"DATA_DIR={place.env['DATA_DIR']}".encode() in environ.split(b"\0"):
            processes[int(stat.parent.name)] = (parent, command)
    return [
        pid
        for pid, (parent, command) in processes.items()
        if parent in processes and b"resource_tracker" not in command
    ]
