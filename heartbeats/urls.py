"""The addresses of heartbeats: the vendor's, and the secret ones that need no account."""

from django.urls import path, re_path

from heartbeats import api, pings
from heartbeats.views import badges, detail, editing, listing, notices, switches, teams

#: What stands in front of the vendor's resource, by the age of the client.
PREFIXES = (
    "compass/cloud/<str:cloud>/ops/v1",
    "jsm/ops/api/<str:cloud>/v1",
    "compass/ops/api/<str:cloud>/v1",
    "v1",
)
KEY = "(?P<key>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"

urlpatterns = [
    # Atlassian Compass
    *(path(f"{prefix}/teams/<str:team>/heartbeats", api.heartbeats) for prefix in PREFIXES),
    *(path(f"{prefix}/teams/<str:team>/heartbeats/ping", api.ping) for prefix in PREFIXES),
    # for programs without an account
    re_path(f"^ping/{KEY}/?$", pings.ping, name="heartbeat-ping"),
    re_path(f"^ping/{KEY}/(?P<word>start|fail|log)/?$", pings.ping, name="heartbeat-ping-word"),
    re_path(
        f"^ping/{KEY}/(?P<status>-?[0-9]{{1,20}})/?$", pings.ping, name="heartbeat-ping-status"
    ),
    # pages
    path("heartbeats/", listing.index, name="heartbeats"),
    path("heartbeats/new/", editing.create, name="heartbeat-new"),
    path("heartbeats/<uuid:identity>/", detail.show, name="heartbeat"),
    path("heartbeats/<uuid:identity>/edit/", editing.edit, name="heartbeat-edit"),
    path("heartbeats/<uuid:identity>/duplicate/", editing.duplicate, name="heartbeat-duplicate"),
    path("heartbeats/<uuid:identity>/delete/", editing.delete, name="heartbeat-delete"),
    path("heartbeats/<uuid:identity>/ping/", switches.ping_now, name="heartbeat-ping-now"),
    path("heartbeats/<uuid:identity>/pause/", switches.pause, name="heartbeat-pause"),
    path("heartbeats/<uuid:identity>/resume/", switches.resume, name="heartbeat-resume"),
    path("heartbeats/<uuid:identity>/snooze/", switches.snooze, name="heartbeat-snooze"),
    path("heartbeats/<uuid:identity>/key/", switches.rotate_key, name="heartbeat-key"),
    path("heartbeats/<uuid:identity>/channels/", notices.add_channel, name="heartbeat-channels"),
    path("heartbeats/<uuid:identity>/windows/", notices.add_window, name="heartbeat-windows"),
    path("channels/<uuid:identity>/", notices.channel, name="channel"),
    path("channels/<uuid:identity>/secret/", notices.rotate_secret, name="channel-secret"),
    path("channels/<uuid:identity>/test/", notices.test, name="channel-test"),
    path("channels/<uuid:identity>/delete/", notices.delete_channel, name="channel-delete"),
    path("windows/<uuid:identity>/delete/", notices.delete_window, name="window-delete"),
    path("notifications/<uuid:identity>/retry/", notices.retry, name="notification-retry"),
    path("teams/", teams.index, name="teams"),
    path("teams/new/", teams.create, name="team-new"),
    path("teams/<int:pk>/", teams.show, name="team"),
    path("teams/<int:pk>/edit/", teams.edit, name="team-edit"),
    path("teams/<int:pk>/channels/", teams.add_channel, name="team-channels"),
    path("teams/<int:pk>/windows/", teams.add_window, name="team-windows"),
    re_path(f"^badges/{KEY}\\.(?P<form>svg|json)$", badges.show, name="badge"),
    re_path(f"^badges/{KEY}/shields\\.json$", badges.endpoint, name="badge-shields"),
]
