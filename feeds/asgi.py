"""The ASGI application that granian serves beside the WSGI one: the streams, and no more."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feeds.settings")
django.setup()

from feeds.live.application import application, serves  # noqa: E402  settings and models first

__all__ = ["application", "serves"]
