"""The ASGI application that granian serves beside the WSGI one: the live feed, and no more."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feeds.settings")
django.setup()

from feeds.live import application  # noqa: E402  settings and models must stand first

__all__ = ["application"]
