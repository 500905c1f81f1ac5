"""Every route of the system, vendor paths included."""

import re

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.vary import vary_on_headers

from feeds.api import bulk, compass, export, hooks, metrics, schema, streams, syndication, teamhub
from feeds.api.graphql import views as graphql
from feeds.api.native import activities, deliveries, digests, exports, facets, me, tokens
from feeds.api.native import audit as audit_api
from feeds.api.native import components as catalogue
from feeds.api.native import connections as upstreams
from feeds.api.native import dependencies as needs
from feeds.api.native import hooks as hook_api
from feeds.api.native import sources as event_sources
from feeds.api.native import views as saved
from feeds.pages import PAGE_SIZE
from feeds.views import (
    account,
    api_docs,
    audit,
    components,
    compose,
    compose_parts,
    composed,
    connections,
    counts,
    dependencies,
    event,
    feed,
    graphiql,
    health,
    outbox,
    people,
    reading,
    replay,
    repositories,
    rows,
    running,
    site,
    sources,
    suggestions,
    tracker,
    users,
    webhooks,
)
from feeds.views import saved as saved_views
from heartbeats import metrics as heartbeat_metrics
from heartbeats.views import brief as heartbeat_brief

PROJECT = "[A-Z][A-Z0-9_]+"  # the key of a project in a tracker
#: What clients of Activity Streams may send in front of the vendor's paths.
CONTEXT = f"(?:{re.escape(settings.CONTEXT_PATH.strip('/'))}/)?"


@csrf_exempt  # the API asks for the token itself, of those who come with a session
@vary_on_headers("Accept")
def graphql_or_page(request: HttpRequest) -> HttpResponseBase:
    """Answer programs with the API, and show people who open its address the query page."""
    serve = graphiql.page if graphiql.wanted(request) else graphql.endpoint
    return serve(request)


urlpatterns = [
    # pages
    path("", feed.feed, name="feed"),
    path("feed/rows", rows.rows, name="feed-rows"),
    path("feed/counts", counts.counts, name="feed-counts"),
    path("feed/running", running.running, name="feed-running"),
    path("feed/suggestions", suggestions.suggestions, name="feed-suggestions"),
    path("activities/<uuid:identity>/", event.activity, name="activity"),
    path("activities/<uuid:identity>/change/", composed.change, name="activity-change"),
    path("activities/<uuid:identity>/delete/", composed.delete, name="activity-delete"),
    path("compose/", compose.index, name="compose"),
    path("compose/choose/", compose.choose, name="compose-choose"),
    path("compose/paste/", compose.paste, name="compose-paste"),
    path("compose/new/<slug:key>/", compose.new, name="compose-new"),
    path("compose/check/<slug:key>/", compose_parts.check, name="compose-check"),
    path("compose/preview/<slug:key>/", compose_parts.preview, name="compose-preview"),
    path("compose/snippets/<slug:key>/", compose_parts.snippets, name="compose-snippets"),
    path("compose/templates/<slug:key>/", compose_parts.keep, name="compose-template"),
    path(
        "compose/templates/<uuid:identity>/delete/",
        compose_parts.discard,
        name="compose-template-delete",
    ),
    path("compose/<uuid:identity>/", composed.show, name="composition"),
    path("compose/<uuid:identity>/cancel/", composed.cancel, name="composition-cancel"),
    path("components/", components.index, name="components"),
    path("components/new/", components.create, name="component-new"),
    path(
        "components/<slug:slug>/",
        components.show,
        {"beside": (heartbeat_brief.of_component,)},
        name="component",
    ),
    path("components/<slug:slug>/edit/", components.edit, name="component-edit"),
    path("components/<slug:slug>/delete/", components.delete, name="component-delete"),
    path("components/<slug:slug>/sources/", components.attach, name="component-attach"),
    path("components/<slug:slug>/needs/", dependencies.add, name="component-need"),
    path(
        "components/<slug:slug>/needs/<slug:other>/remove/",
        dependencies.remove,
        name="component-need-not",
    ),
    path(
        "components/<slug:slug>/sources/<uuid:identity>/detach/",
        components.detach,
        name="component-detach",
    ),
    path("sources/", sources.index, name="sources"),
    path("sources/new/", sources.create, name="source-new"),
    path("sources/<uuid:identity>/", sources.show, name="source"),
    path("sources/<uuid:identity>/test/", sources.test, name="source-test"),
    path("sources/<uuid:identity>/components/", sources.attach, name="source-attach"),
    path(
        "sources/<uuid:identity>/components/<slug:slug>/detach/",
        sources.detach,
        name="source-detach",
    ),
    path("sources/<uuid:identity>/edit/", sources.edit, name="source-edit"),
    path("sources/<uuid:identity>/delete/", sources.delete, name="source-delete"),
    re_path(rf"^issues/(?P<key>{PROJECT}-[1-9][0-9]*)/$", tracker.issue, name="issue"),
    re_path(rf"^projects/(?P<key>{PROJECT})/$", tracker.project, name="project"),
    path("people/", people.index, name="people"),
    path("people/<path:username>/", people.show, name="person"),  # an actor's key may hold a slash
    re_path("^repositories/(?P<name>[^/]+/[^/]+)/$", repositories.show, name="repository"),
    path("views/", saved_views.index, name="views"),
    path("views/new/", saved_views.create, name="view-new"),
    path("views/<uuid:identity>/edit/", saved_views.edit, name="view-edit"),
    path("views/<uuid:identity>/delete/", saved_views.delete, name="view-delete"),
    path("views/<uuid:identity>/update/", saved_views.update, name="view-update"),
    path("views/<uuid:identity>/star/", saved_views.star, name="view-star"),
    path("views/<uuid:identity>/default/", saved_views.default, name="view-default"),
    path("views/<uuid:identity>/duplicate/", saved_views.duplicate, name="view-duplicate"),
    path("settings/", account.settings_page, name="settings"),
    path("settings/reading/", reading.switch, name="reading"),
    path("settings/preferences/", account.preferences, name="preferences"),
    path("settings/feed-addresses/", saved_views.replace_addresses, name="feed-addresses"),
    path("settings/tokens/", account.tokens, name="tokens"),
    path("settings/tokens/<int:pk>/", account.token, name="token"),
    path("settings/tokens/<int:pk>/revoke/", account.revoke, name="token-revoke"),
    path("settings/site/", site.site, name="site"),
    path("settings/site/company-key/", site.company_key, name="site-company-key"),
    path("settings/retention/", site.retention, name="retention"),
    path("settings/limits/", site.limits, name="limits"),
    path("settings/users/", users.index, name="users"),
    path("settings/users/new/", users.create, name="user-new"),
    path("settings/users/<int:pk>/", users.show, name="user"),
    path("settings/users/<int:pk>/active/", users.switch, name="user-active"),
    path("settings/users/<int:pk>/invitation/", users.invite, name="user-invite"),
    path("settings/users/<int:pk>/tokens/", users.token, name="user-token"),
    path("settings/audit/", audit.index, name="audit"),
    path("settings/webhooks/", webhooks.index, name="webhooks"),
    path("settings/webhooks/<uuid:identity>/", webhooks.show, name="webhook"),
    path("settings/webhooks/<uuid:identity>/secret/", webhooks.rotate, name="webhook-rotate"),
    path("settings/webhooks/<uuid:identity>/revoke/", webhooks.revoke, name="webhook-revoke"),
    path("settings/webhooks/<uuid:identity>/delete/", webhooks.delete, name="webhook-delete"),
    path("settings/connections/", connections.index, name="connections"),
    path("settings/connections/new/", connections.create, name="connection-new"),
    path("settings/connections/<uuid:identity>/", connections.show, name="connection"),
    path("settings/connections/<uuid:identity>/edit/", connections.edit, name="connection-edit"),
    path("settings/connections/<uuid:identity>/test/", connections.test, name="connection-test"),
    path("settings/connections/<uuid:identity>/pause/", connections.pause, name="connection-pause"),
    path(
        "settings/connections/<uuid:identity>/resume/", connections.resume, name="connection-resume"
    ),
    path(
        "settings/connections/<uuid:identity>/delete/", connections.delete, name="connection-delete"
    ),
    path("outbox/", outbox.index, name="outbox"),
    path("outbox/replay/", replay.page, name="replay"),
    path("outbox/<uuid:identity>/", outbox.show, name="delivery"),
    path("outbox/<uuid:identity>/retry/", outbox.retry, name="delivery-retry"),
    path("outbox/<uuid:identity>/cancel/", outbox.cancel, name="delivery-cancel"),
    path("sign-in/", account.SignIn.as_view(), name="login"),
    path(
        "sign-in/invitation/<str:uidb64>/<str:token>/",
        users.Invitation.as_view(),
        name="invitation",
    ),
    path("sign-out/", account.SignOut.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    # for machines that watch us
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, {"sources": (heartbeat_metrics.families,)}, name="metrics"),
    # Atlassian Compass
    path("gateway/api/compass/v1/events", compass.events, name="compass-events"),
    path("compass/v1/events", compass.events),
    path("gateway/api/graphql", graphql_or_page, name="graphql"),
    path("graphql", graphql_or_page),
    path("_edge/tenant_info", graphql.tenant_info),
    # Atlassian Activity Streams
    re_path(rf"^{CONTEXT}rest/activities/1\.0/?$", streams.activities, name="streams"),
    re_path(
        rf"^{CONTEXT}rest/activities/1\.0/(?P<number>[^/]+)/?$",
        streams.activity,
        name="streams-activity",
    ),
    re_path(rf"^{CONTEXT}activity/?$", syndication.atom_feed, name="streams-feed"),
    re_path(rf"^{CONTEXT}plugins/servlet/streams/?$", syndication.atom_feed),
    # the feed for readers elsewhere
    path("feed.atom", syndication.atom_feed, {"size": PAGE_SIZE}, name="feed-atom"),
    path("feed.json", syndication.json_feed, name="feed-json"),
    path("feed.csv", export.export_file, {"form": "csv"}, name="feed-csv"),
    path("feed.ndjson", export.export_file, {"form": "ndjson"}, name="feed-ndjson"),
    path(
        "views/<uuid:identity>/feed.atom",
        syndication.atom_feed,
        {"size": PAGE_SIZE},
        name="view-atom",
    ),
    path("views/<uuid:identity>/feed.json", syndication.json_feed, name="view-json"),
    path("feed.as2", syndication.as2_feed, name="feed-as2"),
    path("activities/<uuid:identity>.as2", syndication.as2_activity, name="activity-as2"),
    # Helix TeamHub
    re_path("^api/events/?$", teamhub.events, name="teamhub-events"),
    path("api/events/<str:identity>", teamhub.event, name="teamhub-event"),
    re_path("^api/account/sessions/?$", teamhub.sessions, name="teamhub-sessions"),
    # webhooks of code hosts
    path("hooks/<slug:token>/", hooks.receive, name="hook"),
    path("hooks/<slug:token>", hooks.receive),
    path("gateway/api/compass/v1/webhooks/<slug:token>", hooks.receive),
    path("compass/v1/webhooks/<slug:token>", hooks.receive),
    # our own API
    path("api/v1/openapi.json", schema.document, name="api-openapi"),
    path("api/docs/", api_docs.page, name="api-docs"),
    path("api/v1/me", me.Me.as_view(), name="api-me"),
    path("api/v1/site", me.Site.as_view(), name="api-site"),
    re_path("^api/v1/events/?$", bulk.Events.as_view(), name="api-events"),
    re_path("^api/v1/activities/?$", activities.Activities.as_view(), name="api-activities"),
    path("api/v1/activities/export", exports.Export.as_view(), name="api-export"),
    path("api/v1/activities/facets", facets.ActivityFacets.as_view(), name="api-facets"),
    path(
        "api/v1/activities/<uuid:identity>", activities.OneActivity.as_view(), name="api-activity"
    ),
    path("api/v1/activities/<uuid:identity>/revisions", activities.Revisions.as_view()),
    re_path("^api/v1/components/?$", catalogue.Components.as_view(), name="api-components"),
    path(
        "api/v1/components/<str:reference>", catalogue.OneComponent.as_view(), name="api-component"
    ),
    path("api/v1/components/<str:reference>/sources", catalogue.ComponentSources.as_view()),
    path(
        "api/v1/components/<str:reference>/sources/<uuid:identity>",
        catalogue.ComponentSource.as_view(),
    ),
    path("api/v1/components/<str:reference>/deployments", digests.ComponentDeployments.as_view()),
    path("api/v1/components/<str:reference>/dependencies", needs.Dependencies.as_view()),
    path(
        "api/v1/components/<str:reference>/dependencies/<str:other>", needs.OneDependency.as_view()
    ),
    path("api/v1/components/<str:reference>/aliases", catalogue.Aliases.as_view()),
    path("api/v1/components/<str:reference>/aliases/<str:identity>", catalogue.OneAlias.as_view()),
    re_path("^api/v1/sources/?$", event_sources.Sources.as_view(), name="api-sources"),
    path("api/v1/sources/<uuid:identity>", event_sources.OneSource.as_view(), name="api-source"),
    path(
        "api/v1/sources/<uuid:identity>/components",
        event_sources.SourceComponents.as_view(),
        name="api-source-components",
    ),
    path(
        "api/v1/sources/<uuid:identity>/components/<str:reference>",
        event_sources.SourceComponent.as_view(),
    ),
    path("api/v1/sources/<uuid:identity>/rhythm", digests.SourceRhythm.as_view()),
    path("api/v1/sources/<uuid:identity>/days", digests.SourceDays.as_view()),
    path("api/v1/sources/<uuid:identity>/test", digests.SourceTest.as_view()),
    path("api/v1/sources/<uuid:identity>/refusals", event_sources.SourceRefusals.as_view()),
    re_path("^api/v1/audit/?$", audit_api.Audit.as_view(), name="api-audit"),
    path("api/v1/tokens", tokens.Tokens.as_view(), name="api-tokens"),
    path("api/v1/tokens/<int:pk>", tokens.OneToken.as_view(), name="api-token"),
    path("api/v1/tokens/<int:pk>/refusals", tokens.TokenRefusals.as_view()),
    re_path("^api/v1/webhooks/?$", hook_api.Webhooks.as_view(), name="api-webhooks"),
    path("api/v1/webhooks/<uuid:identity>", hook_api.OneWebhook.as_view(), name="api-webhook"),
    path("api/v1/webhooks/<uuid:identity>/deliveries", hook_api.WebhookDeliveries.as_view()),
    path("api/v1/webhooks/<uuid:identity>/secret", hook_api.WebhookSecret.as_view()),
    path("api/v1/webhooks/<uuid:identity>/revocation", hook_api.WebhookRevocation.as_view()),
    re_path("^api/v1/connections/?$", upstreams.Connections.as_view(), name="api-connections"),
    path("api/v1/connections/<uuid:identity>", upstreams.OneConnection.as_view()),
    path("api/v1/connections/<uuid:identity>/test", upstreams.ConnectionTest.as_view()),
    path("api/v1/connections/<uuid:identity>/pause", upstreams.ConnectionPause.as_view()),
    path("api/v1/connections/<uuid:identity>/resume", upstreams.ConnectionResume.as_view()),
    re_path("^api/v1/deliveries/?$", deliveries.Deliveries.as_view(), name="api-deliveries"),
    path("api/v1/deliveries/<uuid:identity>", deliveries.OneDelivery.as_view()),
    path("api/v1/deliveries/<uuid:identity>/retry", deliveries.DeliveryRetry.as_view()),
    path("api/v1/deliveries/<uuid:identity>/cancel", deliveries.DeliveryCancel.as_view()),
    path("api/v1/views", saved.Views.as_view(), name="api-views"),
    path("api/v1/views/<uuid:identity>", saved.OneView.as_view(), name="api-view"),
    # heartbeats
    path("", include("heartbeats.urls")),
]

handler400 = "feeds.views.faults.malformed"
handler403 = "feeds.views.faults.forbidden"
handler404 = "feeds.views.faults.not_found"
handler500 = "feeds.views.faults.broken"
