"""Every filter as a property: what the database returns is what a plain Python filter returns."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds import actions
from feeds.dialects.mapping import Draft
from feeds.facets import counts
from feeds.filters import FeedFilter, FilterError, moment
from feeds.histogram import MOST_BARS, STACKS, histogram
from feeds.looks import Limits
from feeds.models import Activity, AuditEntry, Component, EventSource, Role, User
from feeds.pages import page
from tests.conftest import Caller
from tests.pages import record

START = datetime(2026, 11, 1, tzinfo=UTC)
VALUES: dict[str, list[str]] = {
    "type": ["build", "push", "deployment", "incident"],
    "state": ["succeeded", "failed", "running", "open"],
    "generator": ["Jenkins", "ci.example.com", "-dash", "\\slash", "ünï"],
    "actor": ["maria", "jonas", "-minus", "a@b.example"],
    "target": ["shop/web", "ONE-1", "-x", "prod"],
    "environment": ["prod", "-x"],
    "component": ["web", "search", "idle"],
    "source": ["shop/web", "shop/search", "lonely", "-odd"],
}
WORDS = ["retry", "cache", "total", "basket", "x9", "ci"]


@pytest.fixture(scope="module")
def _rows(django_db_setup: None, django_db_blocker: Any) -> Any:
    """240 activities of every combination that matters, made once."""
    with django_db_blocker.unblock():
        actions.forget_site()
        _make()
        yield
        Activity.objects.all().delete()
        EventSource.objects.all().delete()
        Component.objects.all().delete()
        User.objects.all().delete()
        AuditEntry.objects.all().delete()


def _make() -> None:
    dice = random.Random(11)
    sender = actions.Sender(actions.ensure_user("filterer", role=Role.BOT))
    drafts = [_draft(dice, number) for number in range(240)]
    answers = actions.record_many(sender, drafts)
    assert all(isinstance(answer, actions.Recorded) for answer in answers)
    sources = {source.external_id: source for source in EventSource.objects.filter(kind="build")}
    for name in VALUES["component"]:
        component = actions.create_component(name)
        if f"shop/{name}" in sources:
            actions.attach(component, sources[f"shop/{name}"])
    actions.attach(Component.objects.get(slug="search"), sources["lonely"])


def _draft(dice: random.Random, number: int) -> Draft:
    def pick(name: str) -> str:
        return dice.choice(VALUES[name])

    return Draft(
        dialect="teamhub",
        kind=pick("type"),
        source_id=pick("source"),
        external_id=str(number),
        sequence=1,
        title=" ".join(dice.sample(WORDS, 2)) + dice.choice(["", "-", "."]),
        content=dice.choice(["", "Cache/Retry", "total_basket", "the-x9 build"]),
        # many in the same second, and some apart by a microsecond
        occurred_at=START
        + timedelta(hours=dice.randrange(48), microseconds=dice.choice([0, 0, 1])),
        verb="test",
        generator=pick("generator"),
        state=dice.choice(["", pick("state")]),
        actor_key=pick("actor"),
        actor_name=pick("actor"),
        target_key=dice.choice(["", pick("target")]),
    )


def escaped(value: str) -> str:
    return "\\" + value if value.startswith(("-", "\\")) else value


@st.composite
def queries(draw: st.DrawFn) -> list[tuple[str, str]]:
    pairs = []
    for name, values in VALUES.items():
        for value in draw(st.lists(st.sampled_from([*values, "absent"]), max_size=2)):
            if name in {"type", "state"} and value == "absent":
                continue
            pairs.append((name, draw(st.sampled_from([escaped(value), f"-{value}"]))))
    hours = st.integers(0, 48)
    for name in ("since", "until"):
        if draw(st.integers(0, 3)) == 0:
            moment = START + timedelta(hours=draw(hours))
            pairs.append((name, draw(st.sampled_from([moment.isoformat(), f"{moment:%Y-%m-%d}"]))))
    if draw(st.integers(0, 2)) == 0:
        words = draw(st.lists(st.sampled_from([*WORDS, "CACHE", "re*", "absent"]), max_size=2))
        pairs.append(("q", draw(st.sampled_from([" ", "-", "/"])).join(words)))
    return draw(st.permutations(pairs))


def plain(pairs: list[tuple[str, str]], rows: list[Activity]) -> set[int]:
    """Filter ROWS as the documentation says, one by one."""
    return {row.pk for row in rows if all(_passes(pairs, row, name) for name, _ in pairs)}


def _passes(pairs: list[tuple[str, str]], row: Activity, name: str) -> bool:
    given = [value for other, value in pairs if other == name]
    if name in {"since", "until"}:
        moment = datetime.fromisoformat(given[-1])
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return row.occurred_at >= moment if name == "since" else row.occurred_at < moment
    if name == "q":
        return _has_words(given[-1], row)
    included = {value.removeprefix("\\") for value in given if not value.startswith("-")}
    excluded = {value[1:] for value in given if value.startswith("-")}
    held = _values_of(row, name)
    return (not included or bool(included & held)) and not excluded & held


def _values_of(row: Activity, name: str) -> set[str]:
    if name == "component":
        return {component.slug for component in row.source.components.all()}
    if name == "source":
        return {row.source.external_id}
    if name == "environment":
        return {row.target_key} if row.kind == "deployment" else set()
    column = {"type": "kind", "actor": "actor_key", "target": "target_key"}.get(name, name)
    return {getattr(row, column)}


def _has_words(text: str, row: Activity) -> bool:
    searched = (row.title, row.content, row.actor_name, row.object_key, row.target_key)
    words = re.findall(r"[^\W_]+", " ".join(searched).lower())
    wanted = re.findall(r"[^\W_]+\*?", text.lower())
    if not wanted:
        return not text.strip()
    return all(
        any(w.startswith(x[:-1]) for w in words) if x.endswith("*") else x in words for x in wanted
    )


@pytest.mark.usefixtures("_rows")
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pairs=queries())
def test_the_database_filters_as_plain_python_does(
    pairs: list[tuple[str, str]], django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        rows = list(Activity.objects.select_related("source"))
        found = set(FeedFilter.read(query_of(pairs)).rows().values_list("pk", flat=True))
        assert found == plain(pairs, rows)


@pytest.mark.usefixtures("_rows")
@settings(max_examples=25, deadline=None)
@given(pairs=queries(), size=st.integers(1, 60))
def test_pages_walk_the_whole_set_in_order_both_ways(
    pairs: list[tuple[str, str]], size: int, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        filter = FeedFilter.read(query_of(pairs))
        expected = list(filter.rows().order_by("-occurred_at", "-id").values_list("pk", flat=True))
        forth: list[int] = []
        at: list[tuple[str, str]] = []
        for _ in range(len(expected) + 2):
            found = page(filter, query_of(at), size=size)
            forth += [row.pk for row in found.rows]
            if not found.older:
                break
            at = [("before", str(found.older))]
        assert forth == expected
        back = [row.pk for row in found.rows]
        for _ in range(len(expected) + 2):
            if not found.newer:
                break
            found = page(filter, query_of([("after", str(found.newer))]), size=size)
            back = [row.pk for row in found.rows] + back
        assert back == expected


def query_of(pairs: list[tuple[str, str]]) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, value in pairs:
        query.appendlist(name, value)
    return query


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "nonsense"),
        ("state", "-nonsense"),
        ("since", "whenever"),
        ("until", "2026-13-01"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("before", "x"),
        ("before", "1_x"),
        ("after", f"{10**30}_1"),
        ("before", "9" * 5000 + "_1"),
        ("actor", "\x00"),
    ],
)
def test_a_parameter_that_cannot_be_read_names_itself(db: None, name: str, value: str) -> None:
    query = query_of([(name, value)])
    with pytest.raises(FilterError) as caught:
        page(FeedFilter.read(query), query)
    assert caught.value.field == name
    assert str(caught.value).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", "2026-11-21T13:33:00"),
        ("2h", "2026-11-21T12:03:00"),
        ("7D", "2026-11-14T14:03:00"),
        ("1w", "2026-11-14T14:03:00"),
        ("today", "2026-11-21T00:00:00"),
        ("Yesterday", "2026-11-20T00:00:00"),
        ("2026-11-01", "2026-11-01T00:00:00"),
        ("2026-11-21T15:03+01:00", "2026-11-21T14:03:00"),
    ],
)
def test_a_time_may_be_counted_from_now(text: str, expected: str) -> None:
    now = datetime(2026, 11, 21, 14, 3, 59, 7, tzinfo=UTC)
    assert moment("since", text, now=now) == datetime.fromisoformat(f"{expected}+00:00")


def test_a_view_of_the_last_hours_moves_with_the_clock(bot: Caller) -> None:
    record(1, occurred_at=datetime.now(UTC) - timedelta(hours=3))
    for since, found in (("4h", 1), ("2h", 0), ("999999w", None)):
        answer = bot.get("/api/v1/activities", since=since)
        assert answer.status_code == (400 if found is None else 200)
        assert found is None or len(answer.json()["results"]) == found


@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize("number", [-1, 0, 2**63, 10**30])
def test_a_cursor_beyond_every_row_is_an_empty_page_or_all_of_it(
    viewer: Caller, name: str, number: int
) -> None:
    assert viewer.get("/api/v1/activities", **{name: f"0_{number}"}).status_code == 200


def test_more_than_50_values_of_a_parameter_are_refused(db: None) -> None:
    with pytest.raises(FilterError, match="actor: must not be given more than 50 times"):
        FeedFilter.read(query_of([("actor", str(n)) for n in range(51)]))


def test_a_component_and_a_source_are_found_by_uuid_as_well(bot: Caller) -> None:
    component = actions.create_component("Web")
    source = actions.create_source("shop/web", kind="custom")
    actions.attach(component, source)
    bot.event()
    for pair, negated in itertools.product(
        [("component", str(component.uuid)), ("source", str(source.uuid))], ["", "-"]
    ):
        rows = FeedFilter.read(query_of([(pair[0], negated + pair[1])])).rows()
        assert rows.count() == (0 if negated else 1)


# ---- the counts


def reference(facet: str, rows: list[Activity]) -> Counter[str]:
    return Counter(value for row in rows for value in _values_of(row, facet) if value)


@pytest.mark.usefixtures("_rows")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pairs=queries(),
    limits=st.builds(
        Limits, counted=st.integers(1, 300), looked_at=st.integers(1, 300), found=st.just(300)
    ),
    stack=st.sampled_from(STACKS),
)
def test_facets_and_bars_count_the_newest_rows_that_pass(
    pairs: list[tuple[str, str]], limits: Limits, stack: str, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        filter = FeedFilter.read(query_of(pairs))
        everything = list(Activity.objects.select_related("source"))
        wanted = plain(pairs, everything)
        rows = [row for row in everything if row.pk in wanted]
        found = counts(filter, limits=limits)
        counted = rows[: found.total]
        if found.window.complete:
            assert found.total == len(rows)
        elif found.window.looked_at:
            assert found.total <= limits.looked_at == found.window.looked_at
        else:
            assert found.total == limits.counted < len(rows)
        for facet, values in found.facets.items():
            assert {value.value: value.number for value in values} == reference(facet, counted)
        assert sum(value.number for value in found.facets["type"]) == found.total
        drawn = histogram(found.window, filter, stack=stack)
        assert sum(bar.total for bar in drawn.bars) == found.total
        assert len(drawn.bars) <= MOST_BARS
        assert all(one.until == next.since for one, next in itertools.pairwise(drawn.bars))
        for bar in drawn.bars:
            inside = [row for row in counted if bar.since <= row.occurred_at < bar.until]
            assert bar.total == len(inside)
        if found.window.complete and counted:
            narrower = replace(filter, since=bar.since, until=bar.until)
            assert narrower.rows().count() == bar.total
        if limits.looked_at > 240:
            assert counts(filter, page(filter, query_of([]))) == counts(filter)
