"""Every kind of the compose form: what it asks for, and that it holds what a document says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feeds import actions
from feeds.composing import FORMS, KINDS, Kind
from feeds.dialects import compass, teamhub
from feeds.dialects.mapping import OBJECT
from feeds.dialects.registry import DIALECTS
from feeds.models import Activity, Composition, User
from feeds.pasted import PasteError, read_pasted
from feeds.upsert import FROM_DRAFT
from tests.composed import NEEDED, filled, given, new_form
from tests.house import ROOT
from tests.pages import Html, signed_in

pytestmark = pytest.mark.django_db
GOLDEN = sorted(
    path
    for wire in ("compass", "streams", "teamhub")
    for path in (ROOT / "tests/documents" / wire).glob("*.json")
)
#: Documents that say what no choice of the form says.
NOT_HELD = {"flag-status-unrecognised.json"}
#: Of TeamHub, what the web form cannot send: no builds, or what only a server writes.
NOT_COMPOSED = {
    "branch.json", "company-user.json", "event-wrapped.json", "expanded-subject.json",
    "get-repository.json", "list-project-user.json", "list-push-2815-commits.json",
    "list-push.json", "no-progress-and-no-subject.json", "server-trigger.json",
    "subject-as-a-string.json",
}  # fmt: skip


#: Documents that say no state that we know; whoever composes is asked for it.
SAYS_NO_STATE = {"flag-status-unrecognised.json", "reference-alert.json", "reference-flag.json"}


@pytest.mark.parametrize("key", KINDS)
def test_a_form_that_nobody_filled_in_sends_no_made_up_fact(key: str) -> None:
    client = signed_in("composer")
    form = filled(client.get(f"/compose/new/{key}/", follow=True))
    response = client.post(form.action, form.values)
    assert response.status_code == 422
    page = Html(response)
    assert {link["href"].removeprefix("#id_") for link in page.all(".summary a")} == set(
        NEEDED[key]
    )
    for name in NEEDED[key]:
        assert page.one(f"#id_{name}_error").text == "This field is required."
    assert not Activity.objects.exists()


@pytest.mark.parametrize("key", KINDS)
def test_what_it_asks_for_and_the_defaults_are_an_event(key: str) -> None:
    client = signed_in("composer")
    form = new_form(client, key)
    response = client.post(form.action, form.values)
    assert response.status_code == 303
    activity = Activity.objects.get()
    assert response["Location"] == activity.get_absolute_url()
    assert (activity.dialect, activity.kind) == (KINDS[key].wire, KINDS[key].kind)
    assert client.get(activity.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("key", KINDS)
def test_each_kind_has_a_form_of_its_own(key: str) -> None:
    assert FORMS[key].kind is KINDS[key]
    assert len({form.__name__ for form in FORMS.values()}) == len(KINDS) == 12


@pytest.mark.parametrize("wire", compass.KINDS)
def test_the_form_has_every_field_of_the_wire(wire: str) -> None:
    kind = next(kind for kind in KINDS.values() if kind.event == ("event", wire))
    held = {slot.path for slot in kind.slots}
    own = {spec.path for spec in compass.KINDS[wire][2] if spec.codec is not OBJECT}
    assert own - {"cloudId"} <= held
    if wire != "pullRequest":
        assert {spec.path for spec in compass.COMMON} <= held


def test_the_form_of_a_build_has_every_field_of_teamhub() -> None:
    held = {slot.path for slot in KINDS["teamhub-build"].slots}
    assert {spec.path for spec in teamhub.REQUEST} == held | {"target"}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_document_fills_the_form_that_makes_the_same_event(path: Path) -> None:
    client = signed_in("admin")
    author = User.objects.get()
    text = path.read_text()
    page = client.post("/compose/paste/", {"pasted": text})
    if path.name in NOT_COMPOSED and path.parent.name == "teamhub":
        assert page.status_code == 422
        return
    assert page.status_code == 200, page.content.decode()
    form = filled(page)
    if path.name in SAYS_NO_STATE:
        assert client.post(form.action, form.values).status_code == 422
        form = given(form)
    document = read_pasted(text).document
    kind = next(kind for kind in KINDS.values() if form.action.endswith(f"/{kind.key}/"))
    response = client.post(form.action, form.values)
    assert response.status_code == 303, response.content.decode()
    composition = Composition.objects.get()
    made = actions.draft_of(kind.wire, document, author=author, identity=composition.uuid)
    actions.name_actor(made, author)
    activity = Activity.objects.get()
    assert activity.source.external_id == made.source_id
    if path.name in NOT_HELD:
        assert "The form has no field for" in page.content.decode()
        return
    own = {"state" if path.name in SAYS_NO_STATE else ""}
    if _is_now(document) or kind.wire == "teamhub":  # whose builds are numbered by the second
        own.add("sequence")
    for name in {*FROM_DRAFT, "external_id"} - {"raw", *own}:
        assert getattr(activity, name) == getattr(made, name), name
    if not _is_now(document):
        assert activity.occurred_at == made.occurred_at
    again = DIALECTS[activity.dialect].render(activity.columns())
    assert values(kind, again) == {**values(kind, again), **values(kind, document)}


def values(kind: Kind, document: Any) -> dict[str, str]:
    """Return what the form says of DOCUMENT, as text, for the wires quote their numbers."""
    held = kind.values(document).items()
    return {name: str(value).strip() for name, value in held if value not in ("", None)}


def _is_now(document: Any) -> bool:
    """Tell whether DOCUMENT leaves it to the server when it was."""
    return "event" not in document and not (document.get("timestamp") or document.get("published"))


def test_what_no_field_can_hold_is_named() -> None:
    client = signed_in("composer")
    text = (ROOT / "tests/documents/compass/unknown-fields.json").read_text()
    page = client.post("/compose/paste/", {"pasted": text}).content.decode()
    assert "The form has no field for sender.name, sender.tags, event.custom.labels" in page
    plain = (ROOT / "tests/documents/compass/reference-custom.json").read_text()
    assert "no field for" not in client.post("/compose/paste/", {"pasted": plain}).content.decode()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_only_what_the_wire_does_not_know_is_left_out(path: Path) -> None:
    try:
        pasted = read_pasted(path.read_text())
    except PasteError:
        return
    kind = next(kind for kind in KINDS.values() if kind.fits(pasted.wire, pasted.document))
    left = set(kind.left_out(pasted.document))
    known = {
        "unknown-fields.json": {"sender.name", "sender.tags", "event.custom.labels"},
        "flag-status-unrecognised.json": {"event.flag.flagProperties.status"},
        "names-beside-aliases.json": {"user.id", "application", "uri"},
        "unknown-properties.json": {
            "actor.objectType", "generator.version", "mood.id", "mood.levels",
        },
        "post-request-live.json": {"room"},
    }  # fmt: skip
    assert left == known.get(path.name, set())
