"""Every route of the system, vendor paths included."""

from django.contrib import admin
from django.urls import path, re_path

from feeds.api import bulk, compass, native
from feeds.views import account, components, feed, health, sources

urlpatterns = [
    # pages
    path("", feed.feed, name="feed"),
    path("activities/<uuid:identity>/", feed.activity, name="activity"),
    path("components/", components.index, name="components"),
    path("components/new/", components.create, name="component-new"),
    path("components/<slug:slug>/", components.show, name="component"),
    path("components/<slug:slug>/edit/", components.edit, name="component-edit"),
    path("components/<slug:slug>/delete/", components.delete, name="component-delete"),
    path("components/<slug:slug>/sources/", components.attach, name="component-attach"),
    path(
        "components/<slug:slug>/sources/<uuid:identity>/detach/",
        components.detach,
        name="component-detach",
    ),
    path("sources/", sources.index, name="sources"),
    path("sources/new/", sources.create, name="source-new"),
    path("sources/<uuid:identity>/", sources.show, name="source"),
    path("sources/<uuid:identity>/edit/", sources.edit, name="source-edit"),
    path("sources/<uuid:identity>/delete/", sources.delete, name="source-delete"),
    path("settings/", account.settings_page, name="settings"),
    path("settings/tokens/", account.tokens, name="tokens"),
    path("settings/tokens/<int:pk>/", account.token, name="token"),
    path("settings/tokens/<int:pk>/revoke/", account.revoke, name="token-revoke"),
    path("sign-in/", account.SignIn.as_view(), name="login"),
    path("sign-out/", account.SignOut.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    # for machines that watch us
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    # Atlassian Compass
    path("gateway/api/compass/v1/events", compass.events, name="compass-events"),
    path("compass/v1/events", compass.events),
    # our own API
    re_path("^api/v1/activities/?$", native.Activities.as_view(), name="api-activities"),
    path("api/v1/activities/<uuid:identity>", native.OneActivity.as_view(), name="api-activity"),
    re_path("^api/v1/events/?$", bulk.Events.as_view(), name="api-events"),
    re_path("^api/v1/components/?$", native.Components.as_view(), name="api-components"),
    re_path("^api/v1/sources/?$", native.Sources.as_view(), name="api-sources"),
    path(
        "api/v1/sources/<uuid:identity>/components",
        native.SourceComponents.as_view(),
        name="api-source-components",
    ),
]

handler404 = "feeds.views.health.not_found"
handler500 = "feeds.views.health.broken"
