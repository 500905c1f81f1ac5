"""The endpoint: who may ask, in what form, and how the answer is wrapped."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.test import Client

from feeds import actions
from feeds.models import Component
from tests.conftest import Caller
from tests.graph import PATH, ask, compass, create
from tests.pages import signed_in

HELLO = {"query": "{ __typename }"}

pytestmark = pytest.mark.django_db


def post(client: Client, body: Any, path: str = PATH, **headers: str) -> Any:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(path, data, content_type="application/json", headers=headers)


def fault(response: Any) -> tuple[int, str, str]:
    """Return status, type and message of an answer that is one error."""
    (error,) = response.json()["errors"]
    assert "data" not in response.json()
    assert error["extensions"]["errorSource"] == "GRAPHQL_GATEWAY"
    assert error["extensions"]["classification"]
    return response.status_code, error["extensions"]["errorType"], error["message"]


# ---- who


@pytest.mark.parametrize("path", ["/gateway/api/graphql", "/graphql"])
@pytest.mark.parametrize("role", ["viewer", "composer", "bot", "admin"])
def test_everybody_with_a_token_may_ask(caller: Any, role: str, path: str) -> None:
    assert caller(role).post(path, HELLO).json()["data"] == {"__typename": "Query"}


def test_a_user_name_a_password_and_a_bearer_token_do_as_well(bot: Caller) -> None:
    bot.user.set_password("long enough")
    bot.user.save()
    for pair in (f"bot:{bot.secret}", "bot@example.com:long enough"):
        basic = "Basic " + base64.b64encode(pair.encode()).decode()
        assert post(Client(), HELLO, authorization=basic).status_code == 200
    assert post(Client(), HELLO, authorization=f"Bearer {bot.secret}").status_code == 200


@pytest.mark.parametrize("header", ["", "Basic eDp5", "Bearer nonsense", "Digest x", "Basic %"])
def test_wrong_credentials_are_a_real_401(bot: Caller, header: str) -> None:
    response = post(Client(), HELLO, **({"authorization": header} if header else {}))
    assert fault(response)[:2] == (401, "UNAUTHORIZED")
    assert response["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("query", ["{ __typename }", "mutation { __typename }"])
def test_a_revoked_token_is_refused_at_once(bot: Caller, query: str) -> None:
    assert ask(bot, "{ __typename }")["data"]
    actions.revoke_token(bot.user.tokens.get())
    assert fault(bot.post(PATH, {"query": query}))[:2] == (401, "UNAUTHORIZED")


def test_a_viewer_reads_and_changes_nothing(viewer: Caller) -> None:
    assert compass(viewer, '{ compass { component(id: "x") { __typename } } }')
    response = viewer.post(PATH, {"query": "mutation { compass { __typename } }"})
    assert fault(response)[:2] == (403, "PERMISSION_DENIED")


def test_a_composer_sends_events_and_keeps_off_the_catalogue(caller: Any) -> None:
    payload = create(caller("composer"), name="Checkout")
    assert payload["errors"][0]["extensions"] == {
        "errorType": "PERMISSION_DENIED", "statusCode": 403,
    }  # fmt: skip
    assert payload["success"] is False
    assert not Component.objects.exists()


def test_who_is_signed_in_asks_with_a_csrf_token_and_not_without() -> None:
    client = signed_in("viewer")
    client.handler.enforce_csrf_checks = True
    assert fault(post(client, HELLO))[:2] == (403, "CSRF")
    client.get("/settings/")
    token = client.cookies["csrftoken"].value
    assert post(client, HELLO, **{"x-csrftoken": token}).status_code == 200


def test_a_stranger_reads_where_strangers_may_read(settings: Any) -> None:
    settings.ANONYMOUS_READ = True
    assert post(Client(), HELLO).status_code == 200
    assert fault(post(Client(), {"query": "mutation { __typename }"}))[0] == 401


# ---- in what form


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{", 400, "FORMAT_INVALID"),
        (b"", 400, "FORMAT_INVALID"),
        (b"\xff", 400, "FORMAT_INVALID"),
        (b'{"query": "\\u0000"}', 400, "FORMAT_INVALID"),
        (b'{"query": "\\ud800"}', 400, "FORMAT_INVALID"),
        (b'{"query": "{ __typename }", "variables": {"a": 1e999}}', 400, "FORMAT_INVALID"),
        (b'{"variables": {"a": ' + b"[" * 100 + b"]" * 100 + b"}}", 400, "FORMAT_INVALID"),
        (b"[]", 400, "ARGUMENT_INVALID"),
        (b"{}", 400, "ARGUMENT_INVALID"),
        (b'{"query": 7}', 400, "ARGUMENT_INVALID"),
        (b'{"query": "{ __typename }", "variables": []}', 400, "ARGUMENT_INVALID"),
        (b'{"query": "{ __typename }", "operationName": 1}', 400, "ARGUMENT_INVALID"),
        (b'{"query": "' + b" " * 256 * 1024 + b'"}', 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    bot: Caller, body: bytes, status: int, kind: str
) -> None:
    assert fault(bot.post(PATH, body))[:2] == (status, kind)


def test_all_that_is_wrong_with_a_body_is_said_at_once(bot: Caller) -> None:
    message = fault(bot.post(PATH, {"query": 1, "variables": 2, "operationName": 3}))[2]
    assert message == (
        "query: must be a string; variables: must be an object; operationName: must be a string"
    )


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x"])
def test_another_content_type_is_415(bot: Caller, kind: str) -> None:
    assert fault(bot.post(PATH, json.dumps(HELLO), kind))[0] == 415


def test_get_is_not_for_programs(bot: Caller) -> None:
    response = bot.client.get(PATH, headers={"authorization": bot.basic, "accept": "*/*"})
    assert fault(response)[:2] == (405, "METHOD_NOT_ALLOWED")
    assert response["Allow"] == "POST"


def test_headers_of_the_vendors_tools_change_nothing(bot: Caller) -> None:
    headers = {"authorization": bot.basic, "x-experimentalapi": "compass-beta, compass-prototype"}
    headers |= {"x-sdk-version": "16.4.0", "accept": "text/html"}
    response = bot.client.post(PATH, HELLO, content_type="application/json", headers=headers)
    assert response.json()["data"] == {"__typename": "Query"}


# ---- the answer


def test_an_answer_never_says_errors_null_and_has_the_id_of_the_request(bot: Caller) -> None:
    one, other = ask(bot, "{ __typename }"), ask(bot, "{ __typename }")
    assert list(one) == ["data", "extensions"]
    ids = [answer["extensions"]["gateway"]["request_id"] for answer in (one, other)]
    assert all(ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("query", "classification", "words"),
    [
        ("{", "InvalidSyntax", "Syntax Error"),
        ("", "InvalidSyntax", "Syntax Error"),
        ("{ nonsense }", "ValidationError", "Cannot query field 'nonsense'"),
        ("query A { __typename } query B { __typename }", "ValidationError", "operationName"),
        ("fragment A on Query { __typename }", "ValidationError", "operationName"),
        ("subscription { a }", "ValidationError", "subscription"),
        ("query ($a: Int!) { __typename }", "ValidationError", "'$a'"),
        ('{ compass { component(id: "\\u0000") { __typename } } }', "ValidationError", "NUL"),
        ("{ ...A } fragment A on Query { ...A }", "ValidationError", "itself"),
        ("{ tenantContexts { cloudId } }", "DataFetchingException", "exactly one"),
    ],
)
def test_what_is_wrong_with_a_query_comes_with_200(
    bot: Caller, query: str, classification: str, words: str
) -> None:
    error = ask(bot, query)["errors"][0]
    assert words in error["message"]
    assert error["extensions"]["classification"] == classification
    assert error["extensions"]["statusCode"] == 400
    assert error["extensions"]["errorType"]


def test_a_variable_that_is_never_used_is_no_fault(bot: Caller) -> None:
    assert "errors" not in ask(bot, "query ($never: String) { __typename }")


def test_numbers_of_64_bits_pass_as_numbers_and_larger_ones_do_not(bot: Caller) -> None:
    for number in (2**63, "1.5", True, 1e30, "9" * 5000):
        query = """mutation ($n: Long!) { compass { createCompassEvent(input: {cloudId: "x",
            event: {custom: {displayName: "", description: "", url: "", lastUpdated: "",
            externalEventSourceId: "", updateSequenceNumber: $n, customEventProperties: {
            id: 1, icon: INFO}}}}) { success } } }"""
        assert "'$n'" in ask(bot, query, n=number)["errors"][0]["message"]
    literal = "{ compass { searchComponents(cloudId: 1, query: {first: %s}) { __typename } } }"
    assert "errors" in ask(bot, literal % ("9" * 5000))


def test_query_editors_can_read_the_schema(viewer: Caller) -> None:
    from graphql import build_client_schema, get_introspection_query

    query = get_introspection_query(
        descriptions=True, specified_by_url=True, directive_is_repeatable=True,
        schema_description=True, input_value_deprecation=True,
    )  # fmt: skip
    schema = build_client_schema(ask(viewer, query)["data"])
    assert "CompassVulnerabilityEvent" in schema.type_map


# ---- the site


@pytest.mark.parametrize("host", ["testserver", "127.0.0.1", "team.example.net"])
def test_anybody_learns_the_cloud_id(settings: Any, host: str) -> None:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "team.example.net"]
    response = Client().get("/_edge/tenant_info", headers={"host": host})
    assert response.status_code == 200
    assert response.json()["cloudId"] == actions.cloud_id()


def test_the_site_answers_to_all_its_names(viewer: Caller, settings: Any) -> None:
    settings.SITE_URL = "https://pulse.example.com"
    settings.ALLOWED_HOSTS = ["localhost", ".internal.example", "team.atlassian.net", "*"]
    ours = ["pulse.example.com", "LOCALHOST:8000", "a.internal.example", "team.atlassian.net"]
    names = [*ours, "elsewhere.example.com", "", "*", "team.atlassian.net"]
    query = "query ($n: [String!]) { tenantContexts(hostNames: $n) { cloudId hostName cloudUrl } }"
    viewer.client.defaults["HTTP_HOST"] = "localhost"
    assert ask(viewer, query, n=names)["data"]["tenantContexts"] == [
        {"cloudId": actions.cloud_id(), "hostName": name, "cloudUrl": "https://pulse.example.com"}
        for name in ours
    ]


def test_aliases_of_the_site_are_names_of_it() -> None:
    from tests.house import house

    script = "from django.conf import settings; print(settings.ALLOWED_HOSTS)"
    with house(SITE_ALIASES="team.atlassian.net, b.example") as place:
        assert "'team.atlassian.net', 'b.example'" in place.manage("shell", "-v0", "-c", script)


@pytest.mark.parametrize("arguments", ["", "cloudIds: [1], hostNames: []"])
def test_the_site_is_asked_for_in_exactly_one_way(viewer: Caller, arguments: str) -> None:
    given = f"({arguments})" if arguments else ""
    answer = ask(viewer, f"{{ tenantContexts{given} {{ cloudId }} }}")
    assert answer["data"] == {"tenantContexts": None}
    assert answer["errors"][0]["extensions"]["errorType"] == "ARGUMENT_INVALID"


def test_the_site_is_found_by_its_cloud_id(viewer: Caller) -> None:
    query = "query ($ids: [ID!]) { tenantContexts(cloudIds: $ids) { cloudId } }"
    found = ask(viewer, query, ids=[actions.cloud_id(), "other"])["data"]["tenantContexts"]
    assert found == [{"cloudId": actions.cloud_id()}]
    unknown = ask(viewer, '{ tenantContexts(activationIds: ["x"]) { cloudId } }')
    assert unknown["data"]["tenantContexts"] == []
