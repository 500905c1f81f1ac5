"""What can be changed: events, event sources, components, aliases.

Each mutation of a request stands for itself: those before a failing one stay done.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from ariadne import MutationType, ObjectType

from feeds import actions, ari, fastlane
from feeds.api import auth
from feeds.api.compass import Event, decide
from feeds.api.graphql.components import Object, Shelf, alias_json, component_json, link_json
from feeds.api.graphql.context import Context
from feeds.api.graphql.errors import (
    COMPONENT_NOT_FOUND,
    EXPECTED,
    Fault,
    Refused,
    faults_of,
    from_vendor,
)
from feeds.api.graphql.fields import (
    read_alias,
    read_component,
    read_labels,
    read_link,
    read_link_change,
)
from feeds.api.graphql.queries import (
    Info,
    check_site,
    find_by_reference,
    find_by_triple,
    source_answer,
)
from feeds.api.graphql.relationships import DEPENDS_ON, relationship_json
from feeds.dialects import compass
from feeds.dialects.mapping import DialectError
from feeds.models import Component, Dependency, Role

mutation = MutationType()
catalogue = ObjectType("CompassCatalogMutationApi")

SENDERS = (Role.COMPOSER, Role.BOT, Role.ADMIN)
#: Pipelines of today make sources and attach them with the one token of a bot.
KEEPERS = (Role.BOT, Role.ADMIN)
#: What Compass calls the code hosts, and the dialects of their webhooks.
WEBHOOK_SOURCES = {
    "gitlab_self_managed": "gitlab",
    "github_enterprise_server": "github",
    "gitlab": "gitlab",
    "github": "github",
}
WEBHOOK_NAME_LENGTH = 100
ALIAS_NOT_FOUND = "We couldn’t find the external alias. Check for typos and try again."  # noqa: RUF001  the words that clients compare

Resolver = Callable[..., Object]


def changes(name: str, *, by: tuple[Role, ...] = KEEPERS) -> Callable[[Resolver], Resolver]:
    """Make a function the resolver NAME for the roles BY.

    What it returns goes into the payload of a success; what it refuses becomes the errors of a
    failure, of which there is always one: a client of the vendor's reads nothing else.
    """

    def register(work: Resolver) -> Resolver:
        @wraps(work)
        def resolve(_: Any, info: Info, **arguments: Any) -> Object:
            context = info.context
            try:
                _check_role(context.caller, by, name)
                payload = work(context, **arguments)
            except EXPECTED as error:
                return {
                    "success": False,
                    "errors": [fault.in_mutation() for fault in faults_of(error)],
                }
            context.done = True
            return {"success": True, "errors": [], **payload}

        catalogue.set_field(name, resolve)
        return work

    return register


def _check_role(caller: auth.Caller | None, allowed: tuple[Role, ...], name: str) -> None:
    if caller is None or caller.role not in allowed:
        role = caller.role.value if caller else "stranger"
        raise Refused(Fault(f"a {role} may not call {name}", "PERMISSION_DENIED", 403))


@mutation.field("compass")
def open_catalogue(*_: Any) -> Object:
    """Open the catalogue."""
    return {}


# ---- events


@changes("createCompassEvent", by=SENDERS)
def create_compass_event(context: Context, input: Object) -> Object:
    """Take in one event, as the REST wire does, and count it for the same limit."""
    event = Event(json.dumps(input, ensure_ascii=False).encode(), input)
    try:
        event.draft = compass.parse(input)
        event.draft.raw = event.body.decode()
    except DialectError as error:
        event.error = error
    sender = context.sender
    passage = fastlane.take(sender, event.draft)
    if passage.allowance is None:
        raise Refused(Fault(auth.NOT_VALID, "UNAUTHORIZED", 401))
    context.allowance = passage.allowance
    if passage.allowance.exceeded:
        rule = f"only {passage.allowance.limit} events per user per minute are allowed"
        raise Refused(Fault(rule, "RATE_LIMIT_EXCEEDED", 429))
    if not passage.recorded:
        answer = decide(sender, event)
        if not isinstance(answer, actions.Recorded):
            raise from_vendor(*answer)
    return {}


# ---- event sources


@changes("createEventSource")
def create_event_source(context: Context, input: Object) -> Object:
    """Make an event source, or return the one that there is."""
    check_site(input["cloudId"])
    if not input["externalEventSourceId"].strip():
        raise Refused(Fault("externalEventSourceId: must not be blank", "FIELD_MISSING"))
    source = actions.create_source(input["externalEventSourceId"], kind=input["eventType"].lower())
    return {"eventSource": source_answer(source)}


@changes("attachEventSource")
def attach_event_source(context: Context, input: Object) -> Object:
    """Show the events of a source on a component."""
    source = actions.find_source(input["eventSourceId"])
    actions.attach(actions.find_component(input["componentId"]), source)
    return {}


@changes("detachEventSource")
def detach_event_source(context: Context, input: Object) -> Object:
    """Hide the events of a source from a component."""
    source = actions.find_source(input["eventSourceId"])
    actions.detach(actions.find_component(input["componentId"]), source)
    return {}


@changes("deleteEventSource")
def delete_event_source(context: Context, input: Object) -> Object:
    """Delete a source with its events; one that is attached only where the caller insists."""
    check_site(input["cloudId"])
    source = find_by_triple(input["eventType"], input["externalEventSourceId"])
    insists = bool(input.get("deleteIfAttachedToComponents"))
    actions.delete_source(source, attached_too=insists)
    return {}


# ---- components


@changes("createComponent")
def create_component(context: Context, cloudId: str, input: Object) -> Object:
    """Make a component."""
    check_site(cloudId)
    columns = read_component(input)
    if len(columns.get("labels", ())) > actions.LABELS_PER_COMPONENT:
        raise actions.TooMany(f"a component has {actions.LABELS_PER_COMPONENT} labels at most")
    return _details(actions.create_component(**columns))


@changes("updateComponent")
def update_component(context: Context, input: Object) -> Object:
    """Change those fields of a component that are named."""
    component = actions.find_component(input["id"])
    actions.change_component(component, read_component(input))
    return _details(component)


@changes("updateComponentByReference")
def update_component_by_reference(context: Context, input: Object) -> Object:
    """Change those fields of a component that are named; its slug or its ARI tells which it is."""
    component = find_by_reference(input["reference"])
    actions.change_component(component, read_component(input))
    return _details(component)


@changes("updateComponentType")
def update_component_type(context: Context, input: Object) -> Object:
    """Make a component one of another type, which updateComponent cannot."""
    component = actions.find_component(input["id"])
    columns = read_component(input)
    if not columns:
        raise Refused(Fault("typeId: is required", "FIELD_MISSING"))
    actions.change_component(component, columns)
    return _details(component)


@changes("deleteComponent")
def delete_component(context: Context, input: Object) -> Object:
    """Delete a component; its sources and their events stay."""
    component = actions.find_component(input["id"])
    site = actions.site()
    identity = ari.component(actions.cloud_id(), site.workspace_id, component.uuid)
    actions.delete_component(component)
    return {"deletedComponentId": identity}


@changes("createComponentLink")
def create_component_link(context: Context, input: Object) -> Object:
    """Give a component one more link."""
    link = read_link(input["link"])
    component = actions.find_component(input["componentId"])
    created = link_json(actions.add_link(component, link))
    return {**_details(component), "createdComponentLink": created}


@changes("updateComponentLink")
def update_component_link(context: Context, input: Object) -> Object:
    """Change those fields of a link that are named."""
    fields = read_link_change(input["link"])
    component = actions.find_component(input["componentId"])
    changed = link_json(actions.change_link(component, input["link"]["id"], fields))
    return {**_details(component), "updatedComponentLink": changed}


@changes("deleteComponentLink")
def delete_component_link(context: Context, input: Object) -> Object:
    """Take a link from a component."""
    component = actions.find_component(input["componentId"])
    actions.remove_link(component, input["link"])
    return {**_details(component), "deletedCompassLinkId": input["link"]}


@changes("addComponentLabels")
def add_component_labels(context: Context, input: Object) -> Object:
    """Give a component labels that it may have already."""
    names = read_labels(input["labelNames"])
    component = actions.find_component(input["componentId"])
    actions.add_labels(component, names)
    return {**_details(component), "addedLabels": [{"name": name} for name in names]}


@changes("removeComponentLabels")
def remove_component_labels(context: Context, input: Object) -> Object:
    """Take labels from a component that it may not have."""
    component = actions.find_component(input["componentId"])
    removed = actions.remove_labels(component, input["labelNames"])
    return {**_details(component), "removedLabelNames": removed}


@changes("createComponentExternalAlias")
def create_component_external_alias(context: Context, input: Object) -> Object:
    """Tell what a component is called in another system."""
    alias = read_alias(input["externalAlias"])
    component = actions.find_component(input["componentId"])
    try:
        created = actions.create_alias(component, **alias)
    except actions.Conflict as error:
        kind = "EXTERNAL_ALIAS_COULD_NOT_BE_CREATED"
        raise Refused(Fault(str(error), kind, 409)) from None
    return {**_details(component), "createdCompassExternalAlias": alias_json(created)}


@changes("deleteComponentExternalAlias")
def delete_component_external_alias(context: Context, input: Object) -> Object:
    """Forget what a component was called in another system."""
    source = input["externalAlias"]["externalSource"]
    identity = input["externalAlias"]["externalId"]
    component = actions.find_component(input["componentId"])
    if not actions.delete_alias(component, source=source, external_id=identity):
        raise Refused(Fault(ALIAS_NOT_FOUND, "EXTERNAL_ALIAS_NOT_FOUND", 404))
    deleted = {"externalAliasId": identity, "externalSource": source, "url": None}
    return {**_details(component), "deletedCompassExternalAlias": deleted}


def _details(component: Component) -> Object:
    return {"componentDetails": Shelf([component]).answer()[0]}


# ---- relationships


@changes("createRelationship")
def create_relationship(context: Context, input: Object) -> Object:
    """Say that a component depends on another, which must be new."""
    start, end = _nodes(input)
    try:
        new = actions.add_dependency(start, end)
    except actions.Conflict as error:
        kind = "RELATIONSHIP_NODES_SELF_REFERENCING_ERROR"
        raise Refused(Fault(str(error), kind, 409)) from None
    except actions.TooMany as error:
        raise Refused(Fault(str(error), "RELATIONSHIP_LIMIT_REACHED", 409)) from None
    if not new:
        rule = f"{start} depends on {end} already"
        raise Refused(Fault(rule, "RELATIONSHIP_ALREADY_EXISTS", 409))
    both = Shelf([start, end])
    row = Dependency(component=start, needs=end)
    created = relationship_json(row, lambda one: component_json(one, both))
    return {"createdCompassRelationship": created}


@changes("deleteRelationship")
def delete_relationship(context: Context, input: Object) -> Object:
    """Say that a component no longer depends on another; it need not have done so."""
    actions.remove_dependency(*_nodes(input))
    return {}


def _nodes(input: Object) -> tuple[Component, Component]:
    if input["relationshipType"] != DEPENDS_ON:
        raise Refused(Fault(f"relationshipType: only {DEPENDS_ON} is kept here"))
    return _node(input, "start"), _node(input, "end")


def _node(input: Object, side: str) -> Component:
    try:
        return actions.find_component(input[f"{side}NodeId"])
    except actions.ComponentUnknown:
        kind = f"RELATIONSHIP_{side.upper()}_NODE_NOT_FOUND"
        raise Refused(Fault(f"{side}NodeId: {COMPONENT_NOT_FOUND}", kind, 404)) from None


# ---- incoming webhooks


@changes("createIncomingWebhook")
def create_incoming_webhook(context: Context, input: Object) -> Object:
    """Make a webhook for a code host; its secret is set on its page, for here it has no place."""
    check_site(input["cloudId"])
    name, source = input["name"].strip(), input["source"]
    if not 0 < len(name) <= WEBHOOK_NAME_LENGTH:
        rule = f"name: must be 1 to {WEBHOOK_NAME_LENGTH} characters"
        raise Refused(Fault(rule, "CONSTRAINT_VIOLATION"))
    if source not in WEBHOOK_SOURCES:
        rule = f"source: must be one of {', '.join(WEBHOOK_SOURCES)}"
        raise Refused(Fault(rule))
    webhook, _ = actions.create_webhook(
        name, dialect=WEBHOOK_SOURCES[source], user=context.sender.user
    )
    site = actions.site()
    details = {
        "id": ari.incoming_webhook(actions.cloud_id(), site.workspace_id, webhook.token),
        "name": webhook.name,
        "source": source,
        "description": input.get("description"),
        "changeMetadata": {"createdAt": webhook.created_at, "lastUserModificationAt": None},
    }
    return {"webhookDetails": details}
