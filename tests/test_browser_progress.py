"""What runs, in a browser: its seconds pass, its bar goes on, and who follows it is told."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.house import House
from tests.hub import keys
from tests.visitor import Open

pytest_plugins = ["tests.browser"]
pytestmark = pytest.mark.xdist_group("served")

PATIENCE = 15000  # milliseconds: longer than the page waits before it asks after a followed build


@dataclass
class Build:
    """A build of TeamHub that runs, in a repository of its own."""

    house: House
    header: str
    path: str
    repository: str

    @classmethod
    def begin(cls, house: House, progress: int = 20) -> Build:
        company = str(json.loads(house.manage("site"))["company_key"])
        name = uuid.uuid4().hex[:8]
        secret = house.manage("create_token", f"ci-{name}@example.com", "--role", "bot")
        header = keys(secret, company)
        body = {"target": "build", "project": "run", "repository": name, "progress": progress}
        answer = requests.post(
            f"{house.url}/api/events", json=body, headers={"Authorization": header}, timeout=30
        )
        return cls(house, header, f"events/{answer.json()['id']}", name)

    def report(self, progress: int, **more: str) -> None:
        answer = requests.put(
            f"{self.house.url}/api/{self.path}", json={"progress": progress, **more},
            headers={"Authorization": self.header}, timeout=30,
        )  # fmt: skip
        assert answer.status_code == 200

    @property
    def feed(self) -> str:
        """The address of the feed that shows it alone."""
        return f"/?source=run/{self.repository}"


@pytest.fixture
def build(served: House) -> Build:
    return Build.begin(served)


def seconds(page: Page) -> int:
    minutes, rest = re.findall(r"(\d+):(\d+)", page.locator(".feed .run").inner_text())[0]
    return 60 * int(minutes) + int(rest)


def again(page: Page) -> None:
    """Let the page think that something has changed: it asks for the row and the strip."""
    page.evaluate(
        """async () => {
            const id = document.querySelector(".feed article").id;
            const answer = await fetch(`/feed/rows?ids=${id.slice(3)}`);
            const holder = document.createElement("template");
            holder.innerHTML = await answer.text();
            document.getElementById(id).replaceWith(holder.content.querySelector("article"));
        }"""
    )


def test_seconds_pass_without_an_answer_and_without_moving_anything(
    desk: Open, build: Build
) -> None:
    page = desk(build.feed)
    before, box = seconds(page), page.locator(".feed .row").bounding_box()
    page.wait_for_timeout(2300)
    assert before + 2 <= seconds(page) <= before + 4
    assert page.locator(".feed .row").bounding_box() == box


def test_a_followed_build_stands_in_the_title_on_every_page_until_it_ends(
    desk: Open, build: Build
) -> None:
    page = desk(build.feed)
    expect(page).to_have_title("Feed · Pulseboard")
    page.locator("#running .follow").click()
    expect(page).to_have_title("(1 running) Feed · Pulseboard")
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("running"))
    for button in page.locator(".follow").all():
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(button).to_have_text("Following")
    page.goto("/components/")
    expect(page).to_have_title("(1 running) Components · Pulseboard")
    build.report(100, operation="failed")
    expect(page).to_have_title("Components · Pulseboard", timeout=PATIENCE + 3000)
    expect(page.locator("#announce")).to_contain_text(": Failed")
    expect(page.locator("link[rel=icon]")).not_to_have_attribute("href", re.compile("running"))


def test_unfollowing_takes_it_out_of_the_title(desk: Open, build: Build) -> None:
    page = desk(build.feed)
    page.locator(".feed .follow").click()
    expect(page).to_have_title(re.compile(r"^\(1 running\)"))
    page.reload()
    expect(page).to_have_title(re.compile(r"^\(1 running\)"))
    page.locator(".feed .follow").click()
    expect(page).to_have_title("Feed · Pulseboard")


def test_the_strip_follows_what_the_rows_say_and_leaves_with_the_last_run(
    desk: Open, build: Build
) -> None:
    page = desk(build.feed)
    page.mouse.move(0, 0)
    expect(page.locator("#running .pill")).to_have_text("Running 20 %")
    build.report(70)
    again(page)
    expect(page.locator("#running .pill")).to_have_text("Running 70 %")
    expect(page.locator(".feed progress")).to_have_js_property("value", 70)
    build.report(100, operation="completed")
    again(page)
    expect(page.locator("#running")).to_be_hidden()
    expect(page.locator(".feed .pill")).to_have_text("Succeeded")
    expect(page.locator("progress.full")).to_have_count(0)


def test_the_strip_stays_folded(desk: Open, build: Build) -> None:
    page = desk(build.feed)
    page.locator("#running summary").click()
    expect(page.locator(".run-row")).to_be_hidden()
    page.reload()
    expect(page.locator("#running summary")).to_have_text("In progress (1)")
    expect(page.locator(".run-row")).to_be_hidden()


def test_without_javascript_everything_is_told_and_nothing_can_be_followed(
    desk: Open, build: Build
) -> None:
    page = desk(build.feed, java_script_enabled=False)
    expect(page.locator("#running .run")).to_contain_text("0:")
    expect(page.locator(".follow").first).to_be_hidden()
    page.locator("#running summary").click()
    expect(page.locator(".run-row")).to_be_hidden()
