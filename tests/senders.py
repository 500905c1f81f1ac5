"""Programs that send to a Pulseboard all at once: real processes, each with several connections.

Run as `python -m tests.senders` it is one of them: it reads its orders from standard input, says
that it is ready, waits for the word, and prints what was answered. Nothing here needs Django.
"""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds for all answers
CONNECTIONS = 4  # of each process
EVENTS = "/gateway/api/compass/v1/events"
BULK = "/api/v1/events"


@dataclass(frozen=True)
class Letter:
    """One request: who sends it (user:token), what, and where to."""

    login: str
    body: Any
    path: str = EVENTS


@dataclass(frozen=True)
class Answer:
    """What came back; a status of 0 means that the connection broke."""

    status: int
    outcome: str = ""
    activity: str = ""
    text: str = ""


def send_at_once(
    url: str, letters: Sequence[Letter], *, processes: int = 4, connections: int = CONNECTIONS
) -> list[Answer]:
    """Deal LETTERS out to PROCESSES, let all go together, and return the answers in order."""
    with started(url, letters, processes=processes, connections=connections) as finish:
        return finish()


@contextmanager
def started(
    url: str, letters: Sequence[Letter], *, processes: int = 4, connections: int = CONNECTIONS
) -> Iterator[Any]:
    """Start the processes, let them go, and give the function that waits for the answers."""
    with ExitStack() as stack:
        senders = []
        for _ in range(processes):
            sender = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.senders"],
                    cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )  # fmt: skip
            stack.callback(sender.kill)
            senders.append(sender)
        for place, sender in enumerate(senders):
            orders = {
                "url": url,
                "connections": connections,
                "letters": [asdict(letter) for letter in letters[place::processes]],
            }
            assert sender.stdin is not None
            sender.stdin.write(json.dumps(orders) + "\n")
            sender.stdin.flush()
        for sender in senders:
            assert sender.stdout is not None
            assert sender.stdout.readline() == "ready\n"
        for sender in senders:
            assert sender.stdin is not None
            sender.stdin.write("go\n")
            sender.stdin.flush()

        def finish() -> list[Answer]:
            answers: list[Answer] = [Answer(0)] * len(letters)
            for place, sender in enumerate(senders):
                printed, _ = sender.communicate(timeout=PATIENCE)
                answers[place::processes] = [Answer(**answer) for answer in json.loads(printed)]
            return answers

        yield finish


def _main() -> None:
    orders = json.loads(sys.stdin.readline())
    letters = [Letter(**letter) for letter in orders["letters"]]
    connections = orders["connections"]
    print("ready", flush=True)
    assert sys.stdin.readline() == "go\n"
    answers: list[Answer] = [Answer(0)] * len(letters)
    with ThreadPoolExecutor(connections) as pool:
        piles = [letters[place::connections] for place in range(connections)]
        for place, pile in enumerate(pool.map(lambda pile: _send(orders["url"], pile), piles)):
            answers[place::connections] = pile
    print(json.dumps([asdict(answer) for answer in answers]))


def _send(url: str, letters: Sequence[Letter]) -> list[Answer]:
    link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    answers = []
    for letter in letters:
        headers = {
            "Authorization": "Basic " + base64.b64encode(letter.login.encode()).decode(),
            "Content-Type": "application/json",
        }
        try:
            link.request("POST", letter.path, json.dumps(letter.body), headers)
            response = link.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException):
            link.close()
            answers.append(Answer(0))
            continue
        outcome = response.headers.get("X-Pulseboard-Outcome", "")
        activity = response.headers.get("X-Pulseboard-Activity", "")
        answers.append(Answer(response.status, outcome, activity, text))
    link.close()
    return answers


if __name__ == "__main__":
    _main()
