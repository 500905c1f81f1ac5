"""The TeamHub API as programs meet it: a server of two processes, and many requests at once."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
import requests

from tests.dialects.documents import load
from tests.house import House
from tests.hub import keys
from tests.visitor import password

pytestmark = pytest.mark.xdist_group("served")
PATIENCE = 30  # seconds
AT_ONCE = 12  # threads


@dataclass
class Program:
    """A bot with its keys, in front of a running Pulseboard."""

    house: House
    header: str

    def ask(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": self.header, "Accept": "application/vnd.hth.v1"}
        return requests.request(
            method, f"{self.house.url}/api/{path}", headers=headers, timeout=PATIENCE, **options
        )

    def at_once(self, method: str, path: str, bodies: Sequence[Any]) -> list[Any]:
        """Send BODIES together; the answers stand in their order."""
        barrier = Barrier(min(AT_ONCE, len(bodies)))

        def send(pile: Sequence[tuple[int, Any]]) -> list[tuple[int, Any]]:
            barrier.wait()
            return [(place, self.ask(method, path, json=body)) for place, body in pile]

        numbered = list(enumerate(bodies))
        with ThreadPoolExecutor(barrier.parties) as pool:
            piles = pool.map(send, [numbered[n :: barrier.parties] for n in range(barrier.parties)])
            answers = dict(answer for pile in piles for answer in pile)
        return [answers[place] for place in range(len(bodies))]

    def running(self, repository: str, progress: int = 0) -> str:
        """Post a build that runs, and return its path."""
        body = {"target": "build", "project": "race", "repository": repository}
        answer = self.ask("POST", "events", json={**body, "progress": progress})
        assert answer.status_code == 201, answer.text
        return f"events/{answer.json()['id']}"


@pytest.fixture(scope="module")
def company(served: House) -> str:
    return str(json.loads(served.manage("site"))["company_key"])


@pytest.fixture
def program(served: House, company: str) -> Program:
    name = f"ci-{uuid.uuid4().hex[:8]}"
    secret = served.manage("create_token", f"{name}@example.com", "--role", "bot")
    return Program(served, keys(secret, company))


@pytest.fixture
def repository() -> str:
    return uuid.uuid4().hex[:8]


def statuses(answers: Sequence[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_a_program_walks_through_the_whole_api(
    served: House, company: str, program: Program, repository: str
) -> None:
    person = {"company": company, "login": "admin", "password": password(served)}
    session = requests.post(f"{served.url}/api/account/sessions", json=person, timeout=PATIENCE)
    assert session.status_code == 201
    reader = Program(served, keys(session.json()["account_key"], session.json()["company_key"]))
    path = program.running(repository, progress=10)
    moved = program.ask("PUT", path, json={"progress": 60})
    assert (moved.status_code, moved.json()["progress"]) == (200, 60)
    ended = program.ask("PUT", path, json={"progress": 100, "operation": "completed"})
    trigger = {**load("teamhub/server-trigger"), "repoName": f"race/{repository}"}
    pushed = program.ask("POST", "events", json=trigger)
    assert (pushed.status_code, pushed.content) == (200, b"")
    listed = reader.ask("GET", "events", params={"project": "race", "repository": repository})
    push, build = listed.json()["results"]
    assert (push["target"], push["objects"]["ref"]) == ("push", "master")
    assert build["id"] == ended.json()["id"]
    assert reader.ask("GET", path).json()["operation"] == "completed"
    assert reader.ask("PUT", path, json={}).status_code == 403


@pytest.mark.parametrize("attempt", range(3))
def test_puts_at_once_end_at_the_highest_and_none_that_was_taken_is_lost(
    program: Program, repository: str, attempt: int
) -> None:
    path = program.running(repository)
    lots = random.Random(attempt)
    wanted = lots.sample(range(1, 100), 99)
    answers = program.at_once("PUT", path, [{"progress": progress} for progress in wanted])
    assert statuses(answers).keys() <= {200, 422}
    taken = [w for w, answer in zip(wanted, answers, strict=True) if answer.status_code == 200]
    assert 99 in taken, "nothing is above it, so nothing may refuse it"
    assert program.ask("GET", path).json()["progress"] == 99
    for progress, answer in zip(wanted, answers, strict=True):
        if answer.status_code == 200:
            assert answer.json()["progress"] == progress
        else:
            assert "must not go back from" in answer.json()["error"]["fields"]["progress"]


def test_of_two_ends_and_many_steps_at_once_one_end_stays(
    program: Program, repository: str
) -> None:
    for _ in range(15):
        path = program.running(repository, progress=40)
        ends = [{"progress": 100, "operation": word} for word in ("completed", "failed")]
        steps = [{"progress": 41 + n} for n in range(10)]
        completed, failed, *_ = program.at_once("PUT", path, [*ends, *steps])
        assert sorted([completed.status_code, failed.status_code]) == [200, 422]
        winner = completed if completed.status_code == 200 else failed
        kept = program.ask("GET", path).json()
        assert (kept["progress"], kept["operation"]) == (100, winner.json()["operation"])


def test_the_first_builds_of_a_new_repository_are_all_taken(
    program: Program, repository: str
) -> None:
    body = {"target": "build", "operation": "failed", "project": "r", "repository": repository}
    answers = program.at_once("POST", "events", [body] * 48)
    assert statuses(answers) == {201: 48}
    listed = program.ask("GET", "events", params={"repository": repository, "limit": 100}).json()
    assert {event["id"] for event in listed["results"]} == {a.json()["id"] for a in answers}


def test_a_trigger_that_sends_many_times_at_once_makes_one_push(
    program: Program, repository: str
) -> None:
    trigger = {**load("teamhub/server-trigger"), "repoName": f"race/{repository}"}
    answers = program.at_once("POST", "events", [trigger] * 24)
    assert statuses(answers) == {200: 24}
    listed = program.ask("GET", "events", params={"repository": repository}).json()
    assert listed["metadata"]["count"] == 1


def test_log_ins_at_once_all_get_keys(served: House, company: str, program: Program) -> None:
    person = {"company": company, "login": "admin", "password": password(served)}
    answers = program.at_once("POST", "account/sessions", [person] * 12)
    assert statuses(answers) == {201: 12}
    assert len({answer.json()["account_key"] for answer in answers}) == 12
