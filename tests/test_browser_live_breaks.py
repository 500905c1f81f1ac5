"""A feed that is open while servers, networks and sessions end, and for a while of churn."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
import time
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import expect

from tests.live import Live, transaction
from tests.stage import SOON, Stage, chip, pill
from tests.visitor import Open, address

pytest_plugins = ["tests.staged"]
pytestmark = pytest.mark.xdist_group("browser")

SOAK = float(os.environ.get("LIVE_SOAK_SECONDS", "20"))
AT_A_TIME = 40  # events of the soak that are there: no page of them is left out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_restarts_costs_no_row(watch: Open, stage: Stage, number: int) -> None:
    source = stage.site.source()
    stage.post(source, 2)
    page = watch(f"/?source={source}")
    stage.end(number)
    stage.post(source, 3)
    stage.start()
    expect(page.locator("article.row")).to_have_count(5, timeout=60_000)
    page.evaluate("dispatchEvent(new Event('online'))")  # no need to wait for the next try
    expect(chip(page)).to_have_text("Live", timeout=60_000)
    expect(chip(page)).to_have_attribute("title", re.compile(r"Caught up to \d+, 0 missed"))
    stage.post(source, 1)
    expect(page.locator("article.row")).to_have_count(6, timeout=SOON)


def test_without_a_stream_it_polls_and_says_so(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 1)
    page = watch()
    page.clock.install()
    page.route("**/live/feed**", lambda route: route.abort())
    page.goto(f"/?source={source}")
    for _ in range(6):  # half a second, one, two
        page.clock.run_for(1000)
        page.wait_for_timeout(300)
    expect(chip(page)).to_have_text("Polling", timeout=SOON)
    stage.post(source, 2)
    page.clock.run_for(31_000)
    expect(page.locator("article.row")).to_have_count(3, timeout=SOON)
    page.unroute("**/live/feed**")
    page.clock.run_for(31_000)
    expect(chip(page)).to_have_text("Live", timeout=SOON)


def test_without_a_network_it_says_up_to_when_it_knows_and_tries_again(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source()
    stage.post(source, 1)
    page = watch(f"/?source={source}")
    stage.front.open = False
    try:
        page.context.set_offline(True)
        expect(chip(page)).to_have_text(
            re.compile(r"Offline, data to \d\d:\d\d:\d\d, Retry"), timeout=SOON
        )
        page.context.set_offline(False)
        stage.post(source, 1)
    finally:
        stage.front.open = True
    # in one step: it may come back by itself at any moment, and a click would pause it then
    page.evaluate("document.querySelector('.live-chip[data-state=offline]')?.click()")
    expect(page.locator("article.row")).to_have_count(
        2, timeout=60_000
    )  # the longest wait for a try is 39 s


def test_a_session_that_ends_is_said_and_the_address_kept(watch: Open, stage: Stage) -> None:
    source = stage.site.source()
    stage.post(source, 1)
    page = watch(f"/?source={source}")
    clear = "from django.contrib.sessions.models import Session; Session.objects.all().delete()"
    stage.site.house.manage("shell", "--verbosity", "0", "-c", clear)
    try:
        stage.post(source, 1)
        expect(chip(page)).to_have_text("Session ended, sign in", timeout=SOON)
        expect(page.locator("article.row")).to_have_count(1)
        chip(page).click()
        page.wait_for_url("**/sign-in/**")
        assert address(page) == f"/sign-in/?next=%2F%3Fsource%3D{source.replace('/', '%2F')}"
    finally:
        stage.sign_in()


# ---- for a while


@dataclass
class Churn:
    """Somebody who sends events, and changes and takes back some, until told to stop."""

    stage: Stage
    source: str
    ended: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    gone: int = 0

    def run(self) -> None:
        chance = random.Random(6)
        while not self.ended.wait(chance.uniform(0.1, 0.6)):
            self.sent += 1
            incident = {"kind": "incident", "id": str(self.sent), "displayName": f"n {self.sent}"}
            self.stage.post(self.source, state="OPEN", **incident)
            if self.sent - self.gone > AT_A_TIME:
                self._take_back()
            known = str(chance.randint(self.gone + 1, self.sent))
            if chance.random() < 0.5:
                self.stage.post(
                    self.source, kind="incident", id=known, displayName=f"n {known}",
                    state="RESOLVED", updateSequenceNumber=1 + self.sent,
                )  # fmt: skip

    def _take_back(self) -> None:
        self.gone += 1
        with transaction(Live(self.stage.site, 0, None)) as writer:
            (source,) = writer.execute(
                "SELECT id FROM feeds_eventsource WHERE external_id = %s", self.source
            )
            [(pk,)] = writer.execute(
                "SELECT id FROM feeds_activity WHERE source_id = %s AND external_id = %s",
                *source, str(self.gone),
            )  # fmt: skip
            writer.execute("DELETE FROM feeds_correlation WHERE activity_id = %s", pk)
            writer.execute("DELETE FROM feeds_activity WHERE id = %s", pk)
            writer.commit()


def test_after_a_while_of_churn_the_page_shows_what_the_database_holds(
    watch: Open, stage: Stage
) -> None:
    source = stage.site.source("incident")
    page = watch(f"/?source={source}")
    churn = Churn(stage, source)
    sender = threading.Thread(target=churn.run)
    sender.start()
    end = time.monotonic() + SOAK
    try:
        while time.monotonic() < end:
            page.evaluate(random.choice(["scrollTo(0, 0)", "scrollTo(0, 400)"]))
            page.wait_for_timeout(random.uniform(500, 3000))
            if pill(page).is_visible() and random.random() < 0.5:
                pill(page).click()
    finally:
        churn.ended.set()
        sender.join()
    page.wait_for_timeout(3000)
    if pill(page).is_visible():
        pill(page).click()
    page.wait_for_timeout(1500)
    found = {(one["uuid"], one["state"]) for one in stage.site.activities(source)}
    shown = page.locator("article.row").evaluate_all(
        "all => all.map(one => [one.id.slice(3), one.querySelector('.pill').textContent])"
    )
    assert len({identity for identity, _ in shown}) == len(shown)
    assert {(identity, word.strip().lower()) for identity, word in shown} == found
    expect(chip(page)).to_have_attribute("title", re.compile("0 missed"))
