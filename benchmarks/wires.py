"""Every other wire beside a bare INSERT, pair by pair, and a GraphQL search with its events."""

from __future__ import annotations

import base64
import itertools
import json
import statistics
import sys
from collections.abc import Callable, Iterator

import requests

from benchmarks.ingest import SENDERS, body, prepare, run, show
from benchmarks.load import request
from benchmarks.place import place_on
from tests.house import House

ROUNDS = 5
BUILDS = 2000  # that PUT reports on; each takes a hundred reports
#: What the issue asks of each wire, as a share of the bare view's rate.
GOALS = {
    "Streams POST": 0.4,
    "TeamHub POST": 0.5,
    "TeamHub PUT": 0.5,
    "GraphQL createCompassEvent": 0.25,
}
_CREATE = """
mutation send($input: CompassCreateEventInput!) {
  compass { createCompassEvent(input: $input) { success errors { message } } }
}
"""


def streams(number: int) -> bytes:
    """Write an activity of one of twenty generators."""
    host = f"https://build-{number % 20}.example.com"
    activity = {
        "id": f"{host}/activity/{number}",
        "title": f"<b>Build {number}</b> of CHECKOUT-{number % 900} passed",
        "content": "<p>Unit tests, integration tests and the image</p>",
        "generator": {"id": host, "displayName": f"Builds {number % 20}"},
        "object": {"id": f"{host}/{number}", "objectType": "build", "displayName": f"#{number}"},
        "target": {"url": f"CHECKOUT-{number % 900}"},
    }
    return json.dumps(activity).encode()


def build(number: int, progress: int = 100) -> bytes:
    """Write a TeamHub build of one of twenty repositories."""
    event = {
        "target": "build",
        "operation": "completed" if progress == 100 else "created",
        "project": "shop",
        "repository": f"service-{number % 20}",
        "name": f"service-{number % 20} #{number}",
        "commits": [f"{number:040x}"],
        "progress": progress,
    }
    return json.dumps({"event": event}).encode()


def measure(database: str) -> None:
    """Print the rates of one database, the bare view's beside each of ours."""
    with place_on(database) as place:
        site, headers = prepare(place)
        company = json.loads(place.manage("site"))["company_key"]
        with place.served(workers=2) as served:
            wires = _wires(served, site, company, headers)
            numbers = itertools.count(1)
            for name, send in wires.items():
                pairs = []
                run(served.port, send, seconds=1)
                for _ in range(ROUNDS):
                    bare = run(served.port, _bare(site, headers, numbers))
                    pairs.append((bare, run(served.port, send)))
                ratio = statistics.median(ours.rate / theirs.rate for theirs, ours in pairs)
                print(f"{name}, {database}: {ratio:.2f} of the bare view (goal {GOALS[name]})")
                show("bare INSERT view", [theirs for theirs, _ in pairs])
                show(name, [ours for _, ours in pairs])


def _bare(site: str, headers: list[dict[str, str]], numbers: Iterator[int]) -> Callable[[], bytes]:
    def send() -> bytes:
        number = next(numbers)
        return request("/bench/insert", body(site, number), headers[number % SENDERS])

    return send


def _wires(
    place: House, site: str, company: str, headers: list[dict[str, str]]
) -> dict[str, Callable[[], bytes]]:
    """Return what writes the next request of each wire."""
    numbers = itertools.count(1)
    keys = [_keys(company, sender) for sender in headers]
    ids = [_post_build(place, keys[n % SENDERS], n) for n in range(BUILDS)]

    def post_activity() -> bytes:
        number = next(numbers)
        return request("/rest/activities/1.0/", streams(number), headers[number % SENDERS])

    def post_build() -> bytes:
        number = next(numbers)
        return request("/api/events", build(number), keys[number % SENDERS])

    def put_build() -> bytes:
        number = next(numbers)
        change = json.dumps({"event": {"progress": (number // BUILDS) % 100}}).encode()
        path = f"/api/events/{ids[number % BUILDS]}"
        return request(path, change, keys[number % SENDERS], method="PUT")

    def create_event() -> bytes:
        number = next(numbers)
        event = json.loads(body(site, number))["event"]
        variables = {"input": {"cloudId": site, "event": event}}
        asked = json.dumps({"query": _CREATE, "variables": variables}).encode()
        return request("/gateway/api/graphql", asked, headers[number % SENDERS])

    writers = (post_activity, post_build, put_build, create_event)
    return dict(zip(GOALS, writers, strict=True))


def _keys(company: str, sender: dict[str, str]) -> dict[str, str]:
    """Return the TeamHub header of a sender."""
    pair = base64.b64decode(sender["Authorization"].removeprefix("Basic "))
    secret = pair.decode().partition(":")[2]
    return {
        "Authorization": f"hth.company_key='{company}',account_key='{secret}'",
        "Content-Type": "application/json",
    }


def _post_build(place: House, keys: dict[str, str], number: int) -> str:
    answer = requests.post(
        f"{place.url}/api/events", build(number, progress=0), headers=keys, timeout=10
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


def search(database: str) -> None:
    """Print how long a search of 50 components with 10 events each takes, and its queries."""
    with place_on(database) as place:
        print(f"GraphQL search, {database}: {place.run('-m', 'benchmarks.graphql')}")


if __name__ == "__main__":
    for name in sys.argv[1:] or ["postgresql", "sqlite"]:
        measure(name)
        search(name)
