"""Whole documents, as the clients of Compass write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feeds.models import Activity
from tests.conftest import Caller
from tests.graph import PATH, Catalogue
from tests.house import ROOT

FOLDER = ROOT / "tests/documents/graphql"
DOCUMENTS = sorted(FOLDER.glob("*.graphql"))
#: Those that are about an event that they send, and how many.
SENT = {"event-two-by-alias": 2}

pytestmark = pytest.mark.django_db


def stem(path: Path) -> str:
    return path.stem


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from objects(child)
    elif isinstance(value, list):
        for child in value:
            yield from objects(child)


def test_there_are_documents_enough() -> None:
    assert len(DOCUMENTS) >= 40


@pytest.mark.parametrize("path", DOCUMENTS, ids=stem)
def test_a_real_document_is_answered_without_a_fault(path: Path, bot: Caller) -> None:
    catalogue = Catalogue.make()
    bot.event("build", component="checkout", externalEventSourceId="shop/checkout")
    sidecar = path.with_suffix(".json")
    variables = json.loads(catalogue.fill(sidecar.read_text())) if sidecar.exists() else None
    body = {"query": catalogue.fill(path.read_text()), "variables": variables}
    if "two-operations" in path.name:
        body["operationName"] = "Second"
    response = bot.post(PATH, body)
    answer = response.json()
    assert response.status_code == 200
    assert list(answer) == ["data", "extensions"]
    for found in objects(answer["data"]):
        assert found.get("success", True) is True, found
        assert found.get("__typename") != "QueryError", found
        assert found.get("errors", []) == []
    assert answer["data"].get("compass", answer["data"].get("tenantContexts"))
    if path.name.startswith("event-"):
        assert Activity.objects.count() == 1 + SENT.get(path.stem, 1)
