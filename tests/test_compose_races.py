"""Races of the compose form, run for real: several browsers against a server of two processes."""

from __future__ import annotations

import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.composed import filled_text
from tests.house import House
from tests.visitor import password

pytestmark = pytest.mark.xdist_group("served")
PATIENCE = 30  # seconds
BROWSERS = 8
TIMES = 3  # each race is run


class Browser(requests.Session):
    """Somebody who has signed in."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house
        self.get(f"{house.url}/sign-in/", timeout=PATIENCE)
        said = {"username": "admin", "password": password(house)}
        self.send_form("/sign-in/", said)

    def page(self, path: str) -> requests.Response:
        return self.get(self.house.url + path, timeout=PATIENCE)

    def send_form(self, path: str, values: dict[str, str]) -> requests.Response:
        token = {"csrfmiddlewaretoken": self.cookies["csrftoken"]}
        return self.post(
            self.house.url + path, {**values, **token}, timeout=PATIENCE, allow_redirects=False
        )

    def titled(self, title: str) -> list[str]:
        """Return the paths of the events with TITLE."""
        text = self.page(f"/?q={title}").text
        return sorted(set(re.findall(r'<a class="object" href="(/activities/[^"]+)"', text)))


def at_once(count: int, send: Callable[[int], requests.Response]) -> list[Any]:
    """Call SEND from COUNT threads at the same moment."""
    gate = threading.Barrier(count)

    def wait_and_send(number: int) -> requests.Response:
        gate.wait(PATIENCE)
        return send(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_send, range(count)))


@pytest.fixture(scope="module")
def browsers(served: House) -> list[Browser]:
    first = Browser(served)
    others = [Browser.__new__(Browser) for _ in range(BROWSERS - 1)]
    for other in others:
        requests.Session.__init__(other)
        other.house, other.cookies = served, first.cookies
    return [first, *others]


@pytest.mark.parametrize("attempt", range(TIMES))
def test_a_form_that_is_sent_many_times_at_once_makes_one_event(
    browsers: list[Browser], attempt: int
) -> None:
    title = f"clicked{uuid.uuid4().hex[:8]}"
    form = filled_text(browsers[0].page("/compose/new/custom/").text)
    said = form.changed(displayName=title)
    answers = at_once(BROWSERS, lambda number: browsers[number].send_form(form.action, said))
    assert Counter(answer.status_code for answer in answers) == {303: BROWSERS}
    (event,) = browsers[0].titled(title)
    assert {answer.headers["Location"] for answer in answers} == {event}


@pytest.mark.parametrize("attempt", range(TIMES))
def test_several_forms_about_one_event_each_get_a_number_of_their_own(
    browsers: list[Browser], attempt: int
) -> None:
    title = f"shared{uuid.uuid4().hex[:8]}"

    def send(number: int) -> requests.Response:
        form = filled_text(browsers[number].page("/compose/new/custom/").text)
        return browsers[number].send_form(form.action, form.changed(displayName=title, id=title))

    answers = at_once(BROWSERS, send)
    assert Counter(answer.status_code for answer in answers) == {303: BROWSERS}
    assert len(browsers[0].titled(title)) == 1


@pytest.mark.parametrize("attempt", range(TIMES))
def test_of_several_changes_of_what_was_seen_one_wins_and_the_others_hear_of_it(
    browsers: list[Browser], attempt: int
) -> None:
    title = f"changed{uuid.uuid4().hex[:8]}"
    form = filled_text(browsers[0].page("/compose/new/custom/").text)
    event = browsers[0].send_form(form.action, form.changed(displayName=title)).headers["Location"]
    change = filled_text(browsers[0].page(f"{event}change/").text, "change")
    answers = at_once(
        BROWSERS,
        lambda number: browsers[number].send_form(
            change.action, change.changed(displayName=f"{title} {number}")
        ),
    )
    statuses = [answer.status_code for answer in answers]
    assert Counter(statuses) == {303: 1, 409: BROWSERS - 1}
    assert f"{title} {statuses.index(303)}" in browsers[0].page(event).text


@pytest.mark.parametrize("attempt", range(TIMES))
def test_deleting_and_changing_at_once_ends_in_words_for_those_who_come_late(
    browsers: list[Browser], attempt: int
) -> None:
    title = f"deleted{uuid.uuid4().hex[:8]}"
    form = filled_text(browsers[0].page("/compose/new/custom/").text)
    event = browsers[0].send_form(form.action, form.changed(displayName=title)).headers["Location"]
    change = filled_text(browsers[0].page(f"{event}change/").text, "change")

    def send(number: int) -> requests.Response:
        if number % 2:
            return browsers[number].send_form(change.action, change.values)
        return browsers[number].send_form(f"{event}delete/", {})

    answers = at_once(BROWSERS, send)
    deletes = Counter(answer.status_code for answer in answers[::2])
    assert deletes[303] == 1
    assert {answer.status_code for answer in answers} <= {303, 404, 409, 422}
    assert browsers[0].titled(title) == []
