"""Numbers for Prometheus, in its text format.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Family:
    """One metric: its samples by the value of its LABEL, or one sample under "" without."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: Mapping[str, float]
    label: str = ""


def render(families: Iterable[Family]) -> str:
    """Write FAMILIES as one text."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {family.help}"
    yield f"# TYPE {family.name} {family.kind}"
    for value, number in family.samples.items():
        labels = f'{{{family.label}="{_escaped(value)}"}}' if family.label else ""
        yield f"{family.name}{labels} {number}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
