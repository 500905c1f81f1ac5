"""Inside a house: a GraphQL search of 50 components with 10 events each; prints milliseconds."""

from __future__ import annotations

import statistics
import time

import django

django.setup()

from django.test import Client  # noqa: E402

from benchmarks import rows  # noqa: E402
from benchmarks.pages import watched  # noqa: E402
from feeds import actions, heap  # noqa: E402
from feeds.models import Role  # noqa: E402

ROWS = 100_000
RUNS = 30
SEARCH = """
query search($site: String!) {
  compass { searchComponents(cloudId: $site, query: {first: 50}) {
    ... on CompassSearchComponentConnection { nodes { component {
      id name labels { name } eventSources { id }
      events(query: {first: 10}) { ... on CompassEventConnection { nodes {
        eventType displayName lastUpdated updateSequenceNumber
      } } }
    } } } } }
}
"""


def main() -> None:
    """Load rows, search, and say how long it took."""
    rows.make_catalogue()
    rows.make_rows(1, ROWS)
    token = actions.create_token(actions.create_user("bench", role=Role.ADMIN), role=Role.ADMIN)
    client = Client(headers={"host": "127.0.0.1", "authorization": f"Bearer {token}"})
    asked = {"query": SEARCH, "variables": {"site": actions.cloud_id()}}
    times: list[float] = []
    queries: list[tuple[int, float]] = []
    for run in range(RUNS + 2):
        if run == 2:  # the first two warm the caches; then the heap is as feeds/wsgi.py leaves it
            times, queries = [], []
            heap.settle()
        start = time.perf_counter()
        with watched() as clock:
            answer = client.post("/graphql", asked, content_type="application/json").json()
        times.append((time.perf_counter() - start) * 1000)
        queries.append((clock.queries, clock.seconds * 1000))
        nodes = answer["data"]["compass"]["searchComponents"]["nodes"]
        events = sum(len(node["component"]["events"]["nodes"]) for node in nodes)
    p95 = statistics.quantiles(times, n=20)[18]
    in_database = statistics.median(spent for _, spent in queries)
    print(
        f"{len(nodes)} components, {events} events of {ROWS:,}: p50 {statistics.median(times):.0f} "
        f"ms, p95 {p95:.0f} ms; {queries[-1][0]} queries, {in_database:.0f} ms of them"
    )


if __name__ == "__main__":
    main()
