"""The pages that are measured, as addresses with places for values, and what is told of them."""

from __future__ import annotations

import statistics

RUNS = 40  # of each page, each with another value
#: Query strings by name; {n} is the number of the run.
PAGES: dict[str, str] = {
    "no filter": "",
    "type": "type={kind}",
    "type, rare": "type=lifecycle",
    "state": "state={state}",
    "generator": "generator=ci-{twelfth}.example.com",
    "actor": "actor=user-{n}",
    "actor, rare": "actor=user-{rare}",
    "target": "target=target-{n}",
    "source": "source=shop/service-{n}",
    "component": "component=component-{n}",
    "time range": "since={since}&until={until}",
    "excluding a type": "type=-push",
    "three combined": "type=build&state=failed&actor=user-{n}",
    "component, type, state": "component=component-{n}&type=build&state=failed",
    "text, common": "q=checkout",
    "text, rare": "q=w{n}",
    "text, two common that never meet": "q=checkout+payments",
    "text, everywhere, but never side by side": "q=%22tests+unit%22",
    "text, common, with a filter that leaves none": "q=checkout&type=push&state=failed",
}
#: Pages beside the feed, and the feed with a drawer open.
OTHERS: dict[str, str] = {
    "component page": "/components/component-{n}/",
    "source page": "/sources/{source}/",
    "feed, an alarm in the drawer": "/?event={alarm}",
    "feed, a build in the drawer": "/?event={build}",
}
DEEP = ("no filter", "type", "source", "component")


def filled(address: str, run: int, known: dict[str, list[str]]) -> str:
    """Return ADDRESS, one of PAGES or OTHERS, with the values of RUN."""
    return address.format(
        n=run + 1,
        twelfth=run % 12,
        rare=300 + run * 4,
        kind=("build", "push", "deployment")[run % 3],
        state=("failed", "succeeded")[run % 2],
        since=f"2026-0{1 + run % 6}-01",
        until=f"2026-0{1 + run % 6}-15",
        **{name: values[run % len(values)] for name, values in known.items()},
    )


def p95(values: list[float]) -> float:
    """Return what one of twenty VALUES is over."""
    return statistics.quantiles(values, n=20)[18]
