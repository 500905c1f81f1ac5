"""Activity Streams as its real clients speak it, against processes that run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from atlassian import Jira
from requests import HTTPError

from tests.dialects.documents import DOCUMENTS, load, names
from tests.house import House, house
from tests.senders import Letter, send_at_once

ROOT = "/rest/activities/1.0/"
MEDIA_TYPE = "application/vnd.atl.streams.thirdparty+json"
HEADERS = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[House, str]]:
    """A Pulseboard under /jira as well, and the token of the bot `ci`."""
    with house(os.environ.get("DATABASE_URL", ""), CONTEXT_PATH="/jira") as made:
        made.migrate()
        token = made.manage("create_token", "ci@example.com", "--role", "bot")
        with made.served(workers=2):
            yield made, token


@pytest.mark.parametrize("context", ["", "/jira"])
def test_the_client_of_jira_posts_reads_and_deletes(place: tuple[House, str], context: str) -> None:
    served, token = place
    client = Jira(served.url + context, username="ci", password=token)
    for name in names("streams"):
        stored = client.post("rest/activities/1.0/", data=load(name), headers=HEADERS)
        assert stored["id" if "id" in load(name) else "links"]
        itself = stored["links"]["self"]
        assert itself.startswith(f"{served.url}{context}{ROOT}")
        assert client.get(itself, absolute=True, headers=HEADERS) == stored
    listed = client.get("rest/activities/1.0/", params={"max-results": 3}, headers=HEADERS)
    assert len(listed["items"]) == 3
    assert client.get(listed["links"]["next"], absolute=True)["items"]
    client.delete(itself, absolute=True)
    with pytest.raises(HTTPError, match="404"):
        client.get(itself, absolute=True, headers=HEADERS)


def test_the_vendors_curl_works_as_it_stands(place: tuple[House, str]) -> None:
    served, token = place
    sample = DOCUMENTS / "streams/complete.json"
    done = subprocess.run(
        [
            "curl", "-s", "-u", f"ci:{token}", "--data-binary", f"@{sample}",
            "-H", f"Content-Type:{MEDIA_TYPE}", f"{served.url}/jira{ROOT}",
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["target"] == {"url": "ONE-1"}


def test_all_that_is_posted_at_once_is_stored_each_by_itself(place: tuple[House, str]) -> None:
    served, token = place
    generator = {"id": "https://race.example.com", "displayName": "Race"}
    body: dict[str, Any] = {**load("streams/minimal"), "generator": generator}
    letters = [Letter(f"ci:{token}", body, ROOT)] * 64  # its source is not made yet
    answers = send_at_once(served.url, letters)
    assert {answer.status for answer in answers} == {201}
    assert len({json.loads(answer.text)["links"]["self"] for answer in answers}) == 64
