"""What was composed, later: scheduled ones, updates, deletes, and who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from feeds import actions
from feeds.models import Activity, Composition, Delivery, Role, User
from tests.composed import connect, filled, new_form
from tests.pages import Html, record, signed_in

pytestmark = pytest.mark.django_db
LATER = "2099-01-01T10:00"


@pytest.fixture
def composer() -> Client:
    return signed_in("composer")


def compose(client: Client, key: str = "custom", **changes: Any) -> Any:
    form = new_form(client, key)
    response = client.post(form.action, form.changed(**changes))
    assert response.status_code == 303, response.content.decode()
    return response


def composed(client: Client, key: str = "custom", **changes: Any) -> Activity:
    """Compose an event of KEY, and return it."""
    compose(client, key, **changes)
    return Activity.objects.select_related("source").latest("id")


def change(client: Client, activity: Activity, **changes: Any) -> Any:
    path = f"{activity.get_absolute_url()}change/"
    page = client.get(path)
    assert page.status_code == 200
    return client.post(path, {**filled(page, "change").values, **changes})


def words(response: Any) -> str:
    return " ".join(Html(response).one("main").text.split())


# ---- scheduled


def test_what_is_scheduled_waits_on_its_page(composer: Client) -> None:
    compass = connect("compass")
    response = compose(composer, send_at=LATER, displayName="Soon", **{f"to-{compass.uuid}": "on"})
    composition = Composition.objects.get()
    assert response["Location"] == composition.get_absolute_url()
    page = composer.get(response["Location"])
    assert "Scheduled: Soon" in words(page)
    assert "It is sent at 2099-01-01 10:00 UTC" in words(page)
    assert not Activity.objects.exists()
    assert not Delivery.objects.exists()
    values = filled(page).values
    assert (values["displayName"], values["send_at"]) == ("Soon", LATER)
    assert values[f"to-{compass.uuid}"] == "on"
    other = signed_in("composer", "other")
    assert other.get(response["Location"]).status_code == 403
    assert signed_in("admin").get(response["Location"]).status_code == 200


def test_what_is_scheduled_can_be_changed_and_sent_at_once(composer: Client) -> None:
    compose(composer, send_at=LATER)
    composition = Composition.objects.get()
    form = filled(composer.get(composition.get_absolute_url()))
    assert form.action == composition.get_absolute_url()
    wrong = composer.post(form.action, form.changed(displayName=""))
    assert wrong.status_code == 422
    said = form.changed(displayName="Renamed", send_at="2099-02-01T00:00")
    saved = composer.post(form.action, said)
    assert saved.status_code == 303
    composition.refresh_from_db()
    assert (composition.title, composition.send_at and composition.send_at.month) == ("Renamed", 2)
    sent = composer.post(form.action, form.changed(displayName="Now", send_at=""))
    activity = Activity.objects.get()
    assert sent["Location"] == activity.get_absolute_url()
    assert activity.title == "Now"
    assert composer.get(composition.get_absolute_url())["Location"] == activity.get_absolute_url()


def test_a_composer_names_nobody_else_by_changing_what_is_scheduled(composer: Client) -> None:
    compose(composer, "activity", send_at=LATER, title="Said")
    composition = Composition.objects.get()
    form = filled(composer.get(composition.get_absolute_url()))
    response = composer.post(form.action, form.changed(**{"actor-id": "maria"}))
    assert response.status_code == 422
    assert "Only a bot or an admin" in Html(response).one("#id_actor-id_error").text


def test_what_was_sent_meanwhile_is_not_changed(composer: Client) -> None:
    compose(composer, send_at=LATER)
    composition = Composition.objects.get()
    path = composition.get_absolute_url()
    actions.cancel_composition(composition, by=composition.author, role=Role.COMPOSER)
    page = composer.get(path)
    assert "Its sending was cancelled" in words(page)
    link = Html(page).link(f"a[href=/compose/new/custom/?again={composition.uuid}]")
    assert filled(composer.get(link, follow=True)).values["displayName"] == "News"
    cancelled = composer.post(f"{path}cancel/", follow=True)
    assert "It cannot be cancelled: it is cancelled already." in words(cancelled)


def test_a_scheduled_event_is_cancelled_by_its_author_alone(composer: Client) -> None:
    compose(composer, send_at=LATER)
    composition = Composition.objects.get()
    path = f"{composition.get_absolute_url()}cancel/"
    assert signed_in("composer", "other").post(path).status_code == 403
    assert composer.get(path).status_code == 405
    assert "It is cancelled" in words(composer.post(path, follow=True))
    composition.refresh_from_db()
    assert composition.state == Composition.State.CANCELLED


def test_an_event_is_dated_when_it_is_sent_and_not_when_it_was_written(composer: Client) -> None:
    compose(composer, "incident", send_at=LATER)
    due = timezone.now() + timedelta(days=365 * 100)
    assert actions.release_due(now=due) == 1
    activity = Activity.objects.get()
    assert activity.occurred_at == due.replace(microsecond=0)


# ---- updates


def test_a_change_is_an_update_with_a_higher_number(composer: Client) -> None:
    compass = connect("compass")
    activity = composed(composer, "build", state="IN_PROGRESS", **{f"to-{compass.uuid}": "on"})
    response = change(composer, activity, state="FAILED", displayName="Broken")
    assert response.status_code == 303
    held = Activity.objects.get()
    assert (held.pk, held.state, held.title) == (activity.pk, "failed", "Broken")
    assert held.sequence > activity.sequence
    assert [letter.verb for letter in Delivery.objects.order_by("id")] == ["create", "update"]
    assert "the change is on its way to compass" in words(composer.get(response["Location"]))


def test_what_identifies_an_event_stays_whatever_is_sent(composer: Client) -> None:
    activity = composed(composer, "build")
    page = Html(composer.get(f"{activity.get_absolute_url()}change/"))
    assert "disabled" in page.one("#id_pipeline-pipelineId").attrs
    assert "disabled" in page.one("#id_externalEventSourceId").attrs
    response = change(composer, activity, displayName="Same", **{"pipeline-pipelineId": "other"})
    assert response.status_code == 303
    held = Activity.objects.get()
    assert (held.external_id, held.title) == (activity.external_id, "Same")


def test_who_was_slower_gets_a_conflict_in_words(composer: Client) -> None:
    activity = composed(composer, "build")
    path = f"{activity.get_absolute_url()}change/"
    slower = filled(composer.get(path), "change").values
    assert change(composer, activity, displayName="Faster").status_code == 303
    response = composer.post(path, {**slower, "displayName": "Slower"})
    assert response.status_code == 409
    assert "somebody changed this event meanwhile" in words(response)
    assert Activity.objects.get().title == "Faster"


def test_a_wrong_change_is_said_at_its_field(composer: Client) -> None:
    activity = composed(composer, "build")
    response = change(composer, activity, updateSequenceNumber=str(activity.sequence))
    assert response.status_code == 409
    assert "Must be above" in Html(response).one("#id_updateSequenceNumber_error").text
    response = change(composer, activity, displayName="")
    assert response.status_code == 422
    assert Html(response).one(".summary a")["href"] == "#id_displayName"


def test_a_running_build_of_teamhub_tells_how_far_it_is_until_its_end(composer: Client) -> None:
    hub = connect("teamhub")
    activity = composed(composer, "teamhub-build", operation="created", progress="10",
                        **{f"to-{hub.uuid}": "on"})  # fmt: skip
    path = f"{activity.get_absolute_url()}change/"
    fields = filled(composer.get(path), "change").values
    assert set(fields) >= {"operation", "progress", "above"}
    assert "project" not in fields
    back = change(composer, activity, progress="5")
    assert "Must not go back from 10." in Html(back).one("#id_progress_error").text
    assert change(composer, activity, progress="60").status_code == 303
    assert change(composer, activity, progress="100", operation="completed").status_code == 303
    held = Activity.objects.get()
    assert (held.progress, held.state) == (100, "succeeded")
    last: Any = Delivery.objects.latest("id").body
    assert last == {"progress": 100, "operation": "completed"}
    refused = composer.get(path)
    assert refused.status_code == 409
    assert "The build is complete" in words(refused)


def test_an_activity_of_streams_has_no_update_and_says_so(composer: Client) -> None:
    activity = composed(composer, "activity", title="Said")
    page = composer.get(activity.get_absolute_url())
    assert "Activity Streams has no updates" in words(page)
    assert "/change/" not in page.content.decode()
    refused = composer.get(f"{activity.get_absolute_url()}change/")
    assert refused.status_code == 409
    assert "Activity Streams has no updates" in words(refused)


def test_only_its_author_or_an_admin_changes_and_deletes_an_event(composer: Client) -> None:
    activity = composed(composer)
    own = activity.get_absolute_url()
    for client, status in ((signed_in("composer", "other"), 403), (signed_in("viewer"), 403),
                           (signed_in("admin"), 200)):  # fmt: skip
        for part in ("change", "delete"):
            assert client.get(f"{own}{part}/").status_code == status
        shown = f"{own}delete/" in client.get(own).content.decode()
        assert shown is (status == 200)
    assert Activity.objects.exists()


def test_what_was_not_composed_here_is_left_to_who_sent_it(composer: Client) -> None:
    (activity,) = record()
    for part in ("change", "delete"):
        response = composer.get(f"{activity.get_absolute_url()}{part}/")
        assert response.status_code == 409
        assert "was not composed here" in words(response)


# ---- deletes


def test_deleting_says_first_where_the_event_stays(composer: Client) -> None:
    compass, pulse = connect("compass"), connect("pulseboard")
    chosen = {f"to-{each.uuid}": "on" for each in (compass, pulse)}
    activity = composed(composer, **chosen)
    Delivery.objects.update(state=Delivery.State.ACCEPTED, receipt="there")
    path = f"{activity.get_absolute_url()}delete/"
    page = words(composer.get(path))
    assert "compass Compass has no request that deletes an event: it stays there." in page
    assert "pulseboard it is deleted there too." in page
    assert Activity.objects.exists(), "asking deletes nothing"
    response = composer.post(path, follow=True)
    assert "compass: Compass has no request" in words(response)
    assert not Activity.objects.exists()
    (letter,) = Delivery.objects.filter(state="queued")
    assert (letter.verb, letter.connection) == ("delete", pulse)
    assert User.objects.get().compositions.get().activity is None
    gone = composer.get(Composition.objects.get().get_absolute_url())
    assert "the event was deleted since" in words(gone)
