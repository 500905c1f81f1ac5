"""The same plan sent by several people at once, while a worker drains: all real processes."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.house import House, house
from tests.letters import refused
from tests.upstream import upstream

pytestmark = pytest.mark.xdist_group("served")

LETTERS = 60
PEOPLE = 4
#: Compose LETTERS events of six sources, and let the upstream refuse them.
SETUP = """
import django; django.setup()
from feeds import outbox
from feeds.models import Delivery, User
from tests.letters import compose, connect
made, admin = connect({url!r}), User.objects.get(username="admin")
for number in range({count}):
    compose(admin, made, displayName=str(number), externalEventSourceId=f"shop/{{number % 6}}")
outbox.drain(linger=0)
print(Delivery.objects.filter(state="dead").count())
"""
DRAIN = "import django; django.setup(); from feeds import outbox; outbox.drain(linger={linger})"


def someone(place: House) -> requests.Session:
    """Sign in as the admin, in a browser of one's own."""
    session = requests.Session()
    password = (place.folder / "admin-password").read_text().strip()
    form = {"username": "admin", "password": password}
    post(session, f"{place.url}/sign-in/", form)
    return session


def post(session: requests.Session, url: str, form: dict[str, str]) -> requests.Response:
    token = re.search(r'name="csrf-token" content="(\w+)"', session.get(url, timeout=20).text)
    assert token
    answer = session.post(url, {**form, "csrfmiddlewaretoken": token[1]}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer


def test_the_same_plan_sent_by_several_at_once_sends_each_letter_once() -> None:
    database, own = os.environ.get("DATABASE_URL", ""), {"PRIVATE_UPSTREAMS": "1"}
    with upstream("compass", script=refused()) as up, house(database, **own) as place:
        place.bootstrap()
        setup = SETUP.format(url=up.url, count=LETTERS)
        assert place.run("-c", setup).splitlines()[-1] == str(LETTERS)
        up.script()
        with place.served(workers=2), ThreadPoolExecutor(PEOPLE + 1) as pool:
            people = [someone(place) for _ in range(PEOPLE)]
            worker = pool.submit(place.run, "-c", DRAIN.format(linger=3))
            plan, form = f"{place.url}/outbox/replay/", {"state": "dead"}
            answers = list(pool.map(lambda each: post(each, plan, form).text, people))
            worker.result()
        place.run("-c", DRAIN.format(linger=0))
        told = [
            int(number)
            for text in answers
            for number in re.findall(r"(\d+) letters? go(?:es)? again", text)
        ]
        assert sum(told) == LETTERS
        names = [int(event.body["event"]["custom"]["displayName"]) for event in up.events]
    assert sorted(names) == list(range(LETTERS)), "each once"
    for source in range(6):
        lane = [number for number in names if number % 6 == source]
        assert lane == sorted(lane), "and each lane in order"
