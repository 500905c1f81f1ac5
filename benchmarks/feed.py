"""The feed page at 10 thousand, 1 million and 10 million activities, and a peer beside it."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.place import place_on

SIZES = {
    "postgresql": ["10000", "1000000", "10000000"],
    "sqlite": ["10000", "1000000"],
}
PEER_SIZE = "1000000"

Figures = dict[str, dict[str, float]]


def measure(database: str, sizes: list[str]) -> None:
    """Print a table for one database: each page at each size."""
    with place_on(database) as place:
        answers = place.run("-m", "benchmarks.pages", *sizes).splitlines()
    by_size: list[tuple[int, Figures]] = [
        (answer["size"], answer["figures"]) for answer in map(json.loads, answers)
    ]
    print(f"\nfeed page, {database}: page p95 / queries p95 in ms, 40 runs each, in process\n")
    heads = [f"{size:,}" for size, _ in by_size]
    print(f"| page | {' | '.join(heads)} | growth of the page, of its queries |")
    print(f"|---|{'---|' * (len(heads) + 1)}")
    (_, first), (_, last) = by_size[0], by_size[-1]
    for name in first:
        cells = [f"{size[name]['p95']:.0f} / {size[name]['db95']:.1f}" for _, size in by_size]
        growth = [last[name][figure] / first[name][figure] for figure in ("p50", "db50")]
        print(f"| {name} | {' | '.join(cells)} | {growth[0]:.1f}, {growth[1]:.1f} |")
    most = max(figures["queries"] for _, size in by_size for figures in size.values())
    print(f"\nat most {most:.0f} queries a page")


def compare() -> None:
    """Print ours beside the peer's."""
    with place_on("postgresql", "benchmarks.peer_settings") as place:
        answer: dict[str, Any] = json.loads(place.run("-m", "benchmarks.peer", PEER_SIZE))
    print(f"\n50 rows of {int(PEER_SIZE):,} on PostgreSQL, p50 / p95 in ms, no template\n")
    print("| page | Pulseboard | django-activity-stream | ratio of p50 |\n|---|---|---|---|")
    for name, (ours, theirs) in answer["figures"].items():
        cells = [f"{side['p50']:.1f} / {side['p95']:.1f}" for side in (ours, theirs)]
        print(f"| {name} | {' | '.join(cells)} | {ours['p50'] / theirs['p50']:.2f} |")


if __name__ == "__main__":
    for name in sys.argv[1:] or SIZES:
        measure(name, SIZES[name])
    compare()
