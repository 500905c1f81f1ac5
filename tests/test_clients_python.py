"""atlassian-python-api, as it comes from PyPI, against a running Pulseboard.

It is written for the vendor's servers: what differs here from them is the address.
"""

from __future__ import annotations

import json
import uuid
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from atlassian import Compass, Jira, rest_client
from atlassian.confluence.cloud.cloud import ConfluenceCloud
from requests import HTTPError

from tests.events import EVENTS, compass_event
from tests.house import House

STREAM = "rest/activities/1.0/"
HOST = "127.0.0.1"  # what the tests call the site by


@pytest.fixture(scope="module")
def cloud_id(served: House) -> str:
    return str(json.loads(served.manage("site"))["cloud_id"])


@pytest.fixture(scope="module")
def login(served: House) -> dict[str, str]:
    """An admin, as keyword arguments of the clients."""
    return new_login(served)


def new_login(served: House, role: str = "admin") -> dict[str, str]:
    name = f"client-{uuid.uuid4().hex[:8]}@example.com"
    return {"username": name, "password": served.manage("create_token", name, "--role", role)}


@pytest.fixture
def compass(served: House, login: dict[str, str]) -> Compass:
    return Compass(served.url, **login)


@pytest.fixture
def jira(served: House, login: dict[str, str]) -> Jira:
    return Jira(served.url, **login)


def source_of(client: Compass, kind: str = "custom") -> str:
    """Make an event source, and return its external id."""
    name = f"python/{uuid.uuid4().hex[:8]}"
    client.post("api/v1/sources", data={"external_id": name, "kind": kind})
    return name


def pages(client: Compass | Jira, first: Any, following: str) -> Iterator[Any]:
    """Yield FIRST and the pages that follow it; FOLLOWING is the path to the next one's URL."""
    page = first
    while page:
        yield page
        url = page
        for name in following.split("."):
            url = (url or {}).get(name)
        page = client.get(url, absolute=True) if url else None


# ---- Compass over REST


@pytest.mark.parametrize("kind", EVENTS)
def test_every_kind_of_event_is_sent(compass: Compass, cloud_id: str, kind: str) -> None:
    fields: dict[str, Any] = {"id": uuid.uuid4().hex}
    if kind != "pullRequest":
        fields["externalEventSourceId"] = source_of(compass, compass_kind(kind))
    body = compass_event(kind, cloud_id=cloud_id, **fields)
    assert compass.send_event(data=body) is None, "202 has no body"
    source = fields.get("externalEventSourceId", "https://git.example.com/shop/web")
    found = compass.get("api/v1/activities", params={"source": source, "limit": 1})
    assert json.loads(found["results"][0]["raw"]) == body


def compass_kind(wire: str) -> str:
    """Return the word for the kind that the wire calls WIRE."""
    return {"pullRequest": "pull_request"}.get(wire, wire)


def test_a_token_alone_will_do(served: House, login: dict[str, str], cloud_id: str) -> None:
    client = Compass(served.url, token=login["password"])
    source = source_of(client)
    body = compass_event(cloud_id=cloud_id, externalEventSourceId=source)
    answer = client.post("gateway/api/compass/v1/events", data=body, advanced_mode=True)
    assert (answer.status_code, answer.text) == (202, "")
    assert answer.headers["X-Pulseboard-Outcome"] == "created"


def test_the_exception_names_every_fault(compass: Compass, cloud_id: str) -> None:
    body = compass_event("build", cloud_id=cloud_id, state="MAYBE", url=7)
    with pytest.raises(HTTPError) as caught:
        compass.send_event(data=body)
    assert caught.value.response.status_code == 400
    first, second = sorted(str(caught.value).splitlines())
    assert first.startswith("event.build.buildProperties.state: must be one of ")
    assert second.startswith("event.build.url: ")


def test_an_unknown_source_or_site_is_not_found(compass: Compass, cloud_id: str) -> None:
    unknown = compass_event(cloud_id=cloud_id, externalEventSourceId="python/unknown")
    elsewhere = compass_event(cloud_id=str(uuid.uuid4()))
    for body, word in ((unknown, "python/unknown"), (elsewhere, "cloudId")):
        with pytest.raises(HTTPError, match=word) as caught:
            compass.send_event(data=body)
        assert caught.value.response.status_code == 404


def test_a_wrong_token_is_unauthorized(served: House, login: dict[str, str]) -> None:
    for wrong in ({**login, "password": "wrong"}, {"token": "wrong"}):
        with pytest.raises(HTTPError, match="Unauthorized") as caught:
            Compass(served.url, **wrong).send_event(data=compass_event(cloud_id="any"))
        assert caught.value.response.status_code == 401


def test_a_viewer_is_told_that_it_may_not_send(served: House) -> None:
    client = Compass(served.url, **new_login(served, "viewer"))
    with pytest.raises(HTTPError, match="a viewer may not send events") as caught:
        client.send_event(data=compass_event(cloud_id="any"))
    assert caught.value.response.status_code == 403


def test_the_client_waits_as_long_as_the_limit_says(
    served: House, cloud_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library sleeps for Retry-After and tries once more; nobody has a minute for that here."""
    waited: list[float] = []
    monkeypatch.setattr(rest_client, "time", SimpleNamespace(sleep=waited.append))
    compass = Compass(served.url, **new_login(served))
    source = source_of(compass)
    body = compass_event(cloud_id=cloud_id, externalEventSourceId=source)
    with pytest.raises(HTTPError) as caught:  # noqa: PT012, the limit decides which one it is
        for _ in range(101):
            compass.send_event(data=body)
    assert caught.value.response.status_code == 429
    (seconds,) = waited
    assert 1 <= seconds <= 60


# ---- our own API


def test_lists_are_followed_page_by_page(compass: Compass, cloud_id: str) -> None:
    source = source_of(compass)
    for number in range(5):
        body = compass_event(cloud_id=cloud_id, externalEventSourceId=source, id=str(number))
        compass.send_event(data=body)
    first = compass.get("api/v1/activities", params={"source": source, "limit": 2})
    found = [len(page["results"]) for page in pages(compass, first, "next")]
    assert found == [2, 2, 1]


# ---- Compass over GraphQL


@pytest.fixture
def gateway(served: House, login: dict[str, str]) -> ConfluenceCloud:
    """The library's one client of the GraphQL gateway; the gateway is the same for all products."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of methods that are not called here
        return ConfluenceCloud(served.url, **login)


def test_the_gateway_tells_the_cloud_id_of_the_host(
    gateway: ConfluenceCloud, cloud_id: str
) -> None:
    query = "query Site($names: [String!]) { tenantContexts(hostNames: $names) { cloudId } }"
    answer = gateway.graphql(query, {"names": [HOST]})
    assert answer["data"] == {"tenantContexts": [{"cloudId": cloud_id}]}
    assert "errors" not in answer


def test_the_gateway_answers_errors_as_errors(gateway: ConfluenceCloud) -> None:
    answer = gateway.graphql("query Broken($name: String) { tenantContexts(cloudIds: [])  }")
    assert answer["errors"][0]["message"]


# ---- Activity Streams


def activity(**fields: Any) -> dict[str, Any]:
    generator = {"id": "https://ci.example.com", "displayName": "CI"}
    return {"generator": generator, "id": f"https://ci.example.com/{uuid.uuid4().hex}", **fields}


def test_an_activity_is_posted_read_and_deleted(jira: Jira) -> None:
    posted = jira.post(STREAM, data=activity(title="Built <b>web</b>"))
    assert posted["title"] == "Built <b>web</b>"
    address = posted["links"]["self"]
    assert jira.get(address, absolute=True)["id"] == posted["id"]
    assert jira.delete(address, absolute=True)["id"] == posted["id"]
    with pytest.raises(HTTPError) as caught:
        jira.get(address, absolute=True)
    assert caught.value.response.status_code == 404


def test_activities_are_listed_page_by_page(jira: Jira) -> None:
    ids = [jira.post(STREAM, data=activity())["links"]["self"] for _ in range(3)]
    first = jira.get(STREAM, params={"max-results": 2})
    listed = [item for page in pages(jira, first, "links.next") for item in page["items"]]
    found = [item["links"]["self"] for item in listed]  # ids are their senders', and may be alike
    assert set(ids) <= set(found)
    assert len(found) == len(set(found))


def test_what_is_wrong_with_an_activity_stands_in_the_answer(jira: Jira) -> None:
    with pytest.raises(HTTPError) as caught:
        jira.post(STREAM, data=activity(generator={}, title="x" * 256))
    answer = caught.value.response
    assert answer.status_code == 400
    assert "generator.displayName" in answer.json()["subCode"]
    assert "title" in answer.json()["subCode"]


def test_a_stranger_may_not_post_an_activity(served: House) -> None:
    with pytest.raises(HTTPError, match="Unauthorized"):
        Jira(served.url, token="wrong").post(STREAM, data=activity())
