"""The example in docs/adding-a-dialect.md is a dialect that works."""

from __future__ import annotations

import hashlib
import hmac
import re
from types import ModuleType
from typing import Any

import pytest

from feeds.dialects import codehost, mapping
from feeds.dialects.registry import WebhookDialect
from tests.house import ROOT

from .documents import NOW, load, put


@pytest.fixture
def gitea() -> Any:
    text = (ROOT / "docs/adding-a-dialect.md").read_text()
    found = re.search(r"```python\n(DIALECT = .*?)```", text, re.DOTALL)
    assert found
    module = ModuleType("gitea")
    vars(module).update(
        {**vars(mapping), "codehost": codehost, "OBJECTS": codehost.OBJECTS},
        hashlib=hashlib,
        hmac=hmac,
    )
    exec(found[1], vars(module))
    return module


def test_the_example_keeps_the_law(gitea: Any) -> None:
    document = put(load("github/push"), "pusher.username", "mlopez")
    draft = gitea.parse(document, now=NOW)
    assert gitea.render(vars(draft)) == document
    assert (draft.source_id, draft.actor_key) == ("shop/checkout", "mlopez")
    with pytest.raises(mapping.DialectError, match=r"repository: is required; pusher: is required"):
        gitea.parse({"ref": "x", "before": "x", "after": "x"}, now=NOW)


def test_the_example_offers_all_that_a_webhook_asks_for(gitea: Any) -> None:
    wanted = [name for name in dir(WebhookDialect) if not name.startswith("_")]
    assert [name for name in wanted if not hasattr(gitea, name)] == []
    signature = hmac.new(b"s3cret", b"{}", hashlib.sha256).hexdigest()
    assert gitea.verify("s3cret", {"X-Gitea-Signature": signature}, b"{}")
    assert not gitea.verify("s3cret", {}, b"{}")
