"""The golden documents, what may be made of them, and how each dialect reads and writes."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from feeds.dialects import compass, git, native, streams, teamhub
from feeds.dialects.mapping import DialectError, Draft
from feeds.dialects.registry import DIALECTS, WEBHOOKS

DOCUMENTS = Path(__file__).resolve().parent.parent / "documents"
NOW = datetime(2026, 11, 21, 14, 3, 7, 250_000, tzinfo=UTC)
#: A run takes a few seconds.
moderately = settings(deadline=None, max_examples=500)

PARSE: dict[str, Callable[[Any], Draft]] = {
    "compass": compass.parse,
    "git": git.parse,
    "native": partial(
        native.parse, now=NOW, external_id="made", home=native.Home("component/web", "Web")
    ),
    "streams": partial(streams.parse, now=NOW),
    "teamhub": partial(teamhub.parse, now=NOW),
    **{name: partial(dialect.parse, now=NOW) for name, dialect in WEBHOOKS.items()},
}
RENDER: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    name: dialect.render for name, dialect in DIALECTS.items()
}


def load(name: str) -> Any:
    """Read the document NAME, such as `compass/flag-on`."""
    return json.loads((DOCUMENTS / f"{name}.json").read_text())


def names(dialect: str) -> list[str]:
    """List the golden documents of DIALECT."""
    return sorted(f"{dialect}/{path.stem}" for path in (DOCUMENTS / dialect).glob("*.json"))


def exactly(value: Any) -> str:
    """Spell VALUE so that 1, 1.0 and true differ, and the order of names does not."""
    return json.dumps(value, sort_keys=True)


def faults(dialect: str, document: Any) -> list[str]:
    """Return what DIALECT says against DOCUMENT."""
    try:
        PARSE[dialect](document)
    except DialectError as error:
        return [str(fault) for fault in error.faults]
    return []


def put(document: Any, path: str, value: Any) -> Any:
    """Return a copy of DOCUMENT with VALUE at the dotted PATH."""
    changed = copy.deepcopy(document)
    *parents, name = path.split(".")
    at = changed
    for step in parents:
        at = at[step]
    at[name] = value
    return changed


def without(document: Any, path: str) -> Any:
    """Return a copy of DOCUMENT with nothing at the dotted PATH."""
    changed = copy.deepcopy(document)
    *parents, name = path.split(".")
    at = changed
    for step in parents:
        at = at[step]
    del at[name]
    return changed


# ---- strategies

# Neither NUL nor half a surrogate pair: strictjson lets none of them in.
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
odd = st.sampled_from(
    [
        "", "5", "-5", "--5", "\u0661", "2026-11-21T14:03:07Z", "2026-11-21",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "http://[", "http://a:99999",
        "https://example.com/browse/ONE-1", "ONE-1", "javascript:alert(1)", "x" * 256, "é" * 5001,
        "😀" * 128, "SUCCESSFUL", "created", "completed", "failed", "build",
        "push", "branch", "project_user", "on", "merged", "closed", "running", "success",
        "2026-11-21 14:03:07 UTC", "2026-11-21 14:03:07 +0200", "0" * 40, "refs/tags/v1",
        "graph-push-reference-complete", 0, -1, 1, 99, 100, 101, 2**63 - 1, 2**63, 10**400,
        0.5, 1e308, True, False, None, [], {}, {"id": "x"}, {"id": 1}, [1], ["x"],
        [{"id": "x"}], [None],
    ]
)  # fmt: skip
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
finite = leaves.filter(lambda value: value not in (float("inf"), float("-inf")))
anything = odd | st.recursive(
    finite | odd,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Go through every place of VALUE: what holds it, and its name or number there."""
    for name in value if isinstance(value, dict) else range(len(value)):
        yield value, name
        if isinstance(value[name], dict | list):
            yield from _places(value[name])


@st.composite
def mutated(draw: st.DrawFn, dialect: str) -> Any:
    """Replace, delete or add a few values in a golden document of DIALECT."""
    document = copy.deepcopy(draw(st.sampled_from(names(dialect)).map(load)))
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(document))
        if not places:
            break
        holder, name = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.sampled_from(["replace", "delete", "add"])):
            case "replace":
                holder[name] = copy.deepcopy(draw(anything))
            case "delete":
                del holder[name]
            case _ if isinstance(holder, dict):
                known = sorted({str(name) for _, name in places})
                holder[draw(st.sampled_from(known) | texts)] = copy.deepcopy(draw(anything))
            case _:
                holder.append(copy.deepcopy(draw(anything)))
    return document
