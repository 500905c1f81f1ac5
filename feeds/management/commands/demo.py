"""`manage.py demo`: an hour of believable life, so that a new feed is not empty."""

import json
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from feeds import actions, ari
from feeds.demo import COMPONENTS, NEEDS, PEOPLE, Hour
from feeds.dialects import compass
from feeds.dialects.mapping import Draft
from feeds.models import Component, Role, User


class Command(BaseCommand):
    """Send the hour before now through the same door as any pipeline."""

    help = (
        "Add six components and the last hour of their lives. Running it again adds another hour."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the components and the people, then record every event."""
        components = {slug: _component(slug) for slug in COMPONENTS}
        for slug, needed in NEEDS.items():
            for other in needed:
                actions.add_dependency(components[slug], components[other])
        people = {
            username: actions.ensure_user(
                username, role=Role.BOT if username == "ci-bot" else Role.COMPOSER, name=name
            )
            for username, name in PEOPLE.items()
        }
        events = sorted(Hour(timezone.now()).events(), key=lambda event: event.body["lastUpdated"])
        for event in events:
            draft = _draft(event.kind, event.body, components[event.component])
            _record(people[event.sender], draft)
        self.stdout.write(f"demo: {len(events)} events on {len(components)} components.")


def _component(slug: str) -> Component:
    name, team, description = COMPONENTS[slug]
    known = Component.objects.filter(slug=slug).first()
    return known or actions.create_component(
        name, slug=slug, owner_team=team, description=description
    )


def _draft(kind: str, body: dict[str, Any], component: Component) -> Draft:
    document = {
        "cloudId": actions.cloud_id(),
        "event": {kind: body},
        "componentId": ari.component(
            actions.cloud_id(), actions.site().workspace_id, component.uuid
        ),
    }
    draft = compass.parse(document)
    draft.raw = json.dumps(document, indent=2)
    return draft


def _record(user: User, draft: Draft) -> None:
    actions.record(actions.Sender(user), draft)
