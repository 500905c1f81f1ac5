"""The law holds for what was stored as well: an event comes out of the database as it was sent."""

from __future__ import annotations

from typing import Any

import pytest

from feeds import actions
from feeds.dialects import compass
from feeds.models import Activity
from tests.conftest import Caller
from tests.dialects.documents import exactly, load, names


@pytest.mark.parametrize("name", names("compass"))
def test_a_stored_document_is_rendered_as_it_was_sent(
    bot: Caller, settings: Any, name: str
) -> None:
    document = load(name)
    settings.CLOUD_ID = document["cloudId"]
    draft = compass.parse(document)
    actions.create_source(draft.source_id, kind=draft.kind)
    document["componentId"] = None  # the component of another site
    assert bot.send(document).status_code == 202
    activity = Activity.objects.select_related("source").get()
    assert exactly(compass.render(activity.columns())) == exactly(document)
