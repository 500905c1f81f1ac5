"""What changed before this: which events, in which order, and beside what is usual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feeds import actions
from feeds.models import Activity, Component
from tests.conftest import Caller
from tests.events import compass_event
from tests.heartbeats import beats
from tests.pages import Html, record, signed_in

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def reader(db: None) -> Client:
    return signed_in("viewer")


@pytest.fixture
def shop(db: None) -> dict[str, Component]:
    """Four components in a line, and back to the first: web, checkout, payments, ledger, web."""
    names = ("web", "checkout", "payments", "ledger", "island")
    made = {name: actions.create_component(name.title()) for name in names}
    for name in names:
        for kind in ("deployment", "flag", "push", "build", "alert", "incident", "pull_request"):
            actions.attach(made[name], actions.create_source(f"of/{name}", kind=kind))
    for one, other in (("web", "checkout"), ("checkout", "payments"), ("payments", "ledger"),
                       ("ledger", "web")):  # fmt: skip
        assert actions.add_dependency(made[one], made[other])
    return made


def happened(kind: str, title: str, minutes: float, *, on: str = "web", **fields: Any) -> Activity:
    """Record what happened MINUTES before noon."""
    (row,) = record(
        kind=kind, title=title, source_id=f"of/{on}", external_id=title, dialect="git",
        occurred_at=NOON - timedelta(minutes=minutes), **fields,
    )  # fmt: skip
    return row


def page(reader: Client, activity: Activity, query: str = "") -> Html:
    return Html(reader.get(activity.get_absolute_url() + query))


def ranked(found: Html) -> list[str]:
    return [link.text for link in found.all("section#before ol a")]


def test_the_likeliest_comes_first_and_is_said_to_be_a_likelihood(
    reader: Client, shop: dict[str, Component]
) -> None:
    alarm = happened("incident", "Nobody can pay", 0)
    happened("alert", "a near alert", 1)
    happened("build", "a near build", 1)
    happened("deployment", "a rehearsal", 2, target_key="staging", state="succeeded")
    happened("deployment", "a far deployment", 5, on="payments", state="succeeded")
    happened("deployment", "an old deployment", 110, state="succeeded")
    happened("deployment", "the culprit", 10, state="succeeded", actor_name="Maria")
    happened("flag", "of an island", 1, on="island", state="on")
    happened("push", "too old", 121)
    happened("push", "after it", -1)
    found = page(reader, alarm)
    order = ranked(found)
    assert order[0] == "Maria deployed the culprit"
    assert "a far deployment" in order[1]
    (alert,) = [at for at, one in enumerate(order) if one.endswith("a near alert")]
    assert alert >= 4
    assert not [one for one in order if "island" in one or "too old" in one or "after it" in one]
    lead = found.one("section#before p.lead").text
    assert lead == (
        "Most likely Maria deployed the culprit, 10 min before, on Web. "
        "That is a likelihood, not a proof."
    )
    steps = [item.text for item in found.all("section#before ol li")]
    assert any("Payments, 2 steps of dependency" in step for step in steps)


def test_a_cycle_of_dependencies_ends_after_three_steps(
    reader: Client, shop: dict[str, Component]
) -> None:
    alarm = happened("alert", "Slow", 0, on="checkout")
    for name in shop:
        happened("push", f"push to {name}", 5, on=name)
    assert [one.rpartition(" ")[2] for one in ranked(page(reader, alarm))] == [
        "checkout", "payments", "ledger", "web",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "shown"), [("?window=30m", 1), ("", 2), ("?window=24h", 3), ("?window=9y", 2)]
)
def test_one_may_look_back_further(
    reader: Client, shop: dict[str, Component], query: str, shown: int
) -> None:
    alarm = happened("alert", "Slow", 0)
    for minutes in (29, 119, 23 * 60):
        happened("push", f"push {minutes}", minutes)
    found = page(reader, alarm, query)
    assert len(ranked(found)) == shown
    (chosen,) = found.all("section#before p.windows a[aria-current=true]")
    assert chosen["href"].startswith(f"{alarm.get_absolute_url()}?window=")
    everything = found.all("section#before p.hint a")[-1]["href"]
    assert len(Html(reader.get(everything)).rows) == shown


def test_the_same_hours_of_the_weeks_before_say_what_is_usual(
    reader: Client, shop: dict[str, Component]
) -> None:
    week = 7 * 24 * 60
    alarm = happened("incident", "Nobody can pay", 0)
    for number in range(3):
        happened("deployment", f"deployment {number}", 10 + number)
    assert "no weeks before to compare" in page(reader, alarm).one("section#before").text
    happened("deployment", "a week before", week + 30)
    happened("push", "the first of all", 3 * week + 121)  # so that two or three weeks are known
    tallies = page(reader, alarm).one("section#before p.tallies").text
    assert "3 deployments (usually 0\N{EN DASH}1)" in tallies
    happened("build", "a build", 1)
    assert "1 build (usually none)" in page(reader, alarm).one("section#before p.tallies").text


def test_a_deployment_that_was_rolled_back_after_the_alarm_came_before_it(
    bot: Caller, reader: Client, shop: dict[str, Component]
) -> None:
    def send(kind: str, minutes: float, **properties: str) -> None:
        moment = (NOON + timedelta(minutes=minutes)).isoformat()
        event = compass_event(kind, component="web", displayName=f"the {kind}", lastUpdated=moment)
        event["event"][kind][f"{kind}Properties"] |= properties
        assert bot.send(event).status_code == 202

    began = (NOON - timedelta(minutes=8)).isoformat()
    send("deployment", 40, startedAt=began, state="ROLLED_BACK")
    send("incident", 60, startTime=NOON.isoformat())
    lead = page(reader, Activity.objects.get(kind="incident")).one("section#before p.lead").text
    assert "deployed the deployment (rolled back since), 8 min before, on Web" in lead


def test_an_alarm_of_no_component_says_what_is_missing(reader: Client) -> None:
    (alarm,) = record(kind="alert")
    assert "belongs to no component" in page(reader, alarm).one("section#before").text
    (push,) = record(kind="push", external_id="p")
    assert page(reader, push).all("section#before") == []


def test_a_dead_heartbeat_asks_the_same_of_its_component(shop: dict[str, Component]) -> None:
    ana = signed_in("composer", "ana")
    beat = beats.make("backup", component=shop["checkout"])
    beats.ping(beat, 0)
    happened("deployment", "the culprit", 3, on="payments", state="succeeded")
    assert Html(ana.get(beat.get_absolute_url())).all("section#before") == []
    assert beats.watch(12) == 1
    found = Html(ana.get(beat.get_absolute_url() + "?window=30m"))
    assert "the culprit" in found.one("section#before p.lead").text
    assert "on Payments, a dependency" in found.one("section#before p.lead").text
    (alert,) = beats.alerts()
    assert "the culprit" in page(ana, alert).one("section#before p.lead").text


def test_an_alarm_with_a_story_costs_the_same_queries_whatever_stands_around_it(
    reader: Client, shop: dict[str, Component]
) -> None:
    alarm = happened("incident", "Nobody can pay", 0)

    def asked() -> tuple[int, int]:
        counts = []
        for address, headers in (
            (f"/?event={alarm.uuid}", {}),
            (alarm.get_absolute_url(), {"HX-Request": "true"}),
        ):
            with CaptureQueriesContext(connection) as queries:
                assert reader.get(address, headers=headers).status_code == 200
            counts.append(len(queries))
        return counts[0], counts[1]

    def more(number: int) -> None:
        for step in range(number, number + 10):
            happened("deployment", f"deployed {step}", 3 + step, state="succeeded")
            happened(
                "build", f"built {step}", 30 + step, on="checkout", object_key=f"deployed {step}"
            )
            happened("push", f"pushed {step}", 60 + step, on="payments")

    more(0)
    more(10)  # more than a page
    asked()
    few = asked()
    more(20)
    assert asked() == few
    drawer, fragment = few
    assert fragment <= 17
    assert drawer <= 30
